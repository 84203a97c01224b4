//! Watching one program until it ends, or has to.

use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use super::cgroup::Baseline;
use super::drain::Drain;
use super::init::Init;
use super::keeper::Sight;
use super::running::{End, Running};
use crate::protocol::{Allowance, Hit, Outcome, Request, read_frame};
use crate::sys::{self, Waited};

/// How long the zygote may take for what it does itself.
pub(super) const LAUNCH: Duration = Duration::from_secs(10);
/// The longest time between two looks at a program's memory where no control group watches it.
const LOOK: Duration = Duration::from_millis(5);
/// The shortest time between two looks: about how far a program may get beyond its limit.
const LEAST: Duration = Duration::from_millis(1);
/// The time between two looks at a program beyond its wall limit that waits for nothing but a core.
const AGAIN: Duration = Duration::from_millis(10);
/// How long we leave a program alone at first. One that ends by then has filled no pipe, and costs us one wake-up.
const ALONE: Duration = Duration::from_millis(1);
/// Output that may come between two looks at how much there is.
const ROOM: u64 = 4 << 20;
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
    init: &'a Init<'a>,
    allowance: &'a Allowance,
    baseline: Option<Baseline>,
    start: Instant,
    running: Running,
    /// The end of the program, where it came to light while we looked for others'.
    ended: Option<End>,
    /// CPU time at the last look.
    cpu: Duration,
    /// When a limit could be reached at the earliest.
    next_look: Instant,
    /// CPU time of orphans that have ended.
    reaped: Duration,
    /// The most memory that was seen.
    peak_bytes: u64,
    /// Our own most, which the kernel takes for the program's too where it is started by us.
    carried_bytes: u64,
    /// Memory that the group may use for output.
    room: u64,
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
        running: Running,
    ) -> Watch<'a> {
        let carried_bytes = match running {
            Running::Own { .. } => sys::own_peak(),
            Running::Forked { .. } => 0,
        };
        let mut watch = Watch {
            init,
            allowance,
            baseline,
            start,
            running,
            ended: None,
            cpu: Duration::ZERO,
            next_look: start,
            reaped: Duration::ZERO,
            peak_bytes: 0,
            carried_bytes,
            room: ROOM,
            starved: Duration::ZERO,
            hit: None,
            stopped: false,
        };
        watch.plan(start);
        watch
    }

    /// Waits until the program has ended, and ends it at its limits. `None` when the zygote is gone.
    pub(super) fn wait(
        &mut self,
        stdout: &mut Drain,
        stderr: &mut Drain,
    ) -> Result<Option<End>, Broken> {
        let limit = self.allowance.output_bytes;
        let end = self.running.waiting(self.init.zygote.as_ref());
        let control = self.init.control.as_raw_fd();
        let wait = |outputs: [i32; 2], timeout: Duration| {
            sys::poll([end, control, outputs[0], outputs[1]], Some(timeout))
                .map_err(|error| Broken::Cell(error.to_string()))
        };
        let mut ready = wait([-1, -1], ALONE)?;
        loop {
            if ready[1] {
                match read_frame::<Request>(self.init.control) {
                    Ok(frame) if matches!(frame.header, Request::Stop) => {
                        self.stopped = true;
                        return self.end();
                    }
                    _ => return Err(Broken::Judge),
                }
            }
            if ready[0] {
                return self.last_word();
            }
            if ready[2] {
                stdout.drain(limit);
            }
            if ready[3] {
                stderr.drain(limit);
            }
            self.make_room(stdout.n_kept() + stderr.n_kept())?;
            let now = Instant::now();
            self.hit = if stdout.n_total > limit || stderr.n_total > limit {
                Some(Hit::Output)
            } else if now >= self.next_look {
                self.look()?
            } else {
                None
            };
            if self.hit.is_some() {
                return self.end();
            }
            let timeout = self.next_look.saturating_duration_since(now);
            ready = wait([stdout.waiting(), stderr.waiting()], timeout)?;
        }
    }

    /// Keeps what we hold of the output from counting as the program's memory.
    fn make_room(&mut self, n_kept: u64) -> Result<(), Broken> {
        if let (Some(group), Some(baseline)) = (self.init.group, &self.baseline)
            && n_kept + ROOM > self.room
        {
            self.room = 2 * n_kept + 2 * ROOM;
            group
                .grant(baseline, self.allowance, self.room)
                .map_err(|error| Broken::Cell(error.to_string()))?;
        }
        Ok(())
    }

    /// Kills the program and takes the last word on it.
    fn end(&mut self) -> Result<Option<End>, Broken> {
        self.running.kill(&self.init.keeper);
        self.last_word()
    }

    fn last_word(&mut self) -> Result<Option<End>, Broken> {
        match self.ended.take() {
            // A child of the zygote comes to us only when the zygote is gone.
            Some(_) if matches!(self.running, Running::Forked { .. }) => Ok(None),
            Some(end) => Ok(Some(end)),
            None => self.running.end(self.init),
        }
    }

    /// Looks at what the program has used; the limit that has been passed, if any.
    fn look(&mut self) -> Result<Option<Hit>, Broken> {
        let mut sight = None;
        if let (Some(group), Some(baseline)) = (self.init.group, &self.baseline) {
            self.cpu = group.cpu(baseline);
        } else {
            let seen = self.see()?;
            self.peak_bytes = self.peak_bytes.max(seen.resident_bytes);
            while let Ok(Waited::Ended(ended)) = sys::wait(-1, false) {
                if ended.pid == self.running.pid() {
                    self.ended = Some(End::of(&ended));
                    return Ok(None);
                }
                self.reaped += ended.cpu;
            }
            self.cpu = seen.cpu + self.reaped;
            sight = Some(seen);
        }
        if self.peak_bytes > self.allowance.memory_bytes {
            return Ok(Some(Hit::Memory));
        }
        if self.cpu >= Duration::from_micros(self.allowance.cpu_us) {
            return Ok(Some(Hit::Cpu));
        }
        if self.is_idle(sight)? {
            // With its CPU time all but used it was not idle: the machine was busy too.
            let is_busy = self.cpu * 10 >= Duration::from_micros(self.allowance.cpu_us) * 9;
            return Ok(Some(if is_busy { Hit::Cpu } else { Hit::Wall }));
        }
        self.plan(Instant::now());
        Ok(None)
    }

    /// Decides when to look next, from what the program can have used by then.
    fn plan(&mut self, now: Instant) {
        let wall = Duration::from_micros(self.allowance.wall_us);
        let cpu = Duration::from_micros(self.allowance.cpu_us);
        let until_wall = wall.saturating_sub((now - self.start).saturating_sub(self.starved));
        let until_cpu = cpu.saturating_sub(self.cpu) / self.init.n_cores;
        let until_wall = if until_wall.is_zero() {
            AGAIN
        } else {
            until_wall
        };
        let mut next = until_wall.min(until_cpu).max(LEAST);
        if self.baseline.is_none() {
            next = next.min(LOOK);
        }
        self.next_look = now + next;
    }

    /// What the keeper sees of the program.
    fn see(&self) -> Result<Sight, Broken> {
        let (keeper, nest) = (&self.init.keeper, &self.init.nest);
        let sight = keeper.look(self.running.pid(), nest.pids());
        sight.ok_or_else(|| Broken::Cell("the keeper is gone".into()))
    }

    /// True when the wall limit has passed, without the time that the program spent waiting for a busy machine.
    fn is_idle(&mut self, sight: Option<Sight>) -> Result<bool, Broken> {
        let wall = Duration::from_micros(self.allowance.wall_us);
        let elapsed = self.start.elapsed();
        if elapsed < wall + self.starved {
            return Ok(false);
        }
        let sight = sight.map_or_else(|| self.see(), Ok)?;
        let patience = wall * MAX_PATIENCE;
        // A thread that has ended tells no more how long it had waited.
        self.starved = self.starved.max(sight.starved.min(elapsed).min(patience));
        // One that is not waiting for anything has no core, be it that the machine itself is being kept waiting;
        // nor has the zygote, when we do not hear from it that the program has ended.
        let is_kept = sight.is_ready && elapsed < wall + patience;
        Ok(elapsed >= wall + self.starved && !is_kept)
    }

    /// Ends what the program left in namespaces of its own.
    pub(super) fn bury(&mut self) -> Result<(), Broken> {
        let cpu = self.init.nest.end();
        self.reaped += cpu.map_err(|error| Broken::Cell(error.to_string()))?;
        Ok(())
    }

    /// Peak memory by what was seen and what the program's own process is told to have had.
    fn peak_of_one(&self, end: Option<&End>) -> u64 {
        let told = end.map_or(0, |end| end.peak_bytes);
        match self.peak_bytes {
            seen if told > self.carried_bytes => seen.max(told),
            // It ended before anybody looked, and below our own most.
            0 => told.min(self.allowance.memory_bytes),
            seen => seen,
        }
    }

    /// The outcome of the run, of which we hold `kept_bytes` in memory ourselves.
    pub(super) fn outcome(
        &self,
        end: Option<End>,
        wall: Duration,
        stdout_bytes: usize,
        kept_bytes: u64,
    ) -> Result<Outcome, Broken> {
        let (cpu, memory_bytes, oom) = match (self.init.group, &self.baseline) {
            (Some(group), Some(baseline)) => {
                let memory = group.memory(baseline);
                let (peak, oom) = memory.map_err(|error| Broken::Cell(error.to_string()))?;
                let peak = peak.map(|peak| peak.saturating_sub(kept_bytes));
                let peak = peak.unwrap_or_else(|| self.peak_of_one(end.as_ref()));
                (group.cpu(baseline), peak, oom)
            }
            _ => {
                let own = end.as_ref().map_or(Duration::ZERO, |end| end.cpu);
                let peak = self.peak_of_one(end.as_ref());
                (self.reaped + own, peak, peak > self.allowance.memory_bytes)
            }
        };
        let hit = self
            .hit
            .or_else(|| (cpu >= Duration::from_micros(self.allowance.cpu_us)).then_some(Hit::Cpu));
        let killed = hit.is_some() || self.stopped;
        let broke_launcher = end.is_none();
        Ok(Outcome {
            exit: end.map(|end| end.exit).filter(|_| !killed),
            hit,
            oom,
            stopped: self.stopped,
            broke_launcher,
            cpu_us: cpu.as_micros() as u64,
            wall_us: wall.as_micros() as u64,
            memory_bytes,
            stdout_bytes,
            dirty: broke_launcher,
            fault: None,
        })
    }
}
