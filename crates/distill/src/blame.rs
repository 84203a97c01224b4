use std::collections::BTreeMap;

use agents::Format;
use domain::{Agent, Usage};
use evaluation::Ending;
use serde::{Deserialize, Serialize};

use crate::correct::{Account, End};

/// Whom supervisors blamed, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BlameCounts {
    /// Runs that were corrected.
    pub n_runs: usize,
    /// How their correction ended.
    pub ends: BTreeMap<End, usize>,
    /// Reviews.
    pub n_reviews: usize,
    /// Reviews that the strict parser refused.
    pub n_format_failures: usize,
    /// Tokens of all reviews.
    pub usage: Usage,
    /// What reviews cost; absent when no price was known.
    pub cost: Option<f64>,
    /// Reviews that blame an agent, and of these those whose corrected run passes all tests.
    pub agents: BTreeMap<Agent, Blamed>,
}

/// How often an agent was blamed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blamed {
    /// Reviews that name it.
    pub n: usize,
    /// Of these, those whose corrected run passes all tests.
    pub n_solved: usize,
}

impl BlameCounts {
    /// Counts corrections.
    pub fn of<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> BlameCounts {
        let mut counts = BlameCounts::default();
        for account in accounts {
            counts.n_runs += 1;
            *counts.ends.entry(account.end).or_default() += 1;
            for round in &account.rounds {
                counts.n_reviews += 1;
                counts.n_format_failures += usize::from(round.format != Format::Strict);
                counts.usage += round.usage;
                if let Some(cost) = round.cost {
                    *counts.cost.get_or_insert_default() += cost;
                }
                if let Some(agent) = round.blame {
                    let blamed = counts.agents.entry(agent).or_default();
                    blamed.n += 1;
                    blamed.n_solved += usize::from(round.ending == Some(Ending::Solved));
                }
            }
        }
        counts
    }

    /// How corrections ended, with their numbers, such as `3 solved, 1 same reply again`.
    pub fn ends(&self) -> String {
        let ended = End::ALL.into_iter().map(|end| (end, self.n_ended(end)));
        let ended = ended.filter(|(_, n)| *n > 0);
        let ended: Vec<String> = ended
            .map(|(end, n)| format!("{n} {}", end.title()))
            .collect();
        ended.join(", ")
    }

    /// Corrections that ended so.
    pub fn n_ended(&self, end: End) -> usize {
        self.ends.get(&end).copied().unwrap_or_default()
    }
}
