//! Measurements, each a subcommand that prints one row per figure.

mod cost;
mod engine;
mod judge;
mod mock;
mod pipeline;
mod quiet;
mod report;
mod train;

use std::time::Duration;

use serde_json::json;

pub(crate) use self::cost::TABLE as COST_TABLE;
pub(crate) use self::engine::TABLE as ENGINE_TABLE;
pub(crate) use self::judge::TABLE as JUDGE_TABLE;
use self::quiet::Samples;
pub(crate) use self::report::TABLE as REPORT_TABLE;
pub(crate) use self::train::TABLE as TRAIN_TABLE;
use crate::args::BenchCommand;
use crate::assets::LocalModel;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::settings::Surroundings;
use crate::ui::Ui;

/// One figure of a benchmark.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: String,
    /// The figure, or why there is none.
    pub(crate) figure: Result<Figure, String>,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What is acceptable and what is wanted, of the ratio where there is a peer, else of our own figure.
    pub(crate) bounds: Bounds,
}

/// What came out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    /// The median.
    pub(crate) ours: f64,
    /// The median of what it is compared with, and the ratio that the bounds speak of.
    pub(crate) peer: Option<Peer>,
    /// Rounds that the median is of, and those that were thrown away since the machine was busy.
    pub(crate) n_samples: usize,
    pub(crate) n_discarded: usize,
}

/// The other side of a comparison.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) median: f64,
    /// Not finite where one side is 0, so that there is none.
    pub(crate) ratio: f64,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bounds {
    /// At most this; at best that.
    AtMost(f64, f64),
    /// At least this; at best that.
    AtLeast(f64, f64),
    /// Nothing in particular: the figure explains others. More is better.
    Free,
}

impl Bounds {
    /// Which direction is better, its sign, and the floor with the goal.
    fn parts(self) -> (&'static str, &'static str, Option<(f64, f64)>) {
        match self {
            Bounds::AtMost(floor, goal) => ("lower", "≤", Some((floor, goal))),
            Bounds::AtLeast(floor, goal) => ("higher", "≥", Some((floor, goal))),
            Bounds::Free => ("higher", "≥", None),
        }
    }
}

impl Row {
    /// A figure that was taken once, beside another where there is one.
    fn once(name: &str, unit: &'static str, bounds: Bounds, ours: f64, peer: Option<f64>) -> Row {
        Row {
            name: name.to_string(),
            figure: Ok(Figure {
                ours,
                peer: peer.map(|median| Peer {
                    median,
                    ratio: ours / median,
                }),
                n_samples: 1,
                n_discarded: 0,
            }),
            unit,
            // Without its peer a figure has nothing to be compared with.
            bounds: if peer.is_some() { bounds } else { Bounds::Free },
        }
    }
}

/// A figure of samples that were taken in turn with others.
fn figure(samples: &Samples, ours: f64) -> Figure {
    Figure {
        ours,
        peer: None,
        n_samples: samples.n_used(),
        n_discarded: samples.n_discarded(),
    }
}

