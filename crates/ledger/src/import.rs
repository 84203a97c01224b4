use std::io::BufRead;

use domain::{Ask, Digest, Judging, Reply, Submission};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ImportError;
use crate::memo::Place;
use crate::outcomes;
use crate::question::{AskQuestion, JudgeQuestion, Question};
use crate::texts::Packed;
use crate::{Ledger, LedgerError, RunId, RunSpec, runs};

/// Lines that share one commit.
const BATCH: usize = 256;

/// What an export brought into a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Imported {
    /// The runs that it holds, in its order.
    pub runs: Vec<RunId>,
    /// Answers and outcomes that are here since.
    pub n_new: u64,
    /// Answers and outcomes that were here before.
    pub n_known: u64,
    /// Of these, questions to which this ledger had another answer, which stands.
    pub n_different: u64,
    /// Lines that were left out, from 1 on, with the reasons.
    pub left_out: Vec<(usize, String)>,
}

/// A line of an export, as far as it is taken.
#[derive(Deserialize)]
#[serde(tag = "schema")]
enum Line {
    #[serde(rename = "mapcoder.run/1")]
    Run { run: RunId, summary: Head },
    #[serde(rename = "mapcoder.exchange/1")]
    Exchange {
        run: RunId,
        problem: String,
        key: Digest,
        fresh: bool,
        ask: Ask,
        reply: Reply,
    },
    #[serde(rename = "mapcoder.judging/1")]
    Judging {
        run: RunId,
        problem: String,
        key: Digest,
        fresh: bool,
        toolchain: String,
        submission: Box<Submission>,
        judging: Judging,
    },
    #[serde(rename = "mapcoder.outcome/1")]
    Outcome {
        run: RunId,
        problem: String,
        outcome: Value,
    },
    /// Attempts, which are about the processes of the other machine, and what a newer version adds.
    #[serde(other)]
    Other,
}

/// What is taken of a run's summary; its sums follow from the other lines.
#[derive(Deserialize)]
struct Head {
    spec: RunSpec,
    created_at_us: i64,
    last_started_at_us: i64,
    n_starts: u64,
}

impl Ledger {
    /// Takes in what [`Ledger::export`] wrote, of one run or of several: their answers are given here as if they had been
    /// asked here, and the same [`RunSpec`] continues the run. Attempts stay where they were made.
    /// What is here already stands, so that importing again changes nothing. It holds some hundred lines in memory.
    ///
    /// Answers are believed as they are; only that they belong to their questions is checked.
    ///
    /// # Errors
    /// When the database fails, or the input does. Lines that cannot be used are left out and told.
    pub fn import(&self, input: &mut impl BufRead) -> Result<Imported, ImportError> {
        let mut imported = Imported::default();
        let mut batch = Vec::with_capacity(BATCH);
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            if input.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            match Line::parse(&bytes) {
                Ok(line) => batch.push((number, line)),
                Err(reason) => imported.left_out.push((number, reason)),
            }
            if batch.len() == BATCH {
                self.take(std::mem::take(&mut batch), &mut imported)?;
            }
        }
        self.take(batch, &mut imported)?;
        imported.left_out.sort();
        Ok(imported)
    }

    /// Stores lines in one commit.
    fn take(&self, lines: Vec<(usize, Line)>, imported: &mut Imported) -> Result<(), LedgerError> {
        let part = self.writer().submit_blocking(move |connection| {
            let mut part = Imported::default();
            for (number, line) in lines {
                if !line.store(connection, &mut part)? {
                    let reason = "no line before it tells its run".to_string();
                    part.left_out.push((number, reason));
                }
            }
            Ok(part)
        })?;
        imported.runs.extend(part.runs);
        imported.n_new += part.n_new;
        imported.n_known += part.n_known;
        imported.n_different += part.n_different;
        imported.left_out.extend(part.left_out);
        Ok(())
    }
}

impl Line {
    fn parse(bytes: &[u8]) -> Result<Line, String> {
        let line: Line = serde_json::from_slice(bytes.trim_ascii_end()).map_err(|error| {
            let reason = error.to_string();
            // The number of the line is told apart.
            let (what, _) = reason.rsplit_once(" at line ").unwrap_or((&reason, ""));
            what.to_string()
        })?;
        let is_whole = match &line {
            Line::Run { run, summary } => summary.spec.id() == *run,
            Line::Exchange { key, ask, .. } => ask.key() == *key,
            Line::Judging {
                key,
                toolchain,
                submission,
                ..
            } => submission.key(toolchain) == *key,
            Line::Outcome { .. } | Line::Other => true,
        };
        match is_whole {
            true => Ok(line),
            false => Err("its content has another key".to_string()),
        }
    }

    /// False when its run is unknown.
    fn store(self, connection: &Connection, part: &mut Imported) -> rusqlite::Result<bool> {
        let run = match &self {
            Line::Run { run, summary } => {
                runs::insert(
                    connection,
                    &summary.spec,
                    (summary.created_at_us, summary.last_started_at_us),
                    summary.n_starts,
                )?;
                part.runs.push(run.clone());
                return Ok(true);
            }
            Line::Other => return Ok(true),
            Line::Exchange { run, .. } | Line::Judging { run, .. } | Line::Outcome { run, .. } => {
                run
            }
        };
        let Some(run) = runs::find_row(connection, run)? else {
            return Ok(false);
        };
        match self {
            Line::Exchange {
                problem,
                key,
                fresh,
                ask,
                reply,
                ..
            } => {
                let place = Place {
                    run,
                    problem,
                    agent: Some(ask.agent),
                };
                part.answer(connection, &AskQuestion(&ask), &key, &reply, &place, fresh)?;
            }
            Line::Judging {
                problem,
                key,
                fresh,
                toolchain,
                submission,
                judging,
                ..
            } => {
                let place = Place {
                    run,
                    problem,
                    agent: None,
                };
                let question = JudgeQuestion {
                    submission: &submission,
                    toolchain: &toolchain,
                };
                part.answer(connection, &question, &key, &judging, &place, fresh)?;
            }
            Line::Outcome {
                problem, outcome, ..
            } => {
                let packed = Packed::new(&outcome.to_string());
                let is_new = outcomes::store(connection, run, &problem, &packed)?;
                part.count(is_new);
            }
            Line::Run { .. } | Line::Other => {}
        }
        Ok(true)
    }
}

impl Imported {
    /// Records an answer unless there is one, and that a run rests on the one that stands.
    fn answer<Q: Question>(
        &mut self,
        connection: &Connection,
        question: &Q,
        key: &Digest,
        answer: &Q::Answer,
        place: &Place,
        fresh: bool,
    ) -> rusqlite::Result<()> {
        let id = question.prepare(connection, key)?.store(connection)?;
        let row = Q::row(connection, answer)?;
        let is_new = Q::store(connection, id, &row)?;
        self.count(is_new);
        let earlier = match is_new {
            true => None,
            false => Q::load(connection, id)?,
        };
        let standing = earlier.as_ref().unwrap_or(answer);
        self.n_different += u64::from(!Q::is_same(standing, answer));
        place.link(connection, id, &Q::totals(standing), fresh)
    }

    fn count(&mut self, is_new: bool) {
        self.n_new += u64::from(is_new);
        self.n_known += u64::from(!is_new);
    }
}
