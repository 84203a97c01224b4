//! Control groups, version 1 or 2, through files that stay open.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::protocol::Allowance;
use crate::sys;

/// A group of a cell's programs.
pub(crate) struct Group {
    directories: Vec<PathBuf>,
    members: Vec<OwnedFd>,
    names: &'static Names,
    memory_limit: OwnedFd,
    memory_now: OwnedFd,
    memory_peak: OwnedFd,
    memory_events: OwnedFd,
    process_limit: OwnedFd,
    cpu: OwnedFd,
    cpu_unit: CpuUnit,
    /// The limits as they are set, so that each is written only when it changes.
    set_memory: Cell<u64>,
    set_processes: Cell<u64>,
    /// Kills up to now.
    n_kills: Cell<u64>,
}

/// How the two versions call the same things.
struct Names {
    version: &'static str,
    memory_limit: &'static str,
    memory_now: &'static str,
    memory_peak: &'static str,
    memory_events: &'static str,
}

const V1: Names = Names {
    version: "version 1",
    memory_limit: "memory.limit_in_bytes",
    memory_now: "memory.usage_in_bytes",
    memory_peak: "memory.max_usage_in_bytes",
    memory_events: "memory.oom_control",
};

const V2: Names = Names {
    version: "version 2",
    memory_limit: "memory.max",
    memory_now: "memory.current",
    memory_peak: "memory.peak",
    memory_events: "memory.events",
};

#[derive(Clone, Copy)]
enum CpuUnit {
    /// `cpuacct.usage`: nanoseconds.
    Nanoseconds,
    /// `cpu.stat`: a line with microseconds.
    UsageLine,
}

/// Counters at the beginning of a run.
#[derive(Clone, Copy)]
pub(crate) struct Baseline {
    cpu: Duration,
    /// The part of `cpu` that is the supervisor's.
    own_cpu: Duration,
    memory_bytes: u64,
    /// The peak of the runs before, where the kernel cannot reset it.
    old_peak: Option<u64>,
}

/// Memory that the group may use beyond what a program may: the supervisor works in it too.
const SLACK: u64 = 1 << 20;

impl Group {
    /// Makes a group below our own, or below one above it where that is not possible.
    pub(crate) fn create() -> io::Result<Group> {
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let memberships = fs::read_to_string("/proc/self/cgroup")?;
        Group::create_v1(&mounts, &memberships).or_else(|first| {
            Group::create_v2(&mounts, &memberships).map_err(|second| {
                io::Error::other(format!("version 1: {first}; version 2: {second}"))
            })
        })
    }

    fn create_v1(mounts: &str, memberships: &str) -> io::Result<Group> {
        let mut made = Made(Vec::new());
        let memory = made.below(parents(mounts, memberships, Some("memory")))?;
        let pids = made.below(parents(mounts, memberships, Some("pids")))?;
        let (cpu_directory, cpu_file, cpu_unit) =
            match made.below(parents(mounts, memberships, Some("cpuacct"))) {
                Ok(directory) => (directory, "cpuacct.usage", CpuUnit::Nanoseconds),
                Err(_) => {
                    let directory = made.below(parents(mounts, memberships, None))?;
                    (directory, "cpu.stat", CpuUnit::UsageLine)
                }
            };
        let cpu = open(&cpu_directory.join(cpu_file), false)?;
        Group::open(made, &V1, &memory, &pids, cpu, cpu_unit)
    }

