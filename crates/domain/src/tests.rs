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
