//! The paths of ExecEval, as the scripts of xCodeEval and MapCoder use them.

use std::collections::BTreeSet;

use domain::Language;
use serde_json::{Value, json};

use crate::client::{Server, json};

/// The body that `api_comm.py` of MapCoder and of ExecEval sends, field for field.
fn body(language: &str, source: &str, tests: Value, stop_on_first_fail: bool) -> Value {
    json!({
        "language": language,
        "source_code": source,
        "unittests": tests,
        "limits": {"nofile": 4},
        "compile_cmd": null,
        "compile_flags": null,
        "execute_cmd": null,
        "execute_flags": null,
        "block_network": true,
        "stop_on_first_fail": stop_on_first_fail,
        "use_sanitizer": false,
    })
}

async fn execute(server: &Server, body: &Value) -> Value {
    let response = server.post("/api/execute_code", body).await;
    assert_eq!(response.status(), 200);
    json(response).await
}

/// The names of an object's fields, in order.
fn keys(object: &Value) -> Vec<&str> {
    let fields = object.as_object().unwrap();
    let names: BTreeSet<_> = fields.keys().map(String::as_str).collect();
    names.into_iter().collect()
}

fn outcomes(answer: &Value) -> Vec<Value> {
    let data = answer["data"].as_array().unwrap();
    data.iter().map(|row| row["exec_outcome"].clone()).collect()
}

/// Runs one Python program on one test that accepts `1`.
async fn outcome(server: &Server, source: &str, limits: Value) -> (Value, Value) {
    let tests = json!([{"input": "", "output": ["1"]}]);
    let mut body = body("Python 3", source, tests, true);
    body["limits"] = limits;
    let answer = execute(server, &body).await;
    let row = &answer["data"][0];
    (row["exec_outcome"].clone(), row["result"].clone())
}

#[tokio::test]
async fn a_script_of_mapcoder_is_answered_field_for_field() {
    let server = Server::simple().await;
    let tests = json!([
        {"input": "4\r\n1 2 3 4\r\n", "output": ["10\r\n"]},
        {"input": "1\n5", "output": ["6", "7"]},
        {"input": "1\n7", "output": ["6", "7"]},
    ]);
    let source = "n = int(input())\r\nprint(sum(map(int, input().split())))\r\n";
    let answer = execute(&server, &body("Python 3", source, tests.clone(), false)).await;
    assert_eq!(outcomes(&answer), ["PASSED", "WRONG_ANSWER", "PASSED"]);
    let row = &answer["data"][0];
    assert_eq!(row["input"], "4\n1 2 3 4\n");
    assert_eq!(row["output"], json!(["10\n"]));
    assert_eq!(row["result"], "10");
    assert!(row["time_consumed"].as_f64().unwrap() > 0.0);
    let (kib, unit) = row["peak_memory_consumed"]
        .as_str()
        .unwrap()
        .split_once(' ')
        .unwrap();
    assert!(kib.parse::<u64>().unwrap() > 0 && unit == "kB");
    assert_eq!(row["evidence"]["verdict"], "accepted");
    assert_eq!(answer["ignored"], json!(["limits.nofile"]));

    // With `stop_on_first_fail`, the tests after it are listed without an outcome.
    let answer = execute(&server, &body("Python 3", source, tests, true)).await;
    assert_eq!(
        outcomes(&answer),
        [json!("PASSED"), json!("WRONG_ANSWER"), Value::Null]
    );
    assert_eq!(answer["data"][2]["result"], Value::Null);
    // ExecEval's fields, and the evidence.
    let fields = [
        "evidence",
        "exec_outcome",
        "input",
        "output",
        "peak_memory_consumed",
        "result",
        "time_consumed",
    ];
    for row in answer["data"].as_array().unwrap() {
        assert_eq!(keys(row), fields);
    }
    server.stop().await;
}

