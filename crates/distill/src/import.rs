//! Traces from exchanges and programs that others published.

mod bugs;
mod explain;
mod log;
mod reply;
mod school;
mod teach;

use std::collections::BTreeMap;

use agents::{PromptError, Prompts};
use datasets::{Answers, DataSet, Reference};
use domain::{Checker, Digest, Task};
use judge::JudgeError;
use ledger::{CallError, LedgerError};

pub(crate) use self::explain::essence;
pub use self::log::Log;
use self::school::School;
use crate::{HeldOut, Referee, SetRef, Tally, Trace, identity};

/// A data set that problems to train on come from.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// Its problems.
    pub set: DataSet,
    /// Its published solutions, where it has some.
    pub references: Vec<Reference>,
    /// Programs that others published for its problems, right and wrong ones, each with its file's name and digest.
    pub answers: Vec<(String, Digest, Answers)>,
}

/// What is imported, and how.
pub struct Import<'a> {
    /// Where problems come from. Of a problem that several sets have, each form is used.
    pub lessons: &'a [Lesson],
    /// Exchanges of another system about such problems.
    pub logs: &'a [Log],
    /// Problems that nothing is made of.
    pub held_out: &'a HeldOut,
    /// True where sets may be used whose licence forbids commercial use.
    pub with_noncommercial: bool,
    /// Similar problems to recall; a trace for each number.
    pub k: &'a [usize],
    /// Of each problem that the teacher solved, this many programs are broken on purpose, to be repaired.
    pub n_broken: usize,
    /// What the student will be told.
    pub prompts: &'a Prompts,
    /// Programs in work at a time.
    pub concurrency: usize,
}

/// What an import gave.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// One for each way in which a problem was worked on, in the order of the problems.
    pub traces: Vec<Trace>,
    /// Everything that was met: what became of it, or why it could not be mapped.
    pub tally: Tally,
}

/// Why an import ended.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A user's template cannot be filled.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The record cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The judge's own machinery failed.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

impl From<CallError<JudgeError>> for ImportError {
    fn from(error: CallError<JudgeError>) -> ImportError {
        match error {
            CallError::Call(error) => ImportError::Judge(error),
            CallError::Ledger(error) => ImportError::Ledger(error),
        }
    }
}

/// All problems: those that may be trained on, and the others with the reason.
pub(crate) struct Pupils<'a> {
    pub(crate) pupils: Vec<Pupil<'a>>,
    pub(crate) left_out: Vec<(&'a Task, &'static str)>,
}

/// A problem that may be trained on, with the set that it is in.
#[derive(Debug, Clone)]
pub(crate) struct Pupil<'a> {
    pub(crate) task: &'a Task,
    pub(crate) set: SetRef,
    pub(crate) checker: Checker,
    /// See [`identity`].
    pub(crate) identity: String,
}

/// Imports: joins exchanges and programs to problems, judges every program on all tests that there are, and rebuilds
/// from them what our own agents would have been asked and should have said.
///
/// # Errors
/// When a prompt cannot be filled, the ledger fails, or the judge's own machinery does. Rows that cannot be used are
/// counted. `on_judged` is told how many programs of how many are judged.
pub async fn import(
    what: &Import<'_>,
    referee: &Referee,
    on_judged: &mut dyn FnMut(usize, usize),
) -> Result<Imported, ImportError> {
    let mut tally = Tally::default();
    let pupils = pupils(what, &mut tally);
    let mut school = School::new(what, pupils);
    school.read_logs(&mut tally);
    school.read_published(&mut tally);
    school.judge_all(referee, on_judged, &mut tally).await?;
    let traces = teach::traces(&school, &mut tally)?;
    Ok(Imported { traces, tally })
}

/// The problems that may be trained on; the first of several that are stated alike in one set stands for all.
fn pupils<'a>(what: &'a Import<'_>, tally: &mut Tally) -> Pupils<'a> {
    let mut pupils = Vec::new();
    let mut left_out = Vec::new();
    for lesson in what.lessons {
        let set = SetRef::of(&lesson.set);
        let n_tasks = lesson.set.tasks.len();
        tally.add(&format!("problems of {}", set.name), n_tasks);
        let is_refused = set
            .licence
            .as_deref()
            .is_some_and(|licence| licence.contains("-NC-"));
        if is_refused && !what.with_noncommercial {
            let reason = "its set is not for commercial use";
            tally.add(&format!("problem left out: {reason}"), n_tasks);
            left_out.extend(lesson.set.tasks.iter().map(|task| (task, reason)));
            continue;
        }
        let repeats: BTreeMap<&str, &str> = datasets::duplicates(&lesson.set.tasks)
            .into_iter()
            .flat_map(|group| {
                let first = group[0];
                group.into_iter().skip(1).map(move |id| (id, first))
            })
            .collect();
        for task in &lesson.set.tasks {
            let id = task.problem.id.as_str();
            let reason = if what.held_out.holds(task) {
                "held out"
            } else if repeats.contains_key(id) {
                "stated like another one of its set"
            } else if task.hidden.is_empty() {
                "without hidden tests"
            } else {
                pupils.push(Pupil {
                    task,
                    set: set.clone(),
                    checker: lesson.set.format.checker(),
                    identity: identity(id),
                });
                continue;
            };
            tally.count(&format!("problem left out: {reason}"));
            left_out.push((task, reason));
        }
    }
    tally.add("problems to train on", pupils.len());
    Pupils { pupils, left_out }
}
