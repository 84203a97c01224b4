use std::sync::Arc;
use std::time::Duration;

use domain::{Ask, Checker, Isolation, Judging, Language, Message, Problem, Sampling, Submission};
use judge::{Judge, JudgeError};
use ledger::{CallError, Ledger, LedgerError, Recorded, RunId};
use llm::{ChatError, ChatModel};
use serde::{Deserialize, Serialize};

use crate::contract::{Parsed, Wanted};
use crate::correction::Correction;
use crate::outcome::{CallRecord, Candidate, JudgeRecord, Outcome, Place, Status};
use crate::prompts::{Conversation, PromptError, Prompts};
use crate::strategy::{self, Strategy};
use crate::transcript::{Spot, Transcript, Trial, Turn};
use crate::{Contract, assemble};

/// Why a problem could not be worked on at all. Faults of a model, a budget or the judge are no errors here:
/// they end as the [`Status`] of an [`Outcome`].
#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    /// A user's template cannot be filled.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The record cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Everything that works on problems together: a model, a judge, a record, and how they are used.
pub struct Team {
    /// Answers for all agents.
    pub model: Arc<dyn ChatModel>,
    /// Runs programs.
    pub judge: Judge,
    /// Remembers every call.
    pub ledger: Ledger,
    /// The run under which calls are recorded.
    pub run: RunId,
    /// What the agents are told.
    pub prompts: Prompts,
    /// How they work together.
    pub strategy: Strategy,
    /// What programs are written in.
    pub language: Language,
    /// How replies are drawn.
    pub sampling: Sampling,
    /// How outputs are compared.
    pub checker: Checker,
    /// What the strategy may spend on one problem.
    pub allowance: Allowance,
    /// Asked before every call: true ends the work after the calls in flight.
    pub is_stopped: Box<dyn Fn() -> bool + Send + Sync>,
    /// Told of every step as it happens; must not block.
    pub on_step: OnStep,
}

/// What a strategy may spend on one problem. It is looked at before each question, and counts what is recorded, so that
/// a run that is continued ends where it would have ended. Absent parts have no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Tokens of all calls, sent and received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Time of all calls, queueing included; calls that ran at once count one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Duration>,
}

/// Takes a problem's id and what just happened to it.
pub type OnStep = Box<dyn Fn(&str, Step) + Send + Sync>;

/// Something that just happened while a problem was worked on.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A reply came, new or from the record.
    Asked {
        /// What it took and how it kept its contract.
        call: CallRecord,
        /// False when it came from the record.
        is_fresh: bool,
    },
    /// Plans are sorted: their confidences from the surest down, absent where no reply gave one.
    Planned {
        /// One per plan.
        confidences: Vec<Option<u8>>,
    },
    /// A program was judged on the samples.
    Judged {
        /// Which program.
        place: Place,
        /// The evidence.
        judging: Judging,
        /// Samples that there are.
        n_samples: usize,
        /// False when it came from the record.
        is_fresh: bool,
    },
}

impl Team {
    /// Works on a problem until a program passes every sample or the strategy is through.
    ///
    /// # Errors
    /// When a prompt cannot be filled or the ledger fails.
    pub async fn solve(&self, problem: &Problem) -> Result<Outcome, SolveError> {
        Ok(self.transcribe(problem, &[]).await?.outcome)
    }

    /// Works on a problem as [`Team::solve`] does, with feedback on some of its questions, and tells all that happened.
    /// A correction of a question that the strategy does not come to has no effect.
    ///
    /// # Errors
    /// When a prompt cannot be filled or the ledger fails.
    pub async fn transcribe(
        &self,
        problem: &Problem,
        corrections: &[Correction],
    ) -> Result<Transcript, SolveError> {
        let mut work = Work {
            team: self,
            problem,
            corrections,
            turns: Vec::new(),
            trials: Vec::new(),
            order: Vec::new(),
            best: None,
        };
        let halt = match self.strategy {
            Strategy::Direct => strategy::direct(&mut work).await,
            Strategy::Cot => strategy::cot(&mut work).await,
            Strategy::SelfPlanning => strategy::self_planning(&mut work).await,
            Strategy::Analogical { k } => strategy::analogical(&mut work, k).await,
            Strategy::Reflexion { t } => strategy::reflexion(&mut work, t).await,
            Strategy::CodeSim { p, d } => strategy::codesim(&mut work, p, d).await,
            Strategy::BestOfN { n } => strategy::best_of_n(&mut work, n).await,
            Strategy::MapCoder { k, t, without } => {
                strategy::mapcoder(&mut work, k, t, without).await
            }
        };
        let (status, fault) = match halt {
            Ok(()) => (work.status(), String::new()),
            Err(Halt::Allowance(what)) | Err(Halt::Model(ChatError::Budget(what))) => {
                (Status::Budget, what)
            }
            Err(Halt::Model(error)) => (Status::EndpointFault, error.to_string()),
            Err(Halt::Judge(error)) => (Status::JudgeFault, error.to_string()),
            Err(Halt::Stopped) => (Status::Stopped, "stopped by the user".to_string()),
            Err(Halt::Solve(error)) => return Err(error),
        };
        let turns = work.turns.iter();
        let trials = work.trials.iter();
        let outcome = Outcome {
            problem: problem.id.clone(),
            status,
            fault,
            best: work.best,
            n_samples: problem.samples.len(),
            calls: turns.map(|turn| turn.call.clone()).collect(),
            judgings: trials.map(|trial| trial.record.clone()).collect(),
        };
        Ok(Transcript {
            outcome,
            turns: work.turns,
            trials: work.trials,
            order: work.order,
        })
    }

