use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use agents::Prompts;
use anyhow::Context as _;
use serde_json::json;

use crate::args::ConfigCommand;
use crate::exit::Exit;
use crate::settings::Surroundings;
use crate::ui::Ui;

/// `mapcoder config`.
pub(super) fn run(
    command: ConfigCommand,
    surroundings: &Surroundings,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Show => show(surroundings, ui),
        ConfigCommand::Path => path(surroundings, ui),
        ConfigCommand::Prompts { folder } => prompts(&folder, ui),
    }
}

/// Writes the built-in templates; a file that is there already stays as it is.
fn prompts(folder: &Path, ui: &Ui) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    for (name, text) in Prompts::built_in_texts() {
        let path = folder.join(format!("{name}.md"));
        match File::create_new(&path) {
            Ok(mut file) => file.write_all(text.as_bytes()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                ui.warn(&format!(
                    "{} is there already and stays as it is",
                    path.display()
                ));
                continue;
            }
            Err(error) => Err(error),
        }
        .with_context(|| format!("failed to write {}", path.display()))?;
        ui.line(&path.display().to_string())?;
    }
    Ok(Exit::Success)
}

fn show(surroundings: &Surroundings, ui: &Ui) -> anyhow::Result<Exit> {
    let settings = super::load(surroundings, &[], ui)?;
    if ui.json() {
        for shown in settings.shown() {
            let line = json!({
                "schema": "mapcoder.setting/1",
                "key": shown.key,
                "value": shown.value,
                "origin": shown.origin.to_string(),
            });
            ui.line(&line.to_string())?;
        }
        return Ok(Exit::Success);
    }
    let heading = ["SETTING", "VALUE", "FROM"].map(str::to_string).to_vec();
    let rows = settings.shown().iter().map(|shown| {
        let value = match Path::new(&shown.value) {
            path if path.is_absolute() => surroundings.shorten(path),
            _ => shown.value.clone(),
        };
        vec![shown.key.to_string(), value, shown.origin.to_string()]
    });
    ui.table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())?;
    Ok(Exit::Success)
}

fn path(surroundings: &Surroundings, ui: &Ui) -> anyhow::Result<Exit> {
    let nearest = surroundings.project_file();
    let project = nearest.unwrap_or_else(|| surroundings.folder.join("mapcoder.toml"));
    let files = [
        ("project", Some(project)),
        ("user", surroundings.user_file()),
    ];
    for (layer, path) in files {
        let Some(path) = path else {
            ui.note(&format!(
                "no {layer} file: neither HOME nor XDG_CONFIG_HOME is set"
            ));
            continue;
        };
        let is_here = path.is_file();
        let line = if ui.json() {
            let path = path.display().to_string();
            json!({"schema": "mapcoder.settings_file/1", "layer": layer, "path": path, "exists": is_here})
                .to_string()
        } else {
            let state = if is_here { "" } else { "  (not there)" };
            format!("{layer:8} {}{state}", path.display())
        };
        ui.line(&line)?;
    }
    Ok(Exit::Success)
}
