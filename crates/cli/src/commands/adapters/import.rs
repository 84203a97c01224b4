use std::fs;

use domain::Digest;
use serde_json::{Value, json};

use super::Opened;
use crate::adapters::{CONFIG, WEIGHTS};
use crate::args::ImportArgs;
use crate::assets::io_error;
use crate::draft::Draft;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::ui::Ui;

/// Takes over an adapter that another tool trained: its two files after a strict check, and a model card.
///
/// # Errors
/// When it does not fit the model, is not the expected one, or the place is taken.
pub(super) fn run(args: &ImportArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let opened = super::open(&args.adapter, &args.base, settings)?;
    let path = args.adapter.join(WEIGHTS);
    let weights = fs::read(&path).map_err(io_error("read", &path))?;
    let digest = Digest::of(&weights).to_string();
    if let Some(expected) = &args.sha256
        && !expected.eq_ignore_ascii_case(&digest)
    {
        let message = format!(
            "{} has the SHA-256 {digest} in place of {expected}",
            path.display()
        );
        return Err(Failure::new(Exit::Failure, message)
            .help("fetch it again, or import it without `--sha256`")
            .into());
    }
    let path = args.adapter.join(CONFIG);
    let text = fs::read_to_string(&path).map_err(io_error("read", &path))?;
    let mut config: Value = serde_json::from_str(&text)?;
    let named = config["base_model_name_or_path"].clone();
    config["base_model_name_or_path"] = json!(opened.base);
    let draft = Draft::begin(&args.output)?;
    draft.write(CONFIG, format!("{config:#}\n").as_bytes())?;
    draft.write(WEIGHTS, &weights)?;
    draft.write("README.md", card(&opened, &digest, &named).as_bytes())?;
    draft.finish()?;
    let n = opened.stored.n_numbers();
    ui.note(&format!(
        "{n} numbers fit {}; SHA-256 {digest}",
        opened.base
    ));
    ui.line(&args.output.display().to_string())?;
    Ok(Exit::Success)
}

/// A model card that says where the adapter comes from.
fn card(opened: &Opened, digest: &str, named: &Value) -> String {
    let settings = &opened.stored.settings;
    let targets: Vec<&str> = opened
        .stored
        .shape
        .targets
        .iter()
        .map(|target| target.name())
        .collect();
    let origin = match named.as_str() {
        Some(named) if named != opened.base => {
            format!("- Its own settings name `{named}` as its base.\n")
        }
        _ => String::new(),
    };
    format!(
        "---\nbase_model: {base}\nlibrary_name: peft\npipeline_tag: text-generation\ntags: [lora]\n---\n\n\
         # Adapter for {base}\n\n\
         A low-rank adapter of rank {rank} (alpha {alpha}) on {targets}, trained by another tool \
         and imported by mapcoder.\n\n\
         - Every tensor, shape and number was checked against the base.\n\
         - SHA-256 of its numbers: `{digest}`.\n\
         {origin}",
        base = opened.base,
        rank = settings.r,
        alpha = settings.lora_alpha,
        targets = targets.join(", "),
    )
}
