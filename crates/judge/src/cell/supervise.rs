//! One run: start it, drain what it writes, stop it at its limits, and leave the cell as it was before.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Instant;

use domain::{Isolation, Rung};

use super::drain::Drain;
use super::files::{program_directory, work_directory};
use super::init::Init;
use super::rootfs::Traces;
use super::running::Running;
use super::spawn::Start;
use super::watch::{Broken, LAUNCH, Watch};
use super::zygote::{Launch, Word};
use super::{filter, restrict};
use crate::protocol::{Allowance, FrameError, Hit, Outcome, Purpose, Task, write_frame_with};
use crate::sys::{self, Strings, Waited};

/// More than any process of the cell itself holds.
const OWN_MEMORY: u64 = 16 << 20;
/// What is kept of standard error.
const STDERR_TAIL: usize = 16 << 10;

impl Init<'_> {
    /// Runs a task and answers the judge; true when the cell must not be used again.
    pub(super) fn supervise(
        &mut self,
        task: &Task,
        allowance: &Allowance,
        isolation: Isolation,
        fds: Vec<OwnedFd>,
    ) -> Result<bool, FrameError> {
        let is_nested = isolation == Isolation::Fresh && self.setup.rung >= Rung::Userns;
        let (outcome, stdout, stderr) = match self.run_once(task, allowance, is_nested, fds) {
            Ok(done) => done,
            Err(Broken::Judge) => return Err(FrameError::Closed),
            Err(Broken::Cell(fault)) => (fault_outcome(fault), Vec::new(), Vec::new()),
        };
        let has_artifact = outcome.fault.is_none() && matches!(task, Task::Compile { .. });
        let artifact = has_artifact.then(|| self.keeper.artifact(task)).flatten();
        let outcome = Outcome {
            dirty: outcome.dirty || !self.clean_up(),
            ..outcome
        };
        let artifact_fds: Vec<_> = artifact.iter().map(|fd| fd.as_raw_fd()).collect();
        let apart = |parts: &[&[u8]]| self.outbox.fill(parts);
        let body = [&stdout[..], &stderr];
        write_frame_with(apart, self.control, &outcome, &body, &artifact_fds)?;
        Ok(outcome.dirty)
    }

    fn run_once(
        &mut self,
        task: &Task,
        allowance: &Allowance,
        is_nested: bool,
        fds: Vec<OwnedFd>,
    ) -> Result<(Outcome, Vec<u8>, Vec<u8>), Broken> {
        let broken = |error: io::Error| Broken::Cell(error.to_string());
        let n_fds = if matches!(task, Task::Compile { .. }) {
            1
        } else {
            2
        };
        if fds.len() != n_fds {
            return Err(Broken::Cell("wrong number of descriptors".into()));
        }
        self.fit_box(allowance).map_err(broken)?;
        // What the last run left there counts in the group.
        self.outbox.empty().map_err(broken)?;
        let baseline = match self.group {
            Some(group) => {
                // We, the zygote and a child that it keeps, and the two that hold namespaces open.
                let idle = 1 + 2 * u64::from(self.zygote.is_some()) + 2 * u64::from(is_nested);
                Some(group.begin(allowance, idle).map_err(broken)?)
            }
            None => None,
        };
        let (stdout, stdout_end) = sys::pipe().map_err(broken)?;
        let (stderr, stderr_end) = sys::pipe().map_err(broken)?;
        if let Some(traces) = &self.traces {
            traces.settle();
        }
        let has_files = matches!(
            task,
            Task::Files { .. }
                | Task::Compile {
                    source: Some(_),
                    ..
                }
        );
        if has_files && !self.keeper.place(task, &fds[0]) {
            return Err(Broken::Cell("the files could not be laid out".into()));
        }
        let start = Instant::now();
        let running = self.start(task, allowance, is_nested, &fds, [&stdout_end, &stderr_end])?;
        // Whoever reads or writes at the other ends shall see when the program hangs up.
        drop((stdout_end, stderr_end, fds));
        let mut watch = Watch::new(self, allowance, baseline, start, running);
        let mut stdout = Drain::new(stdout, None);
        let mut stderr = Drain::new(stderr, Some(STDERR_TAIL));
        let end = watch.wait(&mut stdout, &mut stderr)?;
        let wall = start.elapsed();
        watch.bury()?;
        // What the program wrote before it ended is still in the pipes; what others write later is not waited for.
        let limit = allowance.output_bytes;
        stdout.drain(limit);
        stderr.drain(limit);
        if watch.hit.is_none() && (stdout.n_total > limit || stderr.n_total > limit) {
            watch.hit = Some(Hit::Output);
        }
        // What we keep of the output counts in the group, and is not the program's.
        let kept = stdout.n_kept() + stderr.n_kept();
        let mut stdout = stdout.finish();
        stdout.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let outcome = watch.outcome(end, wall, stdout.len(), kept)?;
        Ok((outcome, stdout, stderr.finish()))
    }

    /// Gives the files of a run less room than it may have memory where both count in the group: it is a program that
    /// the kernel ends when the group is full, if one of them holds more than we do.
    fn fit_box(&mut self, allowance: &Allowance) -> io::Result<()> {
        let memory = allowance.memory_bytes;
        let room = memory - OWN_MEMORY.min(memory / 2);
        let box_bytes = room.min(self.setup.disk_bytes);
        let counts = self.group.is_some() && self.setup.purpose != Purpose::Compile;
        if !counts || box_bytes == self.box_bytes {
            return Ok(());
        }
        if !self.keeper.resize(box_bytes) {
            return Err(io::Error::other("the box could not be resized"));
        }
        self.box_bytes = box_bytes;
        self.traces = Some(Traces::now()?);
        Ok(())
    }

    /// Starts a task.
    fn start(
        &mut self,
        task: &Task,
        allowance: &Allowance,
        is_nested: bool,
        fds: &[OwnedFd],
        [stdout, stderr]: [&OwnedFd; 2],
    ) -> Result<Running, Broken> {
        let broken = |error: io::Error| Broken::Cell(error.to_string());
        let has_group = self.group.is_some();
        let room = match task {
            Task::Files { room_bytes, .. } | Task::PythonMain { room_bytes } => *room_bytes,
            _ => 0,
        };
        let mapped = Allowance {
            memory_bytes: allowance.memory_bytes.saturating_add(room),
            ..*allowance
        };
        let rlimits = self.ceilings.of(self.setup, has_group, &mapped);
        let filter = if restrict::are_alone(self.setup) {
            filter::single_process()
        } else {
            Vec::new()
        };
        let (program, argv, stdin) = match task {
            Task::Binary => (Some(&fds[0]), vec!["main".to_string()], &fds[1]),
            Task::Compile {
                argv, source: None, ..
            } => (None, self.filled(argv), &fds[0]),
            Task::Compile { argv, .. } => (None, self.filled(argv), &self.null),
            Task::Files { argv, .. } => (None, self.filled(argv), &fds[1]),
            Task::PythonMain { .. } => {
                let fds = [&fds[0], &fds[1], stdout, stderr];
                return self.launch("main", is_nested, &fds, &rlimits, &filter);
            }
            Task::PythonServe => {
                let fds = [&fds[0], &self.null, stdout, stderr, &fds[1]];
                return self.launch("serve", is_nested, &fds, &rlimits, &filter);
            }
            Task::PythonTest => {
                let fds = [&fds[0], &self.null, stdout, stderr, &fds[1]];
                return self.launch("test", is_nested, &fds, &rlimits, &filter);
            }
            Task::PythonCall => {
                let fds = [&fds[0], &self.null, stdout, stderr, &fds[1]];
                return self.launch("call", is_nested, &fds, &rlimits, &filter);
            }
        };
        let argv = Strings::of(&argv).map_err(broken)?;
        let environment = match task {
            Task::Compile { env, .. } | Task::Files { env, .. } if !env.is_empty() => {
                let environment = self.spawner.environment_with(&self.filled(env));
                Some(environment.map_err(broken)?)
            }
            _ => None,
        };
        let start = Start {
            program,
            argv: &argv,
            environment: environment.as_ref(),
            standard: [stdin, stdout, stderr].map(|fd| fd.as_raw_fd()),
            rlimits: &rlimits,
            filter,
        };
        let started = if is_nested {
            self.nest.start(&mut self.spawner, start)
        } else {
            self.nest.leave().and_then(|()| self.spawner.start(start))
        };
        let (pid, handle) = started.map_err(broken)?;
        Ok(Running::Own { pid, handle })
    }

    /// Words with the cell's directories in the place of their placeholders.
    fn filled(&self, words: &[String]) -> Vec<String> {
        let program = program_directory(self.setup);
        let fill = |word: &String| {
            word.replace("{program}", &program.to_string_lossy())
                .replace("{work}", work_directory(self.setup))
        };
        words.iter().map(fill).collect()
    }

    /// Has the zygote start a run.
    fn launch(
        &self,
        mode: &'static str,
        is_nested: bool,
        fds: &[&OwnedFd],
        rlimits: &[(u32, u64)],
        filter: &[u8],
    ) -> Result<Running, Broken> {
        let Some(zygote) = &self.zygote else {
            return Err(Broken::Cell("the cell has no interpreter".into()));
        };
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
        let launch = Launch {
            mode,
            is_nested,
            directory: work_directory(self.setup).into(),
            rlimits: rlimits
                .iter()
                .map(|&(resource, value)| (resource, i64::try_from(value).unwrap_or(-1)))
                .collect(),
            filter: filter::to_hex(filter),
        };
        zygote
            .launch(&launch, &fds)
            .map_err(|error| Broken::Cell(error.to_string()))?;
        match zygote.hear(LAUNCH) {
            Some(Word { pid: Some(pid), .. }) => Ok(Running::Forked {
                pid,
                handle: sys::pidfd(pid).ok(),
            }),
            Some(Word {
                error: Some(error), ..
            }) => Err(Broken::Cell(error)),
            _ => Err(Broken::Cell("the zygote did not answer".into())),
        }
    }

    /// Makes sure that the next run finds nothing of this one; false when only a new cell can promise that.
    fn clean_up(&mut self) -> bool {
        // Orphans of a run become our children, and there are no others.
        let is_alone = loop {
            match sys::wait(-1, false) {
                Ok(Waited::Ended(_)) => {}
                Ok(Waited::Childless) => break true,
                Ok(Waited::Running) | Err(_) => break false,
            }
        };
        is_alone
            && match &self.traces {
                Some(traces) if traces.are_unchanged() => true,
                Some(_) => {
                    self.traces = if self.keeper.wipe(self.box_bytes) {
                        Traces::now().ok()
                    } else {
                        None
                    };
                    self.traces.is_some()
                }
                None => self.setup.purpose != Purpose::Compile,
            }
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
