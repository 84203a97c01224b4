//! `mapcoder adapters`: what was trained, and what it is good for.

mod cut;
mod import;
mod merge;
mod show;

use std::path::Path;

use anyhow::Context as _;
use model::Source;
use trainer::{StoredAdapter, StoredSettings};

use crate::args::{AdaptersCommand, BaseArg};
use crate::assets::LocalModel;
use crate::exit::{Exit, Failure};
use crate::files::write_whole;
use crate::settings::Settings;
use crate::ui::Ui;

/// Runs one of its commands.
///
/// # Errors
/// When a folder or a model cannot be read, or the adapter is none for the model.
pub(super) fn run(command: &AdaptersCommand, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    match command {
        AdaptersCommand::List { folder } => show::list(folder, ui),
        AdaptersCommand::Show { adapter } => show::show(adapter, ui),
        AdaptersCommand::Verify { adapter, base } => {
            let opened = open(adapter, base, settings)?;
            let n = opened.stored.n_numbers();
            ui.line(&format!("{}: {n} numbers fit the model", adapter.display()))?;
            Ok(Exit::Success)
        }
        AdaptersCommand::Export {
            adapter,
            base,
            output,
        } => {
            let opened = open(adapter, base, settings)?;
            let bytes = opened.stored.to_gguf(&opened.source.config()?);
            write_whole(output, |file| Ok(std::io::Write::write_all(file, &bytes)?))?;
            ui.line(&output.display().to_string())?;
            Ok(Exit::Success)
        }
        AdaptersCommand::Cut(args) => cut::run(args, settings, ui),
        AdaptersCommand::Import(args) => import::run(args, settings, ui),
        AdaptersCommand::Merge {
            adapter,
            base,
            output,
        } => merge::run(&open(adapter, base, settings)?, output, ui),
    }
}

/// An adapter with the model that it is for.
struct Opened {
    stored: StoredAdapter,
    source: Box<dyn Source>,
    /// What names the model.
    base: String,
}

/// Opens an adapter and its model, and checks every tensor, shape and number.
fn open(adapter: &Path, base: &BaseArg, settings: &Settings) -> anyhow::Result<Opened> {
    let named = StoredSettings::read(adapter)?.base_model_name_or_path;
    let base = base.base.clone().or(named).ok_or_else(|| {
        Failure::new(Exit::Usage, "the adapter names no model").help("name one with `--base`")
    })?;
    let path = Path::new(&base);
    let path = if path.exists() {
        path.to_path_buf()
    } else {
        LocalModel::parse(&base)?.path(settings)?
    };
    let source = model::open(&path).with_context(|| format!("cannot use {}", path.display()))?;
    let stored = StoredAdapter::open(adapter, &source.config()?)?;
    if !stored.is_finite() {
        let message = format!(
            "{} holds numbers that are infinite or undefined",
            adapter.display()
        );
        return Err(Failure::new(Exit::Failure, message).into());
    }
    Ok(Opened {
        stored,
        source,
        base,
    })
}
