//! `mapcoder improve`: distil, train, evaluate, compare, and again.

mod decide;
mod measure;
mod plan;
mod report;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ::distill::{clear_drafts, draft};
use anyhow::Context as _;
use domain::Agent;
use evaluation::compare::{Side, comparison_line};
use serde_json::json;

use self::decide::{Decision, decide};
use self::measure::Bench;
use self::plan::LoopPlan;
use self::report::Measured;
use super::{distill, train};
use crate::args::{ImproveArgs, TrainArgs};
use crate::exit::{Exit, Failure};
use crate::files;
use crate::interrupt::Interrupt;
use crate::settings::{Settings, Surroundings};
use crate::ui::Ui;

/// The adapters in use, by agent.
type Adapters = BTreeMap<Agent, PathBuf>;

/// Runs the command.
///
/// # Errors
/// When the plan or anything that it names cannot be used, or part of the work is left.
pub(super) fn run(
    args: &ImproveArgs,
    surroundings: &Surroundings,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let plan = LoopPlan::read(&args.file, args.rounds)?;
    let folder = args.file.parent().unwrap_or(Path::new("")).to_path_buf();
    if let Some(file) = plan.distill.as_ref().filter(|_| args.rounds > 1) {
        let (teaching, _) = distill::read(&folder.join(file))?;
        if teaching.student.is_none() {
            let message = "the plan has no `student`, so that every round would be the first again";
            return Err(Failure::new(Exit::Usage, message)
                .help(format!("name one in {}, or go round once", file.display()))
                .into());
        }
    }
    let improving = Improving {
        interrupt: Interrupt::listen(ui)?,
        settings: Settings::load(surroundings, &args.overrides())?,
        plan,
        folder,
        args,
        surroundings,
        ui,
    };
    let mut adapters = Adapters::new();
    for round in 1..=args.rounds {
        match improving.round(round, adapters)? {
            Ok(kept) => adapters = kept,
            Err(exit) => return Ok(exit),
        }
    }
    Ok(Exit::Success)
}

struct Improving<'a> {
    plan: LoopPlan,
    /// The folder that paths in the plan are relative to.
    folder: PathBuf,
    args: &'a ImproveArgs,
    settings: Settings,
    surroundings: &'a Surroundings,
    ui: &'a Ui,
    interrupt: Interrupt,
}

