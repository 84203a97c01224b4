//! The stages of a distillation. Each is a run of the ledger, so that it goes on where it stopped.

mod counts;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agents::{Allowance, Outcome, Prompts, Status, Strategy, Supervisor, Team, Without};
use anyhow::Context as _;
use distill::plan::Plan;
use distill::{
    Account, BlameCounts, CorrectError, Distilled, End, Tally, Trace, confirmed, correct,
};
use domain::{Agent, Digest, Sampling, Task};
use evaluation::{Drain, Ending, Event, ProblemResult};
use judge::Judge;
use ledger::{Ledger, RunId, RunSpec};
use llm::{Budgeted, ChatModel};
use serde_json::{Value, json};

use super::cast::Cast;
use super::problems::{Selected, Selection};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::wiring;

/// Problems at a time, unless the plan or the settings say otherwise.
pub(super) const CONCURRENCY: usize = 8;

/// What is left of the stages so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    n_budget: usize,
    n_others: usize,
    fault: Option<String>,
}

/// Everything that the stages of a plan work with.
pub(super) struct Stages<'a> {
    pub(super) plan: &'a Plan,
    pub(super) settings: &'a Settings,
    pub(super) selection: &'a Selection,
    pub(super) teacher: Arc<Budgeted<Cast>>,
    pub(super) student: Option<Arc<Budgeted<Cast>>>,
    pub(super) supervisor: Option<Arc<Budgeted<Cast>>>,
    pub(super) judge: Judge,
    pub(super) ledger: Ledger,
    pub(super) ui: &'a Ui,
    pub(super) interrupt: &'a Interrupt,
    pub(super) left: Progress,
}

/// One run over one data set: who, and with which numbers.
pub(super) struct Trajectory<'a> {
    selected: &'a Selected,
    speaker: &'static str,
    number: usize,
    team: Team,
    results: BTreeMap<String, ProblemResult>,
}

/// What the stages lead to.
pub(super) struct Gathered {
    /// Of what passes all tests.
    pub(super) traces: Vec<Trace>,
    /// What every stage came to.
    pub(super) tally: Tally,
    /// Who was asked, and how.
    pub(super) distilled: Distilled,
}

/// What became of the failures of a trajectory.
pub(super) struct Corrected {
    team: Team,
    accounts: BTreeMap<String, Account>,
}

