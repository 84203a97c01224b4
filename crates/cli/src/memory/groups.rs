//! What control groups leave of the machine's memory.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// How a version of control groups calls its files and their fields.
struct Names {
    /// The kind of file system.
    kind: &'static str,
    /// What its mount and its line of memberships name; absent in version 2, which has one tree.
    controller: Option<&'static str>,
    limit: &'static str,
    used: &'static str,
    /// Of what is used, pages of files that were not read lately, which the kernel gives back first.
    idle: &'static str,
}

const VERSIONS: [Names; 2] = [
    Names {
        kind: "cgroup2",
        controller: None,
        limit: "memory.max",
        used: "memory.current",
        idle: "inactive_file",
    },
    Names {
        kind: "cgroup",
        controller: Some("memory"),
        limit: "memory.limit_in_bytes",
        used: "memory.usage_in_bytes",
        idle: "total_inactive_file",
    },
];

/// Memory in bytes that this process can still have within its control groups: the least that its own and those above
/// it leave; absent where none has a limit. `root` is the folder that paths begin at.
pub(super) fn available(root: &Path) -> Option<u64> {
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap_or_default();
    let (mounts, memberships) = (read("proc/self/mounts"), read("proc/self/cgroup"));
    let of_version = |names: &Names| {
        let folders = folders(names, &mounts, &memberships);
        let left = folders.into_iter().filter_map(|folder| {
            let inside = folder.strip_prefix("/").unwrap_or(&folder);
            left(names, &root.join(inside))
        });
        left.min()
    };
    VERSIONS.iter().filter_map(of_version).min()
}

/// The folders of our own group and of those above it, as far as they can be seen.
fn folders(names: &Names, mounts: &str, memberships: &str) -> Vec<PathBuf> {
    let mounted = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (path, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let has = |name| options.split(',').any(|option| option == name);
        (kind == names.kind && names.controller.is_none_or(has)).then(|| Path::new(path))
    });
    let own = memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let is_it = match names.controller {
            Some(name) => controllers.split(',').any(|other| other == name),
            None => controllers.is_empty(),
        };
        is_it.then(|| Path::new(path.trim_start_matches('/')))
    });
    let (Some(mounted), Some(own)) = (mounted, own) else {
        return Vec::new();
    };
    // A path that leads upwards is that of a group which cannot be seen from here.
    let is_inside = own.components().all(|part| part != Component::ParentDir);
    let own = if is_inside { own } else { Path::new("") };
    own.ancestors().map(|group| mounted.join(group)).collect()
}

/// What one group leaves; absent without a limit.
fn left(names: &Names, folder: &Path) -> Option<u64> {
    let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
    let number = |file: &str| read(file)?.trim().parse::<u64>().ok();
    // Version 2 says `max`, version 1 a number beyond any memory.
    let limit = number(names.limit)?;
    let stat = read("memory.stat").unwrap_or_default();
    let idle = stat.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        (name == names.idle).then(|| value.parse::<u64>().ok())?
    });
    let used = number(names.used)?.saturating_sub(idle.unwrap_or(0));
    Some(limit.saturating_sub(used))
}

#[cfg(test)]
mod tests;
