//! A page on the loopback interface, whose parts are told as they are asked for.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Serves `page` at `/`, and at `/story/N` the JSON that `story` gives for N, until `shutdown` completes.
///
/// A request that names another host than this machine is refused, so that no page of another site can read along.
pub async fn view(
    listener: TcpListener,
    page: String,
    story: impl Fn(usize) -> Option<String> + Send + Sync + 'static,
    shutdown: impl Future<Output = ()>,
) {
    let pages = Arc::new(Pages { page, story });
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // There are no descriptors left; some come back.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let pages = Arc::clone(&pages);
                let answer = service_fn(move |request| {
                    let response = pages.answer(&request);
                    async move { Ok::<_, Infallible>(response) }
                });
                connections.spawn(async move {
                    // A client that breaks off is no fault of the service.
                    let _ = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(HEAD_TIME)
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        }
    }
}

struct Pages<F> {
    page: String,
    story: F,
}

impl<F: Fn(usize) -> Option<String>> Pages<F> {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let host = request
            .headers()
            .get(HOST)
            .and_then(|host| host.to_str().ok());
        if !host.is_some_and(is_this_machine) {
            return reply(StatusCode::FORBIDDEN, "text/plain", "not this host".into());
        }
        if request.method() != Method::GET {
            return reply(
                StatusCode::METHOD_NOT_ALLOWED,
                "text/plain",
                "GET only".into(),
            );
        }
        let path = request.uri().path();
        if path == "/" {
            return reply(
                StatusCode::OK,
                "text/html; charset=utf-8",
                self.page.clone(),
            );
        }
        let number = path
            .strip_prefix("/story/")
            .and_then(|number| number.parse().ok());
        match number.and_then(|number| (self.story)(number)) {
            Some(story) => reply(StatusCode::OK, "application/json", story),
            None => reply(StatusCode::NOT_FOUND, "application/json", "null".into()),
        }
    }
}

/// Whether a `Host` header names the loopback interface, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    headers.insert(
        CACHE_CONTROL,
        hyper::header::HeaderValue::from_static("no-store"),
    );
    response
}
