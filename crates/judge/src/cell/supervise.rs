//! One run: start it, drain what it writes, stop it at its limits, and leave the cell as it was before.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use domain::{Exit, Rung};

use super::cgroup::Baseline;
use super::filter;
use super::init::{Init, Launcher};
use super::launcher::{Launch, Word};
use super::rootfs;
use crate::protocol::{
    Allowance, FrameError, Hit, Outcome, Purpose, Request, Task, raw, read_frame, write_frame,
};
use crate::sys;

/// How long a launcher may take for what it does itself.
const LAUNCH: Duration = Duration::from_secs(10);
/// The longest time between two looks at a program's memory where no control group watches it.
const LOOK: Duration = Duration::from_millis(5);
/// How many times its wall limit a program may wait on a machine that gives it no core.
const MAX_PATIENCE: u32 = 9;
/// What is kept of standard error.
const STDERR_TAIL: usize = 16 << 10;
/// Descriptors that a program may have open.
const OPEN_FILES: i64 = 1024;
/// What a program may map beyond its memory limit before the kernel refuses, where no control group counts.
const DATA_SLACK: u64 = 64 << 20;

/// What one run leaves to be told.
struct Watch<'a> {
    init: &'a Init<'a>,
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
    hit: Option<Hit>,
    stopped: bool,
}

/// Bytes of one stream as far as they are kept.
struct Drain {
    fd: OwnedFd,
    kept: Vec<u8>,
    n_total: u64,
    /// Keep this many of the last bytes instead of all.
    tail: Option<usize>,
    open: bool,
}

impl Drain {
    fn new(fd: OwnedFd, tail: Option<usize>) -> Drain {
        Drain {
            fd,
            kept: Vec::new(),
            n_total: 0,
            tail,
            open: true,
        }
    }