    fn create_v2(mounts: &str, memberships: &str) -> io::Result<Group> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for parent in parents(mounts, memberships, None) {
            // It may be enabled already, or not ours to enable; the files below tell.
            let _ = fs::write(parent.join("cgroup.subtree_control"), "+memory +pids");
            let attempt = || {
                let mut made = Made(Vec::new());
                let directory = made.below(vec![parent.clone()])?;
                let cpu = open(&directory.join("cpu.stat"), false)?;
                Group::open(made, &V2, &directory, &directory, cpu, CpuUnit::UsageLine)
            };
            match attempt() {
                Ok(group) => return Ok(group),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn open(
        mut made: Made,
        names: &'static Names,
        memory: &Path,
        pids: &Path,
        cpu: OwnedFd,
        cpu_unit: CpuUnit,
    ) -> io::Result<Group> {
        let members = made
            .0
            .iter()
            .map(|directory| open(&directory.join("cgroup.procs"), true))
            .collect::<io::Result<_>>()?;
        let memory_peak = open(&memory.join(names.memory_peak), true)
            .or_else(|_| open(&memory.join(names.memory_peak), false))?;
        let group = Group {
            members,
            names,
            memory_limit: open(&memory.join(names.memory_limit), true)?,
            memory_now: open(&memory.join(names.memory_now), false)?,
            memory_peak,
            memory_events: open(&memory.join(names.memory_events), false)?,
            process_limit: open(&pids.join("pids.max"), true)?,
            cpu,
            cpu_unit,
            set_memory: Cell::new(0),
            set_processes: Cell::new(0),
            n_kills: Cell::new(0),
            directories: std::mem::take(&mut made.0),
        };
        let _ = fs::write(memory.join("memory.swap.max"), "0");
        Ok(group)
    }

    /// What was made, in words.
    pub(crate) fn describe(&self) -> String {
        format!("memory, processes and CPU time, {}", self.names.version)
    }

    /// Moves the calling process into the group.
    pub(crate) fn join(&self) -> io::Result<()> {
        self.members
            .iter()
            .try_for_each(|procs| sys::write_control(procs, "0"))
    }

    /// Sets the limits of a run, on top of what the group holds already.
    pub(crate) fn begin(&self, allowance: &Allowance, n_own: u64) -> io::Result<Baseline> {
        let now = self.number(&self.memory_now)?;
        let n_processes = n_own + u64::from(allowance.processes);
        if self.set_processes.replace(n_processes) != n_processes {
            sys::write_control(&self.process_limit, &n_processes.to_string())?;
        }
        let (own_cpu, cpu) = self.cpu_times();
        // Version 1 can do it, and version 2 from Linux 6.12 on.
        let old_peak = match sys::write_control(&self.memory_peak, "0") {
            Ok(()) => None,
            Err(_) => Some(self.number(&self.memory_peak)?),
        };
        let baseline = Baseline {
            cpu,
            own_cpu,
            memory_bytes: now,
            old_peak,
        };
        self.grant(&baseline, allowance, 0)?;
        Ok(baseline)
    }

    /// Sets the memory limit so that we can hold some output besides.
    pub(crate) fn grant(
        &self,
        baseline: &Baseline,
        allowance: &Allowance,
        kept_bytes: u64,
    ) -> io::Result<()> {
        let base = baseline.memory_bytes.next_multiple_of(SLACK);
        let limit = base + SLACK + allowance.memory_bytes + kept_bytes;
        if self.set_memory.replace(limit) != limit {
            sys::write_control(&self.memory_limit, &limit.to_string())?;
        }
        Ok(())
    }

    /// CPU time of programs since the beginning of the run.
    pub(crate) fn cpu(&self, baseline: &Baseline) -> Duration {
        let (own_cpu, cpu) = self.cpu_times();
        let all = cpu.saturating_sub(baseline.cpu);
        all.saturating_sub(own_cpu.saturating_sub(baseline.own_cpu))
    }

    /// Peak memory since the beginning of the run, unless a run before had more and the kernel cannot tell,
    /// and whether the kernel killed for want of memory.
    pub(crate) fn memory(&self, baseline: &Baseline) -> io::Result<(Option<u64>, bool)> {
        let peak = self.number(&self.memory_peak)?;
        let is_new = baseline.old_peak.is_none_or(|old| peak > old);
        let text = sys::read_again(&self.memory_events)?;
        let n_kills = line(&text, "oom_kill ").unwrap_or(0);
        let killed = n_kills > self.n_kills.replace(n_kills);
        let peak = is_new.then(|| peak.saturating_sub(baseline.memory_bytes));
        Ok((peak, killed))
    }

    /// Removes the group, once its last process is gone.
    pub(crate) fn remove(&self) {
        remove(&self.directories);
    }

    fn number(&self, fd: &OwnedFd) -> io::Result<u64> {
        let text = sys::read_again(fd)?;
        text.trim()
            .parse()
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// CPU time of the supervisor, and of the whole group.
    /// In this order: asking for a process's own time has the kernel charge the group with all of it. Otherwise the
    /// group would lack what the supervisor used since the last tick, and that would look like the program's later.
    fn cpu_times(&self) -> (Duration, Duration) {
        (sys::own_cpu(), self.cpu_total())
    }

    fn cpu_total(&self) -> Duration {
        let text = sys::read_again(&self.cpu).unwrap_or_default();
        match self.cpu_unit {
            CpuUnit::Nanoseconds => Duration::from_nanos(text.trim().parse().unwrap_or(0)),
            CpuUnit::UsageLine => Duration::from_micros(line(&text, "usage_usec ").unwrap_or(0)),
        }
    }
}

/// How our groups' names begin; the id of the process that made it follows.
const PREFIX: &str = "mapcoder-judge-";

/// Removes groups that a killed judge left. They are empty, as its processes died with it; others stay.
fn clear(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Directories made so far; removed again when the group does not come about.
struct Made(Vec<PathBuf>);

impl Made {
    /// Makes our directory below the first parent that lets us.
    fn below(&mut self, parents: Vec<PathBuf>) -> io::Result<PathBuf> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for parent in parents {
            clear(&parent);
            let directory = parent.join(format!("{PREFIX}{}", std::process::id()));
            match fs::create_dir(&directory) {
                Ok(()) => {
                    self.0.push(directory.clone());
                    return Ok(directory);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(directories: &[PathBuf]) {
    for directory in directories {
        let _ = fs::remove_dir(directory);
    }
}

/// Where a controller's groups may be made: below our own group, then below those above it, up to the root.
///
/// Version 2 gives no controllers to the groups below one that holds processes, other than the root, and ours holds
/// at least this one. There it is the group above that works, if we may make groups in it and move processes:
/// for root, and for whoever was given a whole part of the tree, as systemd gives one to each user.
fn parents(mounts: &str, memberships: &str, controller: Option<&str>) -> Vec<PathBuf> {
    let mounted = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (path, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let fits = match controller {
            Some(name) => kind == "cgroup" && options.split(',').any(|option| option == name),
            None => kind == "cgroup2",
        };
        fits.then(|| PathBuf::from(path))
    });
    let own = memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let fits = match controller {
            Some(name) => controllers.split(',').any(|other| other == name),
            None => controllers.is_empty(),
        };
        fits.then(|| Path::new(path.trim_start_matches('/')))
    });
    let Some(mounted) = mounted else {
        return Vec::new();
    };
    // A path that leads upwards is that of a group which cannot be seen from here.
    let is_inside = |own: &&Path| own.components().all(|part| part != Component::ParentDir);
    let own = own.filter(is_inside).unwrap_or(Path::new(""));
    let mut parents: Vec<_> = own.ancestors().map(|group| mounted.join(group)).collect();
    // The last of them joins nothing.
    parents.pop();
    parents.push(mounted);
    parents
}

fn open(path: &Path, writable: bool) -> io::Result<OwnedFd> {
    let file: File = OpenOptions::new().read(true).write(writable).open(path)?;
    Ok(file.into())
}

/// The number after a name at the beginning of a line.
fn line(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[cfg(test)]
mod tests;
