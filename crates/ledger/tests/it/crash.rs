//! A process that works is killed again and again, at moments that its own progress sets, and started anew.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use domain::Digest;
use ledger::{Ledger, RunId};
use serde_json::{Value, json};

use crate::questions::*;

const N_PROBLEMS: u32 = 100;
const N_IN_FLIGHT: usize = 8;
const N_KILLS: u64 = 40;

/// In the environment of a child: the folder to work in.
const FOLDER: &str = "MAPCODER_TEST_CRASH_FOLDER";

/// A byte on standard output that nothing else writes.
const SIGN: u8 = 1;

/// What the child did, one line per call that it made or answer that it got to know as recorded.
struct Log(File);

impl Log {
    /// The line is one write at the end of the file; the sign tells the parent that something happened.
    fn note(&self, what: &str, key: &Digest) {
        (&self.0)
            .write_all(format!("{what} {key}\n").as_bytes())
            .unwrap();
        std::io::stdout().write_all(&[SIGN]).unwrap();
        std::io::stdout().flush().unwrap();
    }
}

async fn ask_noted(ledger: &Ledger, run: &RunId, log: &Log, problem: &str, number: u32) -> String {
    let question = ask(number);
    let key = question.key();
    let call = || async {
        log.note("call", &key);
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(reply(number))
    };
    let recorded = ledger.ask(run, problem, &question, call).await.unwrap();
    if recorded.fresh {
        log.note("done", &key);
    }
    Digest::of(recorded.value.text).short().to_string()
}

async fn judge_noted(ledger: &Ledger, run: &RunId, log: &Log, problem: &str, number: u32) -> usize {
    let program = submission(number);
    let key = program.key(TOOLCHAIN);
    let call = || async {
        log.note("call", &key);
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(judging(number))
    };
    let recorded = ledger
        .judge(run, problem, &program, TOOLCHAIN, call)
        .await
        .unwrap();
    if recorded.fresh {
        log.note("done", &key);
    }
    recorded.value.n_passed()
}

/// A small strategy: a question that all problems share, plans side by side, programs and tests in turn.
async fn solve(ledger: Ledger, run: RunId, log: Arc<Log>, number: u32) {
    let problem = format!("p{number}");
    if ledger.outcome(&run, &problem).unwrap().is_some() {
        return;
    }
    let (ledger, run, log) = (&ledger, &run, &*log);
    let first = number * 10;
    let mut seen = vec![ask_noted(ledger, run, log, &problem, 1_000_000).await];
    let (a, b) = tokio::join!(
        ask_noted(ledger, run, log, &problem, first),
        ask_noted(ledger, run, log, &problem, first + 1),
    );
    seen.extend([a, b]);
    let mut n_passed = 0;
    for step in 2..4 {
        seen.push(ask_noted(ledger, run, log, &problem, first + step).await);
        n_passed += judge_noted(ledger, run, log, &problem, first + step).await;
    }
    let outcome = json!({"seen": seen, "n_passed": n_passed});
    ledger
        .record_outcome(run, &problem, &outcome)
        .await
        .unwrap();
}

