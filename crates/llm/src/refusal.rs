//! What a response other than 200 means.

use std::time::Duration;

use serde_json::Value;

use crate::ChatError;

/// Server messages are kept up to this many characters.
const MAX_MESSAGE: usize = 300;

/// Why a request brought no reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Another try would end the same way.
    Final(ChatError),
    /// Another try may succeed.
    Retry {
        reason: String,
        /// The server has too much to do.
        overloaded: bool,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
}

impl Fault {
    /// A fault of the way there or of the body.
    pub(crate) fn retry(reason: String) -> Fault {
        Fault::Retry {
            reason,
            overloaded: false,
            retry_after: None,
        }
    }
}

/// Sorts a response by its status and what it says.
/// `message` is its [`message`], already free of secrets; `body` is what it was taken from.
pub(crate) fn of_status(
    status: u16,
    body: &[u8],
    message: &str,
    model: &str,
    retry_after: Option<Duration>,
) -> Fault {
    let said = if message.is_empty() {
        format!("status {status}")
    } else {
        format!("status {status}: {message}")
    };
    let refused = |advice: &str| {
        let advice = if advice.is_empty() {
            String::new()
        } else {
            format!(" ({advice})")
        };
        Fault::Final(ChatError::Refused(format!("{said}{advice}")))
    };
    let spent =
        message.contains("insufficient_quota") || message.contains("exceeded your current quota");
    match status {
        429 if spent => refused("the account has no money left"),
        408 | 409 | 425 | 429 | 500 | 502..=599 => Fault::Retry {
            reason: said,
            overloaded: matches!(status, 429 | 503 | 529),
            retry_after,
        },
        401 | 403 => {
            refused("check the API key, OPENAI_API_KEY, and that it is meant for this server")
        }
        404 => refused(&format!(
            "check that the server has the model `{model}` and that the base URL is right"
        )),
        300..=399 => refused("the server wants another address: set the base URL to it"),
        _ => match too_long(body, message) {
            Some(error) => Fault::Final(error),
            None => refused(""),
        },
    }
}

/// What a server says about an error, in one line of limited length.
pub(crate) fn message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let said = parsed.as_ref().and_then(|json| {
        [
            &json["error"]["message"],
            &json["error"],
            &json["message"],
            &json["detail"],
        ]
        .into_iter()
        .find(|value| !value.is_null())
    });
    let code = parsed
        .as_ref()
        .and_then(|json| json["error"]["code"].as_str())
        .map(|code| format!(" [{}]", one_line(code)))
        .unwrap_or_default();
    let said = match said {
        Some(Value::String(said)) => said.clone(),
        Some(other) => other.to_string(),
        None => text.into_owned(),
    };
    one_line(&said) + &code
}

/// A text in one line of limited length.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(MAX_MESSAGE).collect()
}

/// Recognises that the conversation does not fit, in the words of OpenAI, vLLM, SGLang and llama.cpp.
fn too_long(body: &[u8], message: &str) -> Option<ChatError> {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    if let (Some(prompt_tokens), Some(context_tokens)) = (
        json["error"]["n_prompt_tokens"].as_u64(),
        json["error"]["n_ctx"].as_u64(),
    ) {
        return Some(ChatError::PromptTooLong {
            prompt_tokens,
            context_tokens,
        });
    }
    let message = message.to_lowercase();
    let context = [
        "context length",
        "model length",
        "context size",
        "context window",
    ]
    .iter()
    .find_map(|name| message.find(name).map(|at| at + name.len()))?;
    let context_tokens = numbers(&message[context..]).next()?;
    let asked = [
        "resulted in ",
        "decoder prompt (length ",
        "input (",
        "prompt contains ",
    ]
    .iter()
    .find_map(|name| message.find(name).map(|at| at + name.len()))
    .and_then(|at| numbers(&message[at..]).next());
    let counted = [" in the messages", " input tokens"]
        .iter()
        .find_map(|name| message.find(name))
        .and_then(|at| numbers(&message[..at]).last());
    let prompt_tokens = asked.or(counted).or_else(|| {
        numbers(&message)
            .filter(|number| *number != context_tokens)
            .max()
    })?;
    Some(ChatError::PromptTooLong {
        prompt_tokens,
        context_tokens,
    })
}

fn numbers(text: &str) -> impl Iterator<Item = u64> {
    text.split(|char: char| !char.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
}
