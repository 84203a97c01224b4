//! Some files with their names in one piece of memory: how a program of several files travels.
//!
//! For each file: the length of its name and of its content, both as little-endian numbers of eight bytes,
//! then the name and the content.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path};

use crate::sys;

/// Bounds on what a compiler may leave.
const MAX_FILES: usize = 4096;
const MAX_BYTES: usize = 64 << 20;
const MAX_DEPTH: usize = 16;

/// Puts files together.
pub(crate) fn encode<N: AsRef<str>, B: AsRef<[u8]>>(files: &[(N, B)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let (name, content) = (name.as_ref(), content.as_ref());
        bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(content);
    }
    bytes
}

/// Takes files apart; `None` for what is no bundle, or has names that lead elsewhere.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let mut files = Vec::new();
    while !bytes.is_empty() {
        let mut length = || -> Option<usize> {
            let (length, rest) = bytes.split_first_chunk::<8>()?;
            bytes = rest;
            usize::try_from(u64::from_le_bytes(*length)).ok()
        };
        let (name_length, content_length) = (length()?, length()?);
        let (name, rest) = bytes.split_at_checked(name_length)?;
        let (content, rest) = rest.split_at_checked(content_length)?;
        bytes = rest;
        let name = std::str::from_utf8(name).ok()?;
        if !is_plain(name) || files.len() == MAX_FILES {
            return None;
        }
        files.push((name.to_string(), content));
    }
    Some(files)
}

/// True for a path that leads downwards only.
fn is_plain(name: &str) -> bool {
    let path = Path::new(name);
    !name.is_empty()
        && !name.contains('\0')
        && path.components().count() <= MAX_DEPTH
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// Writes the files of a bundle into a directory that is empty and that nobody else writes to.
pub(crate) fn unpack(bundle: &OwnedFd, directory: &Path) -> io::Result<()> {
    let bytes = sys::read_all_sealed(bundle)?;
    let files = decode(&bytes).ok_or(io::ErrorKind::InvalidData)?;
    for (name, content) in files {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(path)?;
        file.write_all(content)?;
    }
    Ok(())
}

/// The files below a directory whose names end in a suffix, as a bundle. No link is followed.
pub(crate) fn collect(directory: &OwnedFd, suffix: &str) -> io::Result<Vec<u8>> {
    let mut files = Vec::new();
    let mut room = MAX_BYTES;
    collect_below(directory, "", suffix, MAX_DEPTH, &mut room, &mut files)?;
    Ok(encode(&files))
}

fn collect_below(
    directory: &OwnedFd,
    above: &str,
    suffix: &str,
    depth: usize,
    room: &mut usize,
    files: &mut Vec<(String, Vec<u8>)>,
) -> io::Result<()> {
    for name in sys::list(directory)? {
        let Ok(text) = name.to_str() else { continue };
        let Ok(entry) = sys::open_at(directory, &name, libc::O_RDONLY) else {
            continue;
        };
        let path = format!("{above}{text}");
        let mut file = fs::File::from(entry);
        let kind = file.metadata()?;
        if kind.is_dir() && depth > 0 {
            let below = format!("{path}/");
            collect_below(&file.into(), &below, suffix, depth - 1, room, files)?;
        } else if kind.is_file() && text.ends_with(suffix) {
            let mut content = Vec::new();
            io::Read::read_to_end(&mut file, &mut content)?;
            let left = room
                .checked_sub(content.len())
                .filter(|_| files.len() < MAX_FILES);
            *room = left.ok_or_else(|| io::Error::other("the compiler left too much"))?;
            files.push((path, content));
        }
    }
    Ok(())
}
