//! What the orchestration costs: many problems at once against a server that answers after a fixed time.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agents::{Outcome, Prompts, Status, Strategy, Team};
use anyhow::{Context as _, bail};
use domain::{Checker, Form, Language, Limits, Problem, Sampling, Test};
use evaluation::stats::percentile;
use futures_util::future::try_join_all;
use judge::Judge;
use ledger::{Ledger, RunSpec};
use llm::{OpenAi, OpenAiSettings};
use serde_json::json;

use super::{Bounds, Figure, Row};
use crate::ui::Ui;

/// Solves `n_problems` at the same time, `n_rounds` times, and once more each from the record.
///
/// # Errors
/// When the server, the judge or the ledger cannot be started, or a problem is not solved.
pub(super) fn run(
    n_problems: usize,
    latency: Duration,
    n_rounds: usize,
    ui: &Ui,
) -> anyhow::Result<Vec<Row>> {
    let server = Server::start(latency)?;
    let judge = Judge::start(judge::Settings::default())?;
    let problems: Vec<Problem> = (0..n_problems).map(problem).collect();
    let mut asked_ms = Vec::new();
    let mut replayed_ms = Vec::new();
    for round in 1..=n_rounds {
        let folder = tempfile::tempdir().context("failed to make a folder for the ledger")?;
        let path = folder.path().join("ledger.sqlite");
        let fresh = measure(&path, &server, &judge, &problems)?;
        let again = measure(&path, &server, &judge, &problems)?;
        ui.note(&format!(
            "round {round} of {n_rounds}: {} calls in {:.1} s, {:.3} ms of CPU each; from the record {:.3} ms each",
            fresh.n_calls, fresh.wall.as_secs_f64(), fresh.cpu_ms_per_call, again.cpu_ms_per_call,
        ));
        asked_ms.push(fresh.cpu_ms_per_call);
        replayed_ms.push(again.cpu_ms_per_call);
    }
    let row = |name: String, ours, unit, floor, goal| Row {
        name,
        figure: Ok(Figure {
            ours,
            peer: None,
            n_samples: n_rounds,
            n_discarded: 0,
        }),
        unit,
        bounds: Bounds::AtMost(floor, goal),
    };
    Ok(vec![
        row(
            "CPU per model call".to_string(),
            median(&asked_ms)?,
            "ms",
            1.0,
            0.5,
        ),
        row(
            "CPU per recorded call".to_string(),
            median(&replayed_ms)?,
            "ms",
            0.5,
            0.2,
        ),
        row(
            format!("peak memory, {n_problems} problems in flight"),
            crate::memory::peak().context("no peak memory in /proc")? as f64 / 1e6,
            "MB",
            300.0,
            150.0,
        ),
    ])
}

struct Measured {
    n_calls: usize,
    wall: Duration,
    cpu_ms_per_call: f64,
}

fn measure(
    path: &std::path::Path,
    server: &Server,
    judge: &Judge,
    problems: &[Problem],
) -> anyhow::Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let started = Instant::now();
    let cpu = cpu_time();
    let outcomes: Vec<Outcome> = runtime.block_on(async {
        let ledger = Ledger::open(path)?;
        let run = ledger.begin_run(&RunSpec {
            command: "bench pipeline".to_string(),
            settings: json!({}),
        })?;
        let settings = OpenAiSettings {
            max_concurrency: problems.len(),
            ..OpenAiSettings::new(format!("http://127.0.0.1:{}/v1", server.port), "mock")
        };
        let team = Team {
            model: Arc::new(OpenAi::new(settings)?),
            judge: judge.clone(),
            ledger,
            run,
            prompts: Prompts::built_in(),
            strategy: Strategy::MapCoder {
                k: 3,
                t: 5,
                without: agents::Without::default(),
            },
            language: Language::Python,
            sampling: Sampling::default(),
            checker: Checker::Lines,
            allowance: agents::Allowance::default(),
            is_stopped: Box::new(|| false),
            on_step: Box::new(|_, _| {}),
        };
        anyhow::Ok(try_join_all(problems.iter().map(|problem| team.solve(problem))).await?)
    })?;
    let cpu = cpu_time() - cpu;
    if let Some(bad) = outcomes
        .iter()
        .find(|outcome| outcome.status != Status::Passed)
    {
        bail!(
            "{} was not solved: {} {}",
            bad.problem,
            bad.status.title(),
            bad.fault
        );
    }
    let n_calls = outcomes.iter().map(|outcome| outcome.calls.len()).sum();
    Ok(Measured {
        n_calls,
        wall: started.elapsed(),
        cpu_ms_per_call: cpu.as_secs_f64() * 1e3 / n_calls as f64,
    })
}

/// A problem of ordinary length, different from all others.
pub(super) fn problem(at: usize) -> Problem {
    let story = "A line of a statement that says something about the numbers a and b and what is wanted of them.\n";
    Problem {
        id: format!("bench/{at}"),
        statement: format!(
            "Problem {at}.\n{}Return the sum of a and b.",
            story.repeat(12)
        ),
        form: Form::Function {
            entry_point: "add".to_string(),
            prompt: String::new(),
        },
        samples: vec![Test::Python {
            code: format!("assert add({at}, 2) == {}", at + 2),
        }],
        limits: Limits::default(),
        difficulty: None,
        tags: Vec::new(),
    }
}

/// The server's process. It ends when its standard input is closed, and so with this value.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(latency: Duration) -> anyhow::Result<Server> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([
                "bench",
                "mock-server",
                "--latency-ms",
                &latency.as_millis().to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start the server")?;
        let stdout = process.stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim().parse().context("the server named no port")?;
        Ok(Server { process, port })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // Nothing is left to do about a server that cannot be waited for.
        drop(self.process.wait());
    }
}

/// CPU time of this process, user and system; its children are not counted.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn median(values: &[f64]) -> anyhow::Result<f64> {
    percentile(values, 0.5).context("no round was run")
}
