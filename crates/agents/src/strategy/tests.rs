use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use domain::{Ask, Checker, Form, Language, Limits, Problem, Sampling, Test};
use judge::Judge;
use ledger::{Ledger, RunSpec};
use llm::{ChatError, ChatModel, Scripted, text_reply};

use crate::{
    Allowance, Contract, Format, Outcome, Place, Prompts, Status, Step, Strategy, Team, Without,
};

pub(super) type Answer = Result<String, ChatError>;

/// A model that answers by a function of the contract, of how often it was owed before, and of the prompt.
fn script(
    answer: impl Fn(Contract, usize, &str) -> Answer + Send + Sync + 'static,
) -> Arc<dyn ChatModel> {
    let n_asked: [AtomicUsize; Contract::ALL.len()] = Default::default();
    Arc::new(Scripted::new(move |ask: &Ask| {
        let prompt = &ask.messages[1].content;
        let contract = contract_of(prompt);
        assert_eq!(contract.agent(), ask.agent, "{prompt}");
        let at = Contract::ALL
            .iter()
            .position(|other| *other == contract)
            .unwrap();
        let nth = n_asked[at].fetch_add(1, Ordering::Relaxed);
        answer(contract, nth, prompt).map(|text| text_reply(ask, text))
    }))
}

/// What a prompt asks for, by the form of reply that it shows last.
fn contract_of(prompt: &str) -> Contract {
    let (_, form) = prompt.rsplit_once("in this form:").unwrap();
    let tags = [
        ("<confidence>", Contract::Confidence),
        ("<holds>", Contract::Simulation),
        ("<reflection>", Contract::Reflection),
        ("<reasoning>", Contract::Reasoned),
    ];
    if let Some((_, contract)) = tags.iter().find(|(tag, _)| form.contains(tag)) {
        return *contract;
    }
    match (
        form.contains("<example>"),
        form.contains("<plan>"),
        form.contains("```"),
    ) {
        (true, _, true) => Contract::Analogy,
        (true, _, false) => Contract::Recall,
        (false, true, true) => Contract::Repair,
        (false, true, false) => Contract::Plan,
        (false, false, _) => Contract::Code,
    }
}

static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge::start(judge::Settings::default()).unwrap());

pub(super) fn problem() -> Problem {
    Problem {
        id: "add".into(),
        statement: "Write `add(a, b)`: the sum.".into(),
        form: Form::Function {
            entry_point: "add".into(),
            prompt: String::new(),
        },
        samples: vec![
            Test::Python {
                code: "assert add(0, 0) == 0".into(),
            },
            Test::Python {
                code: "assert add(1, 2) == 3".into(),
            },
        ],
        limits: Limits::default(),
        difficulty: None,
        tags: Vec::new(),
    }
}

/// A team around a script, on a ledger of its own or a given one.
pub(super) struct Bench {
    pub(super) team: Team,
    steps: Arc<Mutex<Vec<Step>>>,
    _folder: Option<tempfile::TempDir>,
}

impl Bench {
    pub(super) fn new(
        strategy: Strategy,
        answer: impl Fn(Contract, usize, &str) -> Answer + Send + Sync + 'static,
    ) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
        Bench {
            _folder: Some(folder),
            ..Bench::on(ledger, strategy, answer)
        }
    }

    pub(super) fn on(
        ledger: Ledger,
        strategy: Strategy,
        answer: impl Fn(Contract, usize, &str) -> Answer + Send + Sync + 'static,
    ) -> Bench {
        let spec = RunSpec {
            command: "test".into(),
            settings: serde_json::json!({}),
        };
        let run = ledger.begin_run(&spec).unwrap();
        let steps = Arc::new(Mutex::new(Vec::new()));
        let seen = steps.clone();
        let team = Team {
            model: script(answer),
            judge: JUDGE.clone(),
            ledger,
            run,
            prompts: Prompts::built_in(),
            strategy,
            language: Language::Python,
            sampling: Sampling::default(),
            checker: Checker::Lines,
            allowance: Allowance::default(),
            is_stopped: Box::new(|| false),
            on_step: Box::new(move |_, step| seen.lock().unwrap().push(step)),
        };
        Bench {
            team,
            steps,
            _folder: None,
        }
    }

    pub(super) async fn solve(&self) -> Outcome {
        self.team.solve(&problem()).await.unwrap()
    }

    pub(super) fn n_fresh(&self) -> usize {
        let steps = self.steps.lock().unwrap();
        let is_fresh = |step: &&Step| match step {
            Step::Asked { is_fresh, .. } | Step::Judged { is_fresh, .. } => *is_fresh,
            Step::Planned { .. } => false,
        };
        steps.iter().filter(is_fresh).count()
    }
}

pub(super) fn recall(k: usize) -> String {
    let example =
        |at| format!("<example><description>d{at}</description><plan>p{at}</plan></example>\n");
    (1..=k).map(example).collect::<String>() + "<algorithm>addition</algorithm>"
}

