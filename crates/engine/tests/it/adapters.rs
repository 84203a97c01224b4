//! Agents that speak through adapters, beside others that do not.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;

use domain::{Agent, Ask, Reply};
use engine::{Engine, Settings};
use futures_util::future::join_all;
use llm::{ChatError, ChatModel as _};

use crate::{answer, ask, block_on, tiny, tiny_path};

pub(crate) fn adapter(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../model/tests/reference/adapters")
        .join(name)
}

fn with(adapters: &[(Agent, &Path)]) -> Engine {
    tiny(Settings {
        max_sequences: 32,
        adapters: adapters
            .iter()
            .map(|(agent, path)| (*agent, path.to_path_buf()))
            .collect(),
        ..Settings::default()
    })
}

pub(crate) fn by(agent: Agent, content: &str) -> Ask {
    Ask {
        agent,
        ..ask(content, 12)
    }
}

/// An activated adapter that acts from the reply's head on, which ends each prompt.
fn activated(folder: &Path) -> usize {
    let prompt = prompt_of(LONG);
    let first = head(&prompt);
    invoked(folder, "activated", &prompt[first..]);
    first
}

fn prompt_of(content: &str) -> Vec<u32> {
    let engine = tiny(Settings::default());
    engine.encode(&by(Agent::Coding, content).messages).unwrap()
}

/// Where the reply's head begins, which ends each prompt.
fn head(prompt: &[u32]) -> usize {
    let same = |token: &u32| *token == prompt[0];
    prompt.iter().rposition(same).unwrap()
}

