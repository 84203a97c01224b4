use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use agents::{Allowance, CallRecord, Format, Outcome, Place, Status, Step, Strategy};
use anyhow::Context as _;
use datasets::DataSet;
use domain::{Checker, Digest, Judging, Task, Verdict};
use ledger::CallError;
use serde_json::json;

use crate::args::SolveArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::wiring::{self, Assignment};

/// Solves one problem: the program goes to standard output, how it came about to standard error.
///
/// # Errors
/// When the problem, the model or the judge cannot be had, or the ledger fails.
pub(crate) fn run(args: &SolveArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let task = read(&args.problem)?;
    wiring::check_language(settings, std::slice::from_ref(&task))?;
    let interrupt = Interrupt::listen(ui)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let data = json!({ "problem": Digest::of_json(&task) });
        let story = ui.clone();
        let wired = wiring::team(
            settings,
            Assignment {
                command: "solve",
                data,
                checker: Checker::Lines,
                allowance: Allowance::default(),
            },
            ui,
            &interrupt,
            move |_, step| tell(&story, &step),
        )?;
        let team = &wired.team;
        let problem = &task.problem;
        ui.note(&format!(
            "{}: {} in {}, asking {}",
            problem.id,
            strategy(team.strategy),
            team.language.title(),
            wiring::answering(&*wired.model),
        ));
        let outcome = team.solve(problem).await?;
        if outcome.status.is_final() {
            team.ledger
                .record_outcome(&team.run, &problem.id, &serde_json::to_value(&outcome)?)
                .await?;
        }
        let hidden = match &outcome.best {
            Some(best) if outcome.status == Status::Passed && !task.hidden.is_empty() => {
                let recorded = evaluation::judge_hidden(team, &task, &best.program, false)
                    .await
                    .map_err(|error| match error {
                        CallError::Call(error) => anyhow::Error::from(error),
                        CallError::Ledger(error) => error.into(),
                    })?;
                Some((recorded.value, task.hidden.len()))
            }
            _ => None,
        };
        present(args, &outcome, hidden.as_ref(), ui)?;
        ui.note(&format!(
            "recorded as run {} in {}",
            team.run,
            team.ledger.path().display()
        ));
        conclude(&outcome)
    })
}

/// Reads the one problem of a file, or of standard input in Markdown.
fn read(path: &Path) -> anyhow::Result<Task> {
    let set = if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin()
            .read_to_end(&mut text)
            .context("failed to read standard input")?;
        let file = if text.trim_ascii_start().starts_with(b"{") {
            "stdin.json"
        } else {
            "stdin.md"
        };
        datasets::read(file, &text)
    } else {
        datasets::load(path)
    };
    let DataSet { mut tasks, .. } =
        set.map_err(|error| Failure::new(Exit::Usage, format!("failed to {error}")))?;
    match tasks.len() {
        1 => Ok(tasks.remove(0)),
        n => {
            let failure = Failure::new(
                Exit::Usage,
                format!("{} holds {n} problems, not one", path.display()),
            );
            Err(failure
                .help("`mapcoder eval --data` works on many problems")
                .into())
        }
    }
}

fn strategy(strategy: Strategy) -> String {
    match strategy {
        Strategy::Direct => "one program, asked for directly".to_string(),
        Strategy::MapCoder { k, t, without } if without.is_nobody() => {
            format!("{k} plans, up to {t} repairs each")
        }
        other => other.to_string(),
    }
}

/// One line per step.
fn tell(ui: &Ui, step: &Step) {
    match step {
        Step::Asked { call, is_fresh } => ui.note(&asked(call, *is_fresh)),
        Step::Planned { confidences } => {
            let list: Vec<String> = confidences
                .iter()
                .map(|value| value.map_or("?".to_string(), |value| value.to_string()))
                .collect();
            ui.note(&format!("  plans by confidence: {}", list.join(", ")));
        }
        Step::Judged {
            place,
            judging,
            n_samples,
            is_fresh,
        } => {
            let from_record = if *is_fresh { "" } else { " (from the record)" };
            ui.note(&format!(
                "  {}: {}{from_record}",
                program(*place),
                fared(judging, *n_samples)
            ));
        }
    }
}

