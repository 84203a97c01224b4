use std::path::Path;

use evaluation::ProblemResult;
use evaluation::compare::{
    Side, SideProblem, compare, comparison_line, render_comparisons, side_by_side,
};
use serde_json::Value;

use super::runs;
use crate::args::CompareArgs;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::ui::Ui;

/// The columns of programs side by side.
const WIDTH: usize = 58;

/// Compares runs on the same problems.
///
/// # Errors
/// When a run cannot be read, the runs are of different data, or the gate fails.
pub(super) fn run(args: &CompareArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let first = Read::of(&args.first, settings)?;
    let others: Vec<Read> = args
        .others
        .iter()
        .map(|name| Read::of(name, settings))
        .collect::<Result<_, _>>()?;
    for other in &others {
        if let (Some(one), Some(another)) = (&first.digest, &other.digest)
            && one != another
        {
            let message = format!(
                "{} and {} are runs on different data",
                first.side.name, other.side.name
            );
            return Err(Failure::new(Exit::Usage, message)
                .help("`mapcoder runs show` says what a run was made on")
                .into());
        }
    }
    let sides: Vec<Side> = others.into_iter().map(|other| other.side).collect();
    if let Some(id) = &args.show {
        return show(id, &first.side, &sides, ui);
    }
    let comparisons = compare(&first.side, &sides, args.k as usize);
    if comparisons.iter().all(|one| one.n == 0) {
        let message = format!(
            "no problem was decided by both with {} programs or more",
            args.k
        );
        return Err(Failure::new(Exit::NothingSelected, message).into());
    }
    if ui.json() {
        for one in &comparisons {
            ui.line(&comparison_line(one))?;
        }
    } else {
        ui.line(render_comparisons(&comparisons).trim_end())?;
    }
    let lost = comparisons.iter().find(|one| one.is_loss());
    match lost.filter(|_| args.gate) {
        None => Ok(Exit::Success),
        Some(one) => {
            let message = format!(
                "{} is worse than {} by {:.1} points (p = {:.4})",
                one.second,
                one.first,
                -one.difference * 100.0,
                one.p_adjusted
            );
            Err(Failure::new(Exit::GateFailed, message).into())
        }
    }
}

/// A side with the digest of its data, where that is known.
struct Read {
    side: Side,
    digest: Option<String>,
}

impl Read {
    fn of(names: &str, settings: &Settings) -> anyhow::Result<Read> {
        let mut results: Vec<ProblemResult> = Vec::new();
        let mut title = String::new();
        let mut digest = None;
        for name in names.split(',') {
            let path = Path::new(name);
            if path.is_file() {
                results.extend(read_file(path)?);
                title = name.to_string();
                continue;
            }
            let (ledger, run) = runs::open(name, settings)?;
            results.extend(runs::results(&ledger, &run)?);
            title = format!("{} {}", &run.id.as_str()[..4], runs::strategy(&run));
            let own = run.spec.settings["data"]["digest"].as_str();
            digest = own.map(str::to_string);
        }
        Ok(Read {
            side: Side::new(title, &results),
            digest,
        })
    }
}

/// The problem lines of a file of `mapcoder eval --json`.
fn read_file(path: &Path) -> anyhow::Result<Vec<ProblemResult>> {
    let wrong = |line: usize, reason: &str| {
        let message = format!("failed to read {}, line {line}: {reason}", path.display());
        Failure::new(Exit::Usage, message).help("`mapcoder eval --json` writes such files")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(1, &error.to_string()))?;
    let mut results = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let row: Value =
            serde_json::from_str(line).map_err(|error| wrong(number, &error.to_string()))?;
        if row["schema"] == evaluation::PROBLEM_SCHEMA {
            let result =
                serde_json::from_value(row).map_err(|error| wrong(number, &error.to_string()))?;
            results.push(result);
        }
    }
    if results.is_empty() {
        return Err(wrong(1, "it holds no result of a problem").into());
    }
    Ok(results)
}

fn show(id: &str, first: &Side, others: &[Side], ui: &Ui) -> anyhow::Result<Exit> {
    let known = |side: &Side| side.problems.get(id).cloned();
    let source = |problem: &SideProblem| {
        let program = problem.program.as_ref();
        program.map_or("(no program)\n".to_string(), |program| {
            program.source.clone()
        })
    };
    let unknown = || {
        Failure::new(
            Exit::NothingSelected,
            format!("no result of `{id}` in both"),
        )
    };
    let one = known(first).ok_or_else(unknown)?;
    for other in others {
        let another = known(other).ok_or_else(unknown)?;
        ui.line(&format!("{}: {}", first.name, one.ending))?;
        ui.line(&format!("{}: {}", other.name, another.ending))?;
        let columns = side_by_side(&source(&one), &source(&another), WIDTH);
        ui.line(columns.trim_end())?;
    }
    Ok(Exit::Success)
}
