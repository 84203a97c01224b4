//! From a conversation to tokens, through the chat template that a model brings along.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind};
use serde::Serialize;

use crate::gguf::GgufError;
use crate::source::Source;
use crate::tokenizer::{Piece, Tokenizer, TokenizerError};

mod json;

/// Why a conversation cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ChatTemplateError {
    /// The file has no template.
    #[error("load the chat template: the file has none")]
    Missing,
    /// The metadata cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The template is no valid Jinja.
    #[error("load the chat template: {0}")]
    Invalid(String),
    /// The template refused the conversation, or failed.
    #[error("render the conversation: {0}")]
    Render(String),
    /// The rendered text could not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// One turn of a conversation, as templates see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// A model's chat template.
pub struct ChatTemplate {
    environment: Environment<'static>,
}

const NAME: &str = "chat";

/// What `strftime_now` tells templates: always the same day, so that equal questions are rendered equally for ever.
const TODAY: [(&str, &str); 13] = [
    ("%Y", "2025"),
    ("%y", "25"),
    ("%m", "01"),
    ("%d", "01"),
    ("%B", "January"),
    ("%b", "Jan"),
    ("%A", "Wednesday"),
    ("%a", "Wed"),
    ("%j", "001"),
    ("%H", "00"),
    ("%M", "00"),
    ("%S", "00"),
    ("%%", "%"),
];

impl ChatTemplate {
    /// The template of a model.
    ///
    /// # Errors
    /// When it has none, or an invalid one.
    pub fn load(source: &dyn Source) -> Result<ChatTemplate, ChatTemplateError> {
        ChatTemplate::new(&source.chat_template()?)
    }

    /// A template from its source.
    ///
    /// # Errors
    /// When it is no valid Jinja.
    pub fn new(source: &str) -> Result<ChatTemplate, ChatTemplateError> {
        // Marks for training, which Jinja does not know.
        let source = source
            .replace("{% generation %}", "")
            .replace("{% endgeneration %}", "")
            .replace("{%- generation %}", "")
            .replace("{%- endgeneration %}", "")
            .replace("{%- generation -%}", "")
            .replace("{%- endgeneration -%}", "");
        let mut environment = Environment::new();
        // As `transformers` sets Jinja up.
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(|error| ChatTemplateError::Invalid(error.to_string()))?;
        environment.set_syntax(syntax);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", json::to_json);
        environment.add_function(
            "raise_exception",
            |message: String| -> Result<Value, Error> {
                Err(Error::new(ErrorKind::InvalidOperation, message))
            },
        );
        environment.add_function("strftime_now", |format: String| {
            TODAY
                .iter()
                .fold(format, |text, (code, value)| text.replace(code, value))
        });
        environment
            .add_template_owned(NAME, source)
            .map_err(|error| ChatTemplateError::Invalid(error.to_string()))?;
        Ok(ChatTemplate { environment })
    }

    /// Renders a conversation up to the place where the model's reply begins.
    ///
    /// # Errors
    /// When the template refuses the conversation.
    pub fn render(
        &self,
        messages: &[ChatMessage],
        tokenizer: &Tokenizer,
    ) -> Result<String, ChatTemplateError> {
        self.render_up_to(End::Reply, messages, tokenizer)
    }

    fn render_up_to(
        &self,
        end: End,
        messages: &[ChatMessage],
        tokenizer: &Tokenizer,
    ) -> Result<String, ChatTemplateError> {
        let mut context: Vec<(&str, Value)> = vec![
            ("messages", Value::from(Serde(messages))),
            ("add_generation_prompt", Value::from(end == End::Reply)),
        ];
        for (name, text) in tokenizer.named() {
            context.push((name, Value::from(text.as_str())));
        }
        let context = Value::from_pairs(context);
        self.environment
            .get_template(NAME)
            .and_then(|template| template.render(context))
            .map_err(|error| ChatTemplateError::Render(error.to_string()))
    }

    /// Renders a conversation and encodes it.
    ///
    /// Control tokens come from the template alone: text inside a message that looks like one stays text.
    /// Messages without such text are rendered exactly as they are.
    ///
    /// # Errors
    /// When the template refuses the conversation.
    pub fn encode(
        &self,
        messages: &[ChatMessage],
        tokenizer: &Tokenizer,
    ) -> Result<Vec<u32>, ChatTemplateError> {
        let guarded = Guarded::new(messages, tokenizer);
        let rendered = self.render(&guarded.messages, tokenizer)?;
        Ok(tokenizer.encode_pieces(&guarded.split(&rendered, tokenizer))?)
    }