#[tokio::test]
async fn each_of_the_six_outcomes_is_given() {
    let server = Server::simple().await;
    let none = json!({});
    assert_eq!(
        outcome(&server, "print(1)", none.clone()).await,
        (json!("PASSED"), json!("1"))
    );
    assert_eq!(
        outcome(&server, "print(2)", none.clone()).await,
        (json!("WRONG_ANSWER"), json!("2"))
    );
    assert_eq!(
        outcome(&server, "while True: pass", json!({"cpu": 0.1})).await,
        (json!("TIME_LIMIT_EXCEEDED"), Value::Null)
    );
    let (name, result) = outcome(&server, "print(1)\n1/0", none.clone()).await;
    assert_eq!(name, "RUNTIME_ERROR");
    assert!(result.as_str().unwrap().contains("ZeroDivisionError"));
    let memory = json!({"_as": 100 << 20});
    let (name, _) = outcome(&server, "x = bytearray(300 << 20)", memory).await;
    assert_eq!(name, "MEMORY_LIMIT_EXCEEDED");
    if server.has(Language::Cpp) {
        let tests = json!([{"input": "1", "output": ["1"]}, {"input": "2", "output": ["2"]}]);
        let answer = execute(&server, &body("GNU C++17", "int main() { x }", tests, true)).await;
        // One element, however many tests there are.
        assert_eq!(outcomes(&answer), ["COMPILATION_ERROR"]);
        let row = &answer["data"][0];
        assert_eq!((&row["input"], &row["output"]), (&json!(""), &json!([])));
        assert!(row["result"].as_str().unwrap().contains("was not declared"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_language_that_nothing_runs_is_no_verdict_on_the_program() {
    let server = Server::simple().await;
    let tests = json!([{"input": "", "output": ["1"]}]);
    for (language, expect) in [
        (json!("Python 2"), "language unavailable"),
        (json!("Brainfuck"), "unknown language `Brainfuck`"),
        (Value::Null, "no language is named"),
    ] {
        let mut body = body("", "print 1", tests.clone(), true);
        body["language"] = language;
        let answer = execute(&server, &body).await;
        assert_eq!(outcomes(&answer), ["COMPILATION_ERROR"]);
        assert_eq!(answer["verdict"], "language_unavailable");
        let result = answer["data"][0]["result"].as_str().unwrap();
        assert!(result.contains(expect), "{result}");
    }
    server.stop().await;
}

#[tokio::test]
async fn flags_and_commands_of_clients_have_no_effect_and_are_named() {
    let server = Server::simple().await;
    let mut body = body(
        "Python 3",
        "print(1)",
        json!([{"input": "", "output": ["1"], "id": 3}]),
        true,
    );
    body["compile_flags"] = json!("-fplugin=/tmp/x.so");
    body["execute_cmd"] = json!("rm -rf /");
    body["block_network"] = json!(0);
    body["limits"] = json!({"_as": -1, "nproc": 1, "fsize": 0, "cpu": 2, "stack": -1});
    let answer = execute(&server, &body).await;
    assert_eq!(outcomes(&answer), ["PASSED"]);
    let ignored: BTreeSet<_> = answer["ignored"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let expect = [
        "block_network",
        "compile_flags",
        "execute_cmd",
        "limits.stack",
        "unittests.id",
    ];
    assert_eq!(ignored, BTreeSet::from(expect));
    server.stop().await;
}

#[tokio::test]
async fn the_runtimes_that_work_are_listed_by_their_names() {
    let server = Server::simple().await;
    let runtimes = server.get("/api/all_runtimes").await;
    let runtimes = runtimes.as_array().unwrap();
    let names: BTreeSet<_> = runtimes
        .iter()
        .map(|row| row["runtime_name"].as_str().unwrap())
        .collect();
    assert!(names.contains("Python 3") && !names.contains("Python 2"));
    assert_eq!(
        names.contains("GNU C++17"),
        server.judge.toolchain(Language::Cpp).is_some()
    );
    // ExecEval's fields, and two of ours: `language` and `toolchain`.
    let fields = [
        "compile_cmd",
        "compile_flags",
        "execute_cmd",
        "execute_flags",
        "has_sanitizer",
        "is_compiled",
        "language",
        "runtime_name",
        "timelimit_factor",
        "toolchain",
    ];
    for row in runtimes {
        assert_eq!(keys(row), fields, "{row}");
        assert!(
            fields[..4].iter().all(|name| row[name].is_string()),
            "{row}"
        );
        assert!(row["is_compiled"].is_boolean() && row["has_sanitizer"].is_boolean());
        assert!((1..=3).contains(&row["timelimit_factor"].as_u64().unwrap()));
        assert!(row["toolchain"].is_string());
    }
    server.stop().await;
}

#[tokio::test]
async fn no_tests_are_no_failure() {
    let server = Server::simple().await;
    let answer = execute(&server, &body("Python 3", "print(1)", json!([]), true)).await;
    assert_eq!(answer["data"], json!([]));
    server.stop().await;
}
