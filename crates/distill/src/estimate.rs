//! What a plan will take.

use std::collections::BTreeMap;

use domain::{Agent, Usage};
use evaluation::{Ending, ProblemResult};
use serde::Serialize;

use crate::correct::Account;

/// What calls take, on the average.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct CallFigures {
    /// Calls of one run; for a supervisor, of one run that failed.
    pub calls: f64,
    /// Tokens sent by one call.
    pub prompt_tokens: f64,
    /// Tokens received by one call.
    pub reply_tokens: f64,
    /// Seconds of one call, queueing included; absent where it was not measured.
    pub seconds: Option<f64>,
    /// Price of one call; absent where none is known.
    pub cost: Option<f64>,
}

/// What one run over one problem takes, on the average.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Runs that they were measured on; 0 where they are assumed.
    pub n_runs: usize,
    /// By agent.
    pub agents: BTreeMap<Agent, CallFigures>,
    /// The supervisor's, and the agents' calls that its corrections lead to.
    pub review: CallFigures,
    /// Calls of agents in the corrections of one run that failed.
    pub amending: CallFigures,
    /// The share of runs that fail.
    pub failed: f64,
}

/// Prompt tokens, then reply tokens, that one GPU of the 80 GB class is assumed to work off in a second for a model of
/// [`GPU_BILLIONS`] parameters, many requests at a time. Assumed, not measured here.
pub const GPU_TOKENS_PER_SECOND: [f64; 2] = [15_000.0, 1_500.0];

/// See [`GPU_TOKENS_PER_SECOND`].
pub const GPU_BILLIONS: f64 = 7.0;

/// Characters of a token of English and code, for tokenizers of 150,000 tokens. Assumed.
pub const CHARS_PER_TOKEN: f64 = 3.5;

impl Figures {
    /// The means of what is recorded; absent while no run is.
    pub fn measured(results: &[ProblemResult], accounts: &[Account]) -> Option<Figures> {
        if results.is_empty() {
            return None;
        }
        let n_runs = results.len();
        let mut sums: BTreeMap<Agent, Sum> = BTreeMap::new();
        for call in results.iter().flat_map(|result| &result.outcome.calls) {
            let sum = sums.entry(call.agent).or_default();
            sum.add(call.usage, Some(call.wall.as_secs_f64()), call.cost);
        }
        let n_failed = results
            .iter()
            .filter(|result| result.ending != Ending::Solved)
            .count();
        let mut reviews = Sum::default();
        let mut amending = Sum::default();
        for account in accounts {
            for round in &account.rounds {
                reviews.add(round.usage, None, round.cost);
            }
            // Of the last run alone, most of whose calls are often old: a bound from above.
            for call in &account.result.outcome.calls {
                amending.add(call.usage, Some(call.wall.as_secs_f64()), call.cost);
            }
        }
        let assumed = Figures::assumed(3, 5, 0.0);
        let has_reviews = reviews.n > 0;
        Some(Figures {
            n_runs,
            agents: sums
                .into_iter()
                .map(|(agent, sum)| (agent, sum.mean(n_runs)))
                .collect(),
            review: if has_reviews {
                reviews.mean(accounts.len())
            } else {
                assumed.review
            },
            amending: if has_reviews {
                amending.mean(accounts.len())
            } else {
                assumed.amending
            },
            failed: n_failed as f64 / n_runs as f64,
        })
    }

    /// What is assumed where nothing is recorded: replies as long as those of Qwen-Coder models in 3,004 recorded exchanges
    /// of a MapCoder team, prompts as long as ours for statements of `statement_tokens`, one program and a half per run,
    /// three repairs, and a third of all runs failing.
    pub fn assumed(k: usize, t: usize, statement_tokens: f64) -> Figures {
        let figures = |calls: f64, more: f64, reply_tokens: f64| CallFigures {
            calls,
            prompt_tokens: statement_tokens + more,
            reply_tokens,
            seconds: None,
            cost: None,
        };
        let k = k as f64;
        let agents = [
            (Agent::Retrieval, figures(1.0, 250.0, 370.0 + 150.0 * k)),
            (Agent::Planning, figures(2.0 * k, 450.0, 190.0)),
            (Agent::Coding, figures(1.5_f64.min(k), 700.0, 200.0)),
            (
                Agent::Debugging,
                figures(3.0_f64.min(k * t as f64), 900.0, 390.0),
            ),
        ];
        Figures {
            n_runs: 0,
            agents: agents.into(),
            review: figures(1.5, 2_500.0, 150.0),
            amending: figures(8.0, 700.0, 250.0),
            failed: 1.0 / 3.0,
        }
    }
}