impl<'a> Stages<'a> {
    /// Lets the teacher, and the student where its failures are to be corrected, work on every problem.
    ///
    /// # Errors
    /// When the ledger fails or a prompt cannot be filled.
    pub(super) async fn trajectories(&mut self) -> anyhow::Result<Vec<Trajectory<'a>>> {
        let mut all = Vec::new();
        let speakers = [
            ("teacher", Some(self.teacher.clone())),
            ("student", self.student.clone()),
        ];
        let speakers = speakers
            .into_iter()
            .filter_map(|(name, cast)| Some((name, cast?)));
        for (speaker, cast) in speakers {
            for selected in &self.selection.sets {
                for number in 0..self.plan.temperatures.len() {
                    let team = self.team(&cast, speaker, selected, number, None)?;
                    let title = self.title(speaker, selected, number);
                    let tasks = selected.set.tasks.clone();
                    let results = self.over(&title, tasks, async |task| solve(&team, &task).await);
                    let results = results.await?;
                    all.push(Trajectory {
                        selected,
                        speaker,
                        number,
                        team,
                        results,
                    });
                    if self.left.must_stop(self.interrupt) {
                        return Ok(all);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Lets the supervisor correct what failed.
    ///
    /// # Errors
    /// When the ledger fails or a prompt cannot be filled.
    pub(super) async fn corrections(
        &mut self,
        trajectories: &[Trajectory<'a>],
    ) -> anyhow::Result<Vec<Option<Corrected>>> {
        let mut all = Vec::new();
        let Some(cast) = self.supervisor.clone() else {
            return Ok(trajectories.iter().map(|_| None).collect());
        };
        for trajectory in trajectories {
            let speaker = trajectory.speaker;
            let own = if speaker == "student" {
                self.student.clone()
            } else {
                None
            };
            let own = own.unwrap_or_else(|| self.teacher.clone());
            let selected = trajectory.selected;
            let team = self.team(&own, speaker, selected, trajectory.number, Some(&cast))?;
            let supervisor = Supervisor {
                model: cast.clone(),
                ledger: self.ledger.clone(),
                run: self.reviews(trajectory, &team)?,
                sampling: Sampling {
                    max_tokens: self.plan.max_tokens,
                    ..Sampling::default()
                },
                max_chars: self.plan.corrections.max_chars,
            };
            let failed = |task: &&Task| {
                let result = trajectory.results.get(&task.problem.id);
                result
                    .is_some_and(|one| matches!(one.ending, Ending::Failed | Ending::FormatFailure))
            };
            let tasks: Vec<Task> = selected.set.tasks.iter().filter(failed).cloned().collect();
            let title = self.title(speaker, selected, trajectory.number);
            let title = format!("corrections of the {title}");
            let rounds = self.plan.corrections.rounds;
            let results = self.over(&title, tasks, async |task| {
                let failed = &trajectory.results[&task.problem.id];
                amend(&team, &supervisor, &task, failed, rounds).await
            });
            let results = results.await?;
            let mut accounts = BTreeMap::new();
            for id in results.into_keys() {
                if let Some(value) = self.ledger.outcome(&supervisor.run, &id)? {
                    accounts.insert(id, serde_json::from_value(value)?);
                }
            }
            let ends = BlameCounts::of(accounts.values()).ends();
            if !ends.is_empty() {
                self.ui.note(&format!("{title}: {ends}"));
            }
            all.push(Some(Corrected { team, accounts }));
            if self.left.must_stop(self.interrupt) {
                break;
            }
        }
        Ok(all)
    }

    /// What passes all tests: the teacher's own runs, and those that a correction led to.
    /// A student's own are left out, as it can do them already.
    ///
    /// # Errors
    /// When the ledger or the judge's own machinery fails.
    pub(super) async fn gather(
        &mut self,
        trajectories: &[Trajectory<'a>],
        corrections: &[Option<Corrected>],
    ) -> anyhow::Result<Gathered> {
        let mut traces = Vec::new();
        let (mut n_corrected, mut n_flaky) = (0, 0);
        for (trajectory, corrected) in trajectories.iter().zip(corrections) {
            for task in &trajectory.selected.set.tasks {
                let id = &task.problem.id;
                let own = trajectory
                    .results
                    .get(id)
                    .filter(|one| one.ending == Ending::Solved && trajectory.speaker == "teacher");
                let amended = corrected
                    .as_ref()
                    .and_then(|all| Some((&all.team, all.accounts.get(id)?)))
                    .filter(|(_, account)| account.end == End::Solved);
                let (team, result, notes) = match (own, amended) {
                    (Some(result), _) => (&trajectory.team, result, &[][..]),
                    (None, Some((team, account))) => {
                        (team, &account.result, account.corrections.as_slice())
                    }
                    (None, None) => continue,
                };
                if self.plan.confirm && !confirmed(team, task, result).await? {
                    n_flaky += 1;
                    continue;
                }
                n_corrected += usize::from(!notes.is_empty());
                let transcript = team.transcribe(&task.problem, notes).await?;
                traces.push(Trace::of_transcript(
                    &team.run,
                    &trajectory.selected.name,
                    task,
                    team.language,
                    &transcript,
                    result,
                ));
            }
        }
        self.ui.note(&format!(
            "pass filter: {} runs pass all tests{}",
            traces.len(),
            if n_flaky > 0 {
                format!(", {n_flaky} more did not do so twice")
            } else {
                String::new()
            }
        ));
        let mut tally = counts::count(self.selection, trajectories, corrections);
        let stage = "stage 4, examples";
        tally.add(&format!("{stage}: runs that pass all tests"), traces.len());
        tally.add(&format!("{stage}: of these, corrected"), n_corrected);
        let flaky = format!("{stage}: runs left out, did not pass a second time");
        tally.add(&flaky, n_flaky);
        Ok(Gathered {
            traces,
            tally,
            distilled: self.distilled(),
        })
    }

    /// Who is asked, and how.
    fn distilled(&self) -> Distilled {
        let plan = self.plan;
        let speakers = [
            ("teacher", Some(&self.teacher)),
            ("student", self.student.as_ref()),
            ("supervisor", self.supervisor.as_ref()),
        ];
        let speakers = speakers.into_iter().filter_map(|(who, cast)| {
            let cast = cast?;
            let models = Agent::ALL.map(|agent| (agent, cast.identity(agent)));
            Some(distill::Cast {
                who: who.to_string(),
                models: models.into(),
            })
        });
        Distilled {
            plan: plan.digest(),
            speakers: speakers.collect(),
            k: plan.k,
            t: plan.t,
            temperatures: plan.temperatures.clone(),
            seed: plan.seed,
            max_tokens: plan.max_tokens,
            rounds: plan.corrections.rounds,
            confirm: plan.confirm,
        }
    }

    /// Ends the work here when the budget is spent or the user wants to stop: later stages would see half of it.
    ///
    /// # Errors
    /// That it ends.
    pub(super) fn go_on(&self) -> Result<(), Failure> {
        if self.left.must_stop(self.interrupt) {
            self.conclude()
        } else {
            Ok(())
        }
    }

    /// What is left, as an error.
    ///
    /// # Errors
    /// When something is.
    pub(super) fn conclude(&self) -> Result<(), Failure> {
        let resume = "the same command goes on; what is recorded is not asked again";
        let left = &self.left;
        if left.n_budget > 0 && !self.interrupt.is_set() {
            return Err(
                Failure::new(Exit::Budget, "the budget is spent before the end").help(resume),
            );
        }
        if left.n_others > 0 {
            let fault = left
                .fault
                .as_ref()
                .map_or(String::new(), |fault| format!(": {fault}"));
            let message = format!("{} runs are left{fault}", left.n_others);
            return Err(Failure::new(Exit::Incomplete, message).help(resume));
        }
        Ok(())
    }

    /// What a run over a data set is called in lines of progress.
    fn title(&self, speaker: &str, selected: &Selected, number: usize) -> String {
        let (name, number) = (&selected.set.name, number + 1);
        match self.plan.temperatures.len() {
            1 => format!("{speaker}, {name}"),
            n => format!("{speaker}, {name}, run {number} of {n}"),
        }
    }

    /// Works on problems, several at a time, with a line that says how it stands; gives what is decided.
    async fn over(
        &mut self,
        title: &str,
        tasks: Vec<Task>,
        solve: impl AsyncFn(Task) -> anyhow::Result<ProblemResult>,
    ) -> anyhow::Result<BTreeMap<String, ProblemResult>> {
        let n_tasks = tasks.len();
        let concurrency = self
            .settings
            .concurrency
            .map_or(CONCURRENCY, |n| n as usize);
        let drain = Drain::default();
        let line = self.ui.live();
        let (n_done, n_solved) = (Cell::new(0), Cell::new(0));
        let now = || {
            let spent = self.teacher.spent();
            let tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens;
            format!(
                "{title}: {} of {n_tasks} problems, {} solved; {} calls and {tokens} tokens since the start",
                n_done.get(),
                n_solved.get(),
                spent.calls
            )
        };
        let on_event = |event| {
            if let Event::Finished { id, ending, .. } = &event {
                n_done.set(n_done.get() + 1);
                n_solved.set(n_solved.get() + usize::from(*ending == Ending::Solved));
                self.ui.detail(&format!("{title}: {id}: {ending}"));
            }
        };
        let work = async {
            let solve = &solve;
            let solve =
                |task| async move { solve(task).await.map_err(|error| format!("{error:#}")) };
            let solving = evaluation::run(tasks, concurrency, &drain, solve, on_event);
            tokio::pin!(solving);
            let mut ticks = tokio::time::interval(Duration::from_millis(200));
            let mut interrupt = self.interrupt.clone();
            loop {
                tokio::select! {
                    finished = &mut solving => break finished,
                    _ = ticks.tick() => line.show(&now()),
                    () = interrupt.wait(), if !drain.is_requested() => drain.request(),
                }
            }
        };
        let finished = work.await;
        line.close(&now());
        let mut decided = BTreeMap::new();
        let mut left = Progress {
            n_others: finished.n_left + finished.faulted.len(),
            ..Progress::default()
        };
        left.fault = finished
            .faulted
            .first()
            .map(|one| format!("{}: {}", one.id, one.fault));
        for result in finished.results {
            match result.ending {
                Ending::Budget => left.n_budget += 1,
                ending if ending.is_decided() => {
                    decided.insert(result.id.clone(), result);
                }
                _ => {
                    left.n_others += 1;
                    left.fault
                        .get_or_insert(format!("{}: {}", result.id, result.fault));
                }
            }
        }
        self.left.add(left);
        Ok(decided)
    }

    /// The team of a trajectory, or of its corrections.
    fn team(
        &self,
        cast: &Arc<Budgeted<Cast>>,
        speaker: &str,
        selected: &Selected,
        number: usize,
        supervisor: Option<&Arc<Budgeted<Cast>>>,
    ) -> anyhow::Result<Team> {
        let plan = self.plan;
        let prompts = wiring::prompts(self.settings)?;
        let strategy = Strategy::MapCoder {
            k: plan.k,
            t: plan.t,
            without: Without::default(),
        };
        let sampling = Sampling {
            temperature: plan.temperatures[number],
            seed: plan.seed + number as u64,
            ..self.settings.sampling.clone()
        };
        let checker = selected.set.format.checker();
        let mut settings = json!({
            "plan": plan.digest(),
            "speaker": speaker,
            "number": number,
            "data": {"name": selected.set.name, "digest": selected.set.digest},
            "strategy": strategy,
            "models": Agent::ALL.map(|agent| cast.identity(agent)),
            "grammar": wiring::held(&**cast),
            "sampling": sampling,
            "prompts": prompts.digest(),
            "language": plan.language,
            "checker": checker,
        });
        let command = match supervisor {
            None => "distill trajectories",
            Some(supervisor) => {
                settings["supervisor"] = reader(supervisor, &prompts, plan);
                "distill corrections"
            }
        };
        let run = self.begin(command, settings)?;
        let interrupt = self.interrupt.clone();
        Ok(Team {
            model: cast.clone(),
            judge: self.judge.clone(),
            ledger: self.ledger.clone(),
            run,
            prompts,
            strategy,
            language: plan.language,
            sampling,
            checker,
            allowance: Allowance::default(),
            is_stopped: Box::new(move || interrupt.is_set()),
            on_step: Box::new(|_, _| ()),
        })
    }

    /// The run under which reviews are recorded, apart from what the team is asked when it works again.
    fn reviews(&self, trajectory: &Trajectory<'_>, team: &Team) -> anyhow::Result<RunId> {
        let (speaker, set) = (trajectory.speaker, &trajectory.selected.set);
        let settings = json!({
            "plan": self.plan.digest(),
            "speaker": speaker,
            "number": trajectory.number,
            "data": {"name": set.name, "digest": set.digest},
            "corrections": team.run.as_str(),
        });
        self.begin("distill reviews", settings)
    }

    fn begin(&self, command: &str, settings: Value) -> anyhow::Result<RunId> {
        let spec = RunSpec {
            command: command.to_string(),
            settings,
        };
        Ok(self.ledger.begin_run(&spec)?)
    }
}

/// What the reviews of a supervisor follow from.
fn reader(cast: &Budgeted<Cast>, prompts: &Prompts, plan: &Plan) -> Value {
    let identities: Vec<String> = Agent::ALL.map(|agent| cast.identity(agent)).into();
    let digest: &Digest = prompts.supervision_digest();
    json!({"models": identities, "prompts": digest, "rounds": plan.corrections.rounds})
}

impl Progress {
    fn add(&mut self, other: Progress) {
        self.n_budget += other.n_budget;
        self.n_others += other.n_others;
        if self.fault.is_none() {
            self.fault = other.fault;
        }
    }

    fn must_stop(&self, interrupt: &Interrupt) -> bool {
        self.n_budget > 0 || interrupt.is_set()
    }
}

/// The recorded result of a problem, or a new one, which is recorded when it is decided.
async fn solve(team: &Team, task: &Task) -> anyhow::Result<ProblemResult> {
    let id = &task.problem.id;
    if let Some(result) = team.ledger.outcome(&team.run, id)?
        && let Ok(result) = serde_json::from_value(result)
    {
        return Ok(result);
    }
    let result = evaluation::solve_task(team, task).await?;
    if result.ending.is_decided() {
        let value = serde_json::to_value(&result)?;
        team.ledger.record_outcome(&team.run, id, &value).await?;
    }
    Ok(result)
}

/// The same for the correction of a run that failed. The last corrected run is recorded as its team's, the account of all
/// reviews as the supervisor's; when that is there, the correction is done.
async fn amend(
    team: &Team,
    supervisor: &Supervisor,
    task: &Task,
    failed: &ProblemResult,
    rounds: usize,
) -> anyhow::Result<ProblemResult> {
    let id = &task.problem.id;
    if let Some(account) = team.ledger.outcome(&supervisor.run, id)?
        && let Ok(account) = serde_json::from_value::<Account>(account)
    {
        return Ok(account.result);
    }
    let transcript = team.transcribe(&task.problem, &[]).await?;
    let undecided = |status: Status, fault: String| {
        ProblemResult::unscored(Outcome {
            status,
            fault,
            ..failed.outcome.clone()
        })
    };
    if !transcript.outcome.status.is_final() {
        let Outcome { status, fault, .. } = transcript.outcome;
        return Ok(undecided(status, fault));
    }
    match correct(team, supervisor, task, (transcript, failed.clone()), rounds).await {
        Ok(account) => {
            let result = serde_json::to_value(&account.result)?;
            team.ledger.record_outcome(&team.run, id, &result).await?;
            let value = serde_json::to_value(&account)?;
            team.ledger
                .record_outcome(&supervisor.run, id, &value)
                .await?;
            Ok(account.result)
        }
        Err(CorrectError::Undecided { status, fault }) => Ok(undecided(status, fault)),
        Err(error) => Err(error).with_context(|| format!("failed to correct {id}")),
    }
}
