use std::path::Path;

use evaluation::compare::{Side, compare, comparison_line, render_comparisons};
use evaluation::{Align, ProblemResult, Summary, Table, summary_line};
use serde::Deserialize;

use super::eval::{Evaluated, evaluate};
use crate::args::EvalArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::{Override, Settings, Surroundings};
use crate::ui::Ui;

/// What is evaluated: every strategy with every model on every data set, once for each seed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    /// As `--data` takes them.
    data: Vec<String>,
    /// As `--strategy` takes them; the others are compared with the first.
    strategies: Vec<String>,
    /// As `--model` takes them; none: the one of the settings.
    #[serde(default)]
    models: Vec<String>,
    /// Several need a temperature above 0.
    #[serde(default = "only_zero")]
    seeds: Vec<u64>,
}

fn only_zero() -> Vec<u64> {
    vec![0]
}

impl Plan {
    fn read(path: &Path) -> Result<Plan, Failure> {
        let wrong = |reason: String| {
            let message = format!("failed to read the plan {}: {reason}", path.display());
            Failure::new(Exit::Usage, message)
                .help("a plan has lists `data` and `strategies`, and perhaps `models` and `seeds`")
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let plan: Plan =
            toml::from_str(&text).map_err(|error| wrong(error.message().to_string()))?;
        for (name, is_empty) in [
            ("data", plan.data.is_empty()),
            ("strategies", plan.strategies.is_empty()),
            ("seeds", plan.seeds.is_empty()),
        ] {
            if is_empty {
                return Err(wrong(format!("`{name}` is empty")));
            }
        }
        Ok(plan)
    }
}

/// Works through a plan file. Everything is recorded as if each part had been started by itself, so that the same plan
/// continues where it stopped, and parts that are there already cost nothing.
///
/// # Errors
/// When the plan is wrong, or any part of it fails or is left.
pub(super) fn run(args: &EvalArgs, surroundings: &Surroundings, ui: &Ui) -> anyhow::Result<Exit> {
    let plan = Plan::read(args.plan.as_deref().unwrap_or(Path::new("")))?;
    let interrupt = Interrupt::listen(ui)?;
    let models: Vec<Option<&String>> = match plan.models.is_empty() {
        true => vec![None],
        false => plan.models.iter().map(Some).collect(),
    };
    let mut summaries: Vec<Summary> = Vec::new();
    let mut comparisons = Vec::new();
    let mut n_left = 0;
    for data in &plan.data {
        for model in &models {
            let mut sides = Vec::new();
            for strategy in &plan.strategies {
                let mut all: Option<Evaluated> = None;
                for seed in &plan.seeds {
                    let settings = settings(args, surroundings, *model, strategy, *seed)?;
                    let args = EvalArgs {
                        data: data.clone(),
                        ..args.clone()
                    };
                    let evaluated = evaluate(&args, &settings, ui, &interrupt)?;
                    all = Some(match all {
                        None => evaluated,
                        Some(so_far) => so_far.and(evaluated),
                    });
                }
                let Some(all) = all else { continue };
                n_left += usize::from(!all.finished.is_complete());
                sides.push(Side::new(
                    format!("{strategy} {}", all.runs.join(",")),
                    all.finished.results.iter().collect::<Vec<&ProblemResult>>(),
                ));
                summaries.push(all.summary());
            }
            if let Some((first, others)) = sides.split_first() {
                comparisons.extend(compare(first, others, 1));
            }
        }
    }
    if ui.json() {
        for summary in &summaries {
            ui.line(&summary_line(summary))?;
        }
        for comparison in &comparisons {
            ui.line(&comparison_line(comparison))?;
        }
    } else {
        ui.line(table(&summaries).to_string().trim_end())?;
        if !comparisons.is_empty() {
            ui.line("")?;
            ui.line(render_comparisons(&comparisons).trim_end())?;
        }
    }
    if n_left > 0 {
        let message = format!("{n_left} parts of the plan are not through");
        return Err(Failure::new(Exit::Incomplete, message)
            .help("the same command continues; what is recorded is not asked again")
            .into());
    }
    Ok(Exit::Success)
}

/// The settings of one part: those of the command line, and what the plan says.
fn settings(
    args: &EvalArgs,
    surroundings: &Surroundings,
    model: Option<&String>,
    strategy: &str,
    seed: u64,
) -> anyhow::Result<Settings> {
    let mut overrides = args.settings.overrides();
    let mut set = |key, flag, value: String| overrides.push(Override { key, flag, value });
    set("strategy", "strategies of the plan", strategy.to_string());
    set("sampling.seed", "seeds of the plan", seed.to_string());
    if let Some(model) = model {
        set("model", "models of the plan", model.clone());
    }
    Ok(Settings::load(surroundings, &overrides)?)
}

fn table(summaries: &[Summary]) -> Table {
    let mut table = Table::new([
        ("data", Align::Left),
        ("strategy", Align::Left),
        ("model", Align::Left),
        ("solved", Align::Right),
        ("of", Align::Right),
        ("pass@1", Align::Right),
        ("95 % interval", Align::Left),
        ("tokens a solve", Align::Right),
    ]);
    for summary in summaries {
        let [solved, decided, share, interval] = summary.score_cells();
        table.row([
            summary.header.data.clone(),
            summary.header.strategy.clone(),
            summary.header.model.clone(),
            solved,
            decided,
            share,
            interval,
            summary
                .tokens_per_solved
                .map_or(String::new(), |tokens| format!("{tokens:.0}")),
        ]);
    }
    table
}
