//! The precompiled form of a header such as `bits/stdc++.h`, which most contest programs include and which takes a
//! second to compile.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use domain::Digest;

use super::row::Compile;
use super::toolchain::{Facts, Toolchain};
use crate::{Settings, sys};

/// The place of one compiler's precompiled header in the user's cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// How programs include it.
    pub(crate) name: &'static str,
    /// A directory for the compiler's search path.
    pub(crate) directory: PathBuf,
}

impl Header {
    /// Where the header of a compiler belongs; `None` without a cache, or where no header is worth it.
    pub(crate) fn of(
        settings: &Settings,
        toolchain: &Toolchain,
        compile: &Compile,
        facts: &Facts,
    ) -> Option<Header> {
        let cache = settings.cache_dir.as_ref()?;
        let name = compile.header?;
        let command = toolchain.header_command(compile, name);
        let key = Digest::of_json(&(&facts.version, command));
        Some(Header {
            name,
            directory: cache.join(format!("cpp-headers-{}", key.short())),
        })
    }

    /// True when it is there, and nobody else can have written it.
    pub(crate) fn is_ready(&self) -> bool {
        fs::symlink_metadata(self.file()).is_ok_and(|metadata| {
            metadata.is_file() && metadata.uid() == sys::user().0 && metadata.mode() & 0o022 == 0
        })
    }

    /// Keeps what the compiler made, whole or not at all.
    pub(crate) fn store(&self, artifact: OwnedFd) -> io::Result<()> {
        let file = self.file();
        let unfinished = file.with_extension(format!("part-{}", std::process::id()));
        if let Some(parent) = file.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(parent)?;
        }
        let mut output = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&unfinished)?;
        let stored = io::copy(&mut File::from(artifact), &mut output)
            .and_then(|_| fs::rename(&unfinished, file));
        if stored.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        stored
    }

    fn file(&self) -> PathBuf {
        self.directory.join(format!("{}.gch", self.name))
    }
}
