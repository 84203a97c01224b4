//! Full queues, and clients that go away.

use serde_json::json;
use server::Settings;

use crate::client::{Server, json, lines};

/// Runs for an hour unless somebody ends it.
fn endless() -> String {
    let body = json!({
        "language": "python",
        "source": "print(input(), flush=True)\nwhile input: pass",
        "tests": [{"input": "1", "expected": "1"}],
        "limits": {"cpu_seconds": 3600},
    });
    body.to_string()
}

fn quick() -> String {
    let test = json!({"input": "", "expected": "1"});
    json!({"language": "python", "source": "print(1)", "tests": [test]}).to_string()
}

async fn small() -> Server {
    let settings = Settings {
        max_submissions: 1,
        ..Settings::default()
    };
    Server::start(1, settings).await
}

#[tokio::test]
async fn a_full_queue_is_refused_and_frees_itself_when_the_client_goes_away() {
    let server = small().await;
    let path = format!("http://{}/v1/judge", server.address);
    let client = reqwest::Client::new();
    let request = client
        .post(path)
        .header("Content-Type", "application/json")
        .body(endless());
    let waiting = tokio::spawn(request.send());
    server.until_taken(1).await;

    for path in ["/v1/judge", "/api/execute_code"] {
        let refused = server.post(path, quick()).await;
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()["retry-after"], "1");
        let error = json(refused).await;
        assert_eq!(error["error"], "the queue is full; try again in a second");
    }

    // The only cell runs for the client; it is free again only because that client hangs up.
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(client);
    server.until_taken(0).await;
    let lines = lines(server.post("/v1/judge", quick()).await).await;
    assert_eq!(lines[0]["verdict"], "accepted");
    server.stop().await;
}

#[tokio::test]
async fn hanging_up_in_the_middle_of_a_stream_ends_the_runs() {
    let server = small().await;
    let body = json!({
        "language": "python",
        "source": "x = input()\nprint(1)\nwhile x: pass",
        "tests": [{"input": "\n", "expected": "1"}, {"input": "1\n", "expected": "1"}],
        "limits": {"cpu_seconds": 3600},
    });
    let mut response = server.post("/v1/judge", body).await;
    assert!(response.chunk().await.unwrap().is_some());
    drop(response);
    server.until_taken(0).await;
    let lines = lines(server.post("/v1/judge", quick()).await).await;
    assert_eq!(lines[0]["verdict"], "accepted");
    server.stop().await;
}

#[tokio::test]
async fn what_is_under_way_is_answered_before_the_service_stops() {
    let server = Server::simple().await;
    let url = format!("http://{}/v1/judge", server.address);
    let request = reqwest::Client::new()
        .post(&url)
        .header("Content-Type", "application/json")
        .body(endless().replace("3600", "0.5"));
    let answer = tokio::spawn(request.send());
    server.until_taken(1).await;
    server.stop().await;
    let lines = lines(answer.await.unwrap().unwrap()).await;
    assert_eq!(lines[1]["verdict"], "time_limit");
    let refused = reqwest::Client::new().post(url).send().await;
    assert!(refused.unwrap_err().is_connect());
}

#[tokio::test]
async fn many_clients_are_served_at_once() {
    let server = Server::simple().await;
    let answers = (0..64).map(|n| {
        let body = json!({
            "id": n,
            "language": "python",
            "source": "print(input())",
            "tests": [{"input": n.to_string(), "expected": n.to_string()}],
        });
        server.post("/v1/judge", body)
    });
    let answers = futures_util::future::join_all(answers).await;
    for (n, answer) in answers.into_iter().enumerate() {
        let lines = lines(answer).await;
        assert_eq!(
            (&lines[1]["id"], &lines[1]["verdict"]),
            (&json!(n), &json!("accepted"))
        );
    }
    server.stop().await;
}
