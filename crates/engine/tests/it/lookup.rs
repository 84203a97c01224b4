//! Guessed tokens change no reply.

use super::*;

fn engine(lookup: bool, max_sequences: usize) -> Engine {
    tiny(Settings {
        lookup: if lookup {
            Agent::ALL.to_vec()
        } else {
            Vec::new()
        },
        max_sequences,
        ..Settings::default()
    })
}

/// Questions that invite repetition, drawn in several ways, some of them held to a shape or cut by a stop string.
fn asks() -> Vec<Ask> {
    let draws = [(0.0, 0, 1.0), (0.3, 0, 1.0), (1.0, 5, 0.9), (3.0, 0, 1.0)];
    (0..24)
        .map(|i| {
            let (temperature, top_k, top_p) = draws[i as usize % 4];
            let mut ask = ask(
                &"def f(x): return x\n".repeat(1 + i as usize % 3),
                40 + 5 * i,
            );
            ask.sampling = Sampling {
                temperature,
                top_k,
                top_p,
                stop: (i % 5 == 4).then(|| "e".to_string()).into_iter().collect(),
                ..ask.sampling
            };
            ask.sample_idx = i;
            ask.shape = (i % 3 == 2).then(|| {
                let contracts = agents::Contract::ALL;
                contracts[i as usize % contracts.len()].shape(0, domain::Language::Python)
            });
            if ask.shape.is_some() {
                ask.sampling.max_tokens += 100;
            }
            ask
        })
        .collect()
}

#[test]
fn every_reply_is_the_same_with_and_without_guesses() {
    let asks = asks();
    let plain = engine(false, 8);
    let guessing = engine(true, 1);
    let crowded = engine(true, 5);
    let together = block_on(join_all(asks.iter().map(|ask| crowded.chat(ask))));
    for (ask, together) in asks.iter().zip(together) {
        let expected = answer(&plain, ask);
        for reply in [answer(&guessing, ask), together.unwrap()] {
            assert_eq!(
                (&reply.text, reply.finish, reply.usage.completion_tokens),
                (
                    &expected.text,
                    expected.finish,
                    expected.usage.completion_tokens
                ),
                "{:?}",
                ask.sampling
            );
        }
    }
    let progress = guessing.counters().progress();
    assert!(
        progress.right_tokens > 20 && progress.guessed_tokens > progress.right_tokens,
        "the test is of no use without guesses, right and wrong: {progress:?}"
    );
    assert_eq!(
        progress.generated_tokens,
        plain.counters().progress().generated_tokens
    );
    assert_eq!(plain.counters().progress().guessed_tokens, 0);
}

#[test]
fn guesses_stay_within_the_pages_that_are_promised() {
    // One conversation of full length needs every page, and its reply ends with the context.
    let engine = tiny(Settings {
        context_tokens: Some(96),
        cache_tokens: Some(96),
        lookup: vec![Agent::Coding],
        ..Settings::default()
    });
    let mut full = ask("aaaaaaaaaaaa", 1_000);
    full.sampling.temperature = 0.0;
    for round in 0..5 {
        full.messages = vec![Message::user("ab".repeat(5 + round))];
        let reply = answer(&engine, &full);
        assert!(reply.usage.prompt_tokens + reply.usage.completion_tokens <= 96);
    }
}

/// Guessing pays for replies that write a program again, so the other agents go without unless they are named.
#[test]
fn only_the_debugging_agent_guesses_unless_told_otherwise() {
    let engine = tiny(Settings::default());
    let guessed = |agent| {
        for round in 0..5 {
            // The most probable tokens of a random model are the same ones again and again.
            let mut ask = ask(&"ab".repeat(5 + round), 60);
            ask.agent = agent;
            ask.sampling.temperature = 0.0;
            answer(&engine, &ask);
        }
        engine.counters().progress().guessed_tokens
    };
    for agent in [Agent::Retrieval, Agent::Planning, Agent::Coding] {
        assert_eq!(guessed(agent), 0, "{agent}");
    }
    assert!(guessed(Agent::Debugging) > 0);
}
