//! `mapcoder distill status`: what every stage has come to.

use distill::{BlameCounts, End};
use evaluation::{Align, Ending, Table};
use serde_json::json;

use super::record::{Outcomes, Record};
use super::run::read;
use crate::args::DistillStatusArgs;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::ui::Ui;

/// Runs the command.
///
/// # Errors
/// When the plan or the ledger cannot be read.
pub(super) fn run(args: &DistillStatusArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let (plan, folder) = read(&args.file)?;
    let record = Record::read(&plan, settings)?;
    let mut table = Table::new([
        ("stage", Align::Left),
        ("run", Align::Left),
        ("who", Align::Left),
        ("data", Align::Left),
        ("done", Align::Right),
        ("solved", Align::Right),
        ("replies", Align::Right),
        ("tokens", Align::Right),
        ("money", Align::Right),
    ]);
    for (run, outcomes) in &record.runs {
        let settings = &run.spec.settings;
        let text = |key: &str| settings[key].as_str().unwrap_or_default().to_string();
        let (n_done, n_solved) = match outcomes {
            Outcomes::Results(results) => (
                results.len(),
                results
                    .iter()
                    .filter(|one| one.ending == Ending::Solved)
                    .count(),
            ),
            Outcomes::Accounts(accounts) => (
                accounts.len(),
                accounts.iter().filter(|one| one.end == End::Solved).count(),
            ),
        };
        let tokens = run.usage.prompt_tokens + run.usage.completion_tokens;
        let stage = run.spec.command.trim_start_matches("distill ").to_string();
        if ui.json() {
            let line = json!({
                "schema": "mapcoder.distill.stage/1",
                "stage": stage,
                "run": run.id,
                "speaker": settings["speaker"],
                "number": settings["number"],
                "data": settings["data"]["name"],
                "done": n_done,
                "solved": n_solved,
                "replies": run.n_asks,
                "usage": run.usage,
                "cost": run.cost,
            });
            ui.line(&line.to_string())?;
            continue;
        }
        let number = settings["number"]
            .as_u64()
            .map(|at| format!(", run {}", at + 1));
        table.row([
            stage,
            run.id.to_string(),
            text("speaker") + &number.unwrap_or_default(),
            settings["data"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_string(),
            n_done.to_string(),
            n_solved.to_string(),
            run.n_asks.to_string(),
            tokens.to_string(),
            run.cost.map_or(String::new(), |cost| format!("{cost:.4}")),
        ]);
    }
    let counts = BlameCounts::of(&record.accounts());
    if ui.json() {
        ui.line(&json!({"schema": "mapcoder.distill.blame/1", "blame": counts}).to_string())?;
        return Ok(Exit::Success);
    }
    if record.runs.is_empty() {
        ui.line("nothing is recorded for this plan")?;
        return Ok(Exit::Success);
    }
    ui.line(table.to_string().trim_end())?;
    if counts.n_runs > 0 {
        ui.line("")?;
        if !counts.agents.is_empty() {
            ui.line(blame(&counts).to_string().trim_end())?;
        }
        ui.line(&format!(
            "{} reviews, {} of them out of form",
            counts.n_reviews, counts.n_format_failures
        ))?;
        ui.line(&format!(
            "{} failed runs were read: {}",
            counts.n_runs,
            counts.ends()
        ))?;
    }
    let output = folder.join(&plan.output);
    let card = output.join("README.md");
    ui.line(&if card.exists() {
        format!(
            "example sets are in {}, with their data card",
            output.display()
        )
    } else {
        "no example set is written yet".to_string()
    })?;
    Ok(Exit::Success)
}

/// Whom supervisors blamed, and how often the corrected run passes.
fn blame(counts: &BlameCounts) -> Table {
    let mut table = Table::new([
        ("blamed", Align::Left),
        ("reviews", Align::Right),
        ("then solved", Align::Right),
    ]);
    for (agent, blamed) in &counts.agents {
        table.row([
            agent.to_string(),
            blamed.n.to_string(),
            blamed.n_solved.to_string(),
        ]);
    }
    table
}
