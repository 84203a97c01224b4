use std::convert::Infallible;
use std::future::ready;

use domain::{Agent, Ask, Exchange, Sampling};
use ledger::{Ledger, RunSpec};
use llm::{ChatError, ChatModel as _, Matching, Replay, text_reply};

use crate::mock::ask;

#[tokio::test]
async fn the_export_of_a_ledger_is_answered_from() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
    let spec = RunSpec {
        command: "eval".into(),
        settings: serde_json::json!({}),
    };
    let run = ledger.begin_run(&spec).unwrap();
    let reply = text_reply(&ask(), "as recorded");
    let call = || ready(Ok::<_, Infallible>(reply.clone()));
    ledger.ask(&run, "p", &ask(), call).await.unwrap();
    ledger
        .record_outcome(&run, "p", &serde_json::json!({}))
        .await
        .unwrap();
    let mut export = Vec::new();
    ledger.export(&run, &mut export).unwrap();

    let replay = Replay::read(export.as_slice(), Matching::Exact).unwrap();
    assert_eq!(replay.n_exchanges(), 1);
    assert_eq!(replay.identity(Agent::Coding), "small-model");
    assert_eq!(replay.identity(Agent::Planning), "small-model");
    assert_eq!(replay.chat(&ask()).await, Ok(reply));
    let hotter = Ask {
        sampling: Sampling {
            temperature: 1.0,
            ..Sampling::default()
        },
        ..ask()
    };
    assert_eq!(replay.chat(&hotter).await, Err(ChatError::NotRecorded));
}

#[tokio::test]
async fn messages_alone_may_decide() {
    let mut lines = String::from("\n");
    for sample_idx in 0..2 {
        let exchange = Exchange {
            ask: Ask {
                sample_idx,
                ..ask()
            },
            reply: text_reply(&ask(), format!("sample {sample_idx}")),
        };
        lines += &serde_json::to_string(&exchange).unwrap();
        lines += "\n";
    }
    let replay = Replay::read(lines.as_bytes(), Matching::Messages).unwrap();
    for (sample_idx, expected) in [(0, "sample 0"), (1, "sample 1"), (2, "sample 0")] {
        let question = Ask {
            model: "another".into(),
            sample_idx,
            ..ask()
        };
        assert_eq!(replay.chat(&question).await.unwrap().text, expected);
    }
    let other = Ask {
        messages: Vec::new(),
        ..ask()
    };
    assert_eq!(replay.chat(&other).await, Err(ChatError::NotRecorded));
}

#[tokio::test]
async fn measured_times_do_not_make_another_question() {
    let asking = |text: &str| Ask {
        messages: vec![domain::Message::user(text)],
        ..ask()
    };
    let exchange = Exchange {
        ask: asking("wrong answer, 3 ms\nreturned 7"),
        reply: text_reply(&ask(), "as recorded"),
    };
    let line = serde_json::to_string(&exchange).unwrap();
    let replay = Replay::read(line.as_bytes(), Matching::Exact).unwrap();
    for (text, is_found) in [
        ("wrong answer, 3 ms\nreturned 7", true),
        ("wrong answer, 12 ms\nreturned 7", true),
        ("wrong answer, 3 ms\nreturned 8", false),
        ("wrong answer, 3 s\nreturned 7", false),
    ] {
        let answer = replay.chat(&asking(text)).await;
        assert_eq!(answer.is_ok(), is_found, "{text}");
    }
}

#[test]
fn a_broken_line_is_named() {
    let error = |text: &str| {
        Replay::read(text.as_bytes(), Matching::Exact)
            .err()
            .unwrap()
            .to_string()
    };
    assert!(error("\n{\"ask\": 1}\n").starts_with("read the recorded exchange in line 2: "));
    assert!(error("{").starts_with("read the recorded exchange in line 1: "));
    assert!(error("[]").starts_with("read the recorded exchange in line 1: "));
    let other_schema = Replay::read(
        "{\"schema\": \"mapcoder.run/1\"}".as_bytes(),
        Matching::Exact,
    );
    assert_eq!(other_schema.unwrap().n_exchanges(), 0);
}
