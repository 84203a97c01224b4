//! Corrections on scripted models: a team that fails unless the right agent is told, and supervisors of all kinds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use agents::{Allowance, Prompts, Strategy, Without};
use domain::{Ask, Checker, Form, HiddenTests, Language, Limits, Problem, Sampling, Test};
use judge::Judge;
use ledger::{Ledger, RunSpec};
use llm::{ChatModel, Scripted, text_reply};

use super::*;
use crate::{BlameCounts, SetRef, Trace};

static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge::start(judge::Settings::default()).unwrap());

/// What no example may hold.
const NOTE: &str = "beware of the purple elephants in the sum of both numbers";

fn task() -> Task {
    let test = |code: &str| Test::Python { code: code.into() };
    Task {
        problem: Problem {
            id: "add".into(),
            statement: "Write `add(a, b)`: the sum.".into(),
            form: Form::Function {
                entry_point: "add".into(),
                prompt: String::new(),
            },
            samples: vec![test("assert add(0, 0) == 0"), test("assert add(2, 2) == 4")],
            limits: Limits::default(),
            difficulty: None,
            tags: Vec::new(),
        },
        hidden: HiddenTests::new(vec![
            test("assert add(2, 2) == 4"),
            test("assert add(1, 2) == 3"),
        ]),
    }
}

/// How a team answers a part, by its name and its prompt.
type Answer = fn(&str, &str) -> String;

fn program(body: &str) -> String {
    format!("```python\ndef add(a, b):\n    return {body}\n```")
}

/// Fails unless an agent is told the note; a good part makes what follows it good.
fn forgetful(part: &str, prompt: &str) -> String {
    let is_good = prompt.contains("purple") || prompt.contains("good");
    let word = if is_good { "good" } else { "bad" };
    let body = if is_good { "a + b" } else { "7" };
    match part {
        "retrieval" => format!(
            "<example><description>d</description><plan>p</plan></example>\n<algorithm>{word}</algorithm>"
        ),
        "planning" => format!("<plan>a {word} plan</plan>"),
        "checking the plan" => "<explanation>e</explanation>\n<confidence>50</confidence>".into(),
        "coding" => program(body),
        _ if prompt.contains("purple") => format!("<plan>p</plan>\n{}", program(body)),
        _ => format!("<plan>p</plan>\n{}", program("8")),
    }
}

/// Passes the samples, and not the hidden tests.
fn shallow(part: &str, prompt: &str) -> String {
    match part {
        "coding" => program("a * b"),
        _ => forgetful(part, prompt),
    }
}

/// Says the same whatever it is told.
fn stubborn(part: &str, _: &str) -> String {
    forgetful(part, "")
}

/// Says what it is told.
fn parrot(part: &str, prompt: &str) -> String {
    match part {
        "planning" if prompt.contains("purple") => {
            "<plan>1. Beware of the PURPLE elephants in the sum of both numbers.</plan>".into()
        }
        _ => forgetful(part, prompt),
    }
}

fn review(number: u8, note: &str) -> String {
    format!("<reason>I see.</reason>\n<agent>{number}</agent>\n<feedback>{note}</feedback>")
}

