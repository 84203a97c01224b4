//! Requests that make no sense: each is told so in one sentence, and the service goes on.

use reqwest::Method;
use serde_json::json;
use server::Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Server, json};

#[tokio::test]
async fn a_malformed_body_is_told_what_is_wrong_with_it() {
    let server = Server::simple().await;
    for (path, body, expect) in [
        ("/v1/judge", "", "failed to read the submission: EOF"),
        ("/v1/judge", "[1, 2", "failed to read the submission: "),
        ("/v1/judge", "{}", "missing field `language`"),
        (
            "/v1/judge",
            r#"{"language": "cobol", "source": "", "tests": []}"#,
            "failed to read `language` of the submission: unknown language `cobol`",
        ),
        ("/api/execute_code", "{", "failed to read the request: EOF"),
        (
            "/api/execute_code",
            "[]",
            "failed to read the request: invalid type",
        ),
        (
            "/api/execute_code",
            r#"{"language": "GNU C", "source_code": "x"}"#,
            "failed to read `unittests` of the request: expected a list of tests",
        ),
    ] {
        let response = server.post(path, body).await;
        assert_eq!(response.status(), 400, "{body}");
        let error = json(response).await;
        let error = error["error"].as_str().unwrap();
        assert!(error.contains(expect) && !error.contains('\n'), "{error}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let settings = Settings {
        max_body_bytes: 1000,
        ..Settings::default()
    };
    let server = Server::start(1, settings).await;
    for path in ["/v1/judge", "/api/execute_code"] {
        for n_bytes in [1001, 100_000] {
            let response = server.post(path, " ".repeat(n_bytes)).await;
            assert_eq!(response.status(), 413);
            let error = json(response).await;
            assert_eq!(
                error,
                json!({"error": "the body is larger than 1000 bytes"})
            );
        }
        assert_eq!(server.post(path, " ".repeat(1000)).await.status(), 400);
    }
    server.stop().await;
}

#[tokio::test]
async fn other_paths_methods_and_types_are_refused() {
    let server = Server::simple().await;
    let status = async |method: Method, path: &str| {
        let response = server.send(method, path, "{}").await;
        (
            response.status().as_u16(),
            json(response).await["error"].clone(),
        )
    };
    assert_eq!(status(Method::GET, "/").await.0, 404);
    assert_eq!(
        status(Method::GET, "/v1/judge").await,
        (405, json!("this path takes POST only"))
    );
    assert_eq!(
        status(Method::POST, "/api/all_runtimes").await,
        (405, json!("this path takes GET only"))
    );
    // A page in a browser can send this much to any address, and no more.
    let response = reqwest::Client::new()
        .post(format!("http://{}/v1/judge", server.address))
        .header("Content-Type", "text/plain")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 415);
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
    server.stop().await;
}

#[tokio::test]
async fn who_speaks_no_http_does_no_harm() {
    let server = Server::simple().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/judge HTTP/1.1\r\nContent-Length: 99\r\nContent-Type: application/json\r\n\r\n{",
        b"POST /v1/judge HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/judge HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert_eq!(server.n_taken().await, 0);
    server.stop().await;
}
