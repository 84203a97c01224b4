//! What is trained on: rows of JSON lines, turned into tokens.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{ChatMessage, ChatTemplate, Tokenizer};

mod order;
mod row;

pub use order::{Order, Step, order};
pub(crate) use order::{digest, hex, shuffled};
pub use row::{Row, RowError};

/// A conversation in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The tokens.
    pub tokens: Vec<u32>,
    /// For each token, whether the model is trained to write it.
    pub trained: Vec<bool>,
    /// Tokens at the beginning that the base reads alone, as activated adapters do; none of the tokens up to
    /// the first that an adapter acts on can be trained.
    pub n_prefix: usize,
}

impl Document {
    /// Tokens that the model is trained to write. The first token of a document follows from nothing.
    pub fn n_trained(&self) -> usize {
        self.trained
            .iter()
            .skip(self.n_prefix + 1)
            .filter(|&&trained| trained)
            .count()
    }
}

/// A document, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its tokens.
    pub document: Document,
    /// The file.
    pub file: Arc<Path>,
    /// Its line, from 1.
    pub line: usize,
}

/// Shown as `file:line`.
impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// What became of the rows of some files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All rows.
    pub n_rows: usize,
    /// Rows that can be trained on.
    pub n_kept: usize,
    /// Rows for another agent than the one that is trained.
    pub n_other_agents: usize,
    /// Rows with more tokens than a sequence may have.
    pub n_too_long: usize,
    /// Rows without any text, or with nothing but empty replies.
    pub n_empty: usize,
    /// Rows in which there is nothing for the model to write.
    pub n_unlabelled: usize,
    /// Rows in which nothing activates an activated adapter.
    pub n_uninvoked: usize,
    /// Rows that the chat template refuses.
    pub n_refused: usize,
    /// Where the first such row is, and why it is refused.
    pub first_refused: Option<String>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.n_rows += other.n_rows;
        self.n_kept += other.n_kept;
        self.n_other_agents += other.n_other_agents;
        self.n_too_long += other.n_too_long;
        self.n_empty += other.n_empty;
        self.n_unlabelled += other.n_unlabelled;
        self.n_uninvoked += other.n_uninvoked;
        self.n_refused += other.n_refused;
        self.first_refused = self.first_refused.take().or(other.first_refused);
    }
}

/// Shown as one line.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} rows", self.n_kept, self.n_rows)?;
        for (n, what) in [
            (self.n_other_agents, "for other agents"),
            (self.n_too_long, "too long"),
            (self.n_empty, "empty"),
            (self.n_unlabelled, "without a reply"),
            (self.n_uninvoked, "without the invocation"),
            (self.n_refused, "refused by the chat template"),
        ] {
            if n > 0 {
                write!(f, ", {n} {what}")?;
            }
        }
        match &self.first_refused {
            Some(first) => write!(f, " (first {first})"),
            None => Ok(()),
        }
    }
}

/// Why examples cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file cannot be read.
    #[error("read the examples: {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is no example.
    #[error("read the examples: {path}:{line}: {problem}")]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: RowError,
    },
}

/// What turns rows into tokens.
#[derive(Clone, Copy)]
pub struct Encoding<'a> {
    /// The model's chat template.
    pub template: &'a ChatTemplate,
    /// The model's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// The most tokens of an example.
    pub sequence_len: usize,
    /// The tokens from whose last occurrence on an activated adapter acts; empty for an adapter that always acts.
    pub invocation: &'a [u32],
    /// The agent whose rows are wanted; all rows without one.
    pub agent: Option<&'a str>,
}

impl Encoding<'_> {
    /// Reads all examples of some files, in their order.
    ///
    /// # Errors
    /// When a file cannot be read, or a line is no example.
    pub fn read(&self, paths: &[PathBuf]) -> Result<(Vec<Example>, Tally), DataError> {
        let (mut examples, mut tally) = (Vec::new(), Tally::default());
        for path in paths {
            let text = std::fs::read_to_string(path).map_err(|source| DataError::Read {
                path: path.clone(),
                source,
            })?;
            let file: Arc<Path> = Arc::from(path.as_path());
            for (line, text) in (1..).zip(text.lines()) {
                if text.trim().is_empty() {
                    continue;
                }
                let row = Row::parse(text).map_err(|problem| DataError::Row {
                    path: path.clone(),
                    line,
                    problem,
                })?;
                let (document, of_row) = self.encode(&row, &file, line);
                tally.add(of_row);
                let file = Arc::clone(&file);
                examples.extend(document.map(|document| Example {
                    document,
                    file,
                    line,
                }));
            }
        }
        Ok((examples, tally))
    }

    /// The tokens of a row, unless there is a reason to leave it out, which is counted.
    fn encode(&self, row: &Row, file: &Path, line: usize) -> (Option<Document>, Tally) {
        let mut tally = Tally {
            n_rows: 1,
            ..Tally::default()
        };
        let is_for_another =
            |wanted: &str| row.agent.as_deref().is_some_and(|agent| agent != wanted);
        if self.agent.is_some_and(is_for_another) {
            tally.n_other_agents = 1;
            return (None, tally);
        }
        let is_blank = |message: &&ChatMessage| message.content.trim().is_empty();
        let replies = row.messages.iter().filter(|one| one.role == "assistant");
        let n_replies = replies.clone().count();
        let says_nothing = n_replies > 0 && replies.clone().all(|one| is_blank(&one));
        if says_nothing || row.messages.iter().all(|one| is_blank(&one)) {
            tally.n_empty = 1;
            return (None, tally);
        }
        let spans = match self.template.encode_replies(&row.messages, self.tokenizer) {
            Ok(spans) => spans,
            Err(error) => {
                tally.n_refused = 1;
                tally.first_refused = Some(format!("{}:{line}: {error}", file.display()));
                return (None, tally);
            }
        };
        let last = spans.iter().rposition(|span| span.is_reply);
        let (mut tokens, mut trained) = (Vec::new(), Vec::new());
        for (i, span) in spans.iter().enumerate() {
            let is_trained = span.is_reply && (!row.last_only || Some(i) == last);
            tokens.extend(&span.tokens);
            trained.extend(std::iter::repeat_n(is_trained, span.tokens.len()));
        }
        let n_prefix = match self.invocation {
            [] => Some(0),
            invocation => tokens
                .windows(invocation.len())
                .rposition(|window| window == invocation),
        };
        let Some(n_prefix) = n_prefix else {
            tally.n_uninvoked = 1;
            return (None, tally);
        };
        let document = Document {
            tokens,
            trained,
            n_prefix,
        };
        if document.n_trained() == 0 {
            tally.n_unlabelled = 1;
        } else if document.tokens.len() > self.sequence_len {
            tally.n_too_long = 1;
        } else {
            tally.n_kept = 1;
            return (Some(document), tally);
        }
        (None, tally)
    }
}
