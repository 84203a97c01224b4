use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::Isolation;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use judge::Judge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::reply::{Body, Refusal};
use crate::{body, execeval, native};

/// Connections at the same time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long to wait when no connection can be accepted, since there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// How much a service takes on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The largest body that a request may have.
    pub max_body_bytes: usize,
    /// Submissions that are judged or wait for it; a further one is refused.
    pub max_submissions: usize,
    /// What runs share with others where a request does not say it.
    pub isolation: Isolation,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_body_bytes: 16 << 20,
            max_submissions: 256,
            isolation: Isolation::Pooled,
        }
    }
}

struct Service {
    judge: Judge,
    settings: Settings,
    places: Arc<Semaphore>,
}

/// Answers requests on a socket until `shutdown` completes, and then those that are under way.
///
/// A client that goes away takes its submission with it: whatever runs for it is ended.
pub async fn run(
    listener: TcpListener,
    judge: Judge,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) {
    let service = Arc::new(Service {
        judge,
        places: Arc::new(Semaphore::new(settings.max_submissions)),
        settings,
    });
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(Arc::clone(&service), stream, stopped.clone()));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
    drop((listener, stop));
    while connections.join_next().await.is_some() {}
}

/// Answers one connection's requests.
async fn converse(service: Arc<Service>, stream: TcpStream, mut stopped: watch::Receiver<()>) {
    // Lines of a stream go out as they are there.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| {
        let service = Arc::clone(&service);
        async move {
            let response = service.answer(request).await;
            Ok::<_, Infallible>(response.unwrap_or_else(Response::from))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(connection);
    // A client that breaks off, or speaks no HTTP, is no fault of the service.
    tokio::select! {
        _ = &mut connection => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let path = request.uri().path().to_string();
        let method = request.method().clone();
        match (path.as_str(), method) {
            ("/v1/judge", Method::POST) => {
                let (place, body) = self.admit(request).await?;
                native::judge(&self.judge, &body, self.settings.isolation, place).await
            }
            ("/api/execute_code", Method::POST) => {
                let (_place, body) = self.admit(request).await?;
                execeval::execute(&self.judge, &body, self.settings.isolation).await
            }
            ("/v1/health", Method::GET) => {
                let n_places = self.settings.max_submissions;
                let n_taken = n_places - self.places.available_permits();
                Ok(native::health(&self.judge, n_taken, n_places))
            }
            ("/v1/languages", Method::GET) => Ok(native::languages(&self.judge)),
            ("/api/all_runtimes", Method::GET) => Ok(execeval::runtimes(&self.judge)),
            ("/v1/judge" | "/api/execute_code", _) => Err(Refusal::method("POST")),
            ("/v1/health" | "/v1/languages" | "/api/all_runtimes", _) => {
                Err(Refusal::method("GET"))
            }
            _ => Err(Refusal::no_such_path()),
        }
    }

    /// Takes a place in the queue, and then the body: what has no place takes no memory.
    async fn admit(
        &self,
        request: Request<Incoming>,
    ) -> Result<(OwnedSemaphorePermit, Vec<u8>), Refusal> {
        let limit = self.settings.max_body_bytes;
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            body::discard(request, limit).await;
            return Err(Refusal::full());
        };
        Ok((place, body::read(request, limit).await?))
    }
}
