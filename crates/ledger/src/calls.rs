use std::time::Duration;

use domain::{Agent, Digest, Exchange, Judging, Submission, Usage, Verdict};
use serde::Serialize;

use crate::columns::{from_name, unsigned};
use crate::stored;
use crate::{Ledger, LedgerError, RunId};

/// An answer that a run rests on, without its texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallSummary {
    /// The problem that it was needed for.
    pub problem: String,
    /// The content key; [`Ledger::exchange`] or [`Ledger::judged`] has the texts.
    pub key: Digest,
    /// True when this run made the call, false when the answer was there.
    pub fresh: bool,
    /// What was called.
    pub call: Call,
}

/// What was called, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Call {
    /// A model.
    Ask {
        /// In whose role it answered.
        agent: Agent,
        /// Tokens.
        usage: Usage,
        /// What it took in time.
        wall: Duration,
        /// What it cost; absent without a price.
        cost: Option<f64>,
    },
    /// The judge.
    Judge {
        /// Its verdict.
        verdict: Verdict,
        /// Tests that were run.
        n_cases: u64,
        /// Of these, tests that passed.
        n_passed: u64,
        /// Time of all tests on the clock.
        wall: Duration,
    },
}

/// What one agent did in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentTotals {
    /// The agent.
    pub agent: Agent,
    /// Replies.
    pub n_asks: u64,
    /// Of these, replies that another run had recorded.
    pub n_reused: u64,
    /// Tokens of all of them.
    pub usage: Usage,
    /// Their time, added up.
    pub wall: Duration,
    /// What the run's own calls cost; absent without prices.
    pub cost: Option<f64>,
}

impl Ledger {
    /// The answers that a run rests on, in the order in which they were recorded for it.
    ///
    /// # Errors
    /// When the run is unknown or the database fails.
    pub fn calls(&self, run: &RunId) -> Result<Vec<CallSummary>, LedgerError> {
        let run = self.run_row(run)?;
        self.readers().with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT problem, key, fresh, agent,
                    prompt_tokens, cached_tokens, completion_tokens, ifnull(replies.wall, judgings.wall), cost,
                    verdict, n_cases, n_passed
                 FROM uses JOIN questions ON questions.id = uses.question
                    LEFT JOIN replies ON replies.question = uses.question
                    LEFT JOIN judgings ON judgings.question = uses.question
                 WHERE run = ? ORDER BY uses.id",
            )?;
            statement.query_map([run], call_summary)?.collect()
        })
    }

    /// What each agent did in a run, in the order of [`Agent::ALL`]; agents that did nothing are left out.
    ///
    /// # Errors
    /// When the run is unknown or the database fails.
    pub fn agent_totals(&self, run: &RunId) -> Result<Vec<AgentTotals>, LedgerError> {
        let run = self.run_row(run)?;
        let mut totals = self.readers().with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT agent, count(*), sum(NOT fresh), sum(prompt_tokens), sum(cached_tokens),
                    sum(completion_tokens), sum(wall), sum(cost) FILTER (WHERE fresh)
                 FROM uses JOIN replies ON replies.question = uses.question
                 WHERE run = ? AND agent IS NOT NULL GROUP BY agent",
            )?;
            let rows = statement.query_map([run], |row| {
                Ok(AgentTotals {
                    agent: from_name(row.get_ref(0)?.as_str()?)?,
                    n_asks: unsigned(row.get(1)?),
                    n_reused: unsigned(row.get(2)?),
                    usage: usage(row, 3)?,
                    wall: Duration::from_nanos(unsigned(row.get(6)?)),
                    cost: row.get(7)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        totals.sort_by_key(|totals| totals.agent);
        Ok(totals)
    }

    /// A question to a model with its reply, whole.
    ///
    /// # Errors
    /// When the database fails.
    pub fn exchange(&self, key: &Digest) -> Result<Option<Exchange>, LedgerError> {
        self.readers()
            .with(|connection| match stored::find_question(connection, key)? {
                Some(id) => stored::load_exchange(connection, id),
                None => Ok(None),
            })
    }

    /// A judged submission with the answer, whole.
    ///
    /// # Errors
    /// When the database fails.
    pub fn judged(&self, key: &Digest) -> Result<Option<(Submission, Judging)>, LedgerError> {
        self.readers()
            .with(|connection| match stored::find_question(connection, key)? {
                Some(id) => stored::load_judged(connection, id)
                    .map(|judged| judged.map(|(submission, _, judging)| (submission, judging))),
                None => Ok(None),
            })
    }
}

fn call_summary(row: &rusqlite::Row<'_>) -> rusqlite::Result<CallSummary> {
    let agent = row.get_ref(3)?.as_str_or_null()?;
    let wall = Duration::from_nanos(unsigned(row.get(7)?));
    Ok(CallSummary {
        problem: row.get(0)?,
        key: from_name(row.get_ref(1)?.as_str()?)?,
        fresh: row.get(2)?,
        call: match agent {
            Some(agent) => Call::Ask {
                agent: from_name(agent)?,
                usage: usage(row, 4)?,
                wall,
                cost: row.get(8)?,
            },
            None => Call::Judge {
                verdict: from_name(row.get_ref(9)?.as_str()?)?,
                n_cases: unsigned(row.get(10)?),
                n_passed: unsigned(row.get(11)?),
                wall,
            },
        },
    })
}

/// Tokens from three neighbouring columns.
fn usage(row: &rusqlite::Row<'_>, first_column: usize) -> rusqlite::Result<Usage> {
    Ok(Usage {
        prompt_tokens: unsigned(row.get(first_column)?),
        cached_tokens: unsigned(row.get(first_column + 1)?),
        completion_tokens: unsigned(row.get(first_column + 2)?),
    })
}
