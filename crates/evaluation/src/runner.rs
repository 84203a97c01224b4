use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agents::Format;
use domain::{Task, Usage};
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::{Ending, ProblemResult};

/// Asks a run to take no new problem; those in flight are finished. Clones ask the same run.
#[derive(Debug, Clone, Default)]
pub struct Drain(Arc<AtomicBool>);

impl Drain {
    /// From now on no new problem is taken.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True after [`Drain::request`].
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that just happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A problem was taken.
    Started {
        /// Its place in the list of problems, from 0.
        index: usize,
        /// Its id.
        id: String,
    },
    /// A reply came. The runner does not send this; whoever listens to a team's steps does.
    Asked {
        /// What it took.
        usage: Usage,
        /// How it kept its contract.
        format: Format,
        /// False when it came from the record.
        is_fresh: bool,
    },
    /// A problem has a result.
    Finished {
        /// Its place in the list of problems, from 0.
        index: usize,
        /// Its id.
        id: String,
        /// How it ended.
        ending: Ending,
        /// Recorded time of its model calls and judgings.
        time: Duration,
    },
    /// A problem has none: the record failed, or our own code panicked.
    Faulted {
        /// Its place in the list of problems, from 0.
        index: usize,
        /// Its id.
        id: String,
        /// What happened.
        fault: String,
    },
}

/// A problem without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faulted {
    /// The problem's id.
    pub id: String,
    /// What happened.
    pub fault: String,
}

/// What a run leaves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Finished {
    /// In the order of the problems, however many ran at a time.
    pub results: Vec<ProblemResult>,
    /// Problems that were taken and have no result, in the order of the problems.
    pub faulted: Vec<Faulted>,
    /// Problems that were never taken, because the run was drained.
    pub n_left: usize,
}

impl Finished {
    /// Adds what another run left.
    pub fn extend(&mut self, other: Finished) {
        self.results.extend(other.results);
        self.faulted.extend(other.faulted);
        self.n_left += other.n_left;
    }

    /// True when every problem is decided, so that running again would change nothing.
    pub fn is_complete(&self) -> bool {
        self.n_left == 0
            && self.faulted.is_empty()
            && self.results.iter().all(|result| result.ending.is_decided())
    }
}

/// Solves problems, at most `concurrency` at a time, taking them in order.
/// A fault or a panic in one of them never stops the others.
/// Dropping the future cancels everything.
pub async fn run<Solve, Solving, Error>(
    tasks: Vec<Task>,
    concurrency: usize,
    drain: &Drain,
    solve: Solve,
    mut on_event: impl FnMut(Event),
) -> Finished
where
    Solve: Fn(Task) -> Solving,
    Solving: Future<Output = Result<ProblemResult, Error>>,
    Error: Display,
{
    let n_tasks = tasks.len();
    let mut waiting = tasks.into_iter().enumerate();
    let mut in_flight = FuturesUnordered::new();
    let mut done: Vec<Option<Result<ProblemResult, Faulted>>> =
        (0..n_tasks).map(|_| None).collect();
    loop {
        while in_flight.len() < concurrency.max(1) && !drain.is_requested() {
            let Some((index, task)) = waiting.next() else {
                break;
            };
            let id = task.problem.id.clone();
            on_event(Event::Started {
                index,
                id: id.clone(),
            });
            let solve = &solve;
            // The call itself is made inside, so that a panic before its first await is caught too.
            let solving = AssertUnwindSafe(async move { solve(task).await }).catch_unwind();
            in_flight.push(async move { (index, id, solving.await) });
        }
        let Some((index, id, solved)) = in_flight.next().await else {
            break;
        };
        let result = match solved {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(error.to_string()),
            Err(panic) => Err(panic_message(panic.as_ref())),
        };
        on_event(match &result {
            Ok(result) => Event::Finished {
                index,
                id: id.clone(),
                ending: result.ending,
                time: result.model_time() + result.judge_time(),
            },
            Err(fault) => Event::Faulted {
                index,
                id: id.clone(),
                fault: fault.clone(),
            },
        });
        done[index] = Some(result.map_err(|fault| Faulted { id, fault }));
    }
    let mut finished = Finished {
        results: Vec::new(),
        faulted: Vec::new(),
        n_left: waiting.len(),
    };
    for result in done.into_iter().flatten() {
        match result {
            Ok(result) => finished.results.push(result),
            Err(faulted) => finished.faulted.push(faulted),
        }
    }
    finished
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "a fault in this program: {}",
        message.unwrap_or("it says nothing")
    )
}

#[cfg(test)]
mod tests;
