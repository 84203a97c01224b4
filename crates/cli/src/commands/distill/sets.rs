//! The last stage: traces, and the example sets that are made of them.

use std::path::Path;

use distill::plan::Plan;
use distill::{Header, SetRef, TRACES_SCHEMA, write_traces};

use super::export;
use super::problems::Selection;
use super::stages::Gathered;
use crate::args::ExportArgs;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{assets, files, wiring};

/// Writes the traces beside the folder of the example sets, then the sets, by the code of `mapcoder distill export`.
///
/// # Errors
/// When no run passed all tests, no example is kept, or something cannot be written.
pub(super) fn write(
    plan: &Plan,
    folder: &Path,
    selection: &Selection,
    gathered: &Gathered,
    settings: &Settings,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let Gathered {
        traces,
        tally,
        distilled,
    } = gathered;
    if traces.is_empty() {
        return Err(
            Failure::new(Exit::NothingSelected, "no run passes all tests")
                .help("`mapcoder distill status` says what came of each stage")
                .into(),
        );
    }
    let output = folder.join(&plan.output);
    let mut name = output.file_name().unwrap_or_default().to_os_string();
    name.push(".traces.jsonl");
    let file = output.with_file_name(name);
    let header = Header {
        schema: TRACES_SCHEMA.to_string(),
        prompts: wiring::prompts(settings)?.digest().clone(),
        held_out: selection.held_out.iter().map(SetRef::of).collect(),
        distilled: vec![distilled.clone()],
        tally: tally.clone(),
    };
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent).map_err(assets::io_error("create", parent))?;
    }
    files::write_whole(&file, |file| Ok(write_traces(file, &header, traces)?))?;
    let kept = &plan.examples;
    let of_agents = kept
        .max_tokens_of
        .iter()
        .map(|(agent, most)| (Some(*agent), *most));
    let evaluation = plan.held_out.iter().map(|name| super::beside(folder, name));
    let args = ExportArgs {
        traces: vec![file],
        evaluation: evaluation.collect(),
        output,
        model: plan
            .tokenizer
            .as_deref()
            .map_or(assets::DEFAULT_MODEL.to_string(), |name| {
                super::beside(folder, name)
            }),
        max_per_agent: kept.max_per_agent,
        max_per_problem: kept.max_per_problem,
        max_tokens: [(None, kept.max_tokens)]
            .into_iter()
            .chain(of_agents)
            .collect(),
        near: kept.near,
        seed: kept.seed,
        keep_contaminated: false,
        max_contaminated: 0,
    };
    export::run(&args, settings, ui)
}
