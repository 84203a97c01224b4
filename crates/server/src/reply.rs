use std::convert::Infallible;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use judge::JudgeError;
use serde::Serialize;
use serde_json::json;

/// What is sent back, whole or in pieces.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Why a request is not answered as it wishes.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Refusal {
        Refusal {
            status,
            error: error.into(),
            header: None,
        }
    }

    pub(crate) fn bad_request(error: impl std::fmt::Display) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, format!("failed to {error}"))
    }

    pub(crate) fn no_such_path() -> Refusal {
        let paths = "POST /v1/judge, GET /v1/health, GET /v1/languages, POST /api/execute_code, GET /api/all_runtimes";
        Refusal::new(
            StatusCode::NOT_FOUND,
            format!("there is no such path; there are {paths}"),
        )
    }

    pub(crate) fn method(allowed: &'static str) -> Refusal {
        Refusal {
            header: Some((ALLOW, HeaderValue::from_static(allowed))),
            ..Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("this path takes {allowed} only"),
            )
        }
    }

    pub(crate) fn full() -> Refusal {
        Refusal {
            header: Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            ..Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the queue is full; try again in a second",
            )
        }
    }
}

impl From<JudgeError> for Refusal {
    fn from(error: JudgeError) -> Refusal {
        let status = match error {
            JudgeError::Unsupported(_) | JudgeError::UnknownChecker(_) | JudgeError::Checker(_) => {
                StatusCode::BAD_REQUEST
            }
            JudgeError::Closed => StatusCode::SERVICE_UNAVAILABLE,
            JudgeError::NoSandbox { .. } | JudgeError::Fault(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Refusal::new(status, error.to_string())
    }
}

impl From<Refusal> for Response<Body> {
    fn from(refusal: Refusal) -> Response<Body> {
        let mut response = json(&json!({ "error": refusal.error }));
        *response.status_mut() = refusal.status;
        response.headers_mut().extend(refusal.header);
        response
    }
}

/// An answer in one piece.
pub(crate) fn json(value: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_vec(value).expect("plain data has a JSON form");
    of(
        "application/json",
        Full::new(Bytes::from(text)).boxed_unsync(),
    )
}

/// An answer of this type.
pub(crate) fn of(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
