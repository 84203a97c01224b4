use std::collections::HashMap;
use std::fs;
use std::path::Path;

use trainer::{Example, Handover, HandoverError, Row, Tool};

use super::{Chosen, Shared};
use crate::args::{TrainExportArgs, TrainTool};
use crate::assets::{LocalModel, io_error};
use crate::draft::Draft;
use crate::exit::{Exit, Failure};

/// Writes a run for another tool.
///
/// # Errors
/// When the examples cannot be used, the tool cannot do the same, or the folder cannot be written.
pub(super) fn run(shared: &Shared<'_>, args: &TrainExportArgs) -> anyhow::Result<Exit> {
    let base = match &args.base {
        Some(base) => base.clone(),
        None => base(shared)?,
    };
    let agent = args.agent.as_deref();
    let about = agent.map_or(String::new(), |agent| format!("{agent}: "));
    let Chosen { examples, aside } = shared.choose(agent, &about)?;
    let (rows, aside) = (rows(&examples)?, rows(&aside)?);
    let handover = Handover {
        settings: &shared.settings,
        base: &base,
        rows: &rows,
        aside: &aside,
        n_steps: trainer::steps(&shared.settings, &examples).len() as u64,
        n_gpus: usize::from(args.gpus),
    };
    let tool = match args.to {
        TrainTool::Trl => Tool::Trl,
        TrainTool::Axolotl => Tool::Axolotl,
        TrainTool::LlamaFactory => Tool::LlamaFactory,
    };
    let files = handover.files(tool).map_err(|error| {
        let help = match error {
            HandoverError::Activated => "train it here, or leave `alora_invocation_string` out",
            HandoverError::Alpha(_) => "set `lora_alpha` to a whole number",
            HandoverError::Turns(_) => "leave that row out, or hand the run to another tool",
        };
        Failure::new(Exit::Usage, format!("failed to {error}")).help(help)
    })?;
    let draft = Draft::begin(&args.output)?;
    for (name, text) in &files {
        draft.write(name, text.as_bytes())?;
    }
    draft.finish()?;
    shared
        .ui
        .note("README.md in this folder has the command to type");
    shared.ui.line(&args.output.display().to_string())?;
    Ok(Exit::Success)
}

/// The settings' base by a name that other tools know.
fn base(shared: &Shared<'_>) -> anyhow::Result<String> {
    let name = &shared.settings.base_model;
    let beside = shared.folder.join(name);
    if beside.is_dir() {
        let path = fs::canonicalize(&beside).map_err(io_error("read", &beside))?;
        return Ok(path.display().to_string());
    }
    match LocalModel::parse(name)? {
        LocalModel::Hub(reference) if reference.file.is_none() => Ok(reference.repo),
        _ => Err(Failure::new(
            Exit::Usage,
            format!("`{name}` is a GGUF file, which other tools do not train on"),
        )
        .help("name the model that it was made from with `--base OWNER/NAME`")
        .into()),
    }
}

/// The rows that examples were made from.
fn rows(examples: &[Example]) -> anyhow::Result<Vec<Row>> {
    let mut texts: HashMap<&Path, String> = HashMap::new();
    let mut rows = Vec::with_capacity(examples.len());
    for example in examples {
        let path: &Path = &example.file;
        if !texts.contains_key(path) {
            let text = fs::read_to_string(path).map_err(io_error("read", path))?;
            texts.insert(path, text);
        }
        let line = texts[path]
            .lines()
            .nth(example.line - 1)
            .unwrap_or_default();
        rows.push(Row::parse(line)?);
    }
    Ok(rows)
}
