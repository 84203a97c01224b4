use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{Agent, Ask, Finish, Reply, Usage};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use crate::{ChatError, ChatModel};

/// A model for tests: a function answers at once.
pub struct Scripted<F> {
    answer: F,
    n_calls: AtomicU64,
}

impl<F: Fn(&Ask) -> Result<Reply, ChatError> + Send + Sync> Scripted<F> {
    /// A model named `scripted` that answers with what the function returns.
    /// [`text_reply`] makes a reply from a text.
    pub fn new(answer: F) -> Scripted<F> {
        Scripted {
            answer,
            n_calls: AtomicU64::new(0),
        }
    }

    /// Questions answered so far.
    pub fn n_calls(&self) -> u64 {
        self.n_calls.load(Ordering::Relaxed)
    }
}

impl<F: Fn(&Ask) -> Result<Reply, ChatError> + Send + Sync> ChatModel for Scripted<F> {
    fn identity(&self, _: Agent) -> String {
        "scripted".into()
    }

    fn chat<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, ChatError>> {
        self.n_calls.fetch_add(1, Ordering::Relaxed);
        ready((self.answer)(ask)).boxed()
    }
}

/// A reply that ended by itself, took no time, and counts each word as a token.
pub fn text_reply(ask: &Ask, text: impl Into<String>) -> Reply {
    let text = text.into();
    let n_words = |text: &str| text.split_whitespace().count() as u64;
    Reply {
        finish: Finish::Stop,
        usage: Usage {
            prompt_tokens: ask
                .messages
                .iter()
                .map(|message| n_words(&message.content))
                .sum(),
            cached_tokens: 0,
            completion_tokens: n_words(&text),
        },
        wall: Duration::ZERO,
        cost: None,
        text,
    }
}
