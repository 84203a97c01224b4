mod groups;

use std::path::Path;

/// A number of `/proc`, in bytes, where the system has it.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The most memory that this process had at any time.
pub(crate) fn peak() -> Option<u64> {
    field("/proc/self/status", "VmHWM:")
}

/// The most memory that a process, which is still there, had at any time.
pub(crate) fn peak_of(process: u32) -> Option<u64> {
    field(&format!("/proc/{process}/status"), "VmHWM:")
}

/// Memory of the machine.
pub(crate) fn total() -> Option<u64> {
    field("/proc/meminfo", "MemTotal:")
}

/// Memory that this process can have: what the machine has left, and its control groups leave it.
pub(crate) fn available() -> Option<u64> {
    let machine = field("/proc/meminfo", "MemAvailable:");
    let groups = groups::available(Path::new("/"));
    machine.into_iter().chain(groups).min()
}
