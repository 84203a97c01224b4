//! The engine at its boundary, on a tiny random model.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod adapters;
#[cfg(feature = "candle")]
mod device;
mod lookup;
mod shapes;
mod soak;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Agent, Ask, Finish, Message, Reply, Sampling};
use engine::{Engine, EngineError, Layout, Settings};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use llm::{ChatError, ChatModel as _};
use proptest::prelude::*;

fn tiny_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/reference/tiny-qwen2.gguf")
}

fn tiny(settings: Settings) -> Engine {
    Engine::load(&tiny_path(), settings).unwrap()
}

fn ask(content: &str, max_tokens: u32) -> Ask {
    Ask {
        agent: Agent::Coding,
        model: "tiny".to_string(),
        messages: vec![Message::user(content)],
        sampling: Sampling {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            max_tokens,
            ..Sampling::default()
        },
        sample_idx: 0,
        shape: None,
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn answer(engine: &Engine, ask: &Ask) -> Reply {
    block_on(engine.chat(ask)).unwrap()
}

/// Held by tests that take much memory, and by those that measure it.
fn much_memory() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn the_identity_names_the_file_and_its_digest() {
    let engine = tiny(Settings::default());
    let digest = domain::Digest::of(std::fs::read(tiny_path()).unwrap());
    let expected = format!("tiny-qwen2@{}", digest.short());
    assert_eq!(engine.identity(Agent::Coding), expected);
    let plan = engine.plan();
    assert_eq!((plan.context_tokens, plan.cache_tokens), (256, 8 * 256));
    // Two layers of 2 heads of 16 numbers, keys and values, 2 bytes each.
    assert_eq!(plan.cache_bytes, 8 * 256 * 2 * 2 * 16 * 2 * 2);
}

/// A folder of safetensors answers like a file; how its weights are kept is part of who answers.
#[test]
fn a_folder_is_a_model_too() {
    let path = tiny_path().with_file_name("tiny-llama");
    let digest = engine::digest(&*engine::open(&path).unwrap());
    let load = |weights| {
        let settings = Settings {
            weights,
            ..Settings::default()
        };
        let plan = engine::plan(&*engine::open(&path).unwrap(), &settings).unwrap();
        let engine = Engine::load(&path, settings).unwrap();
        assert_eq!(engine.plan(), plan);
        (engine, plan.weights_bytes)
    };
    let (engine, n_bytes) = load(Layout::Packed);
    assert_eq!(
        engine.identity(Agent::Coding),
        format!("tiny-llama@{}", digest.short())
    );
    // 356 rows of the embedding, which is the head too, and two layers; 17 bytes for 16 numbers.
    assert_eq!(n_bytes, (360 * 64 + 2 * 24_576) * 17 / 16);
    let reply = answer(&engine, &ask("hello", 5));
    assert!(reply.usage.completion_tokens > 0);
    let (engine, n_bytes) = load(Layout::FourBit);
    assert_eq!(
        engine.identity(Agent::Coding),
        format!("tiny-llama@{}+q4_1", digest.short())
    );
    assert_eq!(n_bytes, 360 * 64 * 17 / 16 + 2 * 24_576 * 10 / 16);
}

#[test]
fn a_reply_is_the_same_alone_and_among_31_others() {
    let asks: Vec<Ask> = (0..32)
        .map(|i| Ask {
            sample_idx: i % 4,
            ..ask(
                &"shared beginning of a long question ".repeat(1 + i as usize % 3),
                10 + i,
            )
        })
        .collect();
    let alone: Vec<Reply> = {
        let engine = tiny(Settings {
            max_sequences: 1,
            ..Settings::default()
        });
        asks.iter().map(|ask| answer(&engine, ask)).collect()
    };
    for (max_sequences, prefill_tokens) in [(32, 7), (5, 1000)] {
        let engine = tiny(Settings {
            max_sequences,
            prefill_tokens,
            ..Settings::default()
        });
        let together = block_on(join_all(asks.iter().map(|ask| engine.chat(ask))));
        for (together, alone) in together.into_iter().zip(&alone) {
            let together = together.unwrap();
            assert_eq!(together.text, alone.text);
            assert_eq!(together.finish, alone.finish);
            assert_eq!(
                together.usage.completion_tokens,
                alone.usage.completion_tokens
            );
        }
    }
    assert_ne!(
        alone[0].text, alone[12].text,
        "samples of one question differ"
    );
}

#[test]
fn a_cached_beginning_changes_nothing_but_the_work() {
    let engine = tiny(Settings::default());
    let question = ask(&"the same long question ".repeat(4), 20);
    let first = answer(&engine, &question);
    let second = answer(&engine, &question);
    assert_eq!(first.text, second.text);
    assert_eq!(first.usage.cached_tokens, 0);
    assert_eq!(
        second.usage.cached_tokens,
        (second.usage.prompt_tokens - 1) / 32 * 32
    );
    let progress = engine.counters().progress();
    assert_eq!(progress.cached_tokens, second.usage.cached_tokens);
    let computed = 2 * first.usage.prompt_tokens - second.usage.cached_tokens;
    assert_eq!(progress.prefilled_tokens, computed);
    let generated = first.usage.completion_tokens + second.usage.completion_tokens;
    assert_eq!(progress.generated_tokens, generated);
}

#[test]
fn replies_end_where_they_should() {
    let engine = tiny(Settings::default());
    let whole = answer(&engine, &ask("hello", 60));
    let short = answer(&engine, &ask("hello", 7));
    assert_eq!(
        (short.finish, short.usage.completion_tokens),
        (Finish::Length, 7)
    );
    assert!(
        whole
            .text
            .starts_with(&short.text[..short.text.len().saturating_sub(3)])
    );
    let nothing = answer(&engine, &ask("hello", 0));
    assert_eq!(
        (nothing.finish, nothing.text.as_str()),
        (Finish::Length, "")
    );
    assert_eq!(nothing.usage.prompt_tokens, whole.usage.prompt_tokens);

    // Stop strings that begin in the middle of the reply, long and short.
    let middle: Vec<char> = whole.text.chars().skip(10).collect();
    for n_chars in [1, 2, 9] {
        let stop: String = middle[..n_chars].iter().collect();
        let mut stopping = ask("hello", 60);
        stopping.sampling.stop = vec!["never in it".to_string(), stop.clone(), String::new()];
        let reply = answer(&engine, &stopping);
        assert_eq!(reply.finish, Finish::Stop);
        assert_eq!(reply.text, whole.text[..whole.text.find(&stop).unwrap()]);
    }
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_and_never_cut() {
    let engine = tiny(Settings {
        context_tokens: Some(40),
        ..Settings::default()
    });
    let long = ask(&"0123456789".repeat(10), 5);
    let error = block_on(engine.chat(&long)).unwrap_err();
    let ChatError::PromptTooLong {
        prompt_tokens,
        context_tokens,
    } = error
    else {
        panic!("{error}");
    };
    assert!(prompt_tokens > 100 && context_tokens == 40);
    // A reply ends with the context, also in its last token.
    let reply = answer(&engine, &ask("0123", 1_000));
    assert_eq!(
        reply.usage.prompt_tokens + reply.usage.completion_tokens,
        40
    );
    assert_eq!(reply.finish, Finish::Length);
}

#[test]
fn requests_whose_future_is_dropped_leave_nothing_behind() {
    let engine = tiny(Settings {
        max_sequences: 4,
        // One conversation of full length needs every page.
        cache_tokens: Some(256),
        ..Settings::default()
    });
    let expected = answer(&tiny(Settings::default()), &ask("kept", 30)).text;
    let n_finished = block_on(async {
        let mut n_finished = 0;
        for round in 0..60u32 {
            let asks: Vec<Ask> = (0..6).map(|i| ask(&format!("{round} {i}"), 200)).collect();
            let mut dropped = join_all(asks.iter().map(|ask| engine.chat(ask)));
            let kept = ask("kept", 30);
            let kept = engine.chat(&kept);
            // Starts all, and gives up those that are not done when the one that is kept is.
            tokio::select! {
                biased;
                _ = &mut dropped => panic!("six long replies cannot be faster than one short one here"),
                () = std::future::ready(()) => {}
            }
            drop(dropped);
            assert_eq!(kept.await.unwrap().text, expected);
            n_finished += 1;
        }
        n_finished
    });
    assert_eq!(n_finished, 60);
    let full = answer(&engine, &ask("x", 10_000));
    assert_eq!(full.usage.prompt_tokens + full.usage.completion_tokens, 256);
    assert_eq!(engine.counters().progress().waiting, 0);
}

#[test]
fn what_cannot_start_says_why_in_one_line() {
    let error = |path: &Path, settings| Engine::load(path, settings).err().unwrap().to_string();
    let tiny = std::fs::read(tiny_path()).unwrap();
    let of_bytes = |bytes: &[u8]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        error(file.path(), Settings::default())
    };
    let renamed = |from: &[u8], to: &[u8]| {
        let at = tiny.windows(from.len()).position(|w| w == from).unwrap();
        let mut bytes = tiny.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        of_bytes(&bytes)
    };
    assert!(error(Path::new("none.gguf"), Settings::default()).starts_with("open none.gguf: "));
    assert_eq!(of_bytes(b"no model"), "read the model: not a GGUF file");
    assert_eq!(
        renamed(b"tokenizer.ggml.model", b"tokenizer.ggml.m0del"),
        "load the tokenizer: the file has none (`tokenizer.ggml.model` is missing)"
    );
    assert_eq!(
        renamed(b"tokenizer.chat_template", b"tokenizer.chat_templ4te"),
        "load the chat template: the file has none"
    );
    let context = |tokens| Settings {
        context_tokens: Some(tokens),
        ..Settings::default()
    };
    assert_eq!(
        error(&tiny_path(), context(1)),
        "start the engine: a context needs room for a prompt and a reply"
    );
    assert_eq!(
        error(&tiny_path(), context(257)),
        "start the engine: a context of 257 tokens is longer than the model's 256"
    );
    let cache = Settings {
        cache_tokens: Some(64),
        ..Settings::default()
    };
    assert_eq!(
        error(&tiny_path(), cache),
        "start the engine: a cache of 64 tokens does not hold a context of 256"
    );
}

/// Nothing is loaded for a plan that the machine has no room for, and a plan that just fits is worked by.
#[test]
fn a_plan_beyond_the_machines_memory_is_refused() {
    let adapter = adapters::adapter("all");
    let within = |memory_bytes: usize| {
        let settings = Settings {
            memory_bytes: Some(memory_bytes),
            adapters: vec![(Agent::Coding, adapter.clone())],
            ..Settings::default()
        };
        Engine::load(&tiny_path(), settings)
    };
    let plan = within(usize::MAX).unwrap().plan();
    let parts = [
        plan.weights_bytes,
        plan.adapters_bytes,
        plan.cache_bytes,
        plan.scratch_bytes,
    ];
    assert!(parts.iter().all(|n_bytes| *n_bytes > 0));
    let total: usize = parts.iter().sum();
    assert_eq!(plan.total_bytes(), total);
    assert_eq!(plan.fixed_bytes(), total - plan.cache_bytes);
    let reply = answer(&within(total).unwrap(), &ask("hello", 5));
    assert!(reply.usage.completion_tokens > 0);
    let error = within(total - 1).err().unwrap();
    let EngineError::Memory {
        plan: refused,
        available_bytes,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((refused, available_bytes), (plan, total - 1));
    let message = error.to_string();
    let beginning = format!(
        "start the engine: it takes {:.1} MB of memory (",
        total as f64 / 1e6
    );
    assert!(message.starts_with(&beginning), "{message}");
    assert!(!message.contains('\n'));
}

/// More replies at a time, longer prompts in a pass and forms cost scratch, and nothing else does.
#[test]
fn scratch_follows_from_what_a_pass_holds() {
    let scratch = |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings {
            grammar: false,
            lookup: Vec::new(),
            ..Settings::default()
        };
        change(&mut settings);
        let source = engine::open(&tiny_path()).unwrap();
        engine::plan(&*source, &settings).unwrap().scratch_bytes
    };
    let least = scratch(&|_| {});
    let n_vocab = engine::open(&tiny_path())
        .unwrap()
        .config()
        .unwrap()
        .n_vocab;
    // Eight rows of logits are the least that there are.
    assert!(least > 8 * n_vocab * 4);
    assert!(scratch(&|settings| settings.max_sequences = 16) > least + 8 * n_vocab * 4);
    assert!(scratch(&|settings| settings.prefill_tokens = 129) > least);
    assert_eq!(
        scratch(&|settings| settings.grammar = true),
        least + 8 * n_vocab * 4
    );
    assert_eq!(
        scratch(&|settings| settings.lookup = vec![Agent::Debugging]),
        least
    );
    assert!(scratch(&|settings| settings.context_tokens = Some(128)) < least);
}

/// Prompts pass in pieces beside replies: a long one neither stops a reply that is written, nor waits for its end.
#[test]
fn a_long_prompt_holds_up_no_reply() {
    let engine = tiny(Settings {
        prefill_tokens: 8,
        ..Settings::default()
    });
    // Samples that do not end on their own.
    let roomy = tiny(Settings::default());
    let of_length = |content: &str, n_tokens: u32| {
        let mut samples = (0..20).map(|sample_idx| Ask {
            sample_idx,
            ..ask(content, n_tokens)
        });
        let is_full =
            |ask: &Ask| answer(&roomy, ask).usage.completion_tokens == u64::from(n_tokens);
        samples.find(is_full).unwrap()
    };
    let short = &of_length("short", 12);
    let much = &of_length("says much", 120);
    let long = &ask(&"0123456789".repeat(20), 1);
    let mut order = Vec::new();
    block_on(async {
        // Asked in this order; told in the order in which they end.
        let chats = [("short", short), ("much", much), ("long", long)]
            .map(|(name, ask)| engine.chat(ask).map(move |reply| (name, reply.unwrap())));
        let mut chats = FuturesUnordered::from_iter(chats);
        while let Some(ended) = chats.next().await {
            order.push(ended);
        }
    });
    let usage = |name: &str| {
        let (_, reply) = order.iter().find(|(other, _)| *other == name).unwrap();
        (
            reply.usage.prompt_tokens as usize,
            reply.usage.completion_tokens as usize,
        )
    };
    // In passes: the long prompt takes more than the short reply, and fewer than the one that says much.
    let n_passes = usage("long").0 / 8;
    assert!(n_passes > 20, "{n_passes}");
    assert!(usage("short").1 + 5 < n_passes && n_passes + 30 < usage("much").1);
    let names: Vec<&str> = order.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["short", "long", "much"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Small pages of cache, many requests: all are answered, each as if it were alone.
    #[test]
    fn a_crowd_is_served(n in 1usize..20, cache_pages in 8usize..20, max_sequences in 1usize..9) {
        let engine = tiny(Settings {
            max_sequences,
            cache_tokens: Some(cache_pages * 32),
            ..Settings::default()
        });
        let asks: Vec<Ask> = (0..n).map(|i| ask(&"word ".repeat(1 + i * 3), 5 + 2 * i as u32)).collect();
        let replies = block_on(join_all(asks.iter().map(|ask| engine.chat(ask))));
        let roomy = tiny(Settings::default());
        for (ask, reply) in asks.iter().zip(replies) {
            prop_assert_eq!(reply.unwrap().text, answer(&roomy, ask).text);
        }
    }
}