fn asked(call: &CallRecord, is_fresh: bool) -> String {
    let format = match call.format {
        Format::Strict => "",
        Format::Recovered => ", out of form, recovered",
        Format::Failed => ", out of form, nothing to recover",
    };
    let source = if is_fresh {
        format!("{:.1} s", call.wall.as_secs_f64())
    } else {
        "from the record".to_string()
    };
    format!(
        "  {:<9}  {:<10}  {:>5} + {:>4} tokens, {source}{format}",
        call.agent,
        call.contract.name(),
        call.usage.prompt_tokens,
        call.usage.completion_tokens,
    )
}

fn program(place: Place) -> String {
    match place {
        Place {
            plan_rank,
            debug_round: 0,
        } => format!("program of plan {}", plan_rank + 1),
        Place {
            plan_rank,
            debug_round,
        } => format!("repair {debug_round} of plan {}", plan_rank + 1),
    }
}

fn fared(judging: &Judging, n_tests: usize) -> String {
    let passed = format!("passes {} of {n_tests}", judging.n_passed());
    match judging.verdict {
        Verdict::Accepted => passed,
        verdict => format!("{passed}, {verdict}"),
    }
}

fn present(
    args: &SolveArgs,
    outcome: &Outcome,
    hidden: Option<&(Judging, usize)>,
    ui: &Ui,
) -> anyhow::Result<()> {
    let source = outcome
        .best
        .as_ref()
        .map(|best| best.program.source.as_str());
    if ui.json() {
        let line = json!({
            "schema": "mapcoder.solve/1",
            "problem": outcome.problem,
            "status": outcome.status,
            "language": outcome.best.as_ref().map(|best| best.program.language),
            "program": source,
            "place": outcome.best.as_ref().map(|best| best.place),
            "samples_passed": outcome.best.as_ref().map_or(0, |best| best.n_passed),
            "samples": outcome.n_samples,
            "hidden_verdict": hidden.map(|(judging, _)| judging.verdict),
            "usage": outcome.usage(),
            "calls": outcome.calls,
        });
        ui.line(&line.to_string())?;
    } else if let (Some(source), None) = (source, &args.output) {
        ui.line(source.trim_end())?;
    }
    if let (Some(source), Some(path)) = (source, &args.output) {
        std::fs::write(path, source)
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    if outcome.status.is_final() || outcome.best.is_some() {
        ui.note(&summary(outcome));
    }
    if let Some((judging, n_tests)) = hidden {
        ui.note(&format!("hidden tests: {}", fared(judging, *n_tests)));
    }
    Ok(())
}

fn summary(outcome: &Outcome) -> String {
    let usage = outcome.usage();
    let model: Duration = outcome.calls.iter().map(|call| call.wall).sum();
    let judge_ms: u128 = outcome
        .judgings
        .iter()
        .map(|judged| judged.wall.as_millis())
        .sum();
    let how = match &outcome.best {
        None => "no reply held a program".to_string(),
        Some(best) => {
            let where_from = program(best.place);
            let is_all = best.n_passed == outcome.n_samples;
            let verb = if is_all {
                "passes all"
            } else {
                "is the best: it passes"
            };
            let count = if is_all {
                format!("{}", outcome.n_samples)
            } else {
                format!("{} of {}", best.n_passed, outcome.n_samples)
            };
            format!("the {where_from} {verb} {count} samples")
        }
    };
    format!(
        "{how}; {} calls, {} + {} tokens, {:.1} s of model time, {judge_ms} ms of tests",
        outcome.calls.len(),
        usage.prompt_tokens,
        usage.completion_tokens,
        model.as_secs_f64(),
    )
}

fn conclude(outcome: &Outcome) -> anyhow::Result<Exit> {
    let resume = "the same command continues; what is recorded is not asked again";
    let failure = match outcome.status {
        Status::Passed => return Ok(Exit::Success),
        Status::Failed => Failure::new(
            Exit::Failure,
            "no program passes every sample; the best one is printed",
        ),
        Status::NoProgram => Failure::new(Exit::Failure, "no reply held a program"),
        Status::Budget => Failure::new(
            Exit::Budget,
            format!("the budget is spent: {}", outcome.fault),
        )
        .help(resume),
        Status::Stopped => Failure::new(Exit::Incomplete, "stopped before the end").help(resume),
        Status::JudgeFault => Failure::new(
            Exit::JudgeUnavailable,
            format!("the judge failed: {}", outcome.fault),
        )
        .help(resume),
        Status::EndpointFault => Failure::new(Exit::Failure, outcome.fault.clone())
            .help("mend that and run the same command: what is recorded is not asked again"),
    };
    Err(failure.into())
}
