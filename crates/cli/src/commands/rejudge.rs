use std::time::Duration;

use datasets::{Answers, DataSet};
use domain::Harness;
use evaluation::export::Solution;
use evaluation::rejudge::{
    FileScore, Rejudged, Rejudgement, file_scores, rejudge, rejudged_line, render_reasons,
    render_scores,
};
use evaluation::{Align, Table};
use judge::Judge;
use serde_json::json;

use super::exports::{self, Share};
use crate::args::RejudgeArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{data, wiring};

/// Answers in work for each cell.
const PER_CELL: usize = 4;

/// Judges published answers again.
///
/// # Errors
/// When the data or a file cannot be read, nothing is left to judge, or the judge cannot be had.
pub(super) fn run(args: &RejudgeArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(ui)?;
    let set = data::load(&args.data, settings, ui, &interrupt)?;
    if args.strict {
        data::refuse_skipped(&set.skipped)?;
    }
    let answers = read(args, ui)?;
    if answers.answers.is_empty() {
        return Err(Failure::new(Exit::NothingSelected, "the files hold no answer").into());
    }
    let judge = wiring::judge(settings, ui)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let concurrency = settings.for_judge().n_cells.max(1) * PER_CELL;
    let found = runtime.block_on(work(
        args,
        &set,
        &answers,
        &judge,
        concurrency,
        interrupt,
        ui,
    ))?;
    let Some(found) = found else {
        ui.note("stopped before the end; nothing is printed, as scores of a part mislead");
        return Ok(Exit::Interrupted);
    };
    if args.strict {
        data::refuse_skipped(&found.unknown)?;
    }
    data::warn_of_skipped(&found.unknown, ui);
    if found.rejudged.is_empty() {
        let message = format!("no answer is to a problem of {}", set.name);
        return Err(Failure::new(Exit::NothingSelected, message)
            .help("`--data` names the data set that the answers were written for")
            .into());
    }
    let scores = file_scores(&found.rejudged);
    print(&found.rejudged, &scores, ui)?;
    let solutions = || {
        let answers = found.rejudged.iter();
        Ok(answers.filter_map(Solution::of_answer).collect())
    };
    let score = || {
        let [score] = &scores[..] else {
            let message = "an entry for the hub is made of one file's answers, not of several";
            return Err(Failure::new(Exit::Usage, message));
        };
        Ok(Share {
            n_right: score.all.strict,
            n: score.all.n,
            interval: score.all.interval,
            of: String::new(),
        })
    };
    exports::write(&args.exports, &set.digest, solutions, score, ui)?;
    Ok(Exit::Success)
}

fn read(args: &RejudgeArgs, ui: &Ui) -> anyhow::Result<Answers> {
    let mut all = Answers::default();
    for file in &args.files {
        let answers = datasets::load_answers(file)
            .map_err(|error| Failure::new(Exit::Usage, format!("failed to {error}")))?;
        all.answers.extend(answers.answers);
        all.skipped.extend(answers.skipped);
    }
    if args.strict {
        data::refuse_skipped(&all.skipped)?;
    }
    data::warn_of_skipped(&all.skipped, ui);
    let mut number = 0;
    all.answers.retain(|_| {
        number += 1;
        (number - 1) % args.every == 0
    });
    Ok(all)
}

/// What came out; absent when the user stopped it.
async fn work(
    args: &RejudgeArgs,
    set: &DataSet,
    answers: &Answers,
    judge: &Judge,
    concurrency: usize,
    mut interrupt: Interrupt,
    ui: &Ui,
) -> anyhow::Result<Option<Rejudgement>> {
    let harnesses = match &args.compat[..] {
        [] => all_harnesses(set),
        chosen => chosen.to_vec(),
    };
    let n_answers = answers.answers.len();
    ui.note(&format!("{n_answers} answers to problems of {}", set.name));
    let line = ui.live();
    let n_done = std::cell::Cell::new(0);
    let rejudging = rejudge(judge, set, answers, &harnesses, concurrency, || {
        n_done.set(n_done.get() + 1);
    });
    tokio::pin!(rejudging);
    let said = || format!("{} of {n_answers} judged", n_done.get());
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            found = &mut rejudging => {
                line.close(&said());
                return Ok(Some(found?));
            }
            _ = ticks.tick() => line.show(&said()),
            () = interrupt.wait() => return Ok(None),
        }
    }
}

/// Every harness, the one that usually judges the data set first: where several agree with a record, it is the reason.
fn all_harnesses(set: &DataSet) -> Vec<Harness> {
    let mut harnesses = Harness::ALL.to_vec();
    harnesses.sort_by_key(|harness| Some(*harness) != set.format.harness());
    harnesses
}

fn print(rejudged: &[Rejudged], scores: &[FileScore], ui: &Ui) -> anyhow::Result<()> {
    if ui.json() {
        for one in rejudged {
            ui.line(&rejudged_line(one))?;
        }
        for score in scores {
            let line = json!({"schema": "mapcoder.rejudge.file/1", "score": score});
            ui.line(&line.to_string())?;
        }
        return Ok(());
    }
    ui.line(render_scores(scores).trim_end())?;
    for score in scores.iter().filter(|score| score.n_unjudged > 0) {
        ui.warn(&format!(
            "{}: {} answers are in no score, as nothing here runs their language",
            score.origin, score.n_unjudged
        ));
    }
    if rejudged.iter().any(|one| one.samples_only) {
        ui.note(
            "problems without hidden tests were judged by their samples: an answer that was recorded as right must \
             pass them, one that was recorded as wrong may",
        );
    }
    let reasons = render_reasons(scores);
    if !reasons.is_empty() {
        ui.line("")?;
        ui.line(reasons.trim_end())?;
        ui.line("")?;
        ui.line(differences(rejudged).to_string().trim_end())?;
    } else if rejudged.iter().any(|one| one.recorded.is_some()) {
        ui.line("every verdict is as recorded")?;
    }
    if rejudged.iter().any(|one| one.deviations().next().is_some()) {
        ui.line("")?;
        ui.line(deviations(rejudged).to_string().trim_end())?;
    }
    if rejudged.iter().all(|one| one.compat.is_empty()) {
        ui.note("functions have no output that a harness could compare otherwise");
    }
    Ok(())
}

/// Every answer on which our word differs from the record.
fn differences(rejudged: &[Rejudged]) -> Table {
    let mut table = Table::new(
        ["file", "problem", "recorded", "here", "reason"].map(|name| (name, Align::Left)),
    );
    for one in rejudged {
        let Some(reason) = &one.reason else { continue };
        let recorded = if one.recorded == Some(true) {
            "right"
        } else {
            "wrong"
        };
        table.row([
            one.origin.clone(),
            one.id.clone(),
            recorded.to_string(),
            one.strict.verdict.to_string(),
            reason.to_string(),
        ]);
    }
    table
}

/// Every answer on which the word of a harness differs from ours.
fn deviations(rejudged: &[Rejudged]) -> Table {
    let mut table = Table::new(
        ["file", "problem", "here", "harness", "there", "why"].map(|name| (name, Align::Left)),
    );
    for one in rejudged {
        for deviation in one.deviations() {
            table.row([
                one.origin.clone(),
                one.id.clone(),
                one.strict.verdict.to_string(),
                deviation.harness.name().to_string(),
                deviation.said.verdict.to_string(),
                deviation.why.to_string(),
            ]);
        }
    }
    table
}