    /// Judges a program, or reads from the record how it was judged.
    ///
    /// # Errors
    /// When the judge's own machinery or the ledger fails.
    pub async fn judge(
        &self,
        problem_id: &str,
        submission: &Submission,
    ) -> Result<Recorded<Judging>, CallError<JudgeError>> {
        let toolchain = self
            .judge
            .toolchain(submission.program.language)
            .unwrap_or_else(|| "none".to_string());
        self.ledger
            .judge(&self.run, problem_id, submission, &toolchain, || {
                self.judge.judge(submission)
            })
            .await
    }
}

/// What stops a strategy before its end.
pub(crate) enum Halt {
    Stopped,
    /// What was spent of what.
    Allowance(String),
    Model(ChatError),
    Judge(JudgeError),
    Solve(SolveError),
}

impl From<PromptError> for Halt {
    fn from(error: PromptError) -> Self {
        Halt::Solve(error.into())
    }
}

/// One question, ready to be asked.
pub(crate) struct Question {
    pub(crate) spot: Spot,
    pub(crate) messages: Vec<Message>,
    pub(crate) sample_idx: u32,
}

impl Question {
    /// A question of which one reply is wanted.
    pub(crate) fn new(contract: Contract, messages: Vec<Message>) -> Question {
        Question {
            spot: Spot {
                contract,
                plan: 0,
                round: 0,
            },
            messages,
            sample_idx: 0,
        }
    }

    /// The same question, as one that belongs to a plan, or to a repair after it.
    pub(crate) fn of(self, plan: usize, round: usize) -> Question {
        Question {
            spot: Spot {
                plan,
                round,
                ..self.spot
            },
            ..self
        }
    }

    /// The same question, of whose independent replies this is number `sample_idx`.
    pub(crate) fn sample(self, sample_idx: usize) -> Question {
        Question {
            sample_idx: u32::try_from(sample_idx).unwrap_or(u32::MAX),
            ..self
        }
    }
}

/// A strategy's work on one problem: what it did so far.
pub(crate) struct Work<'a> {
    pub(crate) team: &'a Team,
    pub(crate) problem: &'a Problem,
    corrections: &'a [Correction],
    turns: Vec<Turn>,
    trials: Vec<Trial>,
    order: Vec<usize>,
    best: Option<Candidate>,
}

