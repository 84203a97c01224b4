//! Samples taken while nothing else ran.

use std::fs;
use std::time::{Duration, Instant};

use evaluation::stats::percentile;

/// How long our own thread may have waited for a core during a sample that still counts.
const MAX_DELAY: Duration = Duration::from_micros(50);

/// The times of one thing, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Samples {
    pub(super) quiet_ms: Vec<f64>,
    /// Times of samples taken while the machine was busy.
    busy_ms: Vec<f64>,
}

impl Samples {
    /// Takes a sample: `work` says how long it took.
    pub(super) fn take(
        &mut self,
        work: impl FnOnce() -> anyhow::Result<Duration>,
    ) -> anyhow::Result<()> {
        let before = (others(), delay());
        let time_ms = work()?.as_secs_f64() * 1e3;
        let waited = delay().saturating_sub(before.1);
        if before.0 || others() || waited > MAX_DELAY {
            self.busy_ms.push(time_ms);
        } else {
            self.quiet_ms.push(time_ms);
        }
        Ok(())
    }

    /// The median of the quiet samples; of all samples on a machine that was never quiet.
    pub(super) fn median(&self) -> Option<f64> {
        let all: Vec<f64>;
        let samples = if self.quiet_ms.is_empty() {
            all = self.busy_ms.clone();
            &all
        } else {
            &self.quiet_ms
        };
        percentile(samples, 0.5)
    }

    pub(super) fn n_used(&self) -> usize {
        if self.quiet_ms.is_empty() {
            self.busy_ms.len()
        } else {
            self.quiet_ms.len()
        }
    }

    pub(super) fn n_discarded(&self) -> usize {
        if self.quiet_ms.is_empty() {
            0
        } else {
            self.busy_ms.len()
        }
    }
}

/// Times several things in turn until each has so many quiet samples, or the time is up.
pub(super) fn interleave<const N: usize>(
    n_samples: usize,
    patience: Duration,
    mut work: [&mut dyn FnMut() -> anyhow::Result<Duration>; N],
) -> anyhow::Result<[Samples; N]> {
    let mut samples = std::array::from_fn(|_| Samples::default());
    let start = Instant::now();
    let is_done =
        |samples: &[Samples; N]| samples.iter().all(|one| one.quiet_ms.len() >= n_samples);
    for work in &mut work {
        work()?; // the first one warms up
    }
    while !is_done(&samples) && start.elapsed() < patience {
        for (samples, work) in samples.iter_mut().zip(&mut work) {
            samples.take(&mut **work)?;
        }
    }
    Ok(samples)
}

/// True when a task other than this one is ready to run at this moment.
fn others() -> bool {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let running = text
        .split(' ')
        .nth(3)
        .and_then(|part| part.split('/').next());
    running
        .and_then(|number| number.parse::<u32>().ok())
        .is_none_or(|n| n > 1)
}

/// How long this thread has waited for a core since it was made.
fn delay() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').nth(1).and_then(|part| part.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
