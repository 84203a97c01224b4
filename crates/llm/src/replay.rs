use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::BufRead;

use domain::{Agent, Ask, Digest, Exchange, Reply};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use serde_json::Value;

use crate::{ChatError, ChatModel};

/// The schema of an exchange in a ledger's export; lines with other schemas are passed over.
const EXCHANGE: &str = "mapcoder.exchange/1";

/// Which questions count as equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// Those with the same key: model, messages, sampling and sample index. Numbers of milliseconds in messages may
    /// differ: they are of judgings, which take another time when a run is made again.
    Exact,
    /// Those with the same messages. Where several replies are recorded for them, the sample index picks one.
    Messages,
}

/// Answers from recorded exchanges; asks nobody.
pub struct Replay {
    matching: Matching,
    replies: HashMap<Digest, Vec<Reply>>,
    identities: BTreeMap<Agent, String>,
    /// Agents whose replies were held to shapes.
    shaped: BTreeSet<Agent>,
    n_exchanges: usize,
}

/// A recording that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The source failed.
    #[error("read the recorded exchanges: {0}")]
    Input(#[from] std::io::Error),
    /// A line is not an exchange.
    #[error("read the recorded exchange in line {line}: {reason}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Replay {
    /// Reads exchanges, one JSON object a line: bare ones, or the export of a ledger.
    /// When a question occurs again with [`Matching::Exact`], its first reply stands.
    ///
    /// # Errors
    /// When the source fails or a line is not JSON or not an exchange.
    pub fn read(source: impl BufRead, matching: Matching) -> Result<Replay, ReplayError> {
        let mut replay = Replay {
            matching,
            replies: HashMap::new(),
            identities: BTreeMap::new(),
            shaped: BTreeSet::new(),
            n_exchanges: 0,
        };
        for (line_idx, line) in source.lines().enumerate() {
            let line = line?;
            let exchange = exchange(&line).map_err(|reason| ReplayError::Line {
                line: line_idx + 1,
                reason,
            })?;
            if let Some(exchange) = exchange {
                replay.add(exchange);
            }
        }
        Ok(replay)
    }

    /// Exchanges read.
    pub fn n_exchanges(&self) -> usize {
        self.n_exchanges
    }

    fn add(&mut self, exchange: Exchange) {
        let Exchange { ask, reply } = exchange;
        let replies = self.replies.entry(self.matching.key(&ask)).or_default();
        if self.matching == Matching::Messages || replies.is_empty() {
            replies.push(reply);
        }
        if ask.shape.is_some() {
            self.shaped.insert(ask.agent);
        }
        self.identities.entry(ask.agent).or_insert(ask.model);
        self.n_exchanges += 1;
    }

    fn find(&self, ask: &Ask) -> Result<Reply, ChatError> {
        let replies = self.replies.get(&self.matching.key(ask));
        let replies = replies.ok_or(ChatError::NotRecorded)?;
        Ok(replies[ask.sample_idx as usize % replies.len()].clone())
    }
}

impl Matching {
    fn key(self, ask: &Ask) -> Digest {
        match self {
            Matching::Exact => {
                let mut ask = ask.clone();
                for message in &mut ask.messages {
                    message.content = without_times(&message.content);
                }
                ask.key()
            }
            Matching::Messages => Digest::of_json(&ask.messages),
        }
    }
}

/// A text without the digits before every ` ms`.
fn without_times(text: &str) -> String {
    let mut without = String::with_capacity(text.len());
    let mut pieces = text.split(" ms").peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_some() {
            without += piece.trim_end_matches(|c: char| c.is_ascii_digit());
            without += " ms";
        } else {
            without += piece;
        }
    }
    without
}

impl ChatModel for Replay {
    /// The model that was recorded for this agent, or for any other.
    fn identity(&self, agent: Agent) -> String {
        let recorded = self.identities.get(&agent);
        recorded
            .or_else(|| self.identities.values().next())
            .cloned()
            .unwrap_or_else(|| "replay".into())
    }

    /// As it was recorded.
    fn keeps_shapes(&self, agent: Agent) -> bool {
        self.shaped.contains(&agent)
    }

    fn chat<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, ChatError>> {
        ready(self.find(ask)).boxed()
    }
}

/// The exchange in a line; none in an empty line or one of another schema.
fn exchange(line: &str) -> Result<Option<Exchange>, String> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let json: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if json.get("schema").is_some_and(|schema| schema != EXCHANGE) {
        return Ok(None);
    }
    serde_json::from_value(json)
        .map(Some)
        .map_err(|error| error.to_string())
}
