use std::time::Duration;

use crate::*;

#[test]
fn digests_are_sha256() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Digest::of("").as_str(), empty);
    assert_eq!(
        Digest::of_reader("abc".as_bytes()).unwrap(),
        Digest::of("abc")
    );
}

#[test]
fn names_survive_a_round_trip() {
    for agent in Agent::ALL {
        assert_eq!(agent.name().parse::<Agent>().unwrap(), agent);
    }
    for language in Language::ALL {
        assert_eq!(language.name().parse::<Language>().unwrap(), language);
    }
    assert_eq!("C++".parse::<Language>().unwrap(), Language::Cpp);
    assert_eq!(
        "planner".parse::<Agent>().unwrap_err().to_string(),
        "unknown agent `planner`: expected retrieval, planning, coding or debugging"
    );
}

#[test]
fn limits_are_those_of_native_code_stretched_for_the_language() {
    let native = Limits::with_cpu(Duration::from_secs(2));
    for language in [Language::C, Language::Cpp, Language::Cpp20, Language::Rust] {
        assert_eq!(language.limits(&native), native);
    }
    let java = Language::Java.limits(&native);
    assert_eq!(java.cpu, Duration::from_secs(6));
    assert_eq!(java.wall, native.wall + Duration::from_secs(4));
    assert_eq!(java.memory_bytes, native.memory_bytes + (128 << 20));
    let endless = Limits {
        cpu: Duration::MAX,
        memory_bytes: u64::MAX,
        ..native
    };
    assert_eq!(Language::Java.limits(&endless).cpu, Duration::MAX);
}

fn ask() -> Ask {
    Ask {
        agent: Agent::Coding,
        model: "m".into(),
        messages: vec![Message::user("hi")],
        sampling: Sampling::default(),
        sample_idx: 0,
        shape: None,
    }
}

#[test]
fn the_key_of_an_ask_is_its_content() {
    let base = ask();
    assert_eq!(
        base.key(),
        Ask {
            agent: Agent::Debugging,
            ..ask()
        }
        .key(),
        "model names the adapter"
    );
    assert_ne!(
        base.key(),
        Ask {
            sample_idx: 1,
            ..ask()
        }
        .key()
    );
    assert_ne!(
        base.key(),
        Ask {
            model: "n".into(),
            ..ask()
        }
        .key()
    );
    assert_ne!(
        base.key(),
        Ask {
            messages: vec![Message::system("hi")],
            ..ask()
        }
        .key()
    );
    let shaped = Ask {
        shape: Some(Shape {
            opening: "<plan>".into(),
            parts: Vec::new(),
        }),
        ..ask()
    };
    assert_ne!(base.key(), shaped.key());
    assert_eq!(
        base.key().short(),
        "bc2fba0e6f3a",
        "what is recorded without a shape stays valid"
    );
    let hot = Sampling {
        temperature: 0.5,
        ..Sampling::default()
    };
    assert_ne!(
        base.key(),
        Ask {
            sampling: hot,
            ..ask()
        }
        .key()
    );
}

#[test]
fn an_ask_survives_its_json_form_with_the_same_key() {
    let ask = Ask {
        sampling: Sampling {
            temperature: 0.7,
            top_p: 0.1,
            ..Sampling::default()
        },
        ..ask()
    };
    let json = serde_json::to_string(&ask).unwrap();
    assert_eq!(serde_json::from_str::<Ask>(&json).unwrap().key(), ask.key());
}
