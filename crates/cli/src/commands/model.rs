mod info;

use std::fs;

use serde_json::json;

use crate::args::ModelCommand;
use crate::assets::{self, Asset, LocalModel, Use, io_error};
use crate::exit::Exit;
use crate::hub;
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::{Ui, file_size};

/// `mapcoder model`.
pub(super) fn run(command: ModelCommand, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    match command {
        ModelCommand::Pull { name } => pull(&name, settings, ui),
        ModelCommand::List => list(settings, ui),
        ModelCommand::Rm { name } => rm(&name, settings, ui),
        ModelCommand::Info { .. } => info::run(settings, ui),
        ModelCommand::Path { name } => {
            let path = LocalModel::parse(&name)?.path(settings)?;
            ui.line(&path.display().to_string())?;
            Ok(Exit::Success)
        }
    }
}

fn pull(name: &str, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    if let LocalModel::Hub(reference) = LocalModel::parse(name)? {
        let interrupt = Interrupt::listen(ui)?;
        let path =
            hub::refresh(&reference, &settings.hub, ui, &interrupt).map_err(assets::Error::from)?;
        ui.note(&format!("{reference} is here as it is on the hub"));
        return info::show(name, &path, settings, ui);
    }
    let Some(asset) = Asset::find(name).filter(|asset| asset.usage == Use::Model) else {
        // The user's own file is here already; any other name is an error with the known ones.
        let path = assets::cached_model(name, &settings.cache)?;
        ui.note(&format!("{name} is in {}", path.display()));
        return Ok(Exit::Success);
    };
    let interrupt = Interrupt::listen(ui)?;
    if asset.is_here(&settings.cache) && !asset.is_intact(&settings.cache) {
        let path = asset.path(&settings.cache);
        ui.warn(&format!("{} is damaged; fetching it anew", path.display()));
        fs::remove_file(&path).map_err(io_error("remove", &path))?;
    }
    let was_here = asset.is_here(&settings.cache);
    let path = assets::ensure(asset, settings, ui, &interrupt)?;
    let state = if was_here {
        "is here already"
    } else {
        "fetched"
    };
    ui.note(&format!("{name} {state}, its digest is right"));
    if ui.json() {
        let line = json!({
            "schema": "mapcoder.model/1",
            "name": name,
            "path": path.display().to_string(),
            "bytes": asset.bytes,
            "sha256": asset.sha256,
            "licence": asset.licence,
        });
        ui.line(&line.to_string())?;
    } else {
        ui.line(&path.display().to_string())?;
    }
    Ok(Exit::Success)
}

fn list(settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let models = assets::models(&settings.cache)?;
    if ui.json() {
        for model in &models {
            let line = json!({
                "schema": "mapcoder.model/1",
                "name": model.name,
                "path": model.path.as_ref().map(|path| path.display().to_string()),
                "bytes": model.bytes,
                "sha256": model.asset.map(|asset| asset.sha256),
                "licence": model.asset.map(|asset| asset.licence),
            });
            ui.line(&line.to_string())?;
        }
        return Ok(Exit::Success);
    }
    let heading = ["NAME", "SIZE", "LICENCE", "STATE"].map(str::to_string);
    let rows = models.iter().map(|model| {
        let licence = model.asset.map_or("", |asset| asset.licence);
        let state = match &model.path {
            Some(path) => path.display().to_string(),
            None => "not fetched".to_string(),
        };
        vec![
            model.name.clone(),
            file_size(model.bytes),
            licence.to_string(),
            state,
        ]
    });
    ui.table(
        &std::iter::once(heading.to_vec())
            .chain(rows)
            .collect::<Vec<_>>(),
    )?;
    Ok(Exit::Success)
}

fn rm(name: &str, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let path = assets::cached_model(name, &settings.cache)?;
    fs::remove_file(&path).map_err(io_error("remove", &path))?;
    ui.note(&format!("removed {}", path.display()));
    Ok(Exit::Success)
}