pub(super) fn confidence(value: usize) -> String {
    format!("<explanation>so</explanation><confidence>{value}</confidence>")
}

pub(super) fn block(body: &str) -> String {
    format!("```python\ndef add(a, b):\n    {body}\n```")
}

pub(super) fn repaired(body: &str) -> String {
    format!("<plan>again</plan>\n{}", block(body))
}

pub(super) const RIGHT: &str = "return a + b";
/// Passes the first sample only.
pub(super) const HALF: &str = "return a * b";
/// Passes none.
pub(super) const WRONG: &str = "return 7";

pub(super) const MAPCODER: Strategy = mapcoder(2, 2);

const fn mapcoder(k: usize, t: usize) -> Strategy {
    Strategy::MapCoder {
        k,
        t,
        without: Without {
            retrieval: false,
            planning: false,
            debugging: false,
        },
    }
}

/// Follows every contract; programs come from `code`, by plan rank and debug round counted over the whole run.
fn obedient(
    code: impl Fn(usize) -> &'static str + Send + Sync + 'static,
    repair: impl Fn(usize) -> &'static str + Send + Sync + 'static,
) -> impl Fn(Contract, usize, &str) -> Answer + Send + Sync + 'static {
    move |contract, nth, _| {
        Ok(match contract {
            Contract::Recall => recall(2),
            Contract::Plan => format!("<plan>plan {nth}</plan>"),
            Contract::Confidence => confidence(50),
            Contract::Code => block(code(nth)),
            Contract::Repair => repaired(repair(nth)),
            other => unreachable!("MapCoder asks for no {}", other.name()),
        })
    }
}

#[tokio::test]
async fn the_first_right_program_ends_the_work() {
    let bench = Bench::new(MAPCODER, obedient(|_| RIGHT, |_| WRONG));
    let outcome = bench.solve().await;
    assert_eq!(outcome.status, Status::Passed);
    let contracts: Vec<&str> = outcome
        .calls
        .iter()
        .map(|call| call.contract.name())
        .collect();
    assert_eq!(
        contracts,
        ["recall", "plan", "confidence", "plan", "confidence", "code"]
    );
    assert_eq!(outcome.n_format_failures(), 0);
    assert!(outcome.usage().completion_tokens > 0);
    let best = outcome.best.unwrap();
    assert_eq!(
        (best.n_passed, best.place),
        (
            2,
            Place {
                plan_rank: 0,
                debug_round: 0
            }
        )
    );
    assert_eq!(best.program.source, "def add(a, b):\n    return a + b\n");
}

#[tokio::test]
async fn plans_come_by_falling_confidence() {
    let bench = Bench::new(mapcoder(3, 0), |contract, _, prompt| {
        Ok(match contract {
            Contract::Recall => recall(3),
            Contract::Plan => {
                let at = (1..=3)
                    .find(|at| prompt.contains(&format!("p{at}\n")))
                    .unwrap();
                format!("<plan>plan {at}</plan>")
            }
            Contract::Confidence if prompt.contains("plan 1") => "no idea".into(),
            Contract::Confidence if prompt.contains("plan 2") => confidence(20),
            Contract::Confidence => confidence(90),
            Contract::Code if prompt.contains("plan 2") => block(RIGHT),
            _ => block(WRONG),
        })
    });
    let outcome = bench.solve().await;
    assert_eq!(
        outcome.best.unwrap().place,
        Place {
            plan_rank: 1,
            debug_round: 0
        }
    );
    let steps = bench.steps.lock().unwrap();
    assert!(steps.contains(&Step::Planned {
        confidences: vec![Some(90), Some(20), None]
    }));
}

#[tokio::test]
async fn the_last_repair_is_tested_too() {
    let bench = Bench::new(MAPCODER, obedient(|_| WRONG, |nth| [HALF, RIGHT][nth]));
    let outcome = bench.solve().await;
    assert_eq!(outcome.status, Status::Passed);
    assert_eq!(
        outcome.best.unwrap().place,
        Place {
            plan_rank: 0,
            debug_round: 2
        }
    );
    assert_eq!(
        outcome
            .judgings
            .iter()
            .map(|judged| judged.n_passed)
            .collect::<Vec<_>>(),
        [0, 1, 2]
    );
}

#[tokio::test]
async fn the_best_program_is_kept_when_none_passes() {
    let bench = Bench::new(
        MAPCODER,
        obedient(|_| WRONG, |nth| [HALF, WRONG, "return 8", "return 9"][nth]),
    );
    let outcome = bench.solve().await;
    assert_eq!(outcome.status, Status::Failed);
    let best = outcome.best.unwrap();
    assert_eq!(
        (best.n_passed, best.place),
        (
            1,
            Place {
                plan_rank: 0,
                debug_round: 1
            }
        )
    );
    assert_eq!(outcome.calls.len(), 1 + 4 + 2 * (1 + 2));
}

