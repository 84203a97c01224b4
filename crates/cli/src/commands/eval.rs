use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use agents::{Allowance, Step};
use domain::Task;
use evaluation::{
    Drain, Ending, Event, Finished, Header, ProblemResult, Progress, ScoreError, Summary,
};
use serde_json::json;

use crate::args::EvalArgs;
use crate::data;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::wiring::{self, Assignment, Wired};

/// Problems at a time, unless the settings say otherwise: enough to fill the batch of the local engine.
const CONCURRENCY: usize = 8;

/// Runs a strategy over a data set: the table goes to standard output, the live line to standard error.
///
/// # Errors
/// When the data, the model or the judge cannot be had, or part of the work is left.
pub(crate) fn run(args: &EvalArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(ui)?;
    let evaluated = evaluate(args, settings, ui, &interrupt)?;
    report(&evaluated, ui)?;
    conclude(args, &evaluated.finished, &interrupt)
}

/// What a strategy made of a selection of problems.
pub(super) struct Evaluated {
    pub(super) header: Header,
    pub(super) tasks: Vec<Task>,
    pub(super) finished: Finished,
    /// The names of the runs under which it is recorded, one for each draw.
    pub(super) runs: Vec<String>,
}

impl Evaluated {
    /// The same with the draws of another run over the same problems.
    pub(super) fn and(mut self, other: Evaluated) -> Evaluated {
        self.header.n_draws += other.header.n_draws;
        self.finished.extend(other.finished);
        self.runs.extend(other.runs);
        self
    }

    /// Its measures.
    pub(super) fn summary(&self) -> Summary {
        let results = &self.finished.results;
        Summary::new(self.header.clone(), results).with_groups(&self.tasks, results)
    }
}

/// Lets a strategy work on the problems that the command line selects.
///
/// # Errors
/// When the data, the model or the judge cannot be had.
pub(super) fn evaluate(
    args: &EvalArgs,
    settings: &Settings,
    ui: &Ui,
    interrupt: &Interrupt,
) -> anyhow::Result<Evaluated> {
    let data = data::load(&args.data, settings, ui, interrupt)?;
    let name = data.name.clone();
    let whole = data.digest.clone();
    if args.strict {
        data::refuse_skipped(&data.skipped)?;
    }
    let mut data = data.select(args.limit, args.filter.as_deref());
    if let Some((number, of)) = args.shard {
        data = data.shard(number, of);
    }
    if args.draws > 1 && settings.sampling.temperature == 0.0 {
        let failure = Failure::new(Exit::Usage, "all draws are the same at temperature 0");
        return Err(failure
            .help("set a temperature, such as `--temperature 0.8`, or leave `--draws` out")
            .into());
    }
    if data.tasks.is_empty() {
        let failure = Failure::new(
            Exit::NothingSelected,
            format!("the selection holds no problem of {name}"),
        );
        return Err(failure
            .help("see what `--filter` and `--limit` leave over")
            .into());
    }
    wiring::check_language(settings, &data.tasks)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let n_draws = args.draws as usize;
        let live = Live::new(data.tasks.len() * n_draws);
        let listener = live.clone();
        let data_key = json!({ "name": name, "digest": whole });
        let mut wired = wiring::team(
            settings,
            Assignment {
                command: "eval",
                data: data_key,
                checker: data.format.checker(),
                allowance: Allowance {
                    tokens: args.max_problem_tokens,
                    time: args.max_problem_seconds,
                },
            },
            ui,
            interrupt,
            move |_, step| {
                if let Step::Asked { call, is_fresh } = step {
                    listener.apply(&Event::Asked {
                        usage: call.usage,
                        format: call.format,
                        is_fresh,
                    });
                }
            },
        )?;
        let model = wiring::answering(&*wired.model);
        let header = Header {
            held: wiring::held(&*wired.model),
            n_draws,
            ..Header::new(&data, wired.team.strategy.to_string(), model.clone())
        };
        ui.note(&format!(
            "{} problems of {name}, {}, asking {model}",
            data.tasks.len(),
            wired.team.strategy
        ));
        let concurrency = settings.concurrency.map_or(CONCURRENCY, |n| n as usize);
        let mut finished = Finished::default();
        let mut runs = Vec::new();
        for draw in 0..n_draws {
            if draw > 0 {
                wired.next_draw()?;
            }
            runs.push(wired.team.run.to_string());
            let tasks = data.tasks.clone();
            finished.extend(work(&wired, tasks, concurrency, &live, interrupt.clone(), ui).await);
        }
        ui.note(&format!(
            "recorded as run {} in {}",
            runs.join(","),
            wired.team.ledger.path().display()
        ));
        Ok(Evaluated {
            header,
            tasks: data.tasks,
            finished,
            runs,
        })
    })
}

