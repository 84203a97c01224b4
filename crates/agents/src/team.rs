use std::sync::Arc;

use domain::{Ask, Checker, Isolation, Judging, Language, Message, Problem, Sampling, Submission};
use judge::{Judge, JudgeError};
use ledger::{CallError, Ledger, LedgerError, Recorded, RunId};
use llm::{ChatError, ChatModel};

use crate::contract::Parsed;
use crate::outcome::{CallRecord, Candidate, JudgeRecord, Outcome, Place, Status};
use crate::prompts::{PromptError, Prompts};
use crate::strategy::{self, Strategy};
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
    /// Asked before every call: true ends the work after the calls in flight.
    pub is_stopped: Box<dyn Fn() -> bool + Send + Sync>,
    /// Told of every step as it happens; must not block.
    pub on_step: OnStep,
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
        let mut work = Work {
            team: self,
            problem,
            calls: Vec::new(),
            judgings: Vec::new(),
            best: None,
        };
        let halt = match self.strategy {
            Strategy::Direct => strategy::direct(&mut work).await,
            Strategy::MapCoder { k, t } => strategy::mapcoder(&mut work, k, t).await,
        };
        let (status, fault) = match halt {
            Ok(()) => (work.status(), String::new()),
            Err(Halt::Model(ChatError::Budget(what))) => (Status::Budget, what),
            Err(Halt::Model(error)) => (Status::EndpointFault, error.to_string()),
            Err(Halt::Judge(error)) => (Status::JudgeFault, error.to_string()),
            Err(Halt::Stopped) => (Status::Stopped, "stopped by the user".to_string()),
            Err(Halt::Solve(error)) => return Err(error),
        };
        Ok(Outcome {
            problem: problem.id.clone(),
            status,
            fault,
            best: work.best,
            n_samples: problem.samples.len(),
            calls: work.calls,
            judgings: work.judgings,
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
    pub(crate) contract: Contract,
    pub(crate) messages: Vec<Message>,
    pub(crate) sample_idx: u32,
}

/// A strategy's work on one problem: what it did so far.
pub(crate) struct Work<'a> {
    pub(crate) team: &'a Team,
    pub(crate) problem: &'a Problem,
    calls: Vec<CallRecord>,
    judgings: Vec<JudgeRecord>,
    best: Option<Candidate>,
}

impl Work<'_> {
    /// Asks and reads the reply. Takes no part in the bookkeeping, so that several can run at once:
    /// hand the record to [`Work::count`], in the order of the algorithm.
    pub(crate) async fn ask<T>(
        &self,
        question: Question,
        read: impl FnOnce(&str) -> Parsed<T>,
    ) -> Result<(Option<T>, CallRecord), Halt> {
        let Question {
            contract,
            messages,
            sample_idx,
        } = question;
        let agent = contract.agent();
        let team = self.team;
        self.go_on()?;
        let shape = (team.model.keeps_shapes(agent))
            .then(|| contract.shape(team.strategy.k(), team.language));
        let ask = Ask {
            agent,
            model: team.model.identity(agent),
            messages,
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
        Ok((value, call))
    }

    pub(crate) fn count(&mut self, call: CallRecord) {
        self.calls.push(call);
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
        self.judgings.push(JudgeRecord {
            key,
            n_passed,
            wall,
            place,
        });
        if self
            .best
            .as_ref()
            .is_none_or(|best| n_passed > best.n_passed)
        {
            self.best = Some(Candidate {
                program,
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
        Ok(Tested { passes, judging })
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

/// A program and how it fared on the samples.
pub(crate) struct Tested {
    pub(crate) passes: bool,
    pub(crate) judging: Judging,
}

impl Tested {
    pub(crate) fn report(&self, problem: &Problem) -> String {
        crate::report(&self.judging, &problem.samples, &problem.limits)
    }
}
