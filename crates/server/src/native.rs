//! Our own paths.

use std::convert::Infallible;

use domain::{Isolation, Language};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt as _};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame};
use judge::{Judge, JudgeError};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::decode::Request;
use crate::reply::{self, Body, Refusal};
use crate::{Row, case_line, decode, error_line, execeval, result_line};

/// `GET /v1/languages`
pub(crate) fn languages(judge: &Judge) -> Response<Body> {
    let languages = Language::ALL.map(|language| {
        let toolchain = judge.toolchain(language);
        json!({
            "language": language.name(),
            "title": language.title(),
            "names": language.fence_tags(),
            "available": toolchain.is_some(),
            "toolchain": toolchain,
            "runtimes": execeval::runtime_names(language),
        })
    });
    reply::json(&languages)
}

/// `GET /v1/health`
pub(crate) fn health(judge: &Judge, n_taken: usize, n_places: usize) -> Response<Body> {
    let available = Language::ALL
        .into_iter()
        .filter(|&language| judge.toolchain(language).is_some());
    reply::json(&json!({
        "status": "ok",
        "rung": judge.rung(),
        "languages": available.map(Language::name).collect::<Vec<_>>(),
        "submissions": n_taken,
        "queue": n_places,
    }))
}

/// `POST /v1/judge`: one line for each test as its report comes, then one for the judging.
pub(crate) async fn judge(
    judge: &Judge,
    body: &[u8],
    isolation: Isolation,
    place: OwnedSemaphorePermit,
) -> Result<Response<Body>, Refusal> {
    let request = decode(body, isolation).map_err(Refusal::bad_request)?;
    let mut lines = Box::pin(lines(judge.clone(), request, place));
    // What goes wrong before the first line can still be told by the status.
    let first = lines.next().await.unwrap_or(Err(JudgeError::Closed))?;
    let rest = lines.map(|line| {
        line.unwrap_or_else(|error| error_line(Row::default(), &error.to_string()) + "\n")
    });
    let frames = stream::once(std::future::ready(first))
        .chain(rest)
        .map(|text| Ok::<_, Infallible>(Frame::data(Bytes::from(text))));
    let body = StreamBody::new(frames).boxed_unsync();
    Ok(reply::of("application/x-ndjson", body))
}

/// A judging under way. Dropping it ends the program's runs and gives the place back.
struct Running {
    judging: BoxFuture<'static, Result<String, JudgeError>>,
    shown: mpsc::UnboundedReceiver<String>,
    _place: OwnedSemaphorePermit,
}

/// One or more lines at a time.
fn lines(
    judge: Judge,
    request: Request,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<String, JudgeError>> {
    // No more reports than the judging holds in the end.
    let (show, shown) = mpsc::unbounded_channel();
    let judging = async move {
        let submission = &request.submission;
        let each = |test, case: &_| drop(show.send(case_line(test, case) + "\n"));
        let judging = judge.judge_each(submission, each).await?;
        let row = Row {
            line: None,
            id: request.id.as_deref(),
        };
        Ok(result_line(row, submission.tests.len(), &judging, false) + "\n")
    };
    let running = Running {
        judging: Box::pin(judging),
        shown,
        _place: place,
    };
    stream::unfold(Some(running), |running| async {
        let mut running = running?;
        tokio::select! {
            biased;
            Some(line) = running.shown.recv() => Some((Ok(line), Some(running))),
            last = &mut running.judging => {
                // The last reports come at the same moment as the end.
                let mut text = String::new();
                while let Ok(line) = running.shown.try_recv() {
                    text.push_str(&line);
                }
                Some((last.map(|last| text + &last), None))
            }
        }
    })
}