impl Improving<'_> {
    /// One round: gives the adapters to go on with, or the exit code of a part that was stopped.
    fn round(&self, round: u32, before: Adapters) -> anyhow::Result<Result<Adapters, Exit>> {
        let place = self
            .folder
            .join(&self.plan.output)
            .join(format!("round-{round}"));
        fs::create_dir_all(&place)
            .with_context(|| format!("failed to make {}", place.display()))?;
        let say = |what: &str| self.ui.note(&format!("round {round}: {what}"));

        say("example sets");
        let sets = match self.sets(round, &place, &before)? {
            Ok(sets) => sets,
            Err(exit) => return Ok(Err(exit)),
        };
        let agents: Vec<Agent> = Agent::ALL
            .into_iter()
            .filter(|agent| sets.join(format!("{agent}.jsonl")).is_file())
            .collect();
        if agents.is_empty() {
            let message = format!("{} holds no example set", sets.display());
            return Err(Failure::new(Exit::NothingSelected, message)
                .help("a set is a file such as `coding.jsonl`, as `mapcoder distill` writes it")
                .into());
        }

        say("training; stopped at any moment, the same command goes on");
        let exit = self.train(&place, &sets, &agents)?;
        if exit != Exit::Success {
            return Ok(Err(exit));
        }
        let new: Adapters = agents
            .iter()
            .map(|agent| (*agent, place.join("adapters").join(agent.name())))
            .collect();

        say("measuring; stopped at any moment, the same command goes on");
        let bench = Bench {
            plan: &self.plan,
            folder: &self.folder,
            overrides: self.args.overrides(),
            surroundings: self.surroundings,
            ui: self.ui,
            interrupt: &self.interrupt,
        };
        let kept = self.judge(round, &place, &bench, &before, &new)?;
        Ok(Ok(kept))
    }

    /// The folder of this round's example sets.
    fn sets(
        &self,
        round: u32,
        place: &Path,
        before: &Adapters,
    ) -> anyhow::Result<Result<PathBuf, Exit>> {
        if let Some(examples) = &self.plan.examples {
            return Ok(Ok(self.folder.join(examples)));
        }
        let file = self
            .folder
            .join(self.plan.distill.as_deref().unwrap_or(Path::new("")));
        let (mut plan, folder) = distill::read(&file)?;
        let sets = place.join("sets");
        plan.output = std::path::absolute(&sets)?;
        // Nothing is learned from what is measured on.
        for measure in &self.plan.evaluate {
            let data = distill::beside(&self.folder, &measure.data);
            let is_it = |name: &String| distill::beside(&folder, name) == data;
            if !plan.held_out.iter().any(is_it) {
                plan.held_out.push(named_in(&folder, Path::new(&data))?);
            }
        }
        // The student of a later round is the one that the round before made.
        if let Some(student) = &mut plan.student
            && round > 1
            && let Some(kept) = before.values().next().and_then(|path| path.parent())
        {
            student.adapters = Some(named_in(&folder, &std::path::absolute(kept)?)?);
        }
        let start = distill::Start {
            overrides: self.args.overrides(),
            surroundings: self.surroundings,
            ui: self.ui,
            interrupt: &self.interrupt,
        };
        let exit = distill::work(&plan, &folder, start)?;
        Ok(match exit {
            Exit::Success => Ok(sets),
            exit => Err(exit),
        })
    }

    /// Trains an adapter for each agent, by the code and the settings of `mapcoder train`.
    fn train(&self, place: &Path, sets: &Path, agents: &[Agent]) -> anyhow::Result<Exit> {
        let base = distill::beside(&self.folder, &self.plan.base_model);
        for agent in agents {
            let data = std::path::absolute(sets.join(format!("{agent}.jsonl")))?;
            let mut settings = self.plan.train_of(*agent);
            settings.insert("base_model".to_string(), json!(base));
            settings.insert("datasets".to_string(), json!(data));
            settings.insert("output_dir".to_string(), json!("adapters"));
            // Every JSON text is YAML.
            let text = serde_json::to_string_pretty(&settings)? + "\n";
            let file = place.join(format!("train.{agent}.yaml"));
            files::write_text(&file, &text)?;
            let args = TrainArgs {
                settings: Some(file),
                agents: vec![agent.name().to_string()],
                threads: self.args.threads,
                ..TrainArgs::default()
            };
            let exit = train::run(&args, &self.settings, self.ui)?;
            if exit != Exit::Success {
                return Ok(exit);
            }
        }
        Ok(Exit::Success)
    }

    /// Measures the new adapters against those before, keeps those that do no harm, and reports.
    fn judge(
        &self,
        round: u32,
        place: &Path,
        bench: &Bench<'_>,
        before: &Adapters,
        new: &Adapters,
    ) -> anyhow::Result<Adapters> {
        let name = if before.is_empty() {
            "base"
        } else {
            "adapters before"
        };
        let first = bench.measure(before)?;
        let first_side = first.side(name);
        let mut measured = vec![first.into_measured(name)];
        // One new adapter at a time, so that no other hides what it does.
        let mut singles: Vec<(Agent, Side)> = Vec::new();
        for (agent, path) in new {
            let with = laid_over(before, [(*agent, path.clone())]);
            let results = bench.measure(&with)?;
            singles.push((*agent, results.side(agent.name())));
            measured.push(results.into_measured(agent.name()));
        }
        let with = |agents: &[Agent]| {
            let chosen = new.iter().filter(|(agent, _)| agents.contains(agent));
            laid_over(before, chosen.map(|(agent, path)| (*agent, path.clone())))
        };
        let Decision {
            kept,
            comparisons,
            is_harm_together,
        } = decide(&first_side, &singles, |agents| {
            let results = bench.measure(&with(agents))?;
            let together = names(agents).join(" + ");
            let side = results.side(&together);
            measured.push(results.into_measured(&together));
            Ok(side)
        })?;
        if is_harm_together {
            self.ui
                .warn("the new adapters do harm together, so none of them is kept");
        }
        let names = names(&kept);
        if self.args.ablate {
            for (name, set) in subsets(new) {
                let results = bench.measure(&laid_over(before, set))?;
                measured.push(results.into_measured(&format!("ablation: {name}")));
            }
        }
        let text = report::markdown(
            round,
            &self.plan.base_model,
            &measured,
            &comparisons,
            &names,
        );
        files::write_text(&place.join("report.md"), &text)?;
        let kept = keep(place, &with(&kept))?;
        self.show(round, place, &measured, &comparisons, &names)?;
        Ok(kept)
    }

    fn show(
        &self,
        round: u32,
        place: &Path,
        measured: &[Measured],
        comparisons: &[evaluation::compare::Comparison],
        names: &[String],
    ) -> anyhow::Result<()> {
        if self.ui.json() {
            for one in measured {
                for summary in &one.summaries {
                    let line = json!({"schema": "mapcoder.improve.measure/1", "round": round,
                        "adapters": one.name, "summary": summary});
                    self.ui.line(&line.to_string())?;
                }
            }
            for comparison in comparisons {
                self.ui.line(&comparison_line(comparison))?;
            }
            let line = json!({"schema": "mapcoder.improve/1", "round": round, "kept": names,
                "adapters": place.join("kept")});
            self.ui.line(&line.to_string())?;
            return Ok(());
        }
        self.ui
            .line(report::table(measured).to_string().trim_end())?;
        self.ui.line("")?;
        self.ui
            .line(evaluation::compare::render_comparisons(comparisons).trim_end())?;
        self.ui
            .line(&format!("round {round} keeps {}", report::list(names)))?;
        if !names.is_empty() {
            self.ui.line(&place.join("kept").display().to_string())?;
        }
        Ok(())
    }
}