fn work(folder: &Path) {
    let (ledger, run) = open(folder);
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    let log = Arc::new(Log(log));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let slots = Arc::new(tokio::sync::Semaphore::new(N_IN_FLIGHT));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..N_PROBLEMS {
            let slot = slots.clone().acquire_owned().await.unwrap();
            let (ledger, run, log) = (ledger.clone(), run.clone(), log.clone());
            tasks.spawn(async move {
                solve(ledger, run, log, number).await;
                drop(slot);
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test of crashes needs a process to kill: this very test, started again"
)]
fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "crash::a_killed_process_loses_nothing_and_hides_nothing",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tells the child what it is")]
fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Kills a child after so many signs of progress; none kills it while it starts.
/// False when it was done before.
fn kill_after(mut child: Child, n_signs: u64) -> bool {
    let output = BufReader::with_capacity(1, child.stdout.take().unwrap());
    let n_read = output
        .bytes()
        .filter(|byte| matches!(byte, Ok(SIGN)))
        .take(usize::try_from(n_signs).unwrap())
        .count();
    child.kill().unwrap();
    child.wait().unwrap();
    n_read as u64 == n_signs
}

#[test]
fn a_killed_process_loses_nothing_and_hides_nothing() {
    if let Some(folder) = folder_of_child() {
        return work(&folder);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut state = 7_u64;
    for n_kills in 0..N_KILLS {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let killed = kill_after(start(folder.path()), (state >> 33) % 12);
        assert!(
            killed,
            "all was done after {n_kills} kills: give the child more to do"
        );
    }
    assert!(
        start(folder.path())
            .wait_with_output()
            .unwrap()
            .status
            .success()
    );

    let calm = tempfile::tempdir().unwrap();
    assert!(
        start(calm.path())
            .wait_with_output()
            .unwrap()
            .status
            .success()
    );
    let (calm_ledger, run) = open(calm.path());
    let (ledger, same_run) = open(folder.path());
    assert_eq!(run, same_run);

    // The same end.
    let by_problem = |ledger: &Ledger| -> HashMap<String, Value> {
        ledger
            .outcomes(&run, |problem, outcome| (problem, outcome))
            .unwrap()
            .into_iter()
            .collect()
    };
    assert_eq!(by_problem(&ledger).len(), N_PROBLEMS as usize);
    assert_eq!(by_problem(&ledger), by_problem(&calm_ledger));
    assert_eq!(calls(&ledger, &run), calls(&calm_ledger, &run));
    let sums = |ledger: &Ledger| {
        let summary = ledger.run(run.as_str()).unwrap();
        (
            summary.n_asks,
            summary.n_judgings,
            summary.n_outcomes,
            summary.usage,
        )
    };
    assert_eq!(sums(&ledger), sums(&calm_ledger));

    // What was acknowledged is there, and was never asked for again.
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let mut n_calls = HashMap::<&str, usize>::new();
    let mut done = HashMap::<&str, ()>::new();
    for line in log.lines() {
        let (what, key) = line.split_once(' ').unwrap();
        if what == "call" {
            assert!(
                !done.contains_key(key),
                "{key} was recorded and asked for again"
            );
            *n_calls.entry(key).or_default() += 1;
        } else {
            assert_eq!(done.insert(key, ()), None, "{key} was recorded twice");
        }
    }
    let n_questions = calls(&ledger, &run)
        .iter()
        .map(|(_, key)| key)
        .collect::<std::collections::HashSet<_>>()
        .len();
    assert_eq!(n_calls.len(), n_questions);

    // Whatever was called more than once is told.
    let mut n_ambiguous = HashMap::<String, usize>::new();
    for call in ledger.ambiguous(&run).unwrap() {
        assert!(call.asked_again, "all was asked again in the end: {call:?}");
        *n_ambiguous.entry(call.key.to_string()).or_default() += 1;
    }
    let repeated: Vec<_> = n_calls.iter().filter(|(_, n)| **n > 1).collect();
    for (key, n) in &repeated {
        let told = n_ambiguous.get(**key).copied().unwrap_or_default();
        assert!(
            told >= **n - 1,
            "{key} was called {n} times and {told} calls are ambiguous"
        );
    }
    let bound = usize::try_from(N_KILLS).unwrap() * N_IN_FLIGHT * 2;
    assert!(n_ambiguous.values().sum::<usize>() <= bound);
    assert_eq!(calm_ledger.ambiguous(&run).unwrap(), []);
    println!(
        "{N_KILLS} kills, {} starts, {} questions, {} calls, {} called again, {} ambiguous",
        ledger.run(run.as_str()).unwrap().n_starts,
        n_questions,
        n_calls.values().sum::<usize>(),
        repeated.len(),
        n_ambiguous.values().sum::<usize>(),
    );

    let path = ledger.path().to_path_buf();
    drop(ledger);
    let integrity: String = rusqlite::Connection::open(path)
        .unwrap()
        .query_row("PRAGMA integrity_check", (), |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");
}

/// Which answers each problem rests on; problems run side by side, so their order says nothing.
fn calls(ledger: &Ledger, run: &RunId) -> Vec<(String, String)> {
    let calls = ledger.calls(run).unwrap();
    let mut calls: Vec<_> = calls
        .into_iter()
        .map(|call| (call.problem, call.key.to_string()))
        .collect();
    calls.sort();
    calls
}
