//! What a team costs: memory, time and tokens of whole runs, each a process of its own.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use evaluation::Summary;

use super::{Bounds, Row};
use crate::args::CostArgs;
use crate::assets::LocalModel;
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{adapters, memory, wiring};

/// The rows, as the help explains them.
pub(crate) const TABLE: &str = "\
What is measured: `mapcoder eval` over the first problems of a data set, with the team as the options and settings
say it, then with the other model and no adapters; each in a process of its own, on a fresh ledger:
  memory            the most that the process had at any time, weights included; the peer is the other model
  four models       the same beside four processes of that model, each with its own weights and one adapter: computed
                    from the measured process and what the engine plans for weights and adapters
  adapters          what the engine plans for the team's adapters
  token time        time on the clock less that of judging, for each token that was written
  problem time      time on the clock for each problem, judging included
  tokens            tokens for each problem, sent and received
  solved            problems that were solved

The paper's bar is a quarter of memory and of token time. Without `--against` there is no other model to compare with.";

/// How often the memory of a run is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What a run took.
struct Taken {
    memory_bytes: f64,
    wall: Duration,
    summary: Summary,
}

/// Measures the table.
///
/// # Errors
/// When the model cannot be had, or a run cannot be started or does not end well.
pub(super) fn run(args: &CostArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Vec<Row>> {
    let interrupt = Interrupt::listen(ui)?;
    let model = LocalModel::of(settings)?;
    let path = model.ensure(settings, ui, &interrupt)?;
    let room = engine::Settings {
        adapters: adapters::of(settings)?.into_iter().collect(),
        ..wiring::engine_settings(settings, &model, &path)
    };
    let room = engine::plan(&*engine::open(&path)?, &room)
        .map_err(|error| wiring::refusal(error, &path))?;
    ui.note("measuring the team");
    let own = [
        ("--model", &args.local.model),
        ("--weights", &args.local.weights),
        ("--adapters", &args.adapters),
    ];
    let team = take(args, &own)?;
    let other = match &args.against {
        None => None,
        against => {
            ui.note("measuring the other model");
            let none = Some("none".to_string());
            Some(take(args, &[("--model", against), ("--adapters", &none)])?)
        }
    };
    let four = team.memory_bytes + 3.0 * room.weights_bytes as f64;
    let per_token = |taken: &Taken| {
        let n_tokens: u64 = taken
            .summary
            .agents
            .iter()
            .map(|agent| agent.usage.completion_tokens)
            .sum();
        taken
            .wall
            .saturating_sub(taken.summary.judge_time)
            .as_secs_f64()
            * 1e3
            / n_tokens.max(1) as f64
    };
    let n_problems = |taken: &Taken| taken.summary.endings.decided().max(1) as f64;
    let tokens = |taken: &Taken| {
        let each = taken.summary.agents.iter().map(|agent| agent.usage);
        let sum: u64 = each
            .map(|usage| usage.prompt_tokens + usage.completion_tokens)
            .sum();
        sum as f64 / n_problems(taken)
    };
    let row = |name: &str, unit, bounds, figure: &dyn Fn(&Taken) -> f64| {
        Row::once(
            name,
            unit,
            bounds,
            figure(&team),
            other.as_ref().map(figure),
        )
    };
    let quarter = Bounds::AtMost(1.0, 0.25);
    let adapters = room.adapters_bytes as f64 / 1e6;
    Ok(vec![
        row("memory", "MB", quarter, &|taken| taken.memory_bytes / 1e6),
        Row::once(
            "four models",
            "MB",
            quarter,
            team.memory_bytes / 1e6,
            Some(four / 1e6),
        ),
        Row::once("adapters", "MB", Bounds::Free, adapters, None),
        row("token time", "ms", quarter, &per_token),
        row("problem time", "s", quarter, &|taken| {
            taken.wall.as_secs_f64() / n_problems(taken)
        }),
        row("tokens", "per problem", Bounds::AtMost(1.0, 1.0), &tokens),
        row("solved", "problems", Bounds::AtLeast(1.0, 1.0), &|taken| {
            taken.summary.endings.solved as f64
        }),
    ])
}

/// Runs `eval` on a ledger of its own, with these flags where they have a value.
fn take(args: &CostArgs, own: &[(&str, &Option<String>)]) -> anyhow::Result<Taken> {
    let folder = tempfile::tempdir()?;
    let ledger = folder.path().join("ledger.sqlite");
    let started = Instant::now();
    let mut process = Command::new(std::env::current_exe()?)
        .args(["eval", "--json", "--quiet", "--ledger"])
        .arg(&ledger)
        .args(["--data", &args.data, "--limit", &args.limit.to_string()])
        .args(["-k", &args.k.to_string(), "-t", &args.t.to_string()])
        .args(flags(own))
        .args(flags(&[("--threads", &args.local.threads)]))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start a run")?;
    let mut stdout = process.stdout.take().context("the run has no output")?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let memory_bytes = watch(&mut process, LOOK)?;
    let wall = started.elapsed();
    let text = reader
        .join()
        .map_err(|_| anyhow::anyhow!("the run's output cannot be read"))??;
    let status = process.wait()?;
    ensure!(status.success(), "a run ended with {status}");
    let line = text.lines().last().context("the run said nothing")?;
    Ok(Taken {
        memory_bytes,
        wall,
        summary: serde_json::from_str(line).context("the run's last line is no summary")?,
    })
}

/// The flags that have a value, each before it.
fn flags<'a>(own: &[(&'a str, &'a Option<String>)]) -> Vec<&'a str> {
    let given = own
        .iter()
        .filter_map(|(name, value)| Some([*name, value.as_deref()?]));
    given.flatten().collect()
}

/// Waits for a process and gives the most memory that it had, looking at it this often.
pub(super) fn watch(process: &mut Child, look: Duration) -> anyhow::Result<f64> {
    let mut peak = None;
    while process.try_wait()?.is_none() {
        // The peak only rises, so that the last look before the end is enough.
        peak = memory::peak_of(process.id()).or(peak);
        std::thread::sleep(look);
    }
    Ok(peak.context("the run ended before its memory was seen")? as f64)
}
