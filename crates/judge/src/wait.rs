//! Waiting for something that is about to happen.

use std::time::{Duration, Instant};

/// How long it is worth to stay awake: about as long as it takes to be woken.
const MOMENT: Duration = Duration::from_micros(50);

/// Waits a moment for something, without going to sleep but letting others run first. It may not have happened then.
pub(crate) fn attentively(mut has_happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !has_happened() && start.elapsed() < MOMENT {
        std::thread::yield_now();
    }
}
