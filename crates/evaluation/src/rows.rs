//! A row for each problem, for those who analyse: as CSV or as Parquet.

mod csv;
mod parquet;

use std::collections::HashMap;

use domain::{Problem, Task};

pub use self::csv::write_csv;
pub use self::parquet::write_parquet;
use crate::{Ending, ProblemResult};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Whole,
    Real,
}

/// The columns, in their order.
const COLUMNS: [(&str, Kind); 16] = [
    ("id", Kind::Text),
    ("ending", Kind::Text),
    ("solved", Kind::Whole),
    ("verdict", Kind::Text),
    ("difficulty", Kind::Text),
    ("tags", Kind::Text),
    ("language", Kind::Text),
    ("plan_rank", Kind::Whole),
    ("debug_round", Kind::Whole),
    ("n_samples_passed", Kind::Whole),
    ("n_samples", Kind::Whole),
    ("n_calls", Kind::Whole),
    ("prompt_tokens", Kind::Whole),
    ("completion_tokens", Kind::Whole),
    ("model_seconds", Kind::Real),
    ("judge_seconds", Kind::Real),
];

/// One value; absent where nothing is known.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Text(Option<String>),
    Whole(Option<i64>),
    Real(f64),
}

/// The rows of results, one by one.
fn rows<'a>(
    tasks: &'a [Task],
    results: &'a [ProblemResult],
) -> impl Iterator<Item = [Cell; COLUMNS.len()]> + 'a {
    let problems: HashMap<&str, &Problem> = tasks
        .iter()
        .map(|task| (task.problem.id.as_str(), &task.problem))
        .collect();
    results
        .iter()
        .map(move |result| row(result, problems.get(result.id.as_str()).copied()))
}

fn row(result: &ProblemResult, problem: Option<&Problem>) -> [Cell; COLUMNS.len()] {
    let outcome = &result.outcome;
    let best = outcome.best.as_ref();
    let usage = outcome.usage();
    let text = |text: &str| Cell::Text(Some(text.to_string()));
    let whole =
        |number: Option<usize>| Cell::Whole(number.and_then(|number| i64::try_from(number).ok()));
    let tokens = |number: u64| Cell::Whole(i64::try_from(number).ok());
    [
        text(&result.id),
        text(result.ending.title()),
        whole(Some(usize::from(result.ending == Ending::Solved))),
        Cell::Text(
            result
                .scoring
                .as_ref()
                .map(|scoring| scoring.verdict.name().to_string()),
        ),
        Cell::Text(problem.and_then(|problem| problem.difficulty.clone())),
        Cell::Text(problem.map(|problem| problem.tags.join(";"))),
        Cell::Text(best.map(|best| best.program.language.name().to_string())),
        whole(best.map(|best| best.place.plan_rank)),
        whole(best.map(|best| best.place.debug_round)),
        whole(best.map(|best| best.n_passed)),
        whole(Some(outcome.n_samples)),
        whole(Some(outcome.calls.len())),
        tokens(usage.prompt_tokens),
        tokens(usage.completion_tokens),
        Cell::Real(result.model_time().as_secs_f64()),
        Cell::Real(result.judge_time().as_secs_f64()),
    ]
}

#[cfg(test)]
mod tests;
