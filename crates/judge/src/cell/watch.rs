//! Watching one program until it ends, or has to.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use domain::Exit;

use super::cgroup::Baseline;
use super::drain::Drain;
use super::init::{Init, Launcher};
use super::launcher::Word;
use crate::protocol::{Allowance, Hit, Outcome, Request, raw, read_frame};
use crate::sys;

/// How long a launcher may take for what it does itself.
pub(super) const LAUNCH: Duration = Duration::from_secs(10);
/// The longest time between two looks at a program's memory where no control group watches it.
const LOOK: Duration = Duration::from_millis(5);
/// How many times its wall limit a program may wait on a machine that gives it no core.
const MAX_PATIENCE: u32 = 9;

/// Why a run gave no outcome.
pub(super) enum Broken {
    /// The judge is gone.
    Judge,
    /// Something here failed that is not the program's fault.
    Cell(String),
}

/// What one run leaves to be told.
pub(super) struct Watch<'a> {
    pub(super) init: &'a Init<'a>,
    allowance: &'a Allowance,
    baseline: Option<Baseline>,
    start: Instant,
    pid: i32,
    handle: Option<OwnedFd>,
    /// CPU time of processes that have ended, where no control group counts.
    reaped: Duration,
    peak_bytes: u64,
    /// Time that the program was ready to run while others held the cores.
    starved: Duration,
    pub(super) hit: Option<Hit>,
    stopped: bool,
}

