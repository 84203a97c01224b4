//! The bodies of OpenAI's chat completions, as much of them as is needed.

use domain::{Ask, Finish, Usage};
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::OpenAiSettings;
use crate::refusal::{self, one_line};

/// Fields that a question decides, and so no setting may.
pub(crate) const OWN_FIELDS: [&str; 12] = [
    "model",
    "messages",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "n",
    "stream",
];

/// A request, written straight from the question.
pub(crate) struct Request<'a> {
    pub(crate) settings: &'a OpenAiSettings,
    pub(crate) model: &'a str,
    pub(crate) ask: &'a Ask,
}

impl Serialize for Request<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sampling = &self.ask.sampling;
        let mut body = serializer.serialize_map(None)?;
        body.serialize_entry("model", self.model)?;
        body.serialize_entry("messages", &self.ask.messages)?;
        body.serialize_entry("temperature", &sampling.temperature)?;
        body.serialize_entry("top_p", &sampling.top_p)?;
        let limit = if self.settings.max_completion_tokens {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        body.serialize_entry(limit, &sampling.max_tokens)?;
        // Samples of the same question must differ, and some servers take signed seeds only.
        let seed = sampling.seed.wrapping_add(u64::from(self.ask.sample_idx));
        body.serialize_entry("seed", &(seed & (u64::MAX >> 1)))?;
        if !sampling.stop.is_empty() {
            body.serialize_entry("stop", &sampling.stop)?;
        }
        if self.settings.extended_sampling {
            // Here 0 keeps all; there it is -1.
            let top_k = match sampling.top_k {
                0 => -1,
                top_k => i64::from(top_k),
            };
            body.serialize_entry("top_k", &top_k)?;
            body.serialize_entry("min_p", &sampling.min_p)?;
        }
        for (name, value) in &self.settings.extra_body {
            body.serialize_entry(name, value)?;
        }
        body.end()
    }
}

/// The text of a reply with why it ended and its tokens; tokens are 0 when the server says nothing about them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) finish: Finish,
    pub(crate) usage: Usage,
}

/// Reads the body of a successful response.
///
/// # Errors
/// One line that says what is missing. Such a reply is worth another try.
pub(crate) fn answer(body: &[u8]) -> Result<Answer, String> {
    let completion: Completion = serde_json::from_slice(body)
        .map_err(|error| one_line(&format!("the reply is not a chat completion: {error}")))?;
    let Some(choice) = completion.choices.unwrap_or_default().into_iter().next() else {
        return Err(match completion.error {
            Some(_) => format!("the reply holds an error: {}", refusal::message(body)),
            None => "the reply holds no choice".into(),
        });
    };
    let finish = match choice.finish_reason.as_deref() {
        Some("stop" | "eos" | "end_turn" | "stop_sequence") => Finish::Stop,
        Some("length" | "max_tokens") => Finish::Length,
        _ => Finish::Other,
    };
    let text = match choice.message.and_then(|message| message.content) {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        // All tokens went into thoughts, or a filter took the text: another try would end the same way.
        _ if finish == Finish::Length
            || choice.finish_reason.as_deref() == Some("content_filter") =>
        {
            String::new()
        }
        _ => return Err("the reply holds no text".into()),
    };
    let usage = completion.usage.unwrap_or_default();
    Ok(Answer {
        text,
        finish,
        usage: Usage {
            prompt_tokens: usage.prompt_tokens.unwrap_or_default(),
            cached_tokens: usage
                .prompt_tokens_details
                .and_then(|details| details.cached_tokens)
                .unwrap_or_default(),
            completion_tokens: usage.completion_tokens.unwrap_or_default(),
        },
    })
}

#[derive(Deserialize)]
struct Completion {
    choices: Option<Vec<Choice>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<WireMessage>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    content: Option<Value>,
}

#[derive(Deserialize, Default)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}
