//! Programs in process and IPC namespaces of their own, for one run.
//!
//! A program there is a child of the supervisor as any other. The first process of its namespace only reaps what is
//! orphaned; when the run is over it is killed, and with it the kernel kills all that is left.
//! The namespaces of the next run are made while the present one runs.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::spawn::{Spawner, Start};
use crate::sys::{First, Home};

/// Namespaces of programs.
pub(super) struct Nest {
    home: Home,
    present: Cell<Option<First>>,
    next: Cell<Option<First>>,
    /// Their first processes' ids, or zeros.
    pids: Cell<[i32; 2]>,
}

impl Nest {
    pub(super) fn new() -> io::Result<Nest> {
        Ok(Nest {
            home: Home::here()?,
            present: Cell::new(None),
            next: Cell::new(None),
            pids: Cell::new([0; 2]),
        })
    }

    /// Starts a program in new namespaces; returns its id and a handle on it.
    pub(super) fn start(
        &self,
        spawner: &mut Spawner,
        start: Start<'_>,
    ) -> io::Result<(i32, OwnedFd)> {
        let first = self.next.take().map_or_else(First::start, Ok)?;
        let pid = first.pid();
        self.present.set(Some(first));
        let started = spawner.start(start);
        self.home.have_children()?;
        let started = started.inspect_err(|_| {
            let _ = self.end();
        })?;
        // The program may have filled its share of processes by now. What comes next is made when it is needed then.
        let next = First::start().ok();
        if next.is_none() {
            self.home.have_children()?;
        }
        self.pids.set([pid, next.as_ref().map_or(0, First::pid)]);
        self.next.set(next);
        Ok(started)
    }

    /// Ends whatever the present run left; its CPU time.
    pub(super) fn end(&self) -> io::Result<Duration> {
        let present = self.present.take();
        present.map_or(Ok(Duration::ZERO), First::end)
    }

    /// Has programs live in the cell's own namespaces again.
    pub(super) fn leave(&self) -> io::Result<()> {
        let Some(next) = self.next.take() else {
            return Ok(());
        };
        self.pids.set([0; 2]);
        next.end()?;
        self.home.have_children()
    }

    /// The first processes that there are; zeros stand for none.
    pub(super) fn pids(&self) -> [i32; 2] {
        self.pids.get()
    }
}
