use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::pause::random_fraction;

/// Requests in flight before anything is known about a server.
const FIRST_LIMIT: usize = 16;

/// How many requests one server gets at a time.
///
/// The limit grows by one with each reply until the server first complains, then by one with each round of replies.
/// A complaint (429, 503) halves it; complaints about requests that were sent before the last cut count as the same.
pub(crate) struct Throttle {
    slots: Semaphore,
    state: Mutex<State>,
}

struct State {
    limit: usize,
    max: usize,
    /// Slots to take away as they come back.
    debt: usize,
    /// Replies since the limit last grew.
    n_replies: usize,
    /// How often the limit was halved.
    n_cuts: u64,
    paused_until: Option<Instant>,
}

/// Leave to send one request; returned by dropping it.
pub(crate) struct Slot<'a> {
    throttle: &'a Throttle,
    permit: Option<SemaphorePermit<'a>>,
    /// Cuts before the request was sent.
    n_cuts: u64,
}

impl Throttle {
    pub(crate) fn new(max: usize) -> Throttle {
        let max = max.min(Semaphore::MAX_PERMITS);
        let limit = max.min(FIRST_LIMIT);
        Throttle {
            slots: Semaphore::new(limit),
            state: Mutex::new(State {
                limit,
                max,
                debt: 0,
                n_replies: 0,
                n_cuts: 0,
                paused_until: None,
            }),
        }
    }

    /// Waits for a free slot and for the end of a pause that the server asked for.
    pub(crate) async fn acquire(&self) -> Slot<'_> {
        let permit = self
            .slots
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let n_cuts = loop {
            let (paused_until, n_cuts) = {
                let state = self.lock();
                (state.paused_until, state.n_cuts)
            };
            match paused_until.filter(|end| *end > Instant::now()) {
                Some(end) => tokio::time::sleep_until(end).await,
                None => break n_cuts,
            }
        };
        Slot {
            throttle: self,
            permit: Some(permit),
            n_cuts,
        }
    }

    /// The present limit.
    #[cfg(test)]
    pub(crate) fn limit(&self) -> usize {
        self.lock().limit
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot<'_> {
    /// The server answered.
    pub(crate) fn answered(&self) {
        let mut state = self.throttle.lock();
        state.n_replies += 1;
        let due = state.n_cuts == 0 || state.n_replies >= state.limit;
        if !due || state.limit >= state.max {
            return;
        }
        state.n_replies = 0;
        state.limit += 1;
        if state.debt > 0 {
            state.debt -= 1;
        } else {
            self.throttle.slots.add_permits(1);
        }
    }

    /// The server complained, and perhaps asked to be left alone for some time.
    pub(crate) fn complained(&self, retry_after: Option<Duration>) {
        let mut state = self.throttle.lock();
        if let Some(pause) = retry_after {
            // Up to a tenth longer, so that several programs do not come back in the same moment.
            let end = Instant::now() + pause.mul_f64(1.0 + random_fraction() / 10.0);
            state.paused_until = Some(state.paused_until.map_or(end, |other| other.max(end)));
        }
        if self.n_cuts < state.n_cuts {
            return;
        }
        let halved = (state.limit / 2).max(1);
        let surplus = state.limit - halved;
        state.debt += surplus - self.throttle.slots.forget_permits(surplus);
        state.limit = halved;
        state.n_replies = 0;
        state.n_cuts += 1;
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        let mut state = self.throttle.lock();
        if state.debt > 0 {
            state.debt -= 1;
            permit.forget();
        }
    }
}
