use std::fmt;
use std::time::Duration;

use agents::Format;

use crate::{Ending, Event};

/// What a live line shows: events folded into numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Problems of the run.
    pub n_tasks: usize,
    /// Problems with a result, or without hope of one.
    pub n_done: usize,
    /// Problems solved.
    pub n_solved: usize,
    /// Problems being worked on.
    pub n_in_flight: usize,
    /// Replies that the strict parser refused, in this process.
    pub n_format_failures: usize,
    /// Tokens that the model wrote in this process; those from the record took no time.
    pub fresh_tokens: u64,
    /// Problems that called the model in this process before they ended, or all when none did.
    n_fresh_done: usize,
    /// When a problem last ended without any fresh call since the one before: the start of real work.
    fresh_since: Duration,
    has_fresh_calls: bool,
    /// Since the start of the run.
    elapsed: Duration,
}

impl Progress {
    /// Nothing done of `n_tasks` problems.
    pub fn new(n_tasks: usize) -> Progress {
        Progress {
            n_tasks,
            ..Progress::default()
        }
    }

    /// Takes in an event that happened when `elapsed` had passed since the start of the run.
    pub fn apply(&mut self, event: &Event, elapsed: Duration) {
        self.elapsed = self.elapsed.max(elapsed);
        match event {
            Event::Started { .. } => self.n_in_flight += 1,
            Event::Asked {
                usage,
                format,
                is_fresh,
            } => {
                self.n_format_failures += usize::from(*format != Format::Strict);
                if *is_fresh {
                    self.fresh_tokens += usage.completion_tokens;
                    self.has_fresh_calls = true;
                }
            }
            Event::Finished { ending, .. } => {
                self.n_solved += usize::from(*ending == Ending::Solved);
                self.end();
            }
            Event::Faulted { .. } => self.end(),
        }
    }

    fn end(&mut self) {
        self.n_in_flight = self.n_in_flight.saturating_sub(1);
        self.n_done += 1;
        if self.has_fresh_calls {
            self.n_fresh_done += 1;
        } else {
            self.fresh_since = self.elapsed;
        }
    }

    /// Moves the clock on between events.
    pub fn tick(&mut self, elapsed: Duration) {
        self.elapsed = self.elapsed.max(elapsed);
    }

    /// Tokens that the model writes per second, over the time since problems were no longer answered by the record.
    pub fn tokens_per_second(&self) -> Option<f64> {
        let seconds = self.working().as_secs_f64();
        (self.fresh_tokens > 0 && seconds > 0.0).then(|| self.fresh_tokens as f64 / seconds)
    }

    /// Time that the rest takes if it goes on as it went so far; absent until a problem was really worked on.
    pub fn time_left(&self) -> Option<Duration> {
        let n_left = self.n_tasks.saturating_sub(self.n_done);
        if n_left == 0 {
            return Some(Duration::ZERO);
        }
        (self.n_fresh_done > 0).then(|| {
            self.working()
                .mul_f64(n_left as f64 / self.n_fresh_done as f64)
        })
    }

    fn working(&self) -> Duration {
        self.elapsed.saturating_sub(self.fresh_since)
    }
}

/// One line: `12/20 done, 3 solved, 7 format failures, 41 tokens/s, 2m 10s left`.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Progress {
            n_tasks,
            n_done,
            n_solved,
            n_format_failures,
            ..
        } = self;
        write!(
            f,
            "{n_done}/{n_tasks} done, {n_solved} solved, {n_format_failures} format failures"
        )?;
        if let Some(rate) = self.tokens_per_second() {
            write!(f, ", {rate:.0} tokens/s")?;
        }
        if let Some(left) = self.time_left().filter(|left| !left.is_zero()) {
            write!(f, ", {} left", duration(left))?;
        }
        Ok(())
    }
}

/// A duration as people say it: `0.3 s`, `42 s`, `2m 10s`, `3h 05m`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

#[cfg(test)]
mod tests;
