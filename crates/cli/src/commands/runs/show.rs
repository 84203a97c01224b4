use std::collections::BTreeMap;

use ledger::{AmbiguousCall, Call, Ledger, RunSummary};
use serde_json::{Value, json};

use super::{age, cost, seconds};
use crate::exit::Exit;
use crate::ui::Ui;

/// `mapcoder runs show`.
pub(super) fn show(ledger: &Ledger, run: &RunSummary, ui: &Ui) -> anyhow::Result<Exit> {
    let agents = ledger.agent_totals(&run.id)?;
    let outcomes = ledger.outcomes(&run.id, |problem, outcome| (problem, outcome))?;
    let ambiguous = ledger.ambiguous(&run.id)?;
    let verdicts = verdicts(ledger, run)?;
    if ui.json() {
        ui.line(&json!({"schema": "mapcoder.run/1", "run": run.id, "summary": run}).to_string())?;
        for totals in &agents {
            ui.line(
                &json!({"schema": "mapcoder.agent_totals/1", "run": run.id, "totals": totals})
                    .to_string(),
            )?;
        }
        ui.line(
            &json!({"schema": "mapcoder.verdicts/1", "run": run.id, "verdicts": verdicts})
                .to_string(),
        )?;
        for (problem, outcome) in &outcomes {
            let line = json!({"schema": "mapcoder.outcome/1", "run": run.id, "problem": problem,
                "outcome": outcome});
            ui.line(&line.to_string())?;
        }
        for call in &ambiguous {
            ui.line(
                &json!({"schema": "mapcoder.ambiguous/1", "run": run.id, "call": call}).to_string(),
            )?;
        }
        return Ok(Exit::Success);
    }

    ui.line(&format!("run {}: {}", run.id, run.spec.command))?;
    let starts = match run.n_starts {
        1 => "once".to_string(),
        n_starts => format!("{n_starts} times"),
    };
    ui.line(&format!(
        "started {starts}, first {}, last {}",
        age(run.created_at),
        age(run.last_started_at)
    ))?;
    ui.line(&format!("settings {}", run.spec.settings))?;
    if !agents.is_empty() {
        ui.line("")?;
        let heading = [
            "AGENT", "CALLS", "REUSED", "PROMPT", "CACHED", "REPLY", "TIME", "COST",
        ];
        let mut rows = vec![heading.map(str::to_string).to_vec()];
        rows.extend(agents.iter().map(|totals| {
            vec![
                totals.agent.to_string(),
                totals.n_asks.to_string(),
                totals.n_reused.to_string(),
                totals.usage.prompt_tokens.to_string(),
                totals.usage.cached_tokens.to_string(),
                totals.usage.completion_tokens.to_string(),
                seconds(totals.wall),
                cost(totals.cost),
            ]
        }));
        ui.table(&rows)?;
    }
    if !verdicts.is_empty() {
        ui.line("")?;
        let counts: Vec<String> = verdicts
            .iter()
            .map(|(verdict, count)| format!("{count} {verdict}"))
            .collect();
        ui.line(&format!("judged: {}", counts.join(", ")))?;
    }
    if !outcomes.is_empty() {
        ui.line("")?;
        let rows: Vec<Vec<String>> = outcomes
            .iter()
            .map(|(problem, outcome)| vec![problem.clone(), in_brief(outcome)])
            .collect();
        ui.table(&rows)?;
    }
    show_ambiguous(&ambiguous, ui)?;
    Ok(Exit::Success)
}

fn show_ambiguous(ambiguous: &[AmbiguousCall], ui: &Ui) -> anyhow::Result<()> {
    if ambiguous.is_empty() {
        return Ok(());
    }
    ui.line("")?;
    ui.line(
        "calls whose process died before an answer was recorded; they may have been paid for:",
    )?;
    let rows: Vec<Vec<String>> = ambiguous
        .iter()
        .map(|call| {
            let since = if call.asked_again {
                "asked again since"
            } else {
                "not asked again"
            };
            vec![
                format!("  {}", call.kind),
                call.problem.clone(),
                call.key.short().to_string(),
                age(call.started_at),
                since.to_string(),
            ]
        })
        .collect();
    ui.table(&rows)?;
    Ok(())
}

/// How often the judge gave each verdict.
fn verdicts(ledger: &Ledger, run: &RunSummary) -> anyhow::Result<BTreeMap<&'static str, u64>> {
    let mut verdicts = BTreeMap::new();
    for call in ledger.calls(&run.id)? {
        if let Call::Judge { verdict, .. } = call.call {
            *verdicts.entry(verdict.name()).or_default() += 1;
        }
    }
    Ok(verdicts)
}

/// The plain values of an outcome in one line; texts of several lines, lists and tables are left to the export.
fn in_brief(outcome: &Value) -> String {
    let Value::Object(fields) = outcome else {
        return outcome.to_string();
    };
    let plain = fields.iter().filter_map(|(name, value)| match value {
        Value::String(text) if !text.is_empty() && !text.contains('\n') && text.len() <= 60 => {
            Some(format!("{name}={text}"))
        }
        Value::Number(_) | Value::Bool(_) => Some(format!("{name}={value}")),
        _ => None,
    });
    plain.collect::<Vec<_>>().join("  ")
}
