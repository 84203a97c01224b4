//! `mapcoder adapters`: what was trained, and what it is good for.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use domain::Digest;
use model::Config;
use serde_json::json;
use trainer::{StoredAdapter, StoredSettings};

use crate::args::{AdaptersCommand, BaseArg};
use crate::assets::{LocalModel, io_error};
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::ui::{Ui, megabytes};

/// The file of an adapter's numbers.
const WEIGHTS: &str = "adapter_model.safetensors";

/// The deepest that folders are searched for adapters.
const MAX_DEPTH: usize = 4;

/// Runs one of its commands.
///
/// # Errors
/// When a folder or a model cannot be read, or the adapter is none for the model.
pub(super) fn run(command: &AdaptersCommand, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    match command {
        AdaptersCommand::List { folder } => list(folder, ui),
        AdaptersCommand::Show { adapter } => show(adapter, ui),
        AdaptersCommand::Verify { adapter, base } => {
            let (stored, _) = open(adapter, base, settings)?;
            let n = stored.n_numbers();
            if !stored.is_finite() {
                let message = format!(
                    "{} holds numbers that are infinite or undefined",
                    adapter.display()
                );
                return Err(Failure::new(Exit::Failure, message).into());
            }
            ui.line(&format!("{}: {n} numbers fit the model", adapter.display()))?;
            Ok(Exit::Success)
        }
        AdaptersCommand::Export {
            adapter,
            base,
            output,
        } => {
            let (stored, config) = open(adapter, base, settings)?;
            write_whole(output, &stored.to_gguf(&config))?;
            ui.line(&output.display().to_string())?;
            Ok(Exit::Success)
        }
    }
}

/// An adapter, and the dimensions of its model.
fn open(
    adapter: &Path,
    base: &BaseArg,
    settings: &Settings,
) -> anyhow::Result<(StoredAdapter, Config)> {
    let named = StoredSettings::read(adapter)?.base_model_name_or_path;
    let name = base.base.clone().or(named).ok_or_else(|| {
        Failure::new(Exit::Usage, "the adapter names no model").help("name one with `--base`")
    })?;
    let path = Path::new(&name);
    let path = if path.exists() {
        path.to_path_buf()
    } else {
        LocalModel::parse(&name)?.path(settings)?
    };
    let source = model::open(&path).with_context(|| format!("cannot use {}", path.display()))?;
    let config = source.config()?;
    Ok((StoredAdapter::open(adapter, &config)?, config))
}

/// Writes a file beside its place first.
fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io_error("write", path))?;
    std::io::Write::write_all(&mut file, bytes).map_err(io_error("write", path))?;
    file.persist(path)
        .map_err(|error| io_error("write", path)(error.error))?;
    Ok(())
}

/// One adapter in words.
fn describe(settings: &StoredSettings) -> String {
    let kind = match settings.alora_invocation_tokens.as_deref() {
        None | Some([]) => "",
        Some(_) => ", activated",
    };
    format!("rank {}, alpha {}{kind}", settings.r, settings.lora_alpha)
}

fn list(folder: &Path, ui: &Ui) -> anyhow::Result<Exit> {
    let mut found = Vec::new();
    search(folder, 0, &mut found).map_err(io_error("read", folder))?;
    found.sort();
    let mut rows = vec![
        ["ADAPTER", "WHAT", "SIZE", "BASE"]
            .map(str::to_string)
            .to_vec(),
    ];
    for path in found {
        let settings = match StoredSettings::read(&path) {
            Ok(settings) => settings,
            Err(error) => {
                ui.warn(&error.to_string());
                continue;
            }
        };
        let bytes = fs::metadata(path.join(WEIGHTS)).map_or(0, |file| file.len());
        let base = settings.base_model_name_or_path.clone().unwrap_or_default();
        if ui.json() {
            let line = json!({
                "schema": "mapcoder.adapter/1",
                "path": path.display().to_string(),
                "rank": settings.r,
                "alpha": settings.lora_alpha,
                "base": base,
                "bytes": bytes,
            });
            ui.line(&line.to_string())?;
        }
        rows.push(vec![
            path.display().to_string(),
            describe(&settings),
            megabytes(bytes),
            base,
        ]);
    }
    if !ui.json() {
        ui.table(&rows)?;
    }
    Ok(Exit::Success)
}

/// Folders with an adapter; checkpoints of a run belong to it and are left out.
fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if folder.join("adapter_config.json").is_file() {
        found.push(folder.to_path_buf());
        return Ok(());
    }
    if depth == MAX_DEPTH {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_own = entry.file_name().to_str().is_some_and(|name| {
            !name.starts_with('.') && !name.starts_with("checkpoint-") && !name.starts_with("best-")
        });
        if is_own && entry.file_type()?.is_dir() {
            search(&entry.path(), depth + 1, found)?;
        }
    }
    Ok(())
}

fn show(adapter: &Path, ui: &Ui) -> anyhow::Result<Exit> {
    let settings = StoredSettings::read(adapter)?;
    let path = adapter.join(WEIGHTS);
    let bytes = fs::read(&path).map_err(io_error("read", &path))?;
    let (base, digest) = (
        settings.base_model_name_or_path.clone().unwrap_or_default(),
        Digest::of(&bytes).to_string(),
    );
    if ui.json() {
        let line = json!({
            "schema": "mapcoder.adapter/1",
            "path": adapter.display().to_string(),
            "rank": settings.r,
            "alpha": settings.lora_alpha,
            "base": base,
            "invocation": settings.alora_invocation_tokens,
            "bytes": bytes.len(),
            "sha256": digest,
        });
        ui.line(&line.to_string())?;
        return Ok(Exit::Success);
    }
    let row = |name: &str, value: String| vec![name.to_string(), value];
    ui.table(&[
        row("adapter", adapter.display().to_string()),
        row("base", base),
        row("what", describe(&settings)),
        row("size", megabytes(bytes.len() as u64)),
        row("sha256", digest),
    ])?;
    Ok(Exit::Success)
}
