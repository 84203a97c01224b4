//! `mapcoder distill run`: from a plan to example sets, stage by stage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use distill::plan::{Limits, Plan};
use ledger::Ledger;
use llm::{Budget, Budgeted};

use super::cast::{Cast, Casting};
use super::estimate;
use super::problems::Selection;
use super::sets;
use super::stages::{Progress, Stages};
use crate::args::DistillRunArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::{Override, Settings, Surroundings};
use crate::ui::Ui;
use crate::wiring;

/// What a command that works on a plan is started with.
pub(in crate::commands) struct Start<'a> {
    /// Flags of the command line.
    pub(in crate::commands) overrides: Vec<Override>,
    pub(in crate::commands) surroundings: &'a Surroundings,
    pub(in crate::commands) ui: &'a Ui,
    pub(in crate::commands) interrupt: &'a Interrupt,
}

/// Runs the command.
///
/// # Errors
/// When the plan or anything that it names cannot be used, or part of the work is left.
pub(super) fn run(
    args: &DistillRunArgs,
    surroundings: &Surroundings,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(ui)?;
    let (plan, folder) = read(&args.file)?;
    let start = Start {
        overrides: args.overrides(),
        surroundings,
        ui,
        interrupt: &interrupt,
    };
    if args.plan {
        let settings = settings(&plan, &folder, &start)?;
        let selection = Selection::of(&plan, &folder, &settings, ui, &interrupt)?;
        estimate::show(&plan, &selection, &settings, ui)?;
        return Ok(Exit::Success);
    }
    work(&plan, &folder, start)
}

/// Works through all stages of a plan, whose paths are relative to `folder`.
///
/// # Errors
/// When anything that the plan names cannot be used, or part of the work is left.
pub(in crate::commands) fn work(
    plan: &Plan,
    folder: &Path,
    start: Start<'_>,
) -> anyhow::Result<Exit> {
    let settings = &settings(plan, folder, &start)?;
    let Start {
        overrides,
        surroundings,
        ui,
        interrupt,
    } = start;
    let selection = Selection::of(plan, folder, settings, ui, interrupt)?;
    let mut casting = Casting {
        overrides,
        surroundings,
        folder,
        prices: settings.prices.clone(),
        ui,
        interrupt,
        loaded: Vec::new(),
    };
    let judge = wiring::judge_of_language(settings, ui)?;
    let ledger = Ledger::open(&settings.ledger)?;
    let teacher = casting.cast(&plan.teacher)?;
    let teacher = Arc::new(Budgeted::new(teacher, budget(&plan.budget)));
    let sharing = |cast: Option<Cast>| cast.map(|cast| Arc::new(teacher.sharing(cast)));
    let student = plan
        .student
        .as_ref()
        .map(|one| casting.cast(one))
        .transpose()?;
    let student = sharing(student);
    let supervisor = plan
        .supervisor
        .as_ref()
        .map(|one| casting.cast(one))
        .transpose()?;
    let supervisor = sharing(supervisor);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut stages = Stages {
        plan,
        settings,
        selection: &selection,
        teacher,
        student,
        supervisor,
        judge,
        ledger,
        ui,
        interrupt,
        left: Progress::default(),
    };
    let gathered = runtime.block_on(async {
        let trajectories = stages.trajectories().await?;
        stages.go_on()?;
        let corrections = stages.corrections(&trajectories).await?;
        stages.go_on()?;
        stages.gather(&trajectories, &corrections).await
    })?;
    let exit = sets::write(plan, folder, &selection, &gathered, settings, ui)?;
    stages.conclude()?;
    Ok(exit)
}

/// Reads a plan, with the folder that its paths are relative to.
///
/// # Errors
/// When it cannot be read or used.
pub(in crate::commands) fn read(file: &Path) -> anyhow::Result<(Plan, PathBuf)> {
    let yaml = std::fs::read_to_string(file)
        .with_context(|| format!("failed to read the plan {}", file.display()))?;
    let plan = Plan::parse(&yaml).map_err(|error| {
        let message = format!("failed to {error}");
        let help = format!(
            "{} is the file; docs/distill.md lists the keys",
            file.display()
        );
        Failure::new(Exit::Usage, message).help(help)
    })?;
    Ok((plan, file.parent().unwrap_or(Path::new("")).to_path_buf()))
}

/// The settings of the command line, with what the plan says.
fn settings(plan: &Plan, folder: &Path, start: &Start<'_>) -> anyhow::Result<Settings> {
    let mut settings = Settings::load(start.surroundings, &start.overrides)?;
    settings.language = plan.language;
    settings.sampling.max_tokens = plan.max_tokens;
    if plan.concurrency.is_some() {
        settings.concurrency = plan.concurrency;
    }
    if let Some(prices) = &plan.prices {
        settings.prices = Some(folder.join(prices));
    }
    Ok(settings)
}

fn budget(limits: &Limits) -> Budget {
    Budget {
        calls: limits.calls,
        tokens: limits.tokens,
        cost: limits.cost,
        time: limits.seconds.map(std::time::Duration::from_secs_f64),
    }
}
