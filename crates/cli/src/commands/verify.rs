use std::collections::HashMap;

use evaluation::verify::{Verified, verify};
use evaluation::{Header, ProblemResult, Summary};
use judge::Judge;
use ledger::{Ledger, RunSummary};
use serde_json::json;

use super::runs;
use crate::args::VerifyArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{data, wiring};

/// Judges a finished run again and holds its results against its records.
///
/// # Errors
/// When the run or its data cannot be read, they do not belong together, or the judge cannot be had.
pub(super) fn run(args: &VerifyArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(ui)?;
    let (ledger, run) = runs::open(&args.run, settings)?;
    let set = data::load(&args.data, settings, ui, &interrupt)?;
    let recorded = &run.spec.settings["data"]["digest"];
    if recorded.as_str() != Some(set.digest.as_str()) {
        let message = format!(
            "run {} was made on other data than {}: the digests differ",
            run.id, args.data
        );
        return Err(Failure::new(Exit::Usage, message)
            .help("`mapcoder runs show` says what the run was made on")
            .into());
    }
    let results = runs::results(&ledger, &run)?;
    let tasks: HashMap<&str, _> = set
        .tasks
        .iter()
        .map(|task| (task.problem.id.as_str(), task))
        .collect();
    let checker = wiring::checker(&run.spec.settings);
    let judge = wiring::judge(settings, ui)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let line = ui.live();
    let mut verified = Vec::new();
    for (at, result) in results.iter().enumerate() {
        line.show(&format!("{at} of {} verified", results.len()));
        if interrupt.is_set() {
            line.close("stopped before the end");
            return Ok(Exit::Interrupted);
        }
        let one = match tasks.get(result.id.as_str()) {
            Some(task) => verified_one(&runtime, &ledger, &judge, &checker, task, result)?,
            None => Verified {
                id: result.id.clone(),
                n_calls: 0,
                verdict: None,
                faults: vec![format!("{} has no such problem", set.name)],
            },
        };
        verified.push(one);
    }
    line.close(&format!("{} results verified", results.len()));
    conclude(&run, &results, &verified, ui)
}

fn verified_one(
    runtime: &tokio::runtime::Runtime,
    ledger: &Ledger,
    judge: &Judge,
    checker: &domain::Checker,
    task: &domain::Task,
    result: &ProblemResult,
) -> anyhow::Result<Verified> {
    Ok(runtime.block_on(verify(ledger, judge, checker, task, result))?)
}

fn conclude(
    run: &RunSummary,
    results: &[ProblemResult],
    verified: &[Verified],
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let header = Header {
        n_selected: results.len(),
        ..runs::header(run)
    };
    let summary = Summary::new(header, results);
    if ui.json() {
        for one in verified {
            let line = json!({"schema": "mapcoder.verify.problem/1", "verified": one});
            ui.line(&line.to_string())?;
        }
        ui.line(&evaluation::summary_line(&summary))?;
    } else {
        ui.line(summary.render().trim_end())?;
    }
    let faulty: Vec<&Verified> = verified
        .iter()
        .filter(|one| !one.faults.is_empty())
        .collect();
    for one in &faulty {
        ui.warn(&format!("{}: {}", one.id, one.faults.join("; ")));
    }
    if faulty.is_empty() {
        ui.note(&format!(
            "run {}: all {} results follow from their records and got the same verdict again",
            run.id,
            verified.len()
        ));
        return Ok(Exit::Success);
    }
    let message = format!(
        "{} of {} results of run {} are not what their records say",
        faulty.len(),
        verified.len(),
        run.id
    );
    Err(Failure::new(Exit::Failure, message).into())
}
