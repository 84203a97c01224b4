use agents::contract::{Parsed, Wanted, analogy, code, confidence, reasoned, repair};
use agents::{CallRecord, Contract, Format, JudgeRecord, Place, assemble, report};
use datasets::DataSet;
use domain::{Digest, Judging, Language, Message, Problem, Program, Submission, Task, Usage};
use evaluation::{Ending, ProblemResult};
use ledger::{Ledger, LedgerError, RunId};
use serde::{Deserialize, Serialize};

/// Where a trace comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// A run of our own.
    Run {
        /// Its name in the ledger.
        run: String,
    },
    /// A log of exchanges that was made elsewhere.
    Log {
        /// The file's name.
        file: String,
        /// Of the file's bytes.
        digest: Digest,
        /// The run's name in the log; names the model that spoke.
        run: String,
    },
    /// Programs of such a log that pass, each broken on purpose in one place, to be repaired.
    Broken {
        /// The file's name.
        file: String,
        /// Of the file's bytes.
        digest: Digest,
        /// The run's name in the log.
        run: String,
    },
    /// Programs that were published: a data set's own solutions, or answers of others.
    Published {
        /// The file's name.
        file: String,
        /// Of the file's bytes.
        digest: Digest,
    },
}

/// The data set that a problem is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SetRef {
    /// Its name, such as `mbpp_974`.
    pub name: String,
    /// Of its file.
    pub digest: Digest,
    /// Under which it was published, as an SPDX expression; absent for a user's own.
    pub licence: Option<String>,
}

impl SetRef {
    /// Names a data set.
    pub fn of(set: &DataSet) -> SetRef {
        SetRef {
            name: set.name.clone(),
            digest: set.digest.clone(),
            licence: set.format.licence().map(str::to_string),
        }
    }
}

/// All that happened on one problem in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Where it comes from.
    pub source: Source,
    /// Where the problem comes from.
    pub set: SetRef,
    /// The problem's id.
    pub problem: String,
    /// As the data set says it; absent when it does not.
    pub difficulty: Option<String>,
    /// What programs are written in.
    pub language: Language,
    /// Every question with its reply, in the order of the algorithm.
    pub steps: Vec<Step>,
    /// Whether the final program passes **all** tests, hidden ones included, under strict judging; absent where that is
    /// not decided, as there was no program, no test, or a fault.
    pub solved: Option<bool>,
}

/// One question of a trace, as the student will see it, and its reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What was asked for.
    pub contract: Contract,
    /// Which plan and which repair it belongs to. For a plan and its check, `plan_rank` is the plan's rank by
    /// confidence; for recall all is 0.
    pub place: Place,
    /// Which of the plans that were asked for at once, from 0 in the order of the recalled examples; 0 for other steps.
    pub plan_idx: usize,
    /// The question exactly as it is asked at inference: our own prompts, and no word of a supervisor.
    pub messages: Vec<Message>,
    /// The reply.
    pub reply: String,
    /// How the reply kept its contract.
    pub format: Format,
    /// The recorded exchange: its key in the ledger, or the digest of the imported row.
    pub exchange: Digest,
    /// Tokens, as recorded.
    pub usage: Usage,
    /// Price, as recorded.
    pub cost: Option<f64>,
    /// What a supervisor said before this reply was given; never part of an example, which is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
    /// For a step that wrote a program: how that fared.
    pub evidence: Option<Evidence>,
}

/// How a program fared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The whole program, as it was judged.
    pub program: Program,
    /// Samples that it passes.
    pub n_passed: usize,
    /// Samples that there are.
    pub n_samples: usize,
    /// What the debugging agent is told of it.
    pub report: String,
    /// Whether it passes all tests, hidden ones included; absent where only the samples were judged.
    pub solves: Option<bool>,
}

impl Evidence {
    /// The evidence of a judging on a problem's samples.
    pub fn new(problem: &Problem, program: Program, judging: &Judging) -> Evidence {
        Evidence {
            program,
            n_passed: judging.n_passed(),
            n_samples: problem.samples.len(),
            report: report(judging, &problem.samples, &problem.limits),
            solves: None,
        }
    }

    /// True when every sample passes, which a program without samples never shows.
    pub fn passes_samples(&self) -> bool {
        self.n_samples > 0 && self.n_passed == self.n_samples
    }
}

/// Why a trace cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The record cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The result counts something that the ledger does not hold.
    #[error("find the {what} {key} of `{problem}` in the ledger")]
    Missing {
        /// A call or a judging.
        what: &'static str,
        /// Its key.
        key: Digest,
        /// The problem's id.
        problem: String,
    },
}

