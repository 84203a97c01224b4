//! Replies that are held to a shape, through the whole engine.

use std::path::PathBuf;

use agents::Contract;
use domain::{Language, Shape};

use super::*;

fn shape(contract: Contract) -> Shape {
    // The tiny model's context has no room for examples.
    contract.shape(0, Language::Python)
}

/// Questions of every contract, drawn so wildly that a random model writes what it likes.
fn asks(n: u32, temperature: f32, max_tokens: u32) -> Vec<Ask> {
    (0..n)
        .map(|i| {
            let mut ask = ask(
                &"a question ".repeat(1 + i as usize % 3),
                max_tokens + i % 5,
            );
            ask.sample_idx = i;
            ask.sampling.temperature = temperature;
            ask.shape = Some(shape(Contract::ALL[i as usize % Contract::ALL.len()]));
            ask
        })
        .collect()
}

fn check(ask: &Ask, reply: &Reply) {
    let shape = ask.shape.as_ref().unwrap();
    assert!(shape.accepts(&reply.text), "{:?}", reply.text);
    assert!(reply.usage.completion_tokens <= u64::from(ask.sampling.max_tokens));
}

#[test]
fn a_held_reply_is_whole_and_the_same_alone_and_among_others() {
    let asks = asks(30, 1.0, 180);
    let alone = tiny(Settings {
        max_sequences: 1,
        ..Settings::default()
    });
    let together = tiny(Settings {
        max_sequences: 32,
        prefill_tokens: 5,
        ..Settings::default()
    });
    let replies = block_on(join_all(asks.iter().map(|ask| together.chat(ask))));
    let mut n_generated = 0;
    for (ask, reply) in asks.iter().zip(replies) {
        let reply = reply.unwrap();
        check(ask, &reply);
        let expected = answer(&alone, ask);
        assert_eq!((reply.text, reply.finish), (expected.text, expected.finish));
        n_generated += reply.usage.completion_tokens;
    }
    assert_eq!(together.counters().progress().generated_tokens, n_generated);
}

#[test]
fn a_stop_string_ends_what_the_model_writes_and_not_the_form() {
    let engine = tiny(Settings::default());
    let mut ask = asks(1, 1.0, 150).remove(0);
    let whole = answer(&engine, &ask).text;
    let stop: String = whole.chars().skip(40).take(2).collect();
    ask.sampling.stop = vec![stop.clone()];
    let reply = answer(&engine, &ask);
    check(&ask, &reply);
    assert_eq!(reply.finish, Finish::Stop);
    let kept = &whole[..whole.find(&stop).unwrap()];
    assert!(
        reply.text.starts_with(kept),
        "{:?} of {whole:?}",
        reply.text
    );
}

#[test]
fn a_form_without_room_is_refused_before_the_first_token() {
    let engine = tiny(Settings::default());
    let mut ask = asks(1, 1.0, 5).remove(0);
    let error = block_on(engine.chat(&ask)).unwrap_err();
    let ChatError::Refused(reason) = &error else {
        panic!("{error}");
    };
    assert!(
        reason.ends_with("tokens, more than the limit of 5"),
        "{reason}"
    );
    let least: u32 = reason
        .split(' ')
        .find_map(|word| word.parse().ok())
        .unwrap();
    ask.sampling.max_tokens = least;
    let reply = answer(&engine, &ask);
    check(&ask, &reply);
    assert_eq!(
        engine.counters().progress().generated_tokens,
        reply.usage.completion_tokens
    );

    // A prompt that leaves too little of the context.
    let narrow = tiny(Settings {
        context_tokens: Some(reply.usage.prompt_tokens as usize + 5),
        ..Settings::default()
    });
    let error = block_on(narrow.chat(&ask)).unwrap_err();
    assert!(matches!(error, ChatError::PromptTooLong { .. }), "{error}");
}

#[test]
fn an_engine_without_grammar_ignores_shapes() {
    let free = tiny(Settings {
        grammar: false,
        ..Settings::default()
    });
    assert!(!free.keeps_shapes(Agent::Coding));
    assert!(tiny(Settings::default()).keeps_shapes(Agent::Coding));
    let held = asks(1, 1.0, 30).remove(0);
    let plain = Ask {
        shape: None,
        ..held.clone()
    };
    assert_eq!(answer(&free, &held).text, answer(&free, &plain).text);
}

#[test]
fn cancelled_held_replies_leave_nothing_behind() {
    let engine = tiny(Settings {
        max_sequences: 4,
        cache_tokens: Some(256),
        ..Settings::default()
    });
    block_on(async {
        for round in 0..20 {
            let asks = asks(6, 1.0, 100 + round);
            let mut dropped = join_all(asks.iter().map(|ask| engine.chat(ask)));
            tokio::select! {
                biased;
                _ = &mut dropped => panic!("nothing is answered at once"),
                () = std::future::ready(()) => {}
            }
        }
    });
    let full = asks(1, 1.0, 10_000).remove(0);
    check(&full, &answer(&engine, &full));
    assert_eq!(engine.counters().progress().waiting, 0);
}

/// The default model's file, where it is: named by the environment, or in the cache folder.
#[expect(
    clippy::disallowed_methods,
    reason = "tests find the model by the environment"
)]
fn real_path() -> Option<PathBuf> {
    let name = "mapcoder/models/SmolLM2-135M-Instruct.Q4_1.gguf";
    let cache = || {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        Some(cache.or_else(home)?.join(name))
    };
    std::env::var_os("MAPCODER_TEST_MODEL")
        .map(PathBuf::from)
        .or_else(cache)
        .filter(|path| path.is_file())
}

#[test]
fn the_default_model_keeps_every_form() {
    let Some(path) = real_path() else {
        println!("skipped: no default model; set MAPCODER_TEST_MODEL to its file");
        return;
    };
    let _alone = much_memory();
    let engine = Engine::load(&path, Settings::default()).unwrap();
    let mut asks = asks(10, 0.0, 120);
    asks.extend(self::asks(10, 1.5, 160));
    let replies = block_on(join_all(asks.iter().map(|ask| engine.chat(ask))));
    for (ask, reply) in asks.iter().zip(replies) {
        check(ask, &reply.unwrap());
    }
}
