//! What is left of a plan, and what it will take.

use distill::estimate::{CallFigures, Expected, Figures, GPU_TOKENS_PER_SECOND, expect};
use distill::plan::{Plan, Speaker};
use domain::{Agent, Usage};
use evaluation::{Align, Table};
use llm::Prices;
use serde_json::json;

use super::problems::Selection;
use super::record::Record;
use crate::settings::Settings;
use crate::ui::Ui;

/// Characters of a token of English and code, for tokenizers of 150,000 tokens. Assumed.
const CHARS_PER_TOKEN: f64 = 3.5;

/// Prints what is left of a plan, and what it will take.
///
/// # Errors
/// When the ledger cannot be read, or standard output is closed or full.
pub(super) fn show(
    plan: &Plan,
    selection: &Selection,
    settings: &Settings,
    ui: &Ui,
) -> anyhow::Result<()> {
    let record = Record::read(plan, settings)?;
    let prices = match &settings.prices {
        None => Prices::default(),
        Some(path) => Prices::from_toml(&std::fs::read_to_string(path)?)?,
    };
    let n_problems = selection.n_problems();
    let chars: usize = selection
        .sets
        .iter()
        .flat_map(|selected| &selected.set.tasks)
        .map(|task| task.problem.statement.chars().count())
        .sum();
    let statement = chars as f64 / n_problems.max(1) as f64 / CHARS_PER_TOKEN;
    let concurrency = settings
        .concurrency
        .map_or(super::stages::CONCURRENCY, |n| n as usize);
    let mut rows: Vec<(String, Expected)> = Vec::new();
    let mut notes = Vec::new();
    let mut n_failed = 0.0;
    for (speaker, who) in [
        ("teacher", Some(&plan.teacher)),
        ("student", plan.student.as_ref()),
    ] {
        let Some(who) = who else { continue };
        let results = record.results(speaker);
        let accounts = record.accounts();
        let figures = Figures::measured(&results, &accounts)
            .unwrap_or_else(|| Figures::assumed(plan.k, plan.t, statement));
        let n_runs = n_problems * plan.temperatures.len();
        let n_left = n_runs.saturating_sub(results.len()) as f64;
        notes.push(match figures.n_runs {
            0 => format!("{speaker}: nothing is recorded yet; the figures are assumed, as docs/distill.md says"),
            n => format!("{speaker}: {n} of {n_runs} runs are recorded; the figures are their means"),
        });
        for agent in Agent::ALL {
            let own = figures.agents.get(&agent).copied().unwrap_or_default();
            let own = priced(own, &prices, &who.of(agent));
            rows.push((
                format!("{speaker}, {agent}"),
                expect(&own, n_left, concurrency),
            ));
        }
        let n_amended = record.accounts_of(speaker).len() as f64;
        let to_amend = (n_runs as f64 * figures.failed - n_amended).max(0.0);
        if let Some(supervisor) = &plan.supervisor
            && plan.corrections.rounds > 0
        {
            n_failed += to_amend;
            let amending = priced(figures.amending, &prices, &who.of(Agent::Coding));
            let amending = expect(&amending, to_amend, concurrency);
            rows.push((format!("{speaker}, corrected"), amending));
            let review = priced(figures.review, &prices, &supervisor.of(Agent::Debugging));
            rows.push((
                format!("supervisor of the {speaker}"),
                expect(&review, to_amend, concurrency),
            ));
        }
    }
    let mut total = Expected::default();
    rows.iter().for_each(|(_, expected)| total += *expected);
    rows.push(("in all".to_string(), total));
    let unmeasured = notes.iter().any(|note| note.contains("assumed"));
    if ui.json() {
        for (part, expected) in &rows {
            let line = json!({"schema": "mapcoder.distill.plan/1", "part": part, "expected": expected,
                "measured": !unmeasured});
            ui.line(&line.to_string())?;
        }
        return Ok(());
    }
    ui.line(&format!(
        "{n_problems} problems, {} runs each; about {n_failed:.0} runs to correct",
        plan.temperatures.len()
    ))?;
    for selected in &selection.sets {
        if selected.n_held_out > 0 {
            let (name, n) = (&selected.set.name, selected.n_held_out);
            ui.line(&format!(
                "{name}: {n} problems are left out, as something is measured on them"
            ))?;
        }
    }
    for note in &notes {
        ui.line(note)?;
    }
    if unmeasured {
        let [read, written] = GPU_TOKENS_PER_SECOND;
        ui.line(&format!(
            "time as on one GPU that reads {read:.0} and writes {written:.0} tokens a second: assumed, not measured"
        ))?;
    }
    ui.line(table(&rows).to_string().trim_end())?;
    Ok(())
}

/// The figures with the price of a model where they have none of their own.
fn priced(figures: CallFigures, prices: &Prices, who: &Speaker) -> CallFigures {
    let usage = Usage {
        prompt_tokens: figures.prompt_tokens as u64,
        cached_tokens: 0,
        completion_tokens: figures.reply_tokens as u64,
    };
    let price = who
        .model
        .as_ref()
        .and_then(|model| prices.cost(model, &usage));
    CallFigures {
        cost: figures.cost.or(price),
        ..figures
    }
}

fn table(rows: &[(String, Expected)]) -> Table {
    let mut table = Table::new([
        ("part", Align::Left),
        ("calls", Align::Right),
        ("tokens sent", Align::Right),
        ("tokens received", Align::Right),
        ("hours", Align::Right),
        ("money", Align::Right),
    ]);
    for (part, expected) in rows {
        table.row([
            part.clone(),
            format!("{:.0}", expected.calls),
            format!("{:.0}", expected.prompt_tokens),
            format!("{:.0}", expected.reply_tokens),
            format!("{:.2}", expected.seconds / 3600.0),
            expected
                .cost
                .map_or(String::new(), |cost| format!("{cost:.2}")),
        ]);
    }
    table
}