async fn work(
    wired: &Wired,
    tasks: Vec<Task>,
    concurrency: usize,
    live: &Live,
    mut interrupt: Interrupt,
    ui: &Ui,
) -> Finished {
    let drain = Drain::default();
    let line = ui.live();
    let on_event = |event| {
        if let Event::Finished { id, ending, .. } = &event {
            ui.detail(&format!("{id}: {ending}"));
        }
        live.apply(&event);
    };
    let solving = evaluation::run(
        tasks,
        concurrency,
        &drain,
        |task| solve(wired, task),
        on_event,
    );
    tokio::pin!(solving);
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            finished = &mut solving => {
                line.close(&live.now().to_string());
                return finished;
            }
            _ = ticks.tick() => line.show(&live.now().to_string()),
            () = interrupt.wait(), if !drain.is_requested() => drain.request(),
        }
    }
}

/// The recorded result of a problem, or a new one, which is recorded when it is decided.
async fn solve(wired: &Wired, task: Task) -> Result<ProblemResult, ScoreError> {
    let team = &wired.team;
    let id = &task.problem.id;
    // A result in a form of an older version is made anew from the recorded calls, which costs nothing.
    if let Some(result) = team.ledger.outcome(&team.run, id)?
        && let Ok(result) = serde_json::from_value(result)
    {
        return Ok(result);
    }
    let result = evaluation::solve_task(team, &task).await?;
    if result.ending.is_decided() {
        let value = serde_json::to_value(&result).unwrap_or_default();
        team.ledger.record_outcome(&team.run, id, &value).await?;
    }
    Ok(result)
}

fn report(evaluated: &Evaluated, ui: &Ui) -> anyhow::Result<()> {
    let finished = &evaluated.finished;
    let summary = evaluated.summary();
    if ui.json() {
        for result in &finished.results {
            ui.line(&evaluation::problem_line(result))?;
        }
        ui.line(&evaluation::summary_line(&summary))?;
    } else {
        ui.line(summary.render().trim_end())?;
    }
    for faulted in &finished.faulted {
        ui.warn(&format!("{}: {}", faulted.id, faulted.fault));
    }
    // That the user stopped it is no news to the user.
    let is_fault =
        |result: &&ProblemResult| !result.fault.is_empty() && result.ending != Ending::Stopped;
    if let Some(result) = finished.results.iter().find(is_fault) {
        ui.warn(&format!(
            "{} ended as {}: {}",
            result.id, result.ending, result.fault
        ));
    }
    Ok(())
}

/// How an evaluation ended.
///
/// # Errors
/// When part of the work is left, or a threshold was missed.
pub(super) fn conclude(
    args: &EvalArgs,
    finished: &Finished,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    let resume = "the same command continues; what is recorded is not asked again";
    let count = |ending| {
        finished
            .results
            .iter()
            .filter(|result| result.ending == ending)
            .count()
    };
    if finished.is_complete() {
        let solved = count(Ending::Solved) as f64 / finished.results.len() as f64;
        return match args.fail_under.filter(|share| solved < *share) {
            Some(share) => Err(Failure::new(
                Exit::GateFailed,
                format!("pass@1 is {solved:.4}, below {share}"),
            )
            .into()),
            None => Ok(Exit::Success),
        };
    }
    if count(Ending::Budget) > 0 && !interrupt.is_set() {
        return Err(
            Failure::new(Exit::Budget, "the budget is spent before the end")
                .help(resume)
                .into(),
        );
    }
    let n_undecided = finished
        .results
        .iter()
        .filter(|result| !result.ending.is_decided())
        .count();
    let n_left = finished.n_left + finished.faulted.len() + n_undecided;
    Err(
        Failure::new(Exit::Incomplete, format!("{n_left} problems are left"))
            .help(resume)
            .into(),
    )
}

/// The numbers of the live line, shared between those who feed them and the one who shows them.
#[derive(Clone)]
struct Live {
    progress: Arc<Mutex<Progress>>,
    started: Instant,
}

impl Live {
    fn new(n_tasks: usize) -> Live {
        Live {
            progress: Arc::new(Mutex::new(Progress::new(n_tasks))),
            started: Instant::now(),
        }
    }

    fn apply(&self, event: &Event) {
        self.lock().apply(event, self.started.elapsed());
    }

    fn now(&self) -> Progress {
        let mut progress = self.lock();
        progress.tick(self.started.elapsed());
        progress.clone()
    }

    /// Numbers stay usable after a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