    /// Renders a whole conversation and encodes it, cut where the assistant's replies begin and end.
    ///
    /// Up to each reply the tokens are those that [`ChatTemplate::encode`] gives for the messages before it,
    /// so that what is trained is what will be asked. A reply ends with the token that ends the turn;
    /// what follows the last one is left out.
    ///
    /// # Errors
    /// When the template refuses the conversation, ends a reply with no token that ends a turn,
    /// or renders the beginning of a conversation differently once it goes on.
    pub fn encode_replies(
        &self,
        messages: &[ChatMessage],
        tokenizer: &Tokenizer,
    ) -> Result<Vec<Span>, ChatTemplateError> {
        let guarded = Guarded::new(messages, tokenizer);
        let other = |problem: &str| ChatTemplateError::Render(format!("the template {problem}"));
        let goes_on = |text: &str, start: &str| match text.strip_prefix(start) {
            Some(rest) => Ok(rest.to_string()),
            None => Err(other(
                "renders the beginning of this conversation differently once it goes on",
            )),
        };
        let mut spans = Vec::new();
        let mut done = String::new();
        for (i, message) in messages.iter().enumerate() {
            if message.role != ASSISTANT {
                continue;
            }
            let (before, with) = (&guarded.messages[..i], &guarded.messages[..=i]);
            let question = self.render_up_to(End::Reply, before, tokenizer)?;
            let answered = self.render_up_to(End::Message, with, tokenizer)?;
            let asked = goes_on(&question, &done)?;
            let reply = goes_on(&answered, &question)?;
            let end = tokenizer
                .end_texts()
                .filter_map(|text| Some(reply.find(text)? + text.len()))
                .min()
                .ok_or_else(|| other("ends a reply with no token that ends a turn"))?;
            let asked = guarded.split(&asked, tokenizer);
            let tokens = if spans.is_empty() {
                tokenizer.encode_pieces(&asked)?
            } else {
                tokenizer.continue_pieces(&asked)?
            };
            let is_reply = false;
            spans.push(Span { tokens, is_reply });
            let tokens = tokenizer.continue_pieces(&guarded.split(&reply[..end], tokenizer))?;
            let is_reply = true;
            spans.push(Span { tokens, is_reply });
            done = answered[..question.len() + end].to_string();
        }
        Ok(spans)
    }
}

/// The role whose messages a model writes.
const ASSISTANT: &str = "assistant";

/// A part of an encoded conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// Whether the model is to write them.
    pub is_reply: bool,
}

/// Where the text of a conversation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Where the model's reply begins.
    Reply,
    /// After the last message.
    Message,
}

/// Messages in which nothing looks like a control token.
struct Guarded {
    messages: Vec<ChatMessage>,
    /// Stands inside of every text that would.
    mark: char,
}

impl Guarded {
    fn new(messages: &[ChatMessage], tokenizer: &Tokenizer) -> Guarded {
        let mark = unused_character(messages);
        let words: Vec<&str> = tokenizer.control_texts().collect();
        let messages = messages
            .iter()
            .map(|message| ChatMessage {
                role: message.role.clone(),
                content: break_words(&message.content, &words, mark),
            })
            .collect();
        Guarded { messages, mark }
    }

    /// Cuts a rendered text at its control tokens, and takes the marks out.
    fn split(&self, rendered: &str, tokenizer: &Tokenizer) -> Vec<Piece> {
        let mut pieces = tokenizer.split_control(rendered);
        for piece in &mut pieces {
            if let Piece::Text(text) = piece
                && text.contains(self.mark)
            {
                *text = text.replace(self.mark, "");
            }
        }
        pieces
    }
}

/// A private-use character that no message contains.
fn unused_character(messages: &[ChatMessage]) -> char {
    let used: std::collections::HashSet<char> = messages
        .iter()
        .flat_map(|message| message.content.chars())
        .filter(|c| *c >= '\u{e000}')
        .collect();
    // Either private-use plane has more characters than any context has room for.
    ('\u{e000}'..='\u{f8ff}')
        .chain('\u{f0000}'..='\u{10fffd}')
        .find(|c| !used.contains(c))
        .unwrap_or('\u{10fffd}')
}

/// Puts a mark into every control word of a text, and at an end of the text that could complete one
/// together with the template around it.
fn break_words(text: &str, words: &[&str], mark: char) -> String {
    let mut cuts = Vec::new();
    for word in words {
        let first_len = word.chars().next().map_or(0, char::len_utf8);
        // Overlapping occurrences count too.
        let mut from = 0;
        while let Some(at) = text[from..].find(word) {
            cuts.push(from + at + first_len);
            from += at + first_len;
        }
        // Templates may strip white space, so the ends are those of the stripped text.
        let core = text.trim();
        let start = text.len() - text.trim_start().len();
        for (at, _) in word.char_indices().skip(1) {
            if !core.is_empty() && core.starts_with(&word[at..]) {
                cuts.push(start);
            }
            if !core.is_empty() && core.ends_with(&word[..at]) {
                cuts.push(start + core.len());
            }
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    let mut marked = String::with_capacity(text.len() + cuts.len() * mark.len_utf8());
    let mut from = 0;
    for cut in cuts {
        marked.push_str(&text[from..cut]);
        marked.push(mark);
        from = cut;
    }
    marked.push_str(&text[from..]);
    marked
}
