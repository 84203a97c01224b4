//! A whole evaluation: a scripted model, the real judge, a real ledger.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail like the test"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use agents::{Allowance, Prompts, Strategy, Team};
use datasets::DataSet;
use domain::{Ask, Checker, Language, Sampling, Verdict};
use evaluation::verify::verify;
use evaluation::{
    Drain, Ending, Finished, Header, ProblemResult, Summary, problem_line, run, solve_task,
};
use judge::Judge;
use ledger::{Ledger, RunSpec};
use llm::{ChatError, Scripted, text_reply};

static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge::start(judge::Settings::default()).unwrap());

/// Five problems: a right program, one that passes the samples only, one that passes nothing, no program, no answer.
const ROWS: &str = r#"
{"id": "right", "title": "A", "statement": "Case: right.", "function": {"name": "f", "prompt": "def f(n):\n    \"\"\"n + 1\"\"\"\n"}, "samples": [{"assert": "assert f(1) == 2"}], "tests": [{"assert": "assert f(7) == 8"}]}
{"id": "samples", "title": "A", "statement": "Case: samples.", "function": {"name": "f", "prompt": "def f(n):\n    \"\"\"n + 1\"\"\"\n"}, "samples": [{"assert": "assert f(1) == 2"}], "tests": [{"assert": "assert f(7) == 8"}]}
{"id": "wrong", "title": "A", "statement": "Case: wrong.", "samples": [{"input": "1\n", "output": "2\n"}], "tests": [{"input": "7\n", "output": "8\n"}]}
{"id": "talk", "title": "A", "statement": "Case: talk.", "samples": [{"input": "1\n", "output": "2\n"}]}
{"id": "silent", "title": "A", "statement": "Case: silent.", "samples": [{"input": "1\n", "output": "2\n"}]}
"#;

fn answer(ask: &Ask) -> Result<String, ChatError> {
    let prompt: String = ask
        .messages
        .iter()
        .map(|message| message.content.as_str())
        .collect();
    let says = |case: &str| prompt.contains(&format!("Case: {case}."));
    if says("right") {
        Ok("```python\ndef f(n):\n    return n + 1\n```".to_string())
    } else if says("samples") {
        Ok("```python\ndef f(n):\n    return 2\n```".to_string())
    } else if says("wrong") {
        Ok("Here it is.\n```python\nprint(3)\n```".to_string())
    } else if says("talk") {
        Ok("I cannot.".to_string())
    } else {
        Err(ChatError::Engine("gone".to_string()))
    }
}

fn data() -> DataSet {
    datasets::read("cases.jsonl", ROWS.as_bytes()).unwrap()
}

/// Evaluates everything on a ledger, and counts the questions that reached the model.
async fn evaluate(ledger: Ledger, drain: &Drain, concurrency: usize) -> (Finished, usize) {
    let n_asked = Arc::new(AtomicUsize::new(0));
    let counter = n_asked.clone();
    let spec = RunSpec {
        command: "eval cases".to_string(),
        settings: serde_json::json!({}),
    };
    let team = Team {
        model: Arc::new(Scripted::new(move |ask: &Ask| {
            counter.fetch_add(1, Ordering::Relaxed);
            answer(ask).map(|text| text_reply(ask, text))
        })),
        judge: JUDGE.clone(),
        run: ledger.begin_run(&spec).unwrap(),
        ledger,
        prompts: Prompts::built_in(),
        strategy: Strategy::Direct,
        language: Language::Python,
        sampling: Sampling::default(),
        checker: Checker::Lines,
        allowance: Allowance::default(),
        is_stopped: Box::new(|| false),
        on_step: Box::new(|_, _| {}),
    };
    let finished = run(
        data().tasks,
        concurrency,
        drain,
        async |task| solve_task(&team, &task).await,
        |_| {},
    )
    .await;
    (finished, n_asked.load(Ordering::Relaxed))
}

