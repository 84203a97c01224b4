//! The file system that programs see where the kernel gives us one of our own:
//! what they may read is bound read-only, and one small memory file system is all they may write.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::sys;

/// Everything that programs may write lies below; it is mounted afresh when a run leaves something behind.
pub(crate) const WRITABLE: &str = "/box/run";
/// Where programs start.
pub(crate) const HOME: &str = "/box/run/home";
/// Above [`WRITABLE`], the same directory for the cell's whole life.
pub(crate) const BOX: &str = "/box";
/// Devices that programs may use.
/// The zero device is not among them: shared mappings of it are memory that no process is charged for.
pub(crate) const DEVICES: [&str; 4] = ["null", "full", "random", "urandom"];

/// A place that exists everywhere and holds nothing that programs may read.
const NEW_ROOT: &str = "/sys";
/// What programs see of the map of their memory, which Mono looks up to learn where its stack may lie:
/// somewhere in the upper part.
#[cfg(target_arch = "x86_64")]
const MAPS: &str = "00001000-7ff000000000 ---p 00000000 00:00 0\n7ff000000000-7ffffffff000 rw-p 00000000 00:00 0 [stack]\n";
#[cfg(target_arch = "aarch64")]
const MAPS: &str = "00001000-fff000000000 ---p 00000000 00:00 0\nfff000000000-1000000000000 rw-p 00000000 00:00 0 [stack]\n";
const SCRATCH_MODE: u32 = 0o1777;

/// Builds the new root and moves into it.
/// Returns the process list of the new namespace, which is not visible in the tree.
pub(crate) fn build(readable: &[String], disk_bytes: u64) -> Result<OwnedFd, String> {
    let at = |what: &str| {
        let what = what.to_string();
        move |error: io::Error| format!("{what}: {error}")
    };
    sys::mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)
        .map_err(at("private mounts"))?;
    let root = Path::new(NEW_ROOT);
    tmpfs(NEW_ROOT, "size=1m,nr_inodes=4096,mode=0755").map_err(at("root"))?;
    for path in readable {
        bind(root, Path::new(path)).map_err(at(path))?;
    }
    fs::create_dir_all(root.join("dev")).map_err(at("devices"))?;
    for device in DEVICES {
        let inside = root.join("dev").join(device);
        fs::write(&inside, "").map_err(at("devices"))?;
        bind_mount(&Path::new("/dev").join(device), &inside).map_err(at("devices"))?;
    }
    fs::create_dir_all(root.join("box/run")).map_err(at("box"))?;
    // Where something readable lies below `/tmp`, programs do without a `/tmp` to write to.
    if !root.join("tmp").exists() {
        symlink("/box/run/tmp", root.join("tmp")).map_err(at("tmp"))?;
    }
    let processes = hidden_proc(root).map_err(at("process list"))?;
    sys::change_directory(&c_path(root).map_err(at("root"))?).map_err(at("root"))?;
    sys::pivot_here().map_err(at("pivot_root"))?;
    sys::make_read_only(c"/", false).map_err(at("read-only root"))?;
    fresh_box(disk_bytes).map_err(at("box"))?;
    Ok(processes)
}

/// Mounts an empty box for the next run.
pub(crate) fn fresh_box(disk_bytes: u64) -> io::Result<()> {
    let writable = sys::c_string(WRITABLE)?;
    let _ = sys::detach(&writable);
    tmpfs(
        WRITABLE,
        &format!("size={disk_bytes},nr_inodes=8192,mode=0755"),
    )?;
    for name in ["home", "tmp"] {
        let path = Path::new(WRITABLE).join(name);
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(SCRATCH_MODE))?;
    }
    Ok(())
}

/// Lets the files of an empty box have so many bytes together.
pub(crate) fn resize_box(disk_bytes: u64) -> io::Result<()> {
    let flags = libc::MS_REMOUNT | libc::MS_NOSUID | libc::MS_NODEV;
    let size = sys::c_string(format!("size={disk_bytes}"))?;
    sys::mount(None, &sys::c_string(WRITABLE)?, None, flags, Some(&size))
}

/// What tells whether a box has been touched since it was mounted. The kernel keeps all of it, and no program can set it.
#[derive(PartialEq, Eq)]
pub(crate) struct Traces {
    /// When the directories, their names, modes and attributes last changed.
    changes: [(i64, i64); 3],
    free: (u64, u64),
}

impl Traces {
    /// How the box looks now.
    pub(crate) fn now() -> io::Result<Traces> {
        Ok(Traces {
            changes: [
                sys::change_time(c"/box/run")?,
                sys::change_time(c"/box/run/home")?,
                sys::change_time(c"/box/run/tmp")?,
            ],
            free: sys::free_space(c"/box/run")?,
        })
    }

    /// Lets a tick of the files' clock pass, if none has since the box was mounted,
    /// so that no change can fall into the same one.
    pub(crate) fn settle(&self) {
        let last = self.changes.into_iter().max().unwrap_or_default();
        while sys::coarse_clock() <= last {
            std::thread::yield_now();
        }
    }

    /// True when no program has changed anything in the box, even if it changed it back.
    pub(crate) fn are_unchanged(&self) -> bool {
        Traces::now().is_ok_and(|now| now == *self)
    }
}

fn tmpfs(target: &str, options: &str) -> io::Result<()> {
    sys::mount(
        Some(c"tmpfs"),
        &sys::c_string(target)?,
        Some(c"tmpfs"),
        libc::MS_NOSUID | libc::MS_NODEV,
        Some(&sys::c_string(options)?),
    )
}

/// Shows an outside path at the same place inside: links as links, the rest bound read-only.
fn bind(root: &Path, path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let inside = root.join(path.strip_prefix("/").unwrap_or(path));
    if inside.symlink_metadata().is_ok() {
        return Ok(());
    }
    if let Some(parent) = inside.parent() {
        fs::create_dir_all(parent)?;
    }
    if metadata.is_symlink() {
        return symlink(fs::read_link(path)?, inside);
    }
    if metadata.is_dir() {
        fs::create_dir(&inside)?;
    } else {
        fs::write(&inside, "")?;
    }
    bind_mount(path, &inside)?;
    sys::make_read_only(&c_path(&inside)?, true)
}

fn bind_mount(from: &Path, to: &Path) -> io::Result<()> {
    let flags = libc::MS_BIND | libc::MS_REC;
    sys::mount(Some(&c_path(from)?), &c_path(to)?, None, flags, None)
}

/// Opens the process list and takes it out of the tree again, so that only we can look into it.
fn hidden_proc(root: &Path) -> io::Result<OwnedFd> {
    let path = root.join("proc");
    fs::create_dir(&path)?;
    let path = c_path(&path)?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    sys::mount(Some(c"proc"), &path, Some(c"proc"), flags, None)?;
    let directory = sys::open_directory(&path)?;
    sys::detach(&path)?;
    let own = root.join("proc/self");
    fs::create_dir(&own)?;
    fs::write(own.join("maps"), MAPS)?;
    Ok(directory)
}

fn c_path(path: &Path) -> io::Result<CString> {
    use std::os::unix::ffi::OsStrExt as _;
    sys::c_string(path.as_os_str().as_bytes())
}
