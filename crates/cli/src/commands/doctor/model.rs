use std::path::{Path, PathBuf};

use domain::Agent;

use super::{Area, Finding, State, endpoint};
use crate::adapters;
use crate::assets::{self, Asset, DEFAULT_MODEL, LocalModel, Use};
use crate::fetch::Client;
use crate::settings::Settings;
use crate::wiring;

/// What answers: a server, or a model file and whatever is needed to fetch it.
pub(super) fn look(settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    let servers = endpoint::look(settings)?;
    if settings.base_url.is_some() {
        return Ok(servers);
    }
    let client = Client::all()
        .into_iter()
        .find_map(|client| Some((client.version()?, client)));
    let mut findings = vec![local(settings, client.is_some())];
    findings.push(match client {
        Some((version, client)) => {
            // The version line goes on with the path of the installation.
            let version = version.split(" from ").next().unwrap_or_default();
            let detail = format!("`{client}` ({version})");
            Finding::new(Area::Model, "package client", State::Ok, detail)
        }
        None => {
            let detail = "none found; models and data cannot be fetched";
            Finding::new(Area::Model, "package client", State::Note, detail)
                .advice("install pip, for instance with `python3 -m ensurepip`")
        }
    });
    findings.extend(adapters_of(settings));
    findings.extend(servers);
    Ok(findings)
}

/// Whether the adapters that the settings name fit the local model. Says nothing where there is no model to fit.
fn adapters_of(settings: &Settings) -> Vec<Finding> {
    let finding = |name: String, state, detail: String| {
        let finding = Finding::new(Area::Model, name, state, detail);
        match state {
            State::Broken => finding.advice("check the path given as `adapters`, or leave it out"),
            _ => finding,
        }
    };
    let adapters = match adapters::of(settings) {
        Ok(adapters) => adapters,
        Err(failure) => {
            return vec![finding(
                "adapters".to_string(),
                State::Broken,
                format!("{failure:#}"),
            )];
        }
    };
    let path = LocalModel::of(settings).and_then(|model| model.path(settings));
    let Some(source) = path.ok().and_then(|path| engine::open(&path).ok()) else {
        return Vec::new();
    };
    let look = |(agent, path): (Agent, PathBuf)| {
        let (state, detail) = match engine::adapter_info(&path, &*source) {
            Ok(info) => {
                let (digest, rank) = (info.digest.short(), info.rank);
                (
                    State::Ok,
                    format!("{digest} of rank {rank} at {}", path.display()),
                )
            }
            Err(error) => (State::Broken, format!("failed to {error}")),
        };
        finding(format!("adapter of {agent}"), state, detail)
    };
    adapters.into_iter().map(look).collect()
}

/// The local model that the settings name.
fn local(settings: &Settings, can_fetch: bool) -> Finding {
    let name = settings.model.as_deref().unwrap_or(DEFAULT_MODEL);
    let finding = |state, detail: String| Finding::new(Area::Model, "local model", state, detail);
    let broken = |error: assets::Error| {
        finding(State::Broken, error.to_string()).advice(error.help().unwrap_or_default())
    };
    let asset = Asset::find(name).filter(|asset| asset.usage == Use::Model);
    let Some(asset) = asset else {
        let model = match LocalModel::of(settings) {
            Ok(model) => model,
            Err(error) => return broken(error),
        };
        return match (model.path(settings), model) {
            (_, LocalModel::Recording(path)) => recording(&path),
            (Ok(path), _) => readable(&path),
            (Err(_), LocalModel::Hub(reference)) if !settings.hub.offline => {
                let detail = format!("{reference} is not here yet; the first use fetches it");
                finding(State::Note, detail).advice(format!(
                    "fetch it now with `mapcoder model pull {reference}`"
                ))
            }
            (Err(error), _) => broken(error),
        };
    };
    if asset.is_intact(&settings.cache) {
        let path = asset.path(&settings.cache);
        let detail = format!("{name} at {}, its digest is right", path.display());
        finding(State::Ok, detail)
    } else if asset.is_here(&settings.cache) {
        finding(State::Broken, format!("{name} is damaged"))
            .advice("fetch it anew with `mapcoder model pull`")
    } else if can_fetch {
        let detail = format!("{name} is not here yet; the first use fetches it");
        finding(State::Note, detail).advice("fetch it now with `mapcoder model pull`")
    } else {
        finding(State::Broken, format!("{name} is not here")).advice(
            "install pip and run `mapcoder model pull`, or name a file of yours with `--model FILE.gguf`",
        )
    }
}

/// Whether a file holds recorded replies.
fn recording(path: &Path) -> Finding {
    match wiring::recording(path) {
        Ok(replay) => {
            let detail = format!(
                "{} recorded replies in {}",
                replay.n_exchanges(),
                path.display()
            );
            Finding::new(Area::Model, "recording", State::Ok, detail)
        }
        Err(failure) => Finding::new(Area::Model, "recording", State::Broken, failure.to_string())
            .advice("`mapcoder runs export RUN -o FILE` writes one"),
    }
}

/// Whether a file or folder is a model.
fn readable(path: &Path) -> Finding {
    let finding = |state, what: &str| {
        let detail = format!("{} {what}", path.display());
        Finding::new(Area::Model, "local model", state, detail)
    };
    match engine::open(path) {
        Ok(_) if path.is_dir() => finding(State::Ok, "is a folder of safetensors"),
        Ok(_) => finding(State::Ok, "is a GGUF file"),
        Err(error) => finding(State::Broken, &format!("cannot be used: failed to {error}"))
            .advice("check the path given as `model`, or name another one"),
    }
}