fn report(finished: &Finished) -> String {
    let header = Header::new(&data(), Strategy::Direct.to_string(), "script");
    let lines = finished
        .results
        .iter()
        .map(|result| problem_line(result) + "\n");
    lines.collect::<String>() + &Summary::new(header, &finished.results).render()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_end_and_the_same_table_when_it_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let (first, n_asked) = evaluate(Ledger::open(&path).unwrap(), &Drain::default(), 3).await;
    let endings: Vec<(&str, Ending)> = first
        .results
        .iter()
        .map(|result| (result.id.as_str(), result.ending))
        .collect();
    assert_eq!(
        endings,
        [
            ("right", Ending::Solved),
            ("samples", Ending::Failed),
            ("wrong", Ending::Failed),
            ("talk", Ending::FormatFailure),
            ("silent", Ending::EndpointFault),
        ]
    );
    assert_eq!(n_asked, 5);
    assert!(!first.is_complete());
    let summary = Summary::new(Header::new(&data(), "direct", "script"), &first.results);
    assert_eq!((summary.endings.solved, summary.endings.decided()), (1, 4));
    assert_eq!(
        (summary.n_sample_only, summary.endings.format_failure),
        (1, 1)
    );
    verify_all(&path, &first.results).await;
    let (second, n_asked) = evaluate(Ledger::open(&path).unwrap(), &Drain::default(), 1).await;
    assert_eq!(
        n_asked, 1,
        "only the question without an answer is asked again"
    );
    assert_eq!(report(&second), report(&first));
}

/// Every result follows from its records; one that was touched does not.
async fn verify_all(ledger: &std::path::Path, results: &[ProblemResult]) {
    let ledger = Ledger::open(ledger).unwrap();
    let data = data();
    let check = async |result: &ProblemResult| {
        let task = data.tasks.iter().find(|task| task.problem.id == result.id);
        verify(&ledger, &JUDGE, &Checker::Lines, task.unwrap(), result)
            .await
            .unwrap()
    };
    for result in results {
        let verified = check(result).await;
        assert_eq!(verified.faults, Vec::<String>::new(), "{}", result.id);
    }
    let solved = &results[0];
    assert_eq!(check(solved).await.verdict, Some(Verdict::Accepted));
    let mut touched = results[1].clone();
    touched.ending = Ending::Solved;
    assert!(check(&touched).await.faults[0].contains("does not follow"));
    touched.scoring.as_mut().unwrap().verdict = Verdict::Accepted;
    let faults = check(&touched).await.faults;
    assert!(
        faults.iter().any(|fault| fault.contains("judged again")),
        "{faults:?}"
    );
    let mut other = solved.clone();
    other.outcome.best.as_mut().unwrap().program.source += "\nf = lambda n: n + 1\n";
    assert!(check(&other).await.faults[0].contains("another program"));
    let mut more = solved.clone();
    more.outcome.calls[0].usage.completion_tokens += 1;
    assert!(check(&more).await.faults[0].contains("other tokens"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_run_continues_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let drain = Drain::default();
    drain.request();
    let (stopped, n_asked) = evaluate(Ledger::open(&path).unwrap(), &drain, 2).await;
    assert_eq!((stopped.results.len(), stopped.n_left, n_asked), (0, 5, 0));
    let (whole, _) = evaluate(Ledger::open(&path).unwrap(), &Drain::default(), 2).await;
    let (apart, _) = evaluate(
        Ledger::open(&folder.path().join("other.sqlite")).unwrap(),
        &Drain::default(),
        2,
    )
    .await;
    assert_eq!(whole.results.len(), 5);
    assert_eq!(whole.n_left, 0);
    let endings = |finished: &Finished| {
        finished
            .results
            .iter()
            .map(|result| result.ending)
            .collect::<Vec<_>>()
    };
    assert_eq!(endings(&whole), endings(&apart));
}