    /// Reads what is there, up to a little beyond the limit.
    fn drain(&mut self, limit: u64) {
        let mut buffer = [0; 1 << 16];
        while self.open && self.n_total <= limit {
            match sys::read(&self.fd, &mut buffer) {
                Ok(Some(0)) | Err(_) => self.open = false,
                Ok(None) => return,
                Ok(Some(n_bytes)) => {
                    self.n_total += n_bytes as u64;
                    self.kept.extend_from_slice(&buffer[..n_bytes]);
                    if let Some(tail) = self.tail
                        && self.kept.len() > 8 * tail
                    {
                        self.kept.drain(..self.kept.len() - tail);
                    }
                }
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let keep = self.tail.unwrap_or(usize::MAX);
        let excess = self.kept.len().saturating_sub(keep);
        self.kept.drain(..excess);
        self.kept
    }

    /// The descriptor to wait on; negative once there is nothing to wait for.
    fn waiting(&self) -> i32 {
        if self.open { self.fd.as_raw_fd() } else { -1 }
    }
}

impl Init<'_> {
    /// Runs a task and answers the judge; true when the cell must not be used again.
    pub(super) fn supervise(
        &mut self,
        task: &Task,
        allowance: &Allowance,
        fds: &[OwnedFd],
    ) -> Result<bool, FrameError> {
        let (outcome, stdout, stderr) = match self.run_once(task, allowance, fds) {
            Ok(done) => done,
            Err(Broken::Judge) => return Err(FrameError::Closed),
            Err(Broken::Cell(fault)) => (fault_outcome(fault), Vec::new(), Vec::new()),
        };
        let artifact = outcome
            .fault
            .is_none()
            .then(|| self.artifact(task))
            .flatten();
        let outcome = Outcome {
            dirty: outcome.dirty || !self.clean_up(),
            ..outcome
        };
        let artifact_fds: Vec<_> = artifact.iter().map(|fd| fd.as_raw_fd()).collect();
        write_frame(self.control, &outcome, &[&stdout, &stderr], &artifact_fds)?;
        Ok(outcome.dirty)
    }

    fn run_once(
        &self,
        task: &Task,
        allowance: &Allowance,
        fds: &[OwnedFd],
    ) -> Result<(Outcome, Vec<u8>, Vec<u8>), Broken> {
        let broken = |error: std::io::Error| Broken::Cell(error.to_string());
        let launcher = match task {
            Task::Binary | Task::Compile { .. } => &self.native,
            _ => self
                .python
                .as_ref()
                .ok_or_else(|| Broken::Cell("the cell has no interpreter".into()))?,
        };
        let baseline = match self.group {
            Some(group) => {
                let idle = 1 + u64::from(self.python.is_some());
                let processes = idle + u64::from(allowance.processes);
                let memory = allowance.memory_bytes;
                Some(group.begin(memory, processes).map_err(broken)?)
            }
            None => None,
        };
        let (stdout, stdout_end) = sys::pipe().map_err(broken)?;
        let (stderr, stderr_end) = sys::pipe().map_err(broken)?;
        let null = sys::open_null().map_err(broken)?;
        let expected = match task {
            Task::Compile { .. } => 1,
            _ => 2,
        };
        if fds.len() != expected {
            return Err(Broken::Cell("wrong number of descriptors".into()));
        }
        let passed: Vec<&OwnedFd> = match task {
            Task::Binary | Task::PythonMain => vec![&fds[0], &fds[1], &stdout_end, &stderr_end],
            Task::Compile { .. } => vec![&fds[0], &stdout_end, &stderr_end],
            Task::PythonServe | Task::PythonTest => {
                vec![&fds[0], &null, &stdout_end, &stderr_end, &fds[1]]
            }
        };
        let passed: Vec<_> = passed.iter().map(|fd| fd.as_raw_fd()).collect();
        let launch = self.launch(task, allowance).map_err(broken)?;
        let launch =
            serde_json::to_vec(&launch).map_err(|error| Broken::Cell(error.to_string()))?;
        let start = Instant::now();
        sys::send(launcher.socket.as_fd(), &launch, &passed).map_err(broken)?;
        drop((stdout_end, stderr_end, null));
        let pid = match launcher.hear(Some(LAUNCH)) {
            Some(Word { pid: Some(pid), .. }) => pid,
            Some(Word {
                error: Some(error), ..
            }) => return Err(Broken::Cell(error)),
            _ => return Err(Broken::Cell("the launcher did not answer".into())),
        };
        let mut watch = Watch {
            init: self,
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
        };
        let mut stdout = Drain::new(stdout, None);
        let mut stderr = Drain::new(stderr, Some(STDERR_TAIL));
        let word = watch.wait(launcher, &mut stdout, &mut stderr)?;
        let wall = start.elapsed();
        // What the program wrote before it ended is still in the pipes; what others write later is not waited for.
        let limit = allowance.output_bytes;
        stdout.drain(limit);
        stderr.drain(limit);
        if watch.hit.is_none() && (stdout.n_total > limit || stderr.n_total > limit) {
            watch.hit = Some(Hit::Output);
        }
        let mut stdout = stdout.finish();
        stdout.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let outcome = watch.outcome(word, wall, stdout.len())?;
        Ok((outcome, stdout, stderr.finish()))
    }

    /// The launcher's instructions for a task.
    fn launch(&self, task: &Task, allowance: &Allowance) -> std::io::Result<Launch> {
        let (mode, argv) = match task {
            Task::Binary => ("exec", vec!["main".to_string()]),
            Task::Compile { argv } => ("command", argv.clone()),
            Task::PythonMain => ("main", Vec::new()),
            Task::PythonServe => ("serve", Vec::new()),
            Task::PythonTest => ("test", Vec::new()),
        };
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let mut rlimits = vec![
            (
                libc::RLIMIT_CPU,
                number(allowance.cpu_us.div_ceil(1_000_000) + 1),
            ),
            (libc::RLIMIT_FSIZE, number(allowance.file_bytes)),
            (libc::RLIMIT_NOFILE, OPEN_FILES),
            (libc::RLIMIT_STACK, -1),
        ];
        if self.group.is_none() {
            rlimits.push((
                libc::RLIMIT_DATA,
                number(allowance.memory_bytes + DATA_SLACK),
            ));
            if self.setup.rung == Rung::Userns {
                // Counted per user and namespace; the launchers, and the first process, may count too.
                rlimits.push((libc::RLIMIT_NPROC, i64::from(allowance.processes) + 3));
            }
        }
        for (resource, value) in &mut rlimits {
            let hard = sys::hard_rlimit(*resource)?;
            let wanted = u64::try_from(*value).unwrap_or(libc::RLIM_INFINITY);
            let allowed = wanted.min(hard);
            *value = if allowed == libc::RLIM_INFINITY {
                -1
            } else {
                number(allowed)
            };
        }
        let alone = self.setup.rung < Rung::Userns && self.setup.purpose != Purpose::Compile;
        Ok(Launch {
            mode: mode.into(),
            argv,
            directory: self.work_directory().into(),
            rlimits,
            filter: if alone {
                filter::to_hex(&filter::single_process())
            } else {
                String::new()
            },
        })
    }

    /// Processes of the present run, as far as this rung can see them.
    fn processes_of_run(&self, main: i32) -> Vec<i32> {
        if self.setup.rung < Rung::Userns {
            return vec![main];
        }
        let own = [
            1,
            self.native.pid,
            self.python.as_ref().map_or(0, |launcher| launcher.pid),
        ];
        sys::list(&self.processes)
            .unwrap_or_default()
            .iter()
            .filter_map(|name| name.to_str().ok()?.parse().ok())
            .filter(|pid| !own.contains(pid))
            .collect()
    }

    /// Makes sure that the next run finds nothing of this one; false when only a new cell can promise that.
    fn clean_up(&self) -> bool {
        let mut launchers = vec![self.native.pid];
        launchers.extend(self.python.as_ref().map(|launcher| launcher.pid));
        while let Ok(Some(ended)) = sys::wait(-1, false) {
            if launchers.contains(&ended.pid) {
                return false;
            }
        }
        if self.setup.rung >= Rung::Userns {
            self.processes_of_run(0).is_empty()
                && (rootfs::is_clean() || rootfs::fresh_box(self.setup.disk_bytes).is_ok())
        } else {
            let left: Vec<_> = sys::children_of_self()
                .into_iter()
                .filter(|pid| !launchers.contains(pid))
                .collect();
            left.iter().for_each(|pid| sys::kill(*pid));
            left.is_empty() && self.setup.purpose != Purpose::Compile
        }
    }
}

/// Why a run gave no outcome.
enum Broken {
    /// The judge is gone.
    Judge,
    /// Something here failed that is not the program's fault.
    Cell(String),
}

impl Watch<'_> {
    /// Waits until the program has ended, and ends it at its limits. `None` when its launcher is gone.
    fn wait(
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

    fn outcome(
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

fn fault_outcome(fault: String) -> Outcome {
    Outcome {
        exit: None,
        hit: None,
        oom: false,
        stopped: false,
        broke_launcher: false,
        cpu_us: 0,
        wall_us: 0,
        memory_bytes: 0,
        stdout_bytes: 0,
        dirty: true,
        fault: Some(fault),
    }
}
