//! Samples taken while nothing else ran.

use std::fs;
use std::time::{Duration, Instant};

use evaluation::stats::percentile;

/// How long our own thread may have waited for a core during a sample that still counts.
const MAX_DELAY: Duration = Duration::from_micros(50);

/// The share of the machine that others may have taken during a sample that still counts.
const MAX_OTHERS: f64 = 0.04;

/// How the machine is watched while a sample is taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum Watch {
    /// For work of one thread, however short: no other task is ready to run just before and just after it,
    /// and it did not wait for a core.
    Thread,
    /// For work of many threads or of a child that was waited for, of a tenth of a second or more:
    /// others took next to none of the time of all cores, and neither did the host of a virtual machine.
    Machine,
    /// The same for work of another process, a child that goes on.
    Other(u32),
}

impl Watch {
    /// The most samples that are taken for so many quiet ones.
    fn most(self, n_samples: usize) -> usize {
        match self {
            Watch::Thread => usize::MAX,
            Watch::Machine | Watch::Other(_) => 3 * n_samples,
        }
    }
}

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
        watch: Watch,
        work: impl FnOnce() -> anyhow::Result<Duration>,
    ) -> anyhow::Result<()> {
        let (time, is_quiet) = match watch {
            Watch::Thread => {
                let before = (others(), delay());
                let time = work()?;
                let waited = delay().saturating_sub(before.1);
                (time, !before.0 && !others() && waited <= MAX_DELAY)
            }
            Watch::Machine | Watch::Other(_) => {
                let process = match watch {
                    Watch::Other(id) => Some(id),
                    _ => None,
                };
                let before = Ticks::now(process);
                let time = work()?;
                (time, Ticks::now(process).others_since(before) <= MAX_OTHERS)
            }
        };
        let time_ms = time.as_secs_f64() * 1e3;
        if is_quiet {
            self.quiet_ms.push(time_ms);
        } else {
            self.busy_ms.push(time_ms);
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
    watch: Watch,
    mut work: [&mut dyn FnMut() -> anyhow::Result<Duration>; N],
) -> anyhow::Result<[Samples; N]> {
    let mut samples = std::array::from_fn(|_| Samples::default());
    let start = Instant::now();
    let is_done =
        |samples: &[Samples; N]| samples.iter().all(|one| one.quiet_ms.len() >= n_samples);
    for work in &mut work {
        work()?; // the first one warms up
    }
    loop {
        for (samples, work) in samples.iter_mut().zip(&mut work) {
            samples.take(watch, &mut **work)?;
        }
        let n_taken = samples[0].quiet_ms.len() + samples[0].busy_ms.len();
        if is_done(&samples) || start.elapsed() >= patience || n_taken >= watch.most(n_samples) {
            return Ok(samples);
        }
    }
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

/// Time of all cores in the system's ticks, since the machine and this process were started.
#[derive(Debug, Clone, Copy, Default)]
struct Ticks {
    all: u64,
    idle: u64,
    /// This process and its children that were waited for, and another one.
    own: u64,
}

impl Ticks {
    /// All 0 where the system does not tell, which makes every sample a busy one.
    fn now(other: Option<u32>) -> Ticks {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let numbers = |text: &str| -> Vec<u64> {
            text.split_whitespace()
                .filter_map(|number| number.parse().ok())
                .collect()
        };
        // User, nice, system, idle, waiting for disks, interrupts, soft interrupts, stolen by the host.
        let cores = numbers(text.lines().next().unwrap_or_default());
        let of_process = |process: &str| -> u64 {
            let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            // The name in parentheses may hold anything; user and system time are fields 14 to 17.
            let fields = text.rsplit(')').next().unwrap_or_default();
            let fields: Vec<&str> = fields.split_whitespace().skip(11).take(4).collect();
            numbers(&fields.join(" ")).iter().sum()
        };
        Ticks {
            all: cores.iter().take(8).sum(),
            idle: cores.iter().skip(3).take(2).sum(),
            own: of_process("self") + other.map_or(0, |id| of_process(&id.to_string())),
        }
    }

    /// The share of all cores' time that went to others.
    fn others_since(self, before: Ticks) -> f64 {
        let all = self.all.saturating_sub(before.all);
        let idle = self.idle.saturating_sub(before.idle);
        let own = self.own.saturating_sub(before.own);
        if all == 0 {
            return 1.0;
        }
        all.saturating_sub(idle + own) as f64 / all as f64
    }
}
