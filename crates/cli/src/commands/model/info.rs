use std::path::Path;

use domain::Digest;
use engine::Layout;
use serde_json::json;

use crate::assets::{DEFAULT_MODEL, LocalModel};
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::ui::{Ui, megabytes};
use crate::wiring::{engine_room, refusal};

/// `mapcoder model info`. Reads headers and, for the digest, every byte; loads no weights.
pub(super) fn run(settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let path = LocalModel::of(settings)?.path(settings)?;
    let name = settings.model.as_deref().unwrap_or(DEFAULT_MODEL);
    show(name, &path, settings, ui)
}

/// Prints what a model is and what it takes.
pub(super) fn show(name: &str, path: &Path, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Failure,
            format!("{}: failed to {error}", path.display()),
        )
    };
    let source = engine::open(path).map_err(|error| failed(&error))?;
    let config = source.config().map_err(|error| failed(&error))?;
    let plan =
        engine::plan(&*source, &engine_room(settings)).map_err(|error| refusal(error, path))?;
    let format = if path.is_dir() { "safetensors" } else { "gguf" };
    let n_bytes: usize = source.files().iter().map(|(_, bytes)| bytes.len()).sum();
    let digest: Digest = engine::digest(&*source);
    let architecture = format!("{:?}", config.architecture).to_lowercase();
    let weights = match settings.weights {
        Layout::Packed => "auto",
        Layout::EightBit => "q8_0",
        Layout::FourBit => "q4_1",
        Layout::Float => "f32",
    };
    if ui.json() {
        let line = json!({
            "schema": "mapcoder.model-info/1",
            "name": name,
            "path": path.display().to_string(),
            "format": format,
            "architecture": architecture,
            "layers": config.n_layers,
            "vocabulary": config.n_vocab,
            "parameters": source.n_parameters(),
            "trained_context": config.n_ctx,
            "bytes": n_bytes,
            "digest": digest,
            "weights": weights,
            "memory": {
                "weights_bytes": plan.weights_bytes,
                "cache_bytes": plan.cache_bytes,
                "cache_tokens": plan.cache_tokens,
                "scratch_bytes": plan.scratch_bytes,
                "context_tokens": plan.context_tokens,
                "replies": plan.max_sequences,
            },
        });
        ui.line(&line.to_string())?;
        return Ok(Exit::Success);
    }
    let millions = source.n_parameters() as f64 / 1e6;
    let rows = [
        ("name", name.to_string()),
        ("path", path.display().to_string()),
        ("format", format!("{format}, {}", megabytes(n_bytes as u64))),
        (
            "architecture",
            format!(
                "{architecture}, {} layers, {} tokens",
                config.n_layers, config.n_vocab
            ),
        ),
        ("parameters", format!("{millions:.1} million")),
        ("trained context", format!("{} tokens", config.n_ctx)),
        ("digest", digest.to_string()),
        (
            "memory",
            format!(
                "{} of weights ({weights}), {} of cache for {} tokens, {} of scratch, {} replies of up to {} tokens at a \
                 time",
                megabytes(plan.weights_bytes as u64),
                megabytes(plan.cache_bytes as u64),
                plan.cache_tokens,
                megabytes(plan.scratch_bytes as u64),
                plan.max_sequences,
                plan.context_tokens,
            ),
        ),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(what, value)| vec![what.to_string(), value])
        .collect();
    ui.table(&rows)?;
    Ok(Exit::Success)
}