#[tokio::test]
async fn a_repair_is_told_what_happened() {
    let bench = Bench::new(mapcoder(1, 1), |contract, _, prompt| {
        Ok(match contract {
            Contract::Repair => {
                for evidence in [
                    "It passes 1 of 2 tests.",
                    "assert add(1, 2) == 3",
                    "wrong answer",
                    "    2\n",
                    "return a * b",
                ] {
                    assert!(prompt.contains(evidence), "`{evidence}` in {prompt}");
                }
                repaired(RIGHT)
            }
            Contract::Code => block(HALF),
            _ => recall(1),
        })
    });
    assert_eq!(bench.solve().await.status, Status::Passed);
}

#[tokio::test]
async fn a_greedy_model_is_not_asked_twice_for_the_same_repair() {
    let bench = Bench::new(mapcoder(1, 5), obedient(|_| WRONG, |_| WRONG));
    let outcome = bench.solve().await;
    assert_eq!(
        outcome
            .calls
            .iter()
            .filter(|call| call.contract == Contract::Repair)
            .count(),
        1
    );
}

#[tokio::test]
async fn no_broken_reply_ends_a_run() {
    for reply in ["", "```", "<root>", "<example><plan>", "90%", "I am sorry."] {
        let bench = Bench::new(MAPCODER, move |_, _, _| Ok(reply.to_string()));
        let outcome = bench.solve().await;
        assert_eq!(outcome.status, Status::NoProgram, "{reply:?}");
        assert!(
            outcome
                .calls
                .iter()
                .any(|call| call.contract == Contract::Code),
            "{reply:?}"
        );
        assert!(
            outcome
                .calls
                .iter()
                .all(|call| call.format != Format::Strict),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn a_second_run_asks_and_judges_nothing() {
    let first = Bench::new(MAPCODER, obedient(|_| WRONG, |_| RIGHT));
    let outcome = first.solve().await;
    assert_eq!(
        first.n_fresh(),
        outcome.calls.len() + outcome.judgings.len()
    );
    let again = Bench::on(first.team.ledger.clone(), MAPCODER, |_, _, _| {
        panic!("asked again")
    });
    assert_eq!(again.solve().await, outcome);
    assert_eq!(again.n_fresh(), 0);
}

#[tokio::test]
async fn a_fault_is_no_result_and_the_next_run_continues() {
    let refused = ChatError::Refused("no such model".into());
    for (error, status) in [
        (refused, Status::EndpointFault),
        (ChatError::Budget("3 calls".into()), Status::Budget),
    ] {
        let good = obedient(|_| WRONG, |_| RIGHT);
        let broken = Bench::new(MAPCODER, move |contract, nth, prompt| match contract {
            Contract::Code => Err(error.clone()),
            _ => good(contract, nth, prompt),
        });
        let outcome = broken.solve().await;
        assert_eq!(
            (outcome.status, outcome.calls.len(), outcome.best),
            (status, 5, None)
        );
        assert!(!status.is_final() && !outcome.fault.is_empty());
        let whole = Bench::on(
            broken.team.ledger.clone(),
            MAPCODER,
            obedient(|_| WRONG, |_| RIGHT),
        );
        assert_eq!(whole.solve().await.status, Status::Passed);
        assert_eq!(whole.n_fresh(), 4, "code, repair, and their judgings");
    }
}

#[tokio::test]
async fn a_repair_that_does_not_fit_ends_its_plan_only() {
    let good = obedient(|nth| [WRONG, RIGHT][nth], |_| RIGHT);
    let bench = Bench::new(MAPCODER, move |contract, nth, prompt| match contract {
        Contract::Repair => Err(ChatError::PromptTooLong {
            prompt_tokens: 9000,
            context_tokens: 8192,
        }),
        _ => good(contract, nth, prompt),
    });
    let outcome = bench.solve().await;
    assert_eq!(outcome.status, Status::Passed);
    let place = Place {
        plan_rank: 1,
        debug_round: 0,
    };
    assert_eq!(outcome.best.unwrap().place, place);
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_begins_nothing() {
    let mut bench = Bench::new(MAPCODER, obedient(|_| RIGHT, |_| RIGHT));
    let seen = bench.steps.clone();
    bench.team.is_stopped = Box::new(move || !seen.lock().unwrap().is_empty());
    let outcome = bench.solve().await;
    assert_eq!((outcome.status, outcome.calls.len()), (Status::Stopped, 1));
}

#[tokio::test]
async fn direct_is_one_question() {
    let bench = Bench::new(Strategy::Direct, obedient(|_| HALF, |_| RIGHT));
    let outcome = bench.solve().await;
    assert_eq!((outcome.status, outcome.calls.len()), (Status::Failed, 1));
    assert_eq!(outcome.best.unwrap().n_passed, 1);
}
