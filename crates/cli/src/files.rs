//! Files that the program writes: in one piece or not at all.

use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Write};
use std::path::Path;

use anyhow::Context as _;
use distill::{clear_drafts, draft};

/// How the names of drafts end.
pub(crate) const DRAFT: &str = "tmp";

/// Writes a file beside its place and renames it, so that the place never holds half of it. Drafts that killed processes
/// left are removed.
///
/// # Errors
/// When the file cannot be written, or `write` fails.
pub(crate) fn write_whole(
    place: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    clear_drafts(place, DRAFT);
    let draft = draft(place, DRAFT);
    let written = write_draft(&draft, write).and_then(|()| Ok(std::fs::rename(&draft, place)?));
    if written.is_err() {
        // There may be none; the error that led here is the one to tell.
        let _ = std::fs::remove_file(&draft);
    }
    written.with_context(|| format!("failed to write {}", place.display()))
}

/// The same for a text that is here already.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_text(place: &Path, text: &str) -> anyhow::Result<()> {
    write_whole(place, |file| Ok(file.write_all(text.as_bytes())?))
}

fn write_draft(
    draft: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(draft)?);
    write(&mut file)?;
    file.into_inner()
        .map_err(IntoInnerError::into_error)?
        .sync_all()?;
    Ok(())
}