/// A path as a plan of this folder names it, so that what follows from the plan's words is the same wherever it lies.
fn named_in(folder: &Path, path: &Path) -> std::io::Result<String> {
    let folder = std::path::absolute(folder.join("."))?;
    let inside = path.strip_prefix(&folder).unwrap_or(path);
    Ok(inside.display().to_string())
}

fn names(agents: &[Agent]) -> Vec<String> {
    let names = agents.iter().map(|agent| agent.name().to_string());
    names.collect()
}

/// Some adapters, and others where these have none.
fn laid_over(before: &Adapters, new: impl IntoIterator<Item = (Agent, PathBuf)>) -> Adapters {
    before.clone().into_iter().chain(new).collect()
}

/// All sets of some adapters, the empty one first, each with its name.
fn subsets(adapters: &Adapters) -> Vec<(String, Adapters)> {
    let all: Vec<(&Agent, &PathBuf)> = adapters.iter().collect();
    (0..1_usize << all.len())
        .map(|bits| {
            let chosen = all.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
            let set: Adapters = chosen
                .map(|(_, (agent, path))| (**agent, (*path).clone()))
                .collect();
            let names: Vec<&str> = set.keys().map(|agent| agent.name()).collect();
            let name = if names.is_empty() {
                "none".to_string()
            } else {
                names.join(" + ")
            };
            (name, set)
        })
        .collect()
}

/// Copies adapters into one folder that `--adapters` takes, in place of an earlier one.
fn keep(place: &Path, adapters: &Adapters) -> anyhow::Result<Adapters> {
    const FILES: [&str; 2] = [crate::adapters::CONFIG, crate::adapters::WEIGHTS];
    let folder = place.join("kept");
    clear_drafts(&folder, files::DRAFT);
    let draft = draft(&folder, files::DRAFT);
    let copy = || -> std::io::Result<Adapters> {
        let mut kept = Adapters::new();
        for (agent, path) in adapters {
            fs::create_dir_all(draft.join(agent.name()))?;
            for file in FILES {
                fs::copy(path.join(file), draft.join(agent.name()).join(file))?;
            }
            kept.insert(*agent, folder.join(agent.name()));
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        if !kept.is_empty() {
            fs::rename(&draft, &folder)?;
        }
        Ok(kept)
    };
    let kept = copy();
    if kept.is_err() {
        // The error that led here is the one to tell.
        let _ = fs::remove_dir_all(&draft);
    }
    kept.with_context(|| format!("failed to write {}", folder.display()))
}
