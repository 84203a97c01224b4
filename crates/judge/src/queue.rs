//! What there is to do, and for whom.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use domain::{CaseReport, Isolation, Language, Limits, Program, Rung, Test};
use tokio::sync::oneshot;

use crate::checkers::Check;
use crate::languages::{Header, Toolchains, Warm};
use crate::{JudgeError, Settings, wait};

/// A program that is ready to run.
#[derive(Clone)]
pub(crate) enum Executable {
    /// Source for an interpreter.
    Python(Warm, Arc<OwnedFd>),
    /// Machine code.
    Binary(Language, Arc<OwnedFd>),
    /// Files that another program runs.
    Files {
        language: Language,
        /// The files, as a bundle.
        files: Arc<OwnedFd>,
        /// The class that begins, where there are classes.
        main: String,
    },
}

/// What the compiler made of a source.
#[derive(Clone)]
pub(crate) struct Compiled {
    /// Absent when it did not compile.
    pub(crate) executable: Option<Executable>,
    pub(crate) log: String,
}

/// One test of a program.
pub(crate) struct Case {
    pub(crate) executable: Executable,
    pub(crate) test: Test,
    pub(crate) check: Check,
    pub(crate) limits: Limits,
    pub(crate) isolation: Isolation,
}

/// Where a result goes.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, JudgeError>>;

/// Something to do in a cell, and who waits for it.
pub(crate) enum Job {
    Case(Box<Case>, Answer<CaseReport>),
    Compile(Program, Answer<Compiled>),
}

/// What the threads share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) rung: Rung,
    pub(crate) toolchains: Toolchains,
    /// The precompiled headers whose making has been tried.
    pub(crate) headers_tried: Mutex<Vec<Header>>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl Shared {
    pub(crate) fn new(settings: Settings, rung: Rung, toolchains: Toolchains) -> Shared {
        Shared {
            settings,
            rung,
            toolchains,
            headers_tried: Mutex::default(),
            queue: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// A panic elsewhere leaves the queue whole: every change to it is a single step.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, job: Job) {
        self.queue().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// Lets the threads end after what they are doing; what still waits is answered with an error.
    pub(crate) fn close(&self) {
        let mut queue = self.queue();
        queue.is_closed = true;
        queue.jobs.clear();
        self.changed.notify_all();
    }

    pub(crate) fn pop(&self) -> Option<Job> {
        // The next job often follows at once, and being woken costs as much as a good part of a run.
        wait::attentively(|| {
            let queue = self.queue();
            queue.is_closed || !queue.jobs.is_empty()
        });
        let mut queue = self.queue();
        loop {
            if queue.is_closed {
                return None;
            }
            match queue.jobs.pop_front() {
                Some(job) => return Some(job),
                None => {
                    queue = self
                        .changed
                        .wait(queue)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}
