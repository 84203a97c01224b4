use std::sync::atomic::{AtomicU64, Ordering};

/// Live counters of an engine.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) prefilled: AtomicU64,
    pub(crate) cached: AtomicU64,
    pub(crate) generated: AtomicU64,
    pub(crate) guessed: AtomicU64,
    pub(crate) guessed_right: AtomicU64,
    pub(crate) running: AtomicU64,
    pub(crate) waiting: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Prompt tokens computed since the start.
    pub prefilled_tokens: u64,
    /// Prompt tokens that were found in the cache since the start.
    pub cached_tokens: u64,
    /// Reply tokens since the start.
    pub generated_tokens: u64,
    /// Reply tokens that were guessed since the start.
    pub guessed_tokens: u64,
    /// Reply tokens that were guessed right since the start.
    pub right_tokens: u64,
    /// Requests in work.
    pub running: u64,
    /// Requests that wait for room.
    pub waiting: u64,
}

impl Counters {
    /// Reads all counters.
    pub fn progress(&self) -> Progress {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            prefilled_tokens: read(&self.prefilled),
            cached_tokens: read(&self.cached),
            generated_tokens: read(&self.generated),
            guessed_tokens: read(&self.guessed),
            right_tokens: read(&self.guessed_right),
            running: read(&self.running),
            waiting: read(&self.waiting),
        }
    }
}
