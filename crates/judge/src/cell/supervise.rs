//! One run: start it, drain what it writes, stop it at its limits, and leave the cell as it was before.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use domain::Rung;

use super::drain::Drain;
use super::init::Init;
use super::launcher::{Launch, Word};
use super::watch::{Broken, LAUNCH, Watch};
use super::{filter, rootfs};
use crate::protocol::{Allowance, FrameError, Hit, Outcome, Purpose, Task, write_frame};
use crate::sys;

/// What is kept of standard error.
const STDERR_TAIL: usize = 16 << 10;
/// Descriptors that a program may have open.
const OPEN_FILES: i64 = 1024;
/// What a program may map beyond its memory limit before the kernel refuses, where no control group counts.
const DATA_SLACK: u64 = 64 << 20;

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
        let mut watch = Watch::new(self, allowance, baseline, start, pid);
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
    pub(super) fn processes_of_run(&self, main: i32) -> Vec<i32> {
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
