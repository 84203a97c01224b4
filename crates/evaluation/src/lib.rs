//! Runs a strategy over a data set and measures it.
//!
//! 1. [`solve_task`] lets a team work on one problem, judges its program on the hidden tests,
//!    and gives a [`ProblemResult`]: exactly one [`Ending`] and all that was recorded on the way.
//! 2. [`run`] does that for many problems at once. It does, and reports by [`Event`]s; a [`Progress`] folds them
//!    into what a live line shows. A [`Drain`] stops it gently.
//! 3. A [`Summary`] is made of results alone, so that a resumed run gives the same one.
//!    [`Summary::render`] is its table, [`summary_line`] and [`problem_line`] are its JSON.
//! 4. [`rejudge`] judges what others published, and [`verify`] what a run recorded.
//! 5. [`compare`] says whether one run really solves more than another.
//! 6. [`html`] is the report as a page, [`rows`] as CSV and Parquet, [`export`] in the forms of other tools.
//! 7. [`stats`] holds the intervals and tests behind the numbers.

pub mod compare;
pub mod export;
pub mod html;
mod json;
mod progress;
pub mod rejudge;
mod report;
mod result;
pub mod rows;
mod runner;
mod score;
pub mod stats;
mod summary;
mod table;
pub mod verify;

pub use json::{PROBLEM_SCHEMA, SUMMARY_SCHEMA, problem_line, summary_line};
pub use progress::Progress;
pub use result::{Ending, ProblemResult, Scoring};
pub use runner::{Drain, Event, Faulted, Finished, run};
pub use score::{ScoreError, hidden_submission, judge_hidden, score_outcome, solve_task};
pub use summary::{
    AgentSummary, CompatScore, EndingCounts, FormatSummary, GroupSummary, Grouping, Header,
    PassAtK, PlaceSummary, Summary,
};
pub use table::{Align, Table};

#[cfg(test)]
mod fixtures;
