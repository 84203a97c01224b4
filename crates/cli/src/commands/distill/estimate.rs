//! What is left of a plan, and what it will take.

use distill::estimate::{
    CHARS_PER_TOKEN, CallFigures, Expected, Figures, GPU_BILLIONS, GPU_TOKENS_PER_SECOND, billions,
    expect,
};
use distill::plan::{Plan, Speaker};
use domain::{Agent, Usage};
use evaluation::{Align, Table};
use llm::Prices;
use serde_json::json;

use super::problems::Selection;
use super::record::Record;
use crate::settings::Settings;
use crate::ui::Ui;

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
            let size = size(&who.of(agent), settings);
            rows.push((
                format!("{speaker}, {agent}"),
                expect(&own, n_left, concurrency, size),
            ));
        }
        let n_amended = record.accounts_of(speaker).len() as f64;
        let to_amend = (n_runs as f64 * figures.failed - n_amended).max(0.0);
        if let Some(supervisor) = &plan.supervisor
            && plan.corrections.rounds > 0
        {
            n_failed += to_amend;
            let corrected = format!("{speaker}, corrected");
            let reading = format!("supervisor of the {speaker}");
            for (part, figures, who) in [
                (corrected, figures.amending, who.of(Agent::Coding)),
                (reading, figures.review, supervisor.of(Agent::Debugging)),
            ] {
                let own = priced(figures, &prices, &who);
                let size = size(&who, settings);
                rows.push((part, expect(&own, to_amend, concurrency, size)));
            }
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
        "{}, {} of each; about {n_failed:.0} to correct",
        number_of_problems(n_problems),
        match plan.temperatures.len() {
            1 => "one run".to_string(),
            n => format!("{n} runs"),
        }
    ))?;
    for selected in &selection.sets {
        if selected.n_held_out > 0 {
            let (name, n) = (&selected.set.name, selected.n_held_out);
            let (are, them) = match n {
                1 => ("is", "it"),
                _ => ("are", "them"),
            };
            ui.line(&format!(
                "{name}: {} {are} left out, as something is measured on {them}",
                number_of_problems(n)
            ))?;
        }
    }
    for note in &notes {
        ui.line(note)?;
    }
    if unmeasured {
        let [read, written] = GPU_TOKENS_PER_SECOND;
        ui.line(&format!(
            "time of servers: as on one GPU that reads {read:.0} and writes {written:.0} tokens a second with \
             {GPU_BILLIONS} billion parameters, and more slowly with more; assumed, not measured"
        ))?;
    }
    if rows.iter().any(|(_, expected)| expected.seconds.is_none()) {
        ui.line(
            "time of this machine: not known before a problem is recorded, so try a few first",
        )?;
    }
    ui.line(table(&rows).to_string().trim_end())?;
    Ok(())
}

fn number_of_problems(n: usize) -> String {
    match n {
        1 => "1 problem".to_string(),
        n => format!("{n} problems"),
    }
}

/// The billions of parameters of a server's model; absent where this machine answers, of whose speed nothing is known.
fn size(who: &Speaker, settings: &Settings) -> Option<f64> {
    let server = who.base_url.as_ref().or(settings.base_url.as_ref());
    let is_server = server.is_some_and(|url| !url.is_empty());
    let model = who.model.as_deref().unwrap_or_default();
    is_server.then(|| billions(model).unwrap_or(GPU_BILLIONS))
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
            expected
                .seconds
                .map_or(String::new(), |seconds| format!("{:.2}", seconds / 3600.0)),
            expected
                .cost
                .map_or(String::new(), |cost| format!("{cost:.2}")),
        ]);
    }
    table
}
