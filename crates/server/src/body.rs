//! What a client sends.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};

use crate::reply::Refusal;

/// How long a client may take to send a body.
const TIME: Duration = Duration::from_secs(60);
/// How much of a body that is too large is read and thrown away, in multiples of the limit:
/// many clients read no answer before they have sent everything.
const DISCARDED: usize = 4;

/// Reads a JSON body of at most `limit` bytes.
///
/// # Errors
/// When it is of another type, too large, too slow, or cut off.
pub(crate) async fn read(request: Request<Incoming>, limit: usize) -> Result<Vec<u8>, Refusal> {
    // Browsers ask first before they send this type to another site, and we do not allow it:
    // so no web page can use the judge of whoever looks at it.
    let is_json = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        discard(request, limit).await;
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Refusal::new(
            status,
            "expected the header `Content-Type: application/json`",
        ));
    }
    let body = tokio::time::timeout(TIME, collect(request.into_body(), limit, limit))
        .await
        .map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"))??;
    body.ok_or_else(|| {
        let error = format!("the body is larger than {limit} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error)
    })
}

/// Reads a body that nobody needs, within bounds, so that its sender sees the answer.
pub(crate) async fn discard(request: Request<Incoming>, limit: usize) {
    let _ = tokio::time::timeout(TIME, collect(request.into_body(), 0, limit)).await;
}

/// The body, or nothing when it is larger than `kept`.
async fn collect(
    mut body: Incoming,
    kept: usize,
    limit: usize,
) -> Result<Option<Vec<u8>>, Refusal> {
    let mut bytes = Vec::new();
    let mut n_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::bad_request("read the body: it is cut off"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        n_bytes += data.len();
        if n_bytes <= kept {
            bytes.extend_from_slice(&data);
        } else if n_bytes <= limit.saturating_mul(DISCARDED) {
            bytes = Vec::new();
        } else {
            break;
        }
    }
    Ok((n_bytes <= kept).then_some(bytes))
}