impl<'a> Watch<'a> {
    /// Begins to watch a program that has just been started.
    pub(super) fn new(
        init: &'a Init<'a>,
        allowance: &'a Allowance,
        baseline: Option<Baseline>,
        start: Instant,
        pid: i32,
    ) -> Watch<'a> {
        Watch {
            init,
            allowance,
            baseline,
            start,
            pid,
            handle: sys::pidfd(pid).ok(),
            reaped: Duration::ZERO,
            peak_bytes: 0,
            starved: Duration::ZERO,
            hit: None,
            stopped: false,
        }
    }

    /// Waits until the program has ended, and ends it at its limits. `None` when its launcher is gone.
    pub(super) fn wait(
        &mut self,
        launcher: &Launcher,
        stdout: &mut Drain,
        stderr: &mut Drain,
    ) -> Result<Option<Word>, Broken> {
        let limit = self.allowance.output_bytes;
        loop {
            let [launcher_fd, control_fd] = raw([&launcher.socket, self.init.control]);
            let fds = [stdout.waiting(), stderr.waiting(), launcher_fd, control_fd];
            let ready = sys::poll(fds, Some(self.next_look()))
                .map_err(|error| Broken::Cell(error.to_string()))?;
            if ready[0] {
                stdout.drain(limit);
            }
            if ready[1] {
                stderr.drain(limit);
            }
            if ready[3] {
                match read_frame::<Request>(self.init.control) {
                    Ok(frame) if matches!(frame.header, Request::Stop) => {
                        self.stopped = true;
                        return Ok(self.end(launcher));
                    }
                    _ => return Err(Broken::Judge),
                }
            }
            if ready[2] {
                return match launcher.hear(Some(Duration::ZERO)) {
                    Some(Word {
                        error: Some(error), ..
                    }) => Err(Broken::Cell(error)),
                    word => Ok(word),
                };
            }
            self.hit = if stdout.n_total > limit || stderr.n_total > limit {
                Some(Hit::Output)
            } else {
                self.exceeded()
            };
            if self.hit.is_some() {
                return Ok(self.end(launcher));
            }
        }
    }

    /// Kills the program and takes the launcher's last word on it.
    fn end(&self, launcher: &Launcher) -> Option<Word> {
        if let Some(handle) = &self.handle {
            sys::kill_pidfd(handle);
        }
        launcher.hear(Some(LAUNCH))
    }

    fn cpu(&self) -> Duration {
        match (self.init.group, &self.baseline) {
            (Some(group), Some(baseline)) => group.cpu(baseline),
            _ => {
                let processes = self.init.processes_of_run(self.pid);
                processes.into_iter().map(sys::cpu_of).sum::<Duration>() + self.reaped
            }
        }
    }

    /// The time until a limit could be reached at the earliest.
    fn next_look(&self) -> Duration {
        let wall = Duration::from_micros(self.allowance.wall_us);
        let cpu = Duration::from_micros(self.allowance.cpu_us);
        let until_wall = wall.saturating_sub(self.start.elapsed() - self.starved);
        let until_cpu = cpu.saturating_sub(self.cpu()) / self.init.n_cores;
        let next = until_wall.min(until_cpu).max(Duration::from_millis(1));
        if self.baseline.is_some() {
            next
        } else {
            next.min(LOOK)
        }
    }

    /// The limit that has been passed, if any.
    fn exceeded(&mut self) -> Option<Hit> {
        if self.baseline.is_none() {
            let resident: u64 = self
                .init
                .processes_of_run(self.pid)
                .into_iter()
                .map(|pid| self.resident(pid))
                .sum();
            self.peak_bytes = self.peak_bytes.max(resident);
            if resident > self.allowance.memory_bytes {
                return Some(Hit::Memory);
            }
        }
        while let Ok(Some(ended)) = sys::wait(-1, false) {
            self.reaped += ended.cpu;
        }
        if self.cpu() >= Duration::from_micros(self.allowance.cpu_us) {
            Some(Hit::Cpu)
        } else if self.is_idle() {
            Some(Hit::Wall)
        } else {
            None
        }
    }

    /// True when the wall limit has passed, without the time that the program spent waiting for a busy machine.
    fn is_idle(&mut self) -> bool {
        let wall = Duration::from_micros(self.allowance.wall_us);
        let elapsed = self.start.elapsed();
        if elapsed < wall + self.starved {
            return false;
        }
        let waited = self.init.processes_of_run(self.pid).into_iter();
        let waited = waited.map(|pid| self.waited_for_a_core(pid)).max();
        self.starved = waited
            .unwrap_or_default()
            .min(elapsed)
            .min(wall * MAX_PATIENCE);
        elapsed >= wall + self.starved
    }

    /// The longest time that a thread of a process was ready to run and had no core.
    fn waited_for_a_core(&self, pid: i32) -> Duration {
        let read = |path: String| -> Option<Duration> {
            let path = sys::c_string(path).ok()?;
            let fd = sys::open_at(&self.init.processes, &path, libc::O_RDONLY).ok()?;
            let text = sys::read_again(&fd).ok()?;
            Some(Duration::from_nanos(text.split(' ').nth(1)?.parse().ok()?))
        };
        let threads = || -> Option<Vec<_>> {
            let path = sys::c_string(format!("{pid}/task")).ok()?;
            let directory = sys::open_at(&self.init.processes, &path, libc::O_DIRECTORY).ok()?;
            sys::list(&directory).ok()
        };
        let threads = threads().unwrap_or_default();
        let waited = threads.iter().filter_map(|thread| {
            let thread = thread.to_str().ok()?;
            read(format!("{pid}/task/{thread}/schedstat"))
        });
        waited.max().unwrap_or_default()
    }

    /// Memory of a process that is in memory now.
    fn resident(&self, pid: i32) -> u64 {
        let pages = || -> Option<u64> {
            let path = sys::c_string(format!("{pid}/statm")).ok()?;
            let fd = sys::open_at(&self.init.processes, &path, libc::O_RDONLY).ok()?;
            let text = sys::read_again(&fd).ok()?;
            text.split(' ').nth(1)?.parse().ok()
        };
        pages().unwrap_or(0) * 4096
    }

    pub(super) fn outcome(
        &self,
        word: Option<Word>,
        wall: Duration,
        stdout_bytes: usize,
    ) -> Result<Outcome, Broken> {
        let status = word.as_ref().and_then(|word| word.status);
        let rusage_cpu = word.as_ref().and_then(|word| word.cpu_us).unwrap_or(0);
        let rusage_peak = word.as_ref().and_then(|word| word.peak_kib).unwrap_or(0) << 10;
        let (cpu, memory_bytes, oom) = match (self.init.group, &self.baseline) {
            (Some(group), Some(baseline)) => {
                let memory = group.memory(baseline);
                let (peak, oom) = memory.map_err(|error| Broken::Cell(error.to_string()))?;
                (group.cpu(baseline), peak, oom)
            }
            _ => {
                let cpu = self.reaped + Duration::from_micros(rusage_cpu);
                let peak = self.peak_bytes.max(rusage_peak);
                (cpu, peak, peak > self.allowance.memory_bytes)
            }
        };
        let hit = self
            .hit
            .or_else(|| (cpu >= Duration::from_micros(self.allowance.cpu_us)).then_some(Hit::Cpu));
        let killed = hit.is_some() || self.stopped;
        Ok(Outcome {
            exit: status.filter(|_| !killed).map(exit_of),
            hit,
            oom,
            stopped: self.stopped,
            broke_launcher: word.is_none(),
            cpu_us: cpu.as_micros() as u64,
            wall_us: wall.as_micros() as u64,
            memory_bytes,
            stdout_bytes,
            dirty: word.is_none(),
            fault: None,
        })
    }
}

/// How a wait status reads.
fn exit_of(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    }
}