impl<'a> Work<'a> {
    /// Opens the conversation about the problem.
    pub(crate) fn open(&self) -> Result<Conversation<'a>, Halt> {
        Ok(self.team.prompts.open(self.problem, self.team.language)?)
    }

    /// What kind of program is wanted.
    pub(crate) fn wanted(&self) -> Wanted<'a> {
        Wanted {
            language: self.team.language,
            form: &self.problem.form,
        }
    }

    /// True when the model has one answer to a question.
    pub(crate) fn is_greedy(&self) -> bool {
        self.team.sampling.temperature == 0.0
    }

    /// Asks and reads the reply. Takes no part in the bookkeeping, so that several can run at once:
    /// hand the turn to [`Work::count`], in the order of the algorithm.
    pub(crate) async fn ask<T>(
        &self,
        question: Question,
        read: impl FnOnce(&str) -> Parsed<T>,
    ) -> Result<(Option<T>, Turn), Halt> {
        let Question {
            spot,
            messages,
            sample_idx,
        } = question;
        let contract = spot.contract;
        let agent = contract.agent();
        let team = self.team;
        self.go_on()?;
        self.afford()?;
        let shape = (team.model.keeps_shapes(agent))
            .then(|| contract.shape(team.strategy.k(), team.language));
        let own = self.corrections.iter().filter(|one| one.spot == spot);
        let notes: Vec<&str> = own.map(|one| one.feedback.as_str()).collect();
        let asked = if notes.is_empty() {
            messages.clone()
        } else {
            team.prompts.heeding(&messages, &notes)?
        };
        let ask = Ask {
            agent,
            model: team.model.identity(agent),
            messages: asked,
            sampling: team.sampling.clone(),
            sample_idx,
            shape,
        };
        let recorded = team
            .ledger
            .ask(&team.run, &self.problem.id, &ask, || team.model.chat(&ask))
            .await
            .map_err(|error| match error {
                CallError::Call(error) => Halt::Model(error),
                CallError::Ledger(error) => Halt::Solve(error.into()),
            })?;
        let reply = recorded.value;
        let Parsed { value, format } = read(&reply.text);
        let call = CallRecord {
            agent,
            contract,
            key: recorded.key,
            usage: reply.usage,
            wall: reply.wall,
            cost: reply.cost,
            finish: reply.finish,
            format,
        };
        (team.on_step)(
            &self.problem.id,
            Step::Asked {
                call: call.clone(),
                is_fresh: recorded.fresh,
            },
        );
        let turn = Turn {
            spot,
            messages,
            reply: reply.text,
            feedback: notes.into_iter().map(str::to_string).collect(),
            call,
        };
        Ok((value, turn))
    }

    pub(crate) fn count(&mut self, turn: Turn) {
        self.turns.push(turn);
    }

    /// Notes the numbers of the plans, the surest first.
    pub(crate) fn rank(&mut self, order: Vec<usize>) {
        self.order = order;
    }

    pub(crate) fn tell(&self, step: Step) {
        (self.team.on_step)(&self.problem.id, step);
    }

    /// Judges a source on the samples and keeps it if it is the best so far.
    pub(crate) async fn test(&mut self, source: &str, place: Place) -> Result<Tested, Halt> {
        self.go_on()?;
        let program = assemble(self.problem, self.team.language, source);
        let submission = Submission {
            program: program.clone(),
            tests: self.problem.samples.clone(),
            checker: self.team.checker.clone(),
            limits: self.problem.limits,
            isolation: Isolation::Pooled,
            stop_on_first_failure: false,
        };
        let recorded = self
            .team
            .judge(&self.problem.id, &submission)
            .await
            .map_err(|error| match error {
                CallError::Call(error) => Halt::Judge(error),
                CallError::Ledger(error) => Halt::Solve(error.into()),
            })?;
        let Recorded {
            value: judging,
            key,
            fresh,
        } = recorded;
        let n_passed = judging.n_passed();
        let wall = judging.cases.iter().map(|case| case.wall).sum();
        if self
            .best
            .as_ref()
            .is_none_or(|best| n_passed > best.n_passed)
        {
            self.best = Some(Candidate {
                program: program.clone(),
                n_passed,
                place,
            });
        }
        let n_samples = self.problem.samples.len();
        self.tell(Step::Judged {
            place,
            judging: judging.clone(),
            n_samples,
            is_fresh: fresh,
        });
        let passes = judging.verdict == domain::Verdict::Accepted && n_passed == n_samples;
        let report = crate::report(&judging, &self.problem.samples, &self.problem.limits);
        self.trials.push(Trial {
            record: JudgeRecord {
                key,
                n_passed,
                wall,
                place,
            },
            program,
            verdict: judging.verdict,
            passes,
            report: report.clone(),
        });
        Ok(Tested { passes, report })
    }

    /// Looks at the calls that are counted: those in flight at the same time do not change what comes out.
    fn afford(&self) -> Result<(), Halt> {
        let Allowance { tokens, time } = self.team.allowance;
        let spent = |what: String| Err(Halt::Allowance(what));
        if let Some(tokens) = tokens {
            let n_tokens: u64 = self
                .turns
                .iter()
                .map(|turn| turn.call.usage)
                .map(|usage| usage.prompt_tokens + usage.completion_tokens)
                .sum();
            if n_tokens >= tokens {
                return spent(format!("{n_tokens} of {tokens} tokens for this problem"));
            }
        }
        if let Some(time) = time {
            let sum: Duration = self.turns.iter().map(|turn| turn.call.wall).sum();
            if sum >= time {
                return spent(format!(
                    "{:.1} of {:.1} s for this problem",
                    sum.as_secs_f64(),
                    time.as_secs_f64()
                ));
            }
        }
        Ok(())
    }

    fn go_on(&self) -> Result<(), Halt> {
        if (self.team.is_stopped)() {
            Err(Halt::Stopped)
        } else {
            Ok(())
        }
    }

    fn status(&self) -> Status {
        match &self.best {
            None => Status::NoProgram,
            Some(best) if best.n_passed < self.problem.samples.len() => Status::Failed,
            Some(_) => Status::Passed,
        }
    }
}

/// How a program fared on the samples.
pub(crate) struct Tested {
    pub(crate) passes: bool,
    /// What the debugging agent is told about it.
    pub(crate) report: String,
}
