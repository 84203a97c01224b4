use std::fs;

/// What tells one process of one boot of one machine from every other.
///
/// A process id alone is used again; its start time, the boot and the id's namespace make it unique.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Process {
    /// The kernel's random name for this boot; empty where the system gives none.
    pub boot: String,
    /// The namespace in which `pid` counts; empty where the system gives none.
    pub pid_namespace: String,
    /// The process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot; 0 where the system gives none.
    pub start_ticks: i64,
}

impl Process {
    /// The process that runs this code.
    pub fn current() -> Process {
        let pid = std::process::id();
        Process {
            boot: fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|text| text.trim().to_string())
                .unwrap_or_default(),
            pid_namespace: fs::read_link("/proc/self/ns/pid")
                .map(|link| link.to_string_lossy().into_owned())
                .unwrap_or_default(),
            pid,
            start_ticks: start_ticks(pid).unwrap_or_default(),
        }
    }

    /// True when the process still runs and can be seen from here.
    /// A process in another namespace of process ids cannot be seen and counts as dead.
    pub fn is_alive(&self) -> bool {
        let here = Process::current();
        *self == here
            || (self.boot == here.boot
                && self.pid_namespace == here.pid_namespace
                && start_ticks(self.pid) == Some(self.start_ticks))
    }
}

/// When a running process started; absent when there is none with this id or it has ended and waits to be reaped.
fn start_ticks(pid: u32) -> Option<i64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything, so fields count from the last one.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
