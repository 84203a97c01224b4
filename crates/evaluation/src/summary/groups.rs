use std::collections::{BTreeMap, HashMap};

use domain::Task;
use serde::{Deserialize, Serialize};

use crate::stats::{Interval, wilson};
use crate::{Ending, ProblemResult};

/// What problems are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grouping {
    /// As the data set says it.
    Difficulty,
    /// As the data set says them; a problem counts under each of its tags.
    Tag,
    /// Of the program.
    Language,
}

impl Grouping {
    /// The word used in reports.
    pub fn title(self) -> &'static str {
        match self {
            Grouping::Difficulty => "difficulty",
            Grouping::Tag => "tag",
            Grouping::Language => "language",
        }
    }
}

/// How often the problems of a group were solved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// What they have in common.
    pub grouping: Grouping,
    /// Its value.
    pub name: String,
    /// Results that are decided.
    pub n_decided: usize,
    /// Of these, those that are solved.
    pub n_solved: usize,
    /// Wilson's interval of the share at 95 %.
    pub interval: Interval,
}

/// The groups of decided results, by grouping, then by name; numbers by their value.
pub(super) fn groups(tasks: &[Task], results: &[ProblemResult]) -> Vec<GroupSummary> {
    let tasks: HashMap<&str, &Task> = tasks
        .iter()
        .map(|task| (task.problem.id.as_str(), task))
        .collect();
    let mut counts: BTreeMap<(Grouping, u64, String), (usize, usize)> = BTreeMap::new();
    let mut add = |grouping, name: &str, result: &ProblemResult| {
        let order = name.parse().unwrap_or(u64::MAX);
        let count = counts
            .entry((grouping, order, name.to_string()))
            .or_default();
        count.0 += 1;
        count.1 += usize::from(result.ending == Ending::Solved);
    };
    for result in results.iter().filter(|result| result.ending.is_decided()) {
        if let Some(task) = tasks.get(result.id.as_str()) {
            if let Some(difficulty) = &task.problem.difficulty {
                add(Grouping::Difficulty, difficulty, result);
            }
            for tag in &task.problem.tags {
                add(Grouping::Tag, tag, result);
            }
        }
        if let Some(best) = &result.outcome.best {
            add(Grouping::Language, best.program.language.name(), result);
        }
    }
    counts
        .into_iter()
        .map(
            |((grouping, _, name), (n_decided, n_solved))| GroupSummary {
                grouping,
                name,
                n_decided,
                n_solved,
                interval: wilson(n_solved, n_decided),
            },
        )
        .collect()
}