/// Weights of an adapter, which act from the last of these tokens on.
fn invoked(folder: &Path, name: &str, invocation: &[u32]) {
    let source = adapter(name);
    let config = std::fs::read_to_string(source.join("adapter_config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["alora_invocation_tokens"] = serde_json::json!(invocation);
    std::fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
    let weights = "adapter_model.safetensors";
    std::fs::copy(source.join(weights), folder.join(weights)).unwrap();
}

const LONG: &str = "a statement that all agents share, long enough for several pages of the cache, \
                    with numbers 1 2 3 4 5 6 7 8 9 and words and words";

fn same(a: &Reply, b: &Reply) -> bool {
    (a.text.as_str(), a.finish, a.usage.completion_tokens)
        == (b.text.as_str(), b.finish, b.usage.completion_tokens)
}

#[test]
fn agents_with_different_adapters_share_batches_and_change_nothing_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    activated(folder.path());
    let (all, some) = (adapter("all"), adapter("some"));
    let adapters = [
        (Agent::Retrieval, all.as_path()),
        (Agent::Planning, some.as_path()),
        (Agent::Debugging, folder.path()),
    ];
    let agents = [
        Agent::Retrieval,
        Agent::Planning,
        Agent::Coding,
        Agent::Debugging,
    ];
    let asks: Vec<Ask> = (0..32)
        .map(|i| Ask {
            sample_idx: i / 8,
            ..by(agents[i as usize % 4], &LONG[i as usize % 3..])
        })
        .collect();
    let alone: Vec<Reply> = asks
        .iter()
        .map(|ask| answer(&with(&adapters), ask))
        .collect();
    let engine = with(&adapters);
    let together = block_on(join_all(asks.iter().map(|ask| engine.chat(ask))));
    for (alone, together) in alone.iter().zip(together) {
        assert!(same(alone, &together.unwrap()));
    }
    let texts: Vec<&str> = alone[..4].iter().map(|reply| reply.text.as_str()).collect();
    for (i, text) in texts.iter().enumerate() {
        assert!(
            !texts[..i].contains(text),
            "two agents say the same: {text}"
        );
    }
}

#[test]
fn the_identity_names_the_contents_of_the_adapter() {
    let engine = with(&[(Agent::Coding, &adapter("all"))]);
    let base = engine.identity(Agent::Planning);
    let adapted = engine.identity(Agent::Coding);
    assert!(adapted.starts_with(&format!("{base}+")), "{adapted}");
    assert!(engine.plan().adapters_bytes > 10_000);
    // The same contents in another file are the same adapter.
    engine
        .set_adapter(Agent::Coding, Some(&adapter("all.gguf")))
        .unwrap();
    assert_eq!(engine.identity(Agent::Coding), adapted);
    engine
        .set_adapter(Agent::Coding, Some(&adapter("some")))
        .unwrap();
    assert_ne!(engine.identity(Agent::Coding), adapted);
    assert!(
        engine
            .set_adapter(Agent::Coding, Some(&tiny_path()))
            .is_err()
    );
    assert_ne!(
        engine.identity(Agent::Coding),
        base,
        "a failure changes nothing"
    );
    engine.set_adapter(Agent::Coding, None).unwrap();
    assert_eq!(engine.identity(Agent::Coding), base);
}

/// The plan of a model that is not loaded has its adapters, and that of an engine those that it was given later.
#[test]
fn adapters_are_in_the_plan_whenever_they_come() {
    let (all, some) = (adapter("all"), adapter("some"));
    let same = adapter("all.gguf");
    let bytes = |adapters: &[(Agent, &Path)]| {
        let adapters = adapters
            .iter()
            .map(|(agent, path)| (*agent, path.to_path_buf()));
        let settings = Settings {
            adapters: adapters.collect(),
            ..Settings::default()
        };
        let source = engine::open(&tiny_path()).unwrap();
        engine::plan(&*source, &settings).map(|plan| plan.adapters_bytes)
    };
    let one = bytes(&[(Agent::Coding, &all)]).unwrap();
    let other = bytes(&[(Agent::Coding, &some)]).unwrap();
    assert!(one > 10_000 && other > 0);
    // Agents with equal adapters share one.
    assert_eq!(
        bytes(&[(Agent::Coding, &all), (Agent::Planning, &same)]).unwrap(),
        one
    );
    assert!(bytes(&[(Agent::Coding, &tiny_path())]).is_err());

    let engine = with(&[]);
    assert_eq!(engine.plan().adapters_bytes, 0);
    engine.set_adapter(Agent::Coding, Some(&all)).unwrap();
    engine.set_adapter(Agent::Planning, Some(&some)).unwrap();
    assert_eq!(engine.plan().adapters_bytes, one + other);
    engine.set_adapter(Agent::Coding, None).unwrap();
    assert_eq!(engine.plan().adapters_bytes, other);
}

/// Pages are found by what an adapter holds, not by what it is called: vLLM #30931 (another adapter of the same name
/// shared pages), vLLM #44701 (a name was taken for a salt), vLLM #44250 and LMCache #2960 and #2961 (the key of a cache
/// outside left the adapter out).
#[test]
fn cached_beginnings_are_shared_by_equal_weights_only() {
    let question = by(Agent::Coding, LONG);
    let fresh = |path: Option<&Path>| {
        let adapters: Vec<_> = path.map(|path| (Agent::Coding, path)).into_iter().collect();
        answer(&with(&adapters), &question)
    };
    let (all, gguf, some) = (adapter("all"), adapter("all.gguf"), adapter("some"));
    let engine = with(&[]);
    // Each step: what is loaded, and whether the cache may help.
    for (path, is_known) in [
        (None, false),
        (Some(all.as_path()), false),
        (Some(some.as_path()), false),
        (Some(gguf.as_path()), true),
        (None, true),
        (Some(some.as_path()), true),
    ] {
        engine.set_adapter(Agent::Coding, path).unwrap();
        let reply = answer(&engine, &question);
        assert!(same(&reply, &fresh(path)), "{path:?}");
        assert_eq!(reply.usage.cached_tokens > 0, is_known, "{path:?}");
    }
    // Another agent with the same adapter shares it too; one with another does not.
    engine.set_adapter(Agent::Planning, Some(&all)).unwrap();
    assert!(
        answer(&engine, &by(Agent::Planning, LONG))
            .usage
            .cached_tokens
            > 0
    );
}

#[test]
fn activated_adapters_share_everything_before_their_invocation() {
    let folder = tempfile::tempdir().unwrap();
    let first = activated(folder.path());
    let engine = with(&[(Agent::Planning, folder.path())]);
    let base = answer(&engine, &by(Agent::Coding, LONG));
    assert_eq!(base.usage.cached_tokens, 0);
    let adapted = answer(&engine, &by(Agent::Planning, LONG));
    assert_eq!(adapted.usage.cached_tokens as usize, first / 32 * 32);
    let alone = answer(
        &with(&[(Agent::Planning, folder.path())]),
        &by(Agent::Planning, LONG),
    );
    assert!(same(&adapted, &alone));
    assert_ne!(adapted.text, base.text);
}

/// Four activated adapters that differ find all that the first question left of the base's own, and nothing of each
/// other's.
#[test]
fn four_activated_adapters_share_one_problem() {
    let folders: [tempfile::TempDir; 4] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let prompt = prompt_of(LONG);
    let first = head(&prompt);
    for (folder, name) in folders.iter().zip(["activated", "all", "some", "some"]) {
        invoked(folder.path(), name, &prompt[first..]);
    }
    // The last one has other weights of its own.
    let path = folders[3].path().join("adapter_config.json");
    let config = std::fs::read_to_string(&path).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["lora_alpha"] = serde_json::json!(3);
    std::fs::write(&path, config.to_string()).unwrap();
    let adapters: Vec<(Agent, &Path)> = Agent::ALL
        .into_iter()
        .zip(folders.iter().map(tempfile::TempDir::path))
        .collect();
    let engine = with(&adapters);
    let mut texts = Vec::new();
    for (idx, agent) in Agent::ALL.into_iter().enumerate() {
        let reply = answer(&engine, &by(agent, LONG));
        let shared = if idx == 0 { 0 } else { first / 32 * 32 };
        assert_eq!(reply.usage.cached_tokens as usize, shared, "{agent}");
        let alone = answer(&with(&adapters), &by(agent, LONG));
        assert!(same(&reply, &alone), "{agent}");
        assert!(!texts.contains(&reply.text), "{agent}");
        texts.push(reply.text);
    }
}

/// What stands before the last occurrence is the base's, earlier occurrences of the same tokens included.
#[test]
fn an_activated_adapter_acts_from_the_last_invocation_on() {
    let twice = "some words at first, then the KEY and many more words than fit into a page of the cache, \
                 and then the KEY and the rest";
    let prompt = prompt_of(twice);
    let tokens = tiny_tokens("KEY");
    let occurrences: Vec<usize> = (0..prompt.len())
        .filter(|&at| prompt[at..].starts_with(&tokens))
        .collect();
    let [earlier, last] = occurrences[..] else {
        panic!("{tokens:?} is in {prompt:?} at {occurrences:?}");
    };
    assert!(earlier / 32 < last / 32);
    let (folder, unique) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    invoked(folder.path(), "all", &tokens);
    // What follows the second one is there once.
    invoked(unique.path(), "all", &prompt[last..]);
    let engine = with(&[(Agent::Planning, folder.path())]);
    answer(&engine, &by(Agent::Coding, twice));
    let reply = answer(&engine, &by(Agent::Planning, twice));
    assert_eq!(reply.usage.cached_tokens as usize, last / 32 * 32);
    let expected = answer(
        &with(&[(Agent::Planning, unique.path())]),
        &by(Agent::Planning, twice),
    );
    assert!(same(&reply, &expected));
}

/// A prompt without the invocation is the base's, and so is the reply to it.
#[test]
fn an_activated_adapter_stays_out_of_prompts_without_its_invocation() {
    let folder = tempfile::tempdir().unwrap();
    invoked(folder.path(), "all", &tiny_tokens("KEY"));
    let engine = with(&[(Agent::Planning, folder.path())]);
    let base = answer(&engine, &by(Agent::Coding, LONG));
    let reply = answer(&engine, &by(Agent::Planning, LONG));
    assert!(same(&reply, &base));
    let all = (base.usage.prompt_tokens - 1) / 32 * 32;
    assert_eq!(reply.usage.cached_tokens, all);
    let invoking = "the KEY and ".to_string() + LONG;
    let acting = answer(&engine, &by(Agent::Planning, &invoking));
    assert!(!same(
        &acting,
        &answer(&engine, &by(Agent::Coding, &invoking))
    ));
}

/// The tokens of a word in the middle of a text.
fn tiny_tokens(word: &str) -> Vec<u32> {
    let (with, without) = (prompt_of(&format!("the {word} and")), prompt_of("the  and"));
    let n_before = with
        .iter()
        .zip(&without)
        .take_while(|(a, b)| a == b)
        .count();
    let n_after = without.len() - n_before;
    with[n_before..with.len() - n_after].to_vec()
}

/// Replies that are in work or wait when their agent gets another adapter end as they began; the next one is the new
/// adapter's alone. What vLLM #42125 got wrong: reloaded under the same name, it served the old keys and values.
#[test]
fn a_reply_in_work_keeps_its_adapter_and_leaves_nothing_to_the_next() {
    let (old, new) = (adapter("all"), adapter("some"));
    let asks: Vec<Ask> = (0..12)
        .map(|i| {
            let mut ask = by(Agent::Coding, LONG);
            ask.sample_idx = i;
            ask.sampling.max_tokens = 60;
            ask
        })
        .collect();
    let alone = |path: &Path, ask: &Ask| answer(&with(&[(Agent::Coding, path)]), ask);
    let engine = tiny(Settings {
        max_sequences: 2,
        adapters: vec![(Agent::Coding, old.clone())],
        ..Settings::default()
    });
    let replies = block_on(async {
        let mut replies = pin!(join_all(asks.iter().map(|ask| engine.chat(ask))));
        let mut are_pending = async || {
            poll_fn(|context| Poll::Ready(replies.as_mut().poll(context).is_pending())).await
        };
        while engine.counters().progress().generated_tokens == 0 {
            assert!(are_pending().await);
            std::thread::yield_now();
        }
        engine.set_adapter(Agent::Coding, Some(&new)).unwrap();
        assert!(are_pending().await);
        replies.await
    });
    for (ask, reply) in asks.iter().zip(replies) {
        assert!(same(&reply.unwrap(), &alone(&old, ask)));
    }
    let next = answer(&engine, &asks[0]);
    assert_eq!(next.usage.cached_tokens, 0);
    assert!(same(&next, &alone(&new, &asks[0])));
    assert!(!same(&next, &alone(&old, &asks[0])));
}

/// A reply is recorded under the name that its request has. Another adapter than that never answers it.
#[test]
fn a_request_is_answered_by_whom_it_names_or_not_at_all() {
    let engine = with(&[(Agent::Coding, &adapter("all"))]);
    let named = |engine: &Engine| Ask {
        model: engine.identity(Agent::Coding),
        ..by(Agent::Coding, LONG)
    };
    let (first, base) = (named(&engine), by(Agent::Coding, LONG));
    let reply = answer(&engine, &first);
    for path in [Some(adapter("some")), None] {
        engine.set_adapter(Agent::Coding, path.as_deref()).unwrap();
        let error = block_on(engine.chat(&first)).unwrap_err();
        let ChatError::Engine(reason) = &error else {
            panic!("{error}");
        };
        let now = engine.identity(Agent::Coding);
        assert_eq!(
            *reason,
            format!(
                "`{}` was asked for, and `{now}` has taken its place",
                first.model
            )
        );
        // Who names nobody, or whom there is, is answered.
        let told = [named(&engine), base.clone()].map(|ask| answer(&engine, &ask));
        assert!(same(&told[0], &told[1]) && !same(&told[0], &reply));
    }
    let back = adapter("all");
    engine.set_adapter(Agent::Coding, Some(&back)).unwrap();
    assert!(same(&answer(&engine, &first), &reply));
}

type Change<'a> = &'a dyn Fn(&mut serde_json::Value);

/// What loads under a path that held another adapter before, and the same weights with other tokens of invocation,
/// find nothing of each other in the cache. Reloading in place is vLLM #42125: 12 of 12 replies were wrong there.
#[test]
fn an_adapter_that_is_replaced_in_place_leaves_nothing_in_the_cache() {
    let place = tempfile::tempdir().unwrap();
    let put = |name: &str, change: Change<'_>| {
        let config = std::fs::read_to_string(adapter(name).join("adapter_config.json")).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        change(&mut config);
        std::fs::write(place.path().join("adapter_config.json"), config.to_string()).unwrap();
        let weights = "adapter_model.safetensors";
        std::fs::copy(adapter(name).join(weights), place.path().join(weights)).unwrap();
    };
    let question = by(Agent::Coding, LONG);
    let alone = || answer(&with(&[(Agent::Coding, place.path())]), &question);
    let engine = with(&[]);
    let prompt = engine.encode(&question.messages).unwrap();
    let mut known: Vec<String> = Vec::new();
    // The same weights that act everywhere, from the statement on, and from later on.
    let at = |first: usize| {
        let tokens = prompt[first..first + 9].to_vec();
        move |config: &mut serde_json::Value| {
            config["alora_invocation_tokens"] = serde_json::json!(tokens);
        }
    };
    let (early, late) = (at(10), at(40));
    let as_it_is = |_: &mut serde_json::Value| {};
    let changes: [(&str, Change<'_>); 4] = [
        ("all", &as_it_is),
        ("some", &as_it_is),
        ("all", &early),
        ("all", &late),
    ];
    for (name, change) in changes {
        put(name, change);
        let digest = engine
            .set_adapter(Agent::Coding, Some(place.path()))
            .unwrap()
            .unwrap();
        assert!(!known.contains(&digest.to_string()));
        known.push(digest.to_string());
        let reply = answer(&engine, &question);
        assert!(same(&reply, &alone()), "{name}");
        assert_eq!(reply.usage.cached_tokens, 0, "{name}");
    }
    // The base finds the one page that the late one left of the base's own, and nothing more.
    engine.set_adapter(Agent::Coding, None).unwrap();
    let base = answer(&engine, &question);
    assert!(same(&base, &answer(&with(&[]), &question)));
    assert_eq!(base.usage.cached_tokens, 32);
}
