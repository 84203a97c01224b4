//! Rows of a log of exchanges that was made elsewhere, and the tries that they tell of.

use std::collections::BTreeMap;

use domain::Digest;
use serde::Deserialize;

use crate::Tally;

/// A part of the other system's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Retrieval,
    Planning,
    PlanVerification,
    Coding,
    Debugging,
}

/// One exchange of the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogRow {
    pub(crate) run: String,
    pub(crate) task_id: String,
    pub(crate) stage: Stage,
    /// All that was asked, in one text.
    pub(crate) question: String,
    pub(crate) reply: String,
    /// Of the line.
    pub(crate) digest: Digest,
}

#[derive(Deserialize)]
struct Raw {
    run: String,
    task_id: serde_json::Value,
    #[serde(default)]
    seq: u64,
    stage: Stage,
    messages: Option<Vec<RawMessage>>,
    response: Option<String>,
}

#[derive(Deserialize)]
struct RawMessage {
    role: String,
    content: String,
}

/// A log file: what it is called, and its exchanges in the order of their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// The file's name.
    pub file: String,
    /// Of its bytes.
    pub digest: Digest,
    /// Rows that are no exchange, by reason; all others count as `exchanges`.
    pub tally: Tally,
    pub(crate) rows: Vec<LogRow>,
}

impl Log {
    /// Reads a log: JSON lines with `run`, `task_id`, `seq`, `stage` (`retrieval`, `planning`, `plan_verification`,
    /// `coding` or `debugging`), `messages` and `response`. A line that is none is counted and stops nothing.
    pub fn read(file: &str, text: &str) -> Log {
        let mut tally = Tally::default();
        let mut numbered = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str::<Raw>(line) {
                Ok(raw) => {
                    tally.count("exchanges");
                    numbered.push((raw.seq, row(raw, Digest::of(line))));
                }
                Err(_) => tally.count("no exchange: the line is not of the log's form"),
            }
        }
        // Stable: lines with equal numbers stay in their order.
        numbered.sort_by_key(|(seq, _)| *seq);
        Log {
            file: file.to_string(),
            digest: Digest::of(text),
            tally,
            rows: numbered.into_iter().map(|(_, row)| row).collect(),
        }
    }

    /// The ids of all problems that it has exchanges of.
    pub fn task_ids(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.task_id.as_str())
    }

    /// The log as tries, in the order in which they began.
    pub(crate) fn tries(&self) -> Vec<Try<'_>> {
        let mut tries: Vec<Try> = Vec::new();
        let mut open: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for row in &self.rows {
            let key = (row.run.as_str(), row.task_id.as_str());
            let at = match open.get(&key) {
                Some(at) if tries[*at].takes(row) => *at,
                _ => {
                    tries.push(Try {
                        rows: Vec::new(),
                        run: &row.run,
                        task_id: &row.task_id,
                    });
                    open.insert(key, tries.len() - 1);
                    tries.len() - 1
                }
            };
            tries[at].rows.push(row);
        }
        tries
    }
}

fn row(raw: Raw, digest: Digest) -> LogRow {
    let question: Vec<String> = raw
        .messages
        .unwrap_or_default()
        .into_iter()
        .filter(|message| message.role != "assistant")
        .map(|message| message.content)
        .collect();
    LogRow {
        run: raw.run,
        task_id: match raw.task_id {
            serde_json::Value::String(id) => id,
            other => other.to_string(),
        },
        stage: raw.stage,
        question: question.join("\n\n"),
        reply: raw.response.unwrap_or_default(),
        digest,
    }
}

/// One pass over a problem: at most one retrieval, plan, check and program, then repairs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Try<'a> {
    pub(crate) run: &'a str,
    pub(crate) task_id: &'a str,
    pub(crate) rows: Vec<&'a LogRow>,
}

impl Try<'_> {
    /// A step that stands before one that is there already begins another try, and so does another statement: ids of
    /// contests are those of several problems.
    fn takes(&self, row: &LogRow) -> bool {
        let place = |stage: Stage| stage as u8;
        let last = self.rows.last().map_or(0, |last| place(last.stage));
        let repeats = row.stage == Stage::Debugging && last == place(Stage::Debugging);
        // Some rows have lost their question.
        let (own, other) = (opening(self.question()), opening(&row.question));
        (place(row.stage) > last || repeats || self.rows.is_empty())
            && (own.is_empty() || other.is_empty() || own == other)
    }

    /// The only row of a stage, or the first.
    pub(crate) fn of(&self, stage: Stage) -> Option<&LogRow> {
        self.rows.iter().find(|row| row.stage == stage).copied()
    }

    /// The programs in the order in which they were written.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &LogRow> {
        let writes = |row: &&&LogRow| matches!(row.stage, Stage::Coding | Stage::Debugging);
        self.rows.iter().filter(writes).copied()
    }

    /// What the model was told of the problem.
    pub(crate) fn statement(&self) -> &str {
        statement(self.question())
    }

    /// The first question that is there.
    fn question(&self) -> &str {
        let mut questions = self.rows.iter().map(|row| row.question.as_str());
        questions.find(|text| !text.is_empty()).unwrap_or_default()
    }
}

/// What stands before the statement in a question, and what follows it.
const BEFORE: &str = "Problem description:";
const BEHIND: [&str; 4] = [
    "\nKnowledge base:",
    "\nPlan:",
    "\nCurrent code:",
    "\nPlease provide",
];

fn statement(question: &str) -> &str {
    let text = question
        .split_once(BEFORE)
        .map_or(question, |(_, text)| text);
    let end = BEHIND.iter().filter_map(|mark| text.find(mark)).min();
    text[..end.unwrap_or(text.len())].trim()
}

/// The beginning of the statement, by which the rows of one try know each other.
fn opening(question: &str) -> String {
    statement(question).chars().take(60).collect()
}

#[cfg(test)]
mod tests;