/// A team with a supervisor, on a ledger of their own.
struct Bench {
    team: Team,
    supervisor: Supervisor,
    /// Calls of the team's model.
    n_asked: Arc<AtomicUsize>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(answer: Answer, reviews: &[String]) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        Bench::at(folder, answer, reviews)
    }

    fn at(folder: tempfile::TempDir, answer: Answer, reviews: &[String]) -> Bench {
        let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
        let begin = |command: &str| {
            let spec = RunSpec {
                command: command.into(),
                settings: serde_json::json!({}),
            };
            ledger.begin_run(&spec).unwrap()
        };
        let n_asked = Arc::new(AtomicUsize::new(0));
        let count = n_asked.clone();
        let model: Arc<dyn ChatModel> = Arc::new(Scripted::new(move |ask: &Ask| {
            count.fetch_add(1, Ordering::Relaxed);
            let prompt = &ask.messages[1].content;
            let (_, part) = prompt.rsplit_once("# Your part: ").unwrap();
            let part = part.lines().next().unwrap_or_default();
            Ok(text_reply(ask, answer(part, prompt)))
        }));
        let reviews = reviews.to_vec();
        let at = AtomicUsize::new(0);
        let reader: Arc<dyn ChatModel> = Arc::new(Scripted::new(move |ask: &Ask| {
            let at = at.fetch_add(1, Ordering::Relaxed);
            match reviews.get(at).or(reviews.last()) {
                Some(text) if text == "budget" => Err(ChatError::Budget("3 calls".into())),
                Some(text) if text == "too long" => Err(ChatError::PromptTooLong {
                    prompt_tokens: 9,
                    context_tokens: 8,
                }),
                Some(text) => Ok(text_reply(ask, text.clone())),
                None => panic!("no review was expected"),
            }
        }));
        let team = Team {
            model,
            judge: JUDGE.clone(),
            run: begin("team"),
            prompts: Prompts::built_in(),
            strategy: Strategy::MapCoder {
                k: 1,
                t: 1,
                without: Without::default(),
            },
            language: Language::Python,
            sampling: Sampling::default(),
            checker: Checker::Lines,
            allowance: Allowance::default(),
            is_stopped: Box::new(|| false),
            on_step: Box::new(|_, _| ()),
            ledger: ledger.clone(),
        };
        let supervisor = Supervisor {
            model: reader,
            run: begin("reviews"),
            sampling: Sampling::default(),
            max_chars: 20_000,
            ledger,
        };
        Bench {
            team,
            supervisor,
            n_asked,
            folder,
        }
    }

    async fn correct(&self, n_rounds: usize) -> Result<Account, CorrectError> {
        let task = task();
        let transcript = self.team.transcribe(&task.problem, &[]).await.unwrap();
        let outcome = transcript.outcome.clone();
        let result = score_outcome(&self.team, &task, outcome).await.unwrap();
        assert_eq!(result.ending, Ending::Failed);
        correct(
            &self.team,
            &self.supervisor,
            &task,
            (transcript, result),
            n_rounds,
        )
        .await
    }

    fn n_asked(&self) -> usize {
        self.n_asked.load(Ordering::Relaxed)
    }
}

async fn check(
    answer: Answer,
    reviews: &[String],
    end: End,
    endings: &[Option<Ending>],
) -> Account {
    let account = Bench::new(answer, reviews).correct(3).await.unwrap();
    let found: Vec<_> = account.rounds.iter().map(|round| round.ending).collect();
    assert_eq!((account.end, found.as_slice()), (end, endings));
    account
}

#[tokio::test]
async fn whoever_is_to_blame_works_again_and_nobody_before_them() {
    // Recall, plan, check and program; then fewer and fewer of them. The failed run had five calls.
    for (number, agent, n_calls) in [
        (1, Agent::Retrieval, 4),
        (2, Agent::Planning, 3),
        (3, Agent::Coding, 1),
        (4, Agent::Debugging, 1),
    ] {
        let bench = Bench::new(forgetful, &[review(number, NOTE)]);
        let account = bench.correct(3).await.unwrap();
        assert_eq!(account.end, End::Solved, "{agent}");
        assert_eq!(bench.n_asked(), 5 + n_calls, "{agent}");
        let counts = BlameCounts::of([&account]);
        let blamed = counts.agents[&agent];
        assert_eq!((counts.agents.len(), blamed.n, blamed.n_solved), (1, 1, 1));

        // No word of it is in what is learned from the run, and none of it is asked again.
        let task = task();
        let notes = &account.corrections;
        let transcript = bench.team.transcribe(&task.problem, notes).await.unwrap();
        assert_eq!(bench.n_asked(), 5 + n_calls, "{agent}");
        let set = SetRef {
            name: "set".into(),
            digest: Digest::of("set"),
            licence: None,
        };
        let language = Language::Python;
        let trace = Trace::of_transcript(
            &bench.team.run,
            &set,
            &task,
            language,
            &transcript,
            &account.result,
        );
        assert_eq!(trace.solved, Some(true));
        let corrected = |step: &&crate::Step| step.feedback.is_some();
        assert_eq!(trace.steps.iter().filter(corrected).count(), 1);
        for step in &trace.steps {
            let learned = format!("{:?}{}", step.messages, step.reply);
            assert!(
                !learned.contains("purple") && !learned.contains("supervisor"),
                "{learned}"
            );
            let solves = step.evidence.as_ref().and_then(|evidence| evidence.solves);
            let is_last = step.exchange == trace.steps[trace.steps.len() - 1].exchange;
            assert!(!is_last || solves == Some(true), "{agent}");
        }
    }
}

