//! Our own paths.

use domain::Language;
use serde_json::{Value, json};

use crate::client::{Server, json, lines};

fn submission(source: &str, tests: Value) -> Value {
    json!({"language": "python", "source": source, "tests": tests})
}

#[tokio::test]
async fn reports_come_in_the_order_of_the_tests_and_the_judging_last() {
    let server = Server::simple().await;
    // The first test takes longest.
    let source = "n = int(input())\nsum(range(10**n))\nprint(n)";
    let tests = json!([
        {"input": "7", "expected": "7"},
        {"input": "1", "expected": ["2", "3"]},
        {"input": "x", "expected": "2"},
    ]);
    let mut body = submission(source, tests);
    body["id"] = json!("mine");
    let response = server.post("/v1/judge", body).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let lines = lines(response).await;
    let said: Vec<_> = lines[..3]
        .iter()
        .map(|line| {
            assert_eq!(line["schema"], "mapcoder.judge.case/1");
            (line["test"].clone(), line["verdict"].clone())
        })
        .collect();
    assert_eq!(
        json!(said),
        json!([[0, "accepted"], [1, "wrong_answer"], [2, "runtime_error"]])
    );
    assert_eq!(lines[1]["actual"], "1\n");
    assert_eq!(lines[2]["exit"], json!({"code": 1}));
    assert!(lines[0]["cpu_ms"].as_f64().unwrap() > 1.0);
    let last = &lines[3];
    assert_eq!(last["schema"], "mapcoder.judge.result/1");
    assert_eq!(last["id"], "mine");
    assert_eq!(last["verdict"], "wrong_answer");
    assert_eq!((&last["n_passed"], &last["n_run"]), (&json!(1), &json!(3)));
    assert_eq!(last["rung"], server.judge.rung().name());
    assert_eq!(lines.len(), 4);
    server.stop().await;
}

#[tokio::test]
async fn a_report_is_sent_before_the_next_test_ends() {
    let server = Server::simple().await;
    let tests = json!([{"input": "1", "expected": "1"}, {"input": "2", "expected": "2"}]);
    let mut body = submission("x = input()\nprint(x)\nwhile x == '2': pass", tests);
    body["limits"] = json!({"cpu_seconds": 0.3});
    let mut response = server.post("/v1/judge", body).await;
    let first = response.chunk().await.unwrap().unwrap();
    let first: Value = serde_json::from_slice(&first).unwrap();
    assert_eq!(first["verdict"], "accepted");
    let rest = lines(response).await;
    assert_eq!(rest[0]["verdict"], "time_limit");
    assert_eq!(rest[1]["n_passed"], 1);
    server.stop().await;
}

#[tokio::test]
async fn python_tests_and_isolation_are_passed_on() {
    let server = Server::simple().await;
    let tests = json!([{"python": "assert add(1, 2) == 3"}, {"python": "assert add(1, 2) == 4"}]);
    let mut body = submission("def add(a, b):\n    return a + b", tests);
    body["isolation"] = json!("fresh");
    let lines = lines(server.post("/v1/judge", body).await).await;
    let verdicts: Vec<_> = lines.iter().map(|line| line["verdict"].clone()).collect();
    assert_eq!(
        json!(verdicts),
        json!(["accepted", "wrong_answer", "wrong_answer"])
    );
    server.stop().await;
}

#[tokio::test]
async fn a_program_that_does_not_compile_gets_one_line() {
    let server = Server::simple().await;
    if server.has(Language::Cpp) {
        let body = json!({"language": "c++", "code": "int main() { return x; }", "tests": []});
        let lines = lines(server.post("/v1/judge", body).await).await;
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["verdict"], "compile_error");
        assert!(
            lines[0]["compile_log"]
                .as_str()
                .unwrap()
                .contains("main.cpp:1")
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn the_service_says_what_it_can_do() {
    let server = Server::simple().await;
    let health = server.get("/v1/health").await;
    assert_eq!(health["status"], "ok");
    assert_eq!(health["rung"], server.judge.rung().name());
    assert_eq!(
        (&health["submissions"], &health["queue"]),
        (&json!(0), &json!(256))
    );
    let languages = server.get("/v1/languages").await;
    assert_eq!(languages.as_array().unwrap().len(), Language::ALL.len());
    for row in languages.as_array().unwrap() {
        let language: Language = row["language"].as_str().unwrap().parse().unwrap();
        let toolchain = server.judge.toolchain(language);
        assert_eq!(row["available"], toolchain.is_some());
        assert_eq!(row["toolchain"], json!(toolchain));
        let is_listed = health["languages"]
            .as_array()
            .unwrap()
            .contains(&row["language"]);
        assert_eq!(is_listed, toolchain.is_some());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_checker_of_an_unknown_name_is_a_bad_request() {
    let server = Server::simple().await;
    let mut body = submission("print(1)", json!([{"input": "", "expected": "1"}]));
    body["checker"] = json!("testlib:nonesuch");
    let response = server.post("/v1/judge", body).await;
    assert_eq!(response.status(), 400);
    let error = json(response).await["error"].to_string();
    assert!(error.contains("unknown checker `nonesuch`"), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn tests_that_the_program_cannot_take_are_a_bad_request() {
    let server = Server::simple().await;
    if server.has(Language::Cpp) {
        let body =
            json!({"language": "cpp", "source": "int main() {}", "tests": [{"python": "f()"}]});
        let response = server.post("/v1/judge", body).await;
        assert_eq!(response.status(), 400);
        let error = json(response).await;
        assert_eq!(
            error,
            json!({"error": "unsupported submission: python tests of a program that is not python"})
        );
    }
    server.stop().await;
}