/// Runs a benchmark.
///
/// # Errors
/// When what it needs cannot be had.
pub(crate) fn run(
    command: &BenchCommand,
    surroundings: &Surroundings,
    ui: &Ui,
) -> anyhow::Result<Exit> {
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
        BenchCommand::Judge {
            samples,
            rounds,
            data,
        } => {
            let settings = super::load(surroundings, &[], ui)?;
            let plan = judge::Plan {
                n_samples: *samples as usize,
                n_rounds: *rounds as usize,
                data: data.clone(),
            };
            print(&judge::run(&plan, &settings, ui)?, ui)?;
            Ok(Exit::Success)
        }
        BenchCommand::Train {
            model,
            python,
            data,
            parts,
            examples,
            length,
            rounds,
            threads,
        } => {
            let settings = super::load(surroundings, &[], ui)?;
            let interrupt = Interrupt::listen(ui)?;
            let model = LocalModel::parse(model)?.ensure(&settings, ui, &interrupt)?;
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let plan = train::Plan {
                model: &model,
                python,
                data: data.as_deref(),
                parts,
                n_examples: *examples as usize,
                length: *length as usize,
                n_rounds: *rounds as usize,
                n_threads: threads.map_or(cores, usize::from),
            };
            print(&train::run(&plan, ui)?, ui)?;
            Ok(Exit::Success)
        }
        BenchCommand::Engine {
            samples,
            rank,
            llama,
            local,
        } => {
            let settings = super::load(surroundings, &local.overrides(), ui)?;
            let plan = engine::Plan {
                n_samples: *samples as usize,
                rank: *rank as usize,
                llama: llama.clone(),
            };
            print(&engine::run(&plan, &settings, ui)?, ui)?;
            Ok(Exit::Success)
        }
        BenchCommand::Cost(args) => {
            let settings = super::load(surroundings, &args.overrides(), ui)?;
            print(&cost::run(args, &settings, ui)?, ui)?;
            Ok(Exit::Success)
        }
        BenchCommand::Report { problems, samples } => {
            print(&report::run(problems, *samples as usize, ui)?, ui)?;
            Ok(Exit::Success)
        }
        BenchCommand::MockServer { latency_ms } => mock::serve(Duration::from_millis(*latency_ms)),
    }
}

fn print(rows: &[Row], ui: &Ui) -> anyhow::Result<()> {
    if ui.json() {
        for row in rows {
            let (better, _, bounds) = row.bounds.parts();
            let figure = row.figure.as_ref().ok();
            let peer = figure.and_then(|figure| figure.peer);
            let line = json!({
                "schema": "mapcoder.bench/1",
                "bench": row.name,
                "ours": figure.map(|figure| figure.ours),
                "peer": peer.map(|peer| peer.median),
                "unit": row.unit,
                "ratio": peer.map(|peer| peer.ratio),
                "better": better,
                "compared": if peer.is_some() { "ratio" } else { "ours" },
                "floor": bounds.map(|(floor, _)| floor),
                "goal": bounds.map(|(_, goal)| goal),
                "samples": figure.map_or(0, |figure| figure.n_samples),
                "discarded": figure.map_or(0, |figure| figure.n_discarded),
                "absent": row.figure.as_ref().err(),
            });
            ui.line(&line.to_string())?;
        }
        return Ok(());
    }
    let heading = [
        "what", "median", "unit", "peer", "ratio", "floor", "goal", "samples", "busy",
    ]
    .map(String::from)
    .to_vec();
    let cells = rows.iter().map(|row| {
        let (_, sign, bounds) = row.bounds.parts();
        let bound = |bound: Option<f64>| bound.map_or_else(String::new, |n| format!("{sign} {n}"));
        let number = |number: f64| match number.is_finite() {
            true => format!("{number:.3}"),
            false => String::new(),
        };
        let figures = match &row.figure {
            Ok(figure) => [
                number(figure.ours),
                figure
                    .peer
                    .map_or_else(String::new, |peer| number(peer.median)),
                figure
                    .peer
                    .map_or_else(String::new, |peer| number(peer.ratio)),
                figure.n_samples.to_string(),
                figure.n_discarded.to_string(),
            ],
            Err(reason) => [
                format!("absent: {reason}"),
                String::new(),
                String::new(),
                "0".to_string(),
                "0".to_string(),
            ],
        };
        let [ours, peer, ratio, n_samples, n_discarded] = figures;
        vec![
            row.name.clone(),
            ours,
            row.unit.to_string(),
            peer,
            ratio,
            bound(bounds.map(|(floor, _)| floor)),
            bound(bounds.map(|(_, goal)| goal)),
            n_samples,
            n_discarded,
        ]
    });
    let table: Vec<Vec<String>> = std::iter::once(heading).chain(cells).collect();
    Ok(ui.table(&table)?)
}
