//! Measurements, each a subcommand that prints one row per figure.

mod mock;
mod pipeline;

use std::time::Duration;

use serde_json::json;

use crate::args::BenchCommand;
use crate::exit::Exit;
use crate::ui::Ui;

/// One figure of a benchmark.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: String,
    /// The median.
    pub(crate) ours: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// The largest value that is acceptable, and the one that is wanted; smaller is better in all rows so far.
    pub(crate) floor: f64,
    pub(crate) goal: f64,
    /// Rounds that the median is of.
    pub(crate) n_samples: usize,
}

/// Runs a benchmark.
///
/// # Errors
/// When what it needs cannot be had.
pub(crate) fn run(command: &BenchCommand, ui: &Ui) -> anyhow::Result<Exit> {
    match command {
        BenchCommand::Pipeline {
            problems,
            latency_ms,
            rounds,
        } => {
            let latency = Duration::from_millis(*latency_ms);
            let rows = pipeline::run(*problems as usize, latency, *rounds as usize, ui)?;
            print(&rows, ui)?;
            Ok(Exit::Success)
        }
        BenchCommand::MockServer { latency_ms } => mock::serve(Duration::from_millis(*latency_ms)),
    }
}

fn print(rows: &[Row], ui: &Ui) -> anyhow::Result<()> {
    if ui.json() {
        for row in rows {
            let line = json!({
                "schema": "mapcoder.bench/1",
                "bench": row.name,
                "ours": row.ours,
                "peer": null,
                "unit": row.unit,
                "ratio": null,
                "better": "lower",
                "compared": "ours",
                "floor": row.floor,
                "goal": row.goal,
                "samples": row.n_samples,
            });
            ui.line(&line.to_string())?;
        }
        return Ok(());
    }
    let heading = ["what", "median", "unit", "floor", "goal", "rounds"]
        .map(String::from)
        .to_vec();
    let cells = rows.iter().map(|row| {
        vec![
            row.name.clone(),
            format!("{:.3}", row.ours),
            row.unit.to_string(),
            format!("≤ {}", row.floor),
            format!("≤ {}", row.goal),
            row.n_samples.to_string(),
        ]
    });
    let table: Vec<Vec<String>> = std::iter::once(heading).chain(cells).collect();
    Ok(ui.table(&table)?)
}