#[derive(Debug, Default)]
struct Sum {
    n: usize,
    usage: Usage,
    seconds: Option<f64>,
    cost: Option<f64>,
}

impl Sum {
    fn add(&mut self, usage: Usage, seconds: Option<f64>, cost: Option<f64>) {
        self.n += 1;
        self.usage += usage;
        if let Some(seconds) = seconds {
            *self.seconds.get_or_insert_default() += seconds;
        }
        if let Some(cost) = cost {
            *self.cost.get_or_insert_default() += cost;
        }
    }

    fn mean(&self, n_runs: usize) -> CallFigures {
        let of_call = |sum: f64| sum / self.n.max(1) as f64;
        CallFigures {
            calls: self.n as f64 / n_runs.max(1) as f64,
            prompt_tokens: of_call(self.usage.prompt_tokens as f64),
            reply_tokens: of_call(self.usage.completion_tokens as f64),
            seconds: self.seconds.map(of_call),
            cost: self.cost.map(of_call),
        }
    }
}

/// What is expected of a part of the work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Expected {
    /// Calls.
    pub calls: f64,
    /// Tokens sent.
    pub prompt_tokens: f64,
    /// Tokens received.
    pub reply_tokens: f64,
    /// Seconds on the clock; absent where nothing is known of whoever answers.
    pub seconds: Option<f64>,
    /// Money; absent without prices.
    pub cost: Option<f64>,
}

/// Expects `n_runs` times what `figures` say, with `concurrency` problems at a time. Without a measured time of calls,
/// the time is that of a model of `billions` of parameters on one GPU at [`GPU_TOKENS_PER_SECOND`], to which it is
/// proportional, if such a model answers.
pub fn expect(
    figures: &CallFigures,
    n_runs: f64,
    concurrency: usize,
    billions: Option<f64>,
) -> Expected {
    let calls = figures.calls * n_runs;
    let prompt_tokens = calls * figures.prompt_tokens;
    let reply_tokens = calls * figures.reply_tokens;
    let [read, written] = GPU_TOKENS_PER_SECOND;
    Expected {
        calls,
        prompt_tokens,
        reply_tokens,
        seconds: match (figures.seconds, billions) {
            _ if calls == 0.0 => Some(0.0),
            (Some(seconds), _) => Some(calls * seconds / concurrency.max(1) as f64),
            (None, Some(billions)) => {
                Some((prompt_tokens / read + reply_tokens / written) * billions / GPU_BILLIONS)
            }
            (None, None) => None,
        },
        cost: figures.cost.map(|cost| cost * calls),
    }
}

/// The billions of parameters that a model's name tells, such as 32 in `Qwen2.5-32B-Instruct`; of several numbers the
/// last, which is that of the active ones where not all are.
pub fn billions(model: &str) -> Option<f64> {
    let parts = model.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    let size = |part: &str| {
        let (digits, scale) = match part.split_at_checked(part.len().checked_sub(1)?)? {
            (digits, "B" | "b") => (digits, 1.0),
            (digits, "M" | "m") => (digits, 1e-3),
            _ => return None,
        };
        let digits = digits.strip_prefix(['A', 'a']).unwrap_or(digits);
        let is_number = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
        let number: Option<f64> = digits.parse().ok();
        number.filter(|_| is_number).map(|number| number * scale)
    };
    parts.filter_map(size).next_back()
}

impl std::ops::AddAssign for Expected {
    fn add_assign(&mut self, other: Expected) {
        let sum = |one: Option<f64>, two: Option<f64>| match (one, two) {
            (Some(one), Some(two)) => Some(one + two),
            (one, two) => one.or(two),
        };
        self.calls += other.calls;
        self.prompt_tokens += other.prompt_tokens;
        self.reply_tokens += other.reply_tokens;
        self.seconds = sum(self.seconds, other.seconds);
        self.cost = sum(self.cost, other.cost);
    }
}

#[cfg(test)]
mod tests;
