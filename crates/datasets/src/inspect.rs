//! What a data set holds, and what is doubtful about it.

use std::collections::{BTreeMap, HashMap};

use domain::{Digest, Form, Task};
use serde::Serialize;

use crate::DataSet;

/// A data set in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// Its name.
    pub name: String,
    /// How its rows are written.
    pub format: &'static str,
    /// Of the file.
    pub digest: Digest,
    /// Under which it was published, as an SPDX expression; absent for a user's own.
    pub licence: Option<&'static str>,
    /// Problems.
    pub n_problems: usize,
    /// Problems that differ in their statements: the others say the same again.
    pub n_distinct: usize,
    /// Problems that ask for a function.
    pub n_functions: usize,
    /// Visible tests of all problems.
    pub n_samples: usize,
    /// Problems without any.
    pub n_without_samples: usize,
    /// Tests that score, of all problems.
    pub n_hidden: usize,
    /// Problems without any: they are scored by their samples.
    pub n_without_hidden: usize,
    /// Problems one of whose visible tests is a hidden one too.
    pub n_with_shared_tests: usize,
    /// Rows that could not be read.
    pub n_skipped: usize,
    /// Samples that were left out as broken, ambiguous or wrong.
    pub n_dropped: usize,
    /// Problems with something known to be wrong with their tests.
    pub n_errata: usize,
    /// Problems by difficulty, as far as it is said.
    pub difficulties: BTreeMap<String, usize>,
}

impl Inventory {
    /// Counts what a data set holds.
    pub fn of(set: &DataSet) -> Inventory {
        let tasks = &set.tasks;
        let count =
            |wanted: &dyn Fn(&Task) -> bool| tasks.iter().filter(|task| wanted(task)).count();
        let mut difficulties = BTreeMap::new();
        for task in tasks {
            if let Some(difficulty) = &task.problem.difficulty {
                *difficulties.entry(difficulty.clone()).or_default() += 1;
            }
        }
        let errata: std::collections::HashSet<&str> =
            set.errata.iter().map(|one| one.id.as_str()).collect();
        let n_repeated: usize = duplicates(tasks).iter().map(|group| group.len() - 1).sum();
        Inventory {
            name: set.name.clone(),
            format: set.format.name(),
            digest: set.digest.clone(),
            licence: set.format.licence(),
            n_problems: tasks.len(),
            n_distinct: tasks.len() - n_repeated,
            n_functions: count(&|task| matches!(task.problem.form, Form::Function { .. })),
            n_samples: tasks.iter().map(|task| task.problem.samples.len()).sum(),
            n_without_samples: count(&|task| task.problem.samples.is_empty()),
            n_hidden: tasks.iter().map(|task| task.hidden.len()).sum(),
            n_without_hidden: count(&|task| task.hidden.is_empty()),
            n_with_shared_tests: count(&shares_tests),
            n_skipped: set.skipped.len(),
            n_dropped: set.dropped.len(),
            n_errata: errata.len(),
            difficulties,
        }
    }
}

/// True when a visible test is a hidden one too, so that a program can pass it by heart.
fn shares_tests(task: &Task) -> bool {
    let hidden = task.hidden.reveal();
    task.problem
        .samples
        .iter()
        .any(|sample| hidden.contains(sample))
}

/// The ids of problems whose statements say the same, in groups, in the order of the data set.
pub fn duplicates(tasks: &[Task]) -> Vec<Vec<&str>> {
    let mut groups: HashMap<Digest, usize> = HashMap::new();
    let mut found: Vec<Vec<&str>> = Vec::new();
    for task in tasks {
        let at = *groups.entry(statement_key(task)).or_insert_with(|| {
            found.push(Vec::new());
            found.len() - 1
        });
        found[at].push(&task.problem.id);
    }
    found.retain(|group| group.len() > 1);
    found
}

/// Equal for problems that are stated in the same words, however they are set.
pub(crate) fn statement_key(task: &Task) -> Digest {
    let words: Vec<&str> = task.problem.statement.split_whitespace().collect();
    Digest::of(words.join(" "))
}
