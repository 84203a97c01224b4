use std::sync::Arc;
use std::time::Duration;

use domain::{Agent, Ask, Reply};
use futures_util::future::BoxFuture;

/// Something that answers an [`Ask`].
pub trait ChatModel: Send + Sync {
    /// What answers for an agent: the model's name, with digests of weights and adapter where they are known.
    /// It is part of every [`Ask`], and so of its key.
    fn identity(&self, agent: Agent) -> String;

    /// Whether replies of an agent are held to the shape that an [`Ask`] names. Where this is false, an ask names
    /// none: it would be recorded as another question without being answered in another way.
    fn keeps_shapes(&self, _agent: Agent) -> bool {
        false
    }

    /// Asks and waits for the whole reply. Dropping the future cancels the request.
    fn chat<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, ChatError>>;
}

impl<M: ChatModel + ?Sized> ChatModel for Arc<M> {
    fn identity(&self, agent: Agent) -> String {
        (**self).identity(agent)
    }

    fn keeps_shapes(&self, agent: Agent) -> bool {
        (**self).keeps_shapes(agent)
    }

    fn chat<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, ChatError>> {
        (**self).chat(ask)
    }
}

/// Why no reply came. None of these says anything about the quality of a model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ChatError {
    /// The conversation and the reply do not fit into the model's context; nothing was cut.
    #[error(
        "prompt of {prompt_tokens} tokens does not fit into a context of {context_tokens} tokens"
    )]
    PromptTooLong {
        /// Tokens of the conversation.
        prompt_tokens: u64,
        /// What the model can hold.
        context_tokens: u64,
    },
    /// The user's budget is spent; the call was not made.
    #[error("the budget is spent: {0}")]
    Budget(String),
    /// A setting is wrong and will stay wrong: key refused, model unknown, malformed request.
    #[error("the server refused the request: {0}")]
    Refused(String),
    /// The server could not be reached, or failed again and again.
    #[error("no answer from the server after {n_attempts} attempts over {elapsed:.1?}: {reason}")]
    Unavailable {
        /// Requests sent.
        n_attempts: u32,
        /// Since the first.
        elapsed: Duration,
        /// What the last one met.
        reason: String,
    },
    /// The local engine broke.
    #[error("the engine failed: {0}")]
    Engine(String),
    /// Nothing is recorded under this question (replay only).
    #[error(
        "the recording holds no reply to this question: problem, strategy, prompts and sampling must be those of the \
         recorded run"
    )]
    NotRecorded,
}