#[tokio::test]
async fn wrong_blame_costs_a_round() {
    // The coder is told something of no use, and writes another wrong program.
    fn swayed(part: &str, prompt: &str) -> String {
        match part {
            "coding" if prompt.contains("Be quick") => program("9"),
            _ => forgetful(part, prompt),
        }
    }
    let reviews = [review(3, "Be quick about it, please."), review(2, NOTE)];
    let account = check(
        swayed,
        &reviews,
        End::Solved,
        &[Some(Ending::Failed), Some(Ending::Solved)],
    )
    .await;
    // What was said of the old program is gone with it.
    assert_eq!(account.corrections.len(), 1);
    let counts = BlameCounts::of([&account]);
    assert_eq!(counts.agents[&Agent::Coding].n_solved, 0);
    assert_eq!(counts.agents[&Agent::Planning].n_solved, 1);
}

#[tokio::test]
async fn a_correction_ends_where_it_leads_nowhere() {
    let failed = Some(Ending::Failed);
    let broken = check(
        forgetful,
        &["The planner!".into()],
        End::BrokenReview,
        &[None],
    )
    .await;
    assert_eq!(BlameCounts::of([&broken]).n_format_failures, 1);
    check(
        forgetful,
        &[review(0, "The tests are wrong.")],
        End::Nobody,
        &[None],
    )
    .await;
    check(forgetful, &["too long".into()], End::TooLong, &[]).await;
    check(shallow, &[review(4, NOTE)], End::NoPart, &[None]).await;
    check(stubborn, &[review(2, NOTE)], End::Unchanged, &[None]).await;
    check(parrot, &[review(2, NOTE)], End::Echo, &[None]).await;
    // Another wrong program every time.
    fn busy(part: &str, prompt: &str) -> String {
        match part {
            "coding" => program(&format!("{}", prompt.len())),
            _ => forgetful(part, ""),
        }
    }
    let reviews = ["One thing.", "Another thing.", "A third thing."].map(|note| review(3, note));
    let account = check(busy, &reviews, End::Unsolved, &[failed, failed, failed]).await;
    assert_eq!(
        account.corrections.len(),
        3,
        "remarks on one question add up"
    );
}

#[tokio::test]
async fn a_spent_budget_is_no_end_and_the_next_try_goes_on() {
    let bench = Bench::new(forgetful, &["budget".into()]);
    let error = bench.correct(3).await.unwrap_err();
    assert!(
        matches!(
            &error,
            CorrectError::Undecided {
                status: Status::Budget,
                ..
            }
        ),
        "{error}"
    );
    let Bench {
        team,
        supervisor,
        folder,
        ..
    } = bench;
    drop((team, supervisor));
    let bench = Bench::at(folder, forgetful, &[review(2, NOTE)]);
    assert_eq!(bench.correct(3).await.unwrap().end, End::Solved);
    assert_eq!(bench.n_asked(), 3, "the failed run comes from the record");
    let again = bench.correct(3).await.unwrap();
    assert_eq!((again.end, bench.n_asked()), (End::Solved, 3));
}
