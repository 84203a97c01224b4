use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Agent, Digest, Shape};

/// Who speaks in a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The frame of the conversation.
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
}

/// One turn of a conversation, as in OpenAI's chat API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A system turn.
    pub fn system(content: impl Into<String>) -> Message {
        Message {
            role: Role::System,
            content: content.into(),
        }
    }

    /// A user turn.
    pub fn user(content: impl Into<String>) -> Message {
        Message {
            role: Role::User,
            content: content.into(),
        }
    }

    /// A model's turn.
    pub fn assistant(content: impl Into<String>) -> Message {
        Message {
            role: Role::Assistant,
            content: content.into(),
        }
    }
}

/// How a reply's tokens are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// 0 takes the most probable token each time (greedy).
    pub temperature: f32,
    /// Keep the smallest set of tokens whose probability reaches this; 1 keeps all.
    pub top_p: f32,
    /// Keep this many of the most probable tokens; 0 keeps all.
    pub top_k: u32,
    /// Drop tokens less probable than this share of the most probable one; 0 drops none.
    pub min_p: f32,
    /// The reply ends after this many tokens.
    pub max_tokens: u32,
    /// The reply ends before any of these strings.
    pub stop: Vec<String>,
    /// Seed of the random numbers; the same request with the same seed gives the same reply on the local engine.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling {
            temperature: 0.0,
            top_p: 0.95,
            top_k: 40,
            min_p: 0.0,
            max_tokens: 1024,
            stop: Vec::new(),
            seed: 0,
        }
    }
}

/// One question to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The agent in whose role the model answers; decides which adapter or server serves it.
    pub agent: Agent,
    /// What answers: the model's name, with digests of weights and adapter where they are known.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// How the reply is drawn.
    pub sampling: Sampling,
    /// Which of several independent replies to the same question this is, from 0.
    pub sample_idx: u32,
    /// The form that the reply is held to; absent where nothing holds it, which is not the same question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

impl Ask {
    /// The content key: equal for equal questions.
    /// The agent is left out, because `model` already names the adapter that answers for it.
    pub fn key(&self) -> Digest {
        let question = (
            "ask/1",
            &self.model,
            &self.messages,
            &self.sampling,
            self.sample_idx,
        );
        match &self.shape {
            None => Digest::of_json(&question),
            Some(shape) => Digest::of_json(&("shaped/1", question, shape)),
        }
    }
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model ended its turn, or a stop string was met.
    Stop,
    /// The token limit cut the reply.
    Length,
    /// It repeated itself without end and was cut, or the server withheld the rest or gave another reason.
    Other,
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the conversation that was sent.
    pub prompt_tokens: u64,
    /// Of these, tokens that came from a prefix cache.
    pub cached_tokens: u64,
    /// Tokens of the reply.
    pub completion_tokens: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.prompt_tokens += other.prompt_tokens;
        self.cached_tokens += other.cached_tokens;
        self.completion_tokens += other.completion_tokens;
    }
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The text, exactly as it came.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// What it took in tokens.
    pub usage: Usage,
    /// What it took in time, queueing included.
    pub wall: Duration,
    /// What it cost, in the unit of the user's price file; absent without a price.
    pub cost: Option<f64>,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The question.
    pub ask: Ask,
    /// The answer.
    pub reply: Reply,
}
