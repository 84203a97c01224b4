//! Where something is written before it takes its place, and what writers that were killed have left there.

use std::fs;
use std::path::{Path, PathBuf};

/// A name beside a place that is this process's own: `PLACE.PID.ENDING`.
pub fn draft(place: &Path, ending: &str) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.{ending}", std::process::id()));
    place.with_file_name(name)
}

/// Removes the drafts of a place whose writers were killed: those of no running process, and those that bear this one's
/// id, which is why it must have begun none of its own yet. What cannot be removed stays.
pub fn clear_drafts(place: &Path, ending: &str) {
    let parent = match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Some(name) = place.file_name().and_then(|name| name.to_str()) else {
        return;
    };
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_left = entry
            .file_name()
            .to_str()
            .and_then(|draft| owner(draft, name, ending))
            .is_some_and(|process| process == std::process::id() || !is_running(process));
        if is_left {
            let path = entry.path();
            let _ = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
        }
    }
}

/// The process that a draft of this name belongs to; absent for any other file.
fn owner(draft: &str, place: &str, ending: &str) -> Option<u32> {
    let process = draft.strip_prefix(place)?.strip_prefix('.')?;
    let process = process.strip_suffix(ending)?.strip_suffix('.')?;
    process.parse().ok()
}

/// Whether there is such a process; where the system does not tell, all are taken to run.
fn is_running(process: u32) -> bool {
    let processes = Path::new("/proc");
    !processes.join("self").exists() || processes.join(process.to_string()).exists()
}