impl Trace {
    /// The trace of a result, from the ledger that recorded it. The messages are those that were recorded.
    ///
    /// # Errors
    /// When the ledger cannot be read, or lacks what the result counts.
    pub fn of_run(
        ledger: &Ledger,
        run: &RunId,
        set: &SetRef,
        task: &Task,
        language: Language,
        result: &ProblemResult,
    ) -> Result<Trace, TraceError> {
        let mut reading = Reading {
            problem: &task.problem,
            language,
            ranks: Vec::new(),
            rank: None,
            round: 0,
        };
        let missing = |what, key: &Digest| TraceError::Missing {
            what,
            key: key.clone(),
            problem: task.problem.id.clone(),
        };
        let mut steps = Vec::new();
        for call in &result.outcome.calls {
            let found = ledger.exchange(&call.key)?;
            let exchange = found.ok_or_else(|| missing("call", &call.key))?;
            steps.push(reading.step(call, exchange.ask.messages, exchange.reply.text));
        }
        let mut judgings = Vec::new();
        for record in &result.outcome.judgings {
            let found = ledger.judged(&record.key)?;
            let (submission, judging) = found.ok_or_else(|| missing("judging", &record.key))?;
            judgings.push((record, submission, judging));
        }
        reading.rank_plans(&mut steps);
        reading.add_evidence(&mut steps, judgings);
        let solved = match result.ending {
            Ending::Solved => Some(true),
            Ending::Failed => Some(false),
            _ => None,
        };
        let best = result.outcome.best.as_ref();
        for evidence in steps.iter_mut().filter_map(|step| step.evidence.as_mut()) {
            // The best program was scored, and no other; one that fails a sample solves nothing.
            if best.is_some_and(|best| best.program == evidence.program) {
                evidence.solves = solved;
            } else if !evidence.passes_samples() && evidence.n_samples > 0 {
                evidence.solves = Some(false);
            }
        }
        Ok(Trace {
            source: Source::Run {
                run: run.as_str().to_string(),
            },
            set: set.clone(),
            problem: task.problem.id.clone(),
            difficulty: task.problem.difficulty.clone(),
            language,
            steps,
            solved,
        })
    }
}

/// What is known while the calls of a result are read.
struct Reading<'a> {
    problem: &'a Problem,
    language: Language,
    /// Confidence of each plan, in the order in which they were asked for.
    ranks: Vec<Option<u8>>,
    /// Rank of the plan that is being programmed.
    rank: Option<usize>,
    round: usize,
}

impl Reading<'_> {
    fn step(&mut self, call: &CallRecord, messages: Vec<Message>, reply: String) -> Step {
        match call.contract {
            Contract::Plan => self.ranks.push(None),
            Contract::Confidence => {
                if let Some(rank) = self.ranks.last_mut() {
                    *rank = confidence(&reply).value;
                }
            }
            Contract::Code | Contract::Reasoned | Contract::Analogy => {
                self.rank = Some(self.rank.map_or(0, |rank| rank + 1));
                self.round = 0;
            }
            Contract::Repair => self.round += 1,
            _ => {}
        }
        let is_of_plan = matches!(
            call.contract,
            Contract::Plan | Contract::Confidence | Contract::Simulation
        );
        Step {
            contract: call.contract,
            place: Place {
                plan_rank: self.rank.filter(|_| !is_of_plan).unwrap_or_default(),
                debug_round: self.round,
            },
            plan_idx: match is_of_plan {
                true => self.ranks.len().saturating_sub(1),
                false => 0,
            },
            messages,
            reply,
            format: call.format,
            exchange: call.key.clone(),
            usage: call.usage,
            cost: call.cost,
            feedback: None,
            evidence: None,
        }
    }

    /// Gives plans their ranks as the strategy did: by confidence, equal ones in their order; plans that could not be
    /// read have none, and stand behind all others.
    fn rank_plans(&self, steps: &mut [Step]) {
        let is_read: Vec<bool> = steps
            .iter()
            .filter(|step| step.contract == Contract::Plan)
            .map(|step| step.format != Format::Failed)
            .collect();
        let mut order: Vec<usize> = (0..self.ranks.len()).collect();
        order.sort_by_key(|&at| (!is_read[at], std::cmp::Reverse(self.ranks[at])));
        for step in steps {
            if matches!(step.contract, Contract::Plan | Contract::Confidence) {
                let rank = order.iter().position(|at| *at == step.plan_idx);
                step.place.plan_rank = rank.unwrap_or_default();
            }
        }
    }

    /// Programs were judged in the order in which they were written; one that says nothing new was not judged again.
    fn add_evidence(&self, steps: &mut [Step], judgings: Vec<(&JudgeRecord, Submission, Judging)>) {
        let mut judgings = judgings.into_iter().peekable();
        for step in steps {
            let Some(source) = self.program(step) else {
                continue;
            };
            let program = assemble(self.problem, self.language, &source);
            if let Some((record, submission, judging)) =
                judgings.next_if(|(_, submission, _)| submission.program == program)
            {
                step.place = record.place;
                let evidence = Evidence::new(self.problem, submission.program, &judging);
                step.evidence = Some(Evidence {
                    n_passed: record.n_passed,
                    ..evidence
                });
            }
        }
    }

    fn program(&self, step: &Step) -> Option<String> {
        let wanted = Wanted {
            language: self.language,
            form: &self.problem.form,
        };
        let Parsed { value, .. } = match step.contract {
            Contract::Code => code(&step.reply, wanted),
            Contract::Reasoned => reasoned(&step.reply, wanted),
            Contract::Analogy => analogy(&step.reply, 0, wanted),
            Contract::Repair => repair(&step.reply, wanted),
            _ => return None,
        };
        value
    }
}
