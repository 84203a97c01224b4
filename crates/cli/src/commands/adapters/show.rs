use std::fs;
use std::path::{Path, PathBuf};

use domain::Digest;
use serde_json::{Value, json};
use trainer::StoredSettings;

use crate::adapters::{CONFIG, WEIGHTS};
use crate::assets::io_error;
use crate::exit::Exit;
use crate::ui::{Ui, file_size};

/// The deepest that folders are searched for adapters.
const MAX_DEPTH: usize = 4;

/// What a folder says of its adapter.
struct About {
    path: PathBuf,
    settings: StoredSettings,
    bytes: u64,
}

impl About {
    fn read(path: &Path) -> anyhow::Result<About> {
        Ok(About {
            path: path.to_path_buf(),
            settings: StoredSettings::read(path)?,
            bytes: fs::metadata(path.join(WEIGHTS)).map_or(0, |file| file.len()),
        })
    }

    fn base(&self) -> String {
        let base = self.settings.base_model_name_or_path.clone();
        base.unwrap_or_default()
    }

    /// One line of words.
    fn words(&self) -> String {
        let StoredSettings { r, lora_alpha, .. } = self.settings;
        let kind = match self.settings.alora_invocation_tokens.as_deref() {
            None | Some([]) => "",
            Some(_) => ", activated",
        };
        format!("rank {r}, alpha {lora_alpha}{kind}")
    }

    fn json(&self) -> Value {
        json!({
            "schema": "mapcoder.adapter/1",
            "path": self.path.display().to_string(),
            "rank": self.settings.r,
            "alpha": self.settings.lora_alpha,
            "base": self.base(),
            "invocation": self.settings.alora_invocation_tokens,
            "bytes": self.bytes,
        })
    }
}

/// Lists the adapters below a folder. One that cannot be read is told and left out.
///
/// # Errors
/// When the folder cannot be read, or standard output is closed or full.
pub(super) fn list(folder: &Path, ui: &Ui) -> anyhow::Result<Exit> {
    let mut found = Vec::new();
    search(folder, 0, &mut found).map_err(io_error("read", folder))?;
    found.sort();
    let heading = ["ADAPTER", "WHAT", "SIZE", "BASE"];
    let mut rows = vec![heading.map(str::to_string).to_vec()];
    for path in found {
        let about = match About::read(&path) {
            Ok(about) => about,
            Err(error) => {
                ui.warn(&error.to_string());
                continue;
            }
        };
        if ui.json() {
            ui.line(&about.json().to_string())?;
        }
        let size = file_size(about.bytes);
        rows.push(vec![
            path.display().to_string(),
            about.words(),
            size,
            about.base(),
        ]);
    }
    if !ui.json() {
        ui.table(&rows)?;
    }
    Ok(Exit::Success)
}

/// Folders with an adapter; checkpoints of a run belong to it and are left out.
fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if folder.join(CONFIG).is_file() {
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

/// Says what an adapter is.
///
/// # Errors
/// When it cannot be read, or standard output is closed or full.
pub(super) fn show(adapter: &Path, ui: &Ui) -> anyhow::Result<Exit> {
    let about = About::read(adapter)?;
    let path = adapter.join(WEIGHTS);
    let digest = fs::File::open(&path).and_then(Digest::of_reader);
    let digest = digest.map_err(io_error("read", &path))?.to_string();
    if ui.json() {
        let mut line = about.json();
        line["sha256"] = json!(digest);
        ui.line(&line.to_string())?;
        return Ok(Exit::Success);
    }
    let row = |name: &str, value: String| vec![name.to_string(), value];
    ui.table(&[
        row("adapter", adapter.display().to_string()),
        row("base", about.base()),
        row("what", about.words()),
        row("size", file_size(about.bytes)),
        row("sha256", digest),
    ])?;
    Ok(Exit::Success)
}
