use model::ChatMessage;
use serde_json::{Map, Value};

/// Why a line is no example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It is no JSON object.
    #[error("it is no JSON object: {0}")]
    Json(String),
    /// It is of no known format.
    #[error("it has neither `messages` nor `prompt` with `completion`")]
    Format,
    /// A field is of the wrong type.
    #[error("`{0}` is no {1}")]
    Field(String, &'static str),
}

/// A row of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The conversation.
    pub messages: Vec<ChatMessage>,
    /// Whether only its last reply is trained, because all before it was a prompt.
    pub last_only: bool,
    /// The agent that it is for, where it says so.
    pub agent: Option<String>,
}

impl Row {
    /// Reads a row: `messages`, or `prompt` and `completion`, which are texts or lists of messages.
    /// A prompt and a completion that are texts are one message of the user and one of the assistant.
    /// Other fields are left alone.
    ///
    /// # Errors
    /// When it is no JSON object, or of another format.
    pub fn parse(line: &str) -> Result<Row, RowError> {
        let row: Map<String, Value> =
            serde_json::from_str(line).map_err(|error| RowError::Json(error.to_string()))?;
        let agent = match row.get("agent") {
            None | Some(Value::Null) => None,
            Some(Value::String(agent)) => Some(agent.clone()),
            Some(_) => return Err(RowError::Field("agent".to_string(), "text")),
        };
        let (messages, last_only) = match (
            row.get("messages"),
            row.get("prompt"),
            row.get("completion"),
        ) {
            (Some(messages), _, _) => (conversation("messages", messages, "user")?, false),
            (None, Some(prompt), Some(completion)) => {
                let mut messages = conversation("prompt", prompt, "user")?;
                messages.extend(conversation("completion", completion, "assistant")?);
                (messages, true)
            }
            _ => return Err(RowError::Format),
        };
        Ok(Row {
            messages,
            last_only,
            agent,
        })
    }

    /// The place of the last reply among the messages.
    pub(crate) fn last_reply(&self) -> Option<usize> {
        let replies = |message: &ChatMessage| message.role == "assistant";
        self.messages.iter().rposition(replies)
    }
}

/// A text of one role, or a list of messages.
fn conversation(field: &str, value: &Value, role: &str) -> Result<Vec<ChatMessage>, RowError> {
    let entries = match value {
        Value::String(content) => {
            return Ok(vec![ChatMessage {
                role: role.to_string(),
                content: content.clone(),
            }]);
        }
        Value::Array(entries) => entries,
        _ => {
            return Err(RowError::Field(
                field.to_string(),
                "text and no list of messages",
            ));
        }
    };
    let message = |entry: &Value| -> Option<ChatMessage> {
        Some(ChatMessage {
            role: entry.get("role")?.as_str()?.to_string(),
            content: entry.get("content")?.as_str()?.to_string(),
        })
    };
    entries
        .iter()
        .map(message)
        .collect::<Option<_>>()
        .ok_or_else(|| {
            RowError::Field(
                field.to_string(),
                "list of messages with `role` and `content`",
            )
        })
}
