use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};

use ledger::{CallError, Ledger, LedgerError, RunId};

use crate::questions::*;

async fn ask_ok(ledger: &Ledger, run: &RunId, number: u32) -> ledger::Recorded<domain::Reply> {
    ledger
        .ask(run, "p", &ask(number), || {
            ready(Ok::<_, Infallible>(reply(number)))
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn an_answer_is_given_again_unchanged_by_another_process_image() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    let first = ask_ok(&ledger, &run, 7).await;
    assert!(first.fresh);
    assert_eq!((first.value, first.key), (reply(7), ask(7).key()));
    let judged = ledger
        .judge(&run, "p", &submission(7), TOOLCHAIN, || {
            ready(Ok::<_, Infallible>(judging(7)))
        })
        .await
        .unwrap();
    assert!(judged.fresh);
    drop(ledger);

    let (ledger, run) = open(folder.path());
    let never = || -> std::future::Ready<Result<_, Infallible>> { panic!("asked twice") };
    let again = ledger.ask(&run, "p", &ask(7), never).await.unwrap();
    assert_eq!((again.value, again.fresh), (reply(7), false));
    let never = || -> std::future::Ready<Result<_, Infallible>> { panic!("judged twice") };
    let again = ledger
        .judge(&run, "p", &submission(7), TOOLCHAIN, never)
        .await
        .unwrap();
    assert_eq!((again.value, again.fresh), (judging(7), false));

    let exchange = ledger.exchange(&ask(7).key()).unwrap().unwrap();
    assert_eq!((exchange.ask, exchange.reply), (ask(7), reply(7)));
    assert_eq!(
        ledger.judged(&submission(7).key(TOOLCHAIN)).unwrap(),
        Some((submission(7), judging(7)))
    );
    assert_eq!(ledger.exchange(&ask(8).key()).unwrap(), None);
}

#[tokio::test]
async fn another_toolchain_is_another_question() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    for toolchain in [TOOLCHAIN, "Python 3.14.0"] {
        let judged = ledger
            .judge(&run, "p", &submission(1), toolchain, || {
                ready(Ok::<_, Infallible>(judging(1)))
            })
            .await
            .unwrap();
        assert!(judged.fresh, "{toolchain}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_questions_at_the_same_time_share_one_call() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    let n_calls = std::sync::Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (ledger, run, n_calls) = (ledger.clone(), run.clone(), n_calls.clone());
            tokio::spawn(async move {
                let call = || async {
                    n_calls.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, Infallible>(reply(1))
                };
                ledger.ask(&run, "p", &ask(1), call).await.unwrap()
            })
        })
        .collect();
    let mut n_fresh = 0;
    for task in tasks {
        let recorded = task.await.unwrap();
        assert_eq!(recorded.value, reply(1));
        n_fresh += usize::from(recorded.fresh);
    }
    assert_eq!((n_calls.load(Ordering::SeqCst), n_fresh), (1, 1));
}

#[tokio::test]
async fn those_who_wait_share_the_error_and_a_later_ask_calls_again() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    let n_calls = AtomicUsize::new(0);
    let failing = || async {
        n_calls.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        Err("out of\norder".to_string())
    };
    let question = ask(1);
    let (a, b) = tokio::join!(
        ledger.ask(&run, "p", &question, failing),
        ledger.ask(&run, "p", &question, failing),
    );
    let error = CallError::Call("out of\norder".to_string());
    assert_eq!((a.unwrap_err(), b.unwrap_err()), (error.clone(), error));
    assert_eq!(n_calls.load(Ordering::SeqCst), 1);

    assert!(ask_ok(&ledger, &run, 1).await.fresh);
    let attempts = attempts(&ledger, &run);
    assert_eq!(attempts[0]["ended"], "error");
    assert_eq!(attempts[0]["detail"], "out of order");
    assert_eq!(attempts[1]["ended"], "ok");
    assert_eq!(ledger.ambiguous(&run).unwrap(), []);
}

#[tokio::test]
async fn a_dropped_call_is_recorded_as_cancelled_and_the_next_in_line_calls() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    let question = ask(1);
    let mut stuck = Box::pin(ledger.ask(&run, "p", &question, pending::<Result<_, Infallible>>));
    let mut waiting = Box::pin(ask_ok(&ledger, &run, 1));
    // The first takes the lead and the second queues behind it.
    let both = async { tokio::join!(&mut stuck, &mut waiting) };
    let at_call = async {
        while attempts(&ledger, &run).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = both => panic!("the first call never ends"),
        () = at_call => {}
    }
    drop(stuck);
    assert!(waiting.await.fresh);
    let ends: Vec<_> = attempts(&ledger, &run)
        .iter()
        .map(|attempt| attempt["ended"].as_str().unwrap_or_default().to_string())
        .collect();
    assert_eq!(ends, ["cancelled", "ok"]);
    let [unsure] = ledger.ambiguous(&run).unwrap().try_into().unwrap();
    assert!(unsure.cancelled && unsure.asked_again, "{unsure:?}");
}

#[tokio::test]
async fn two_ledgers_on_one_file_keep_the_first_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, run) = open(folder.path());
    let (theirs, _) = open(folder.path());
    let question = ask(1);
    let slow = ours.ask(&run, "p", &question, || async {
        let other = theirs
            .ask(&run, "p", &ask(1), || ready(Ok::<_, Infallible>(reply(2))))
            .await
            .unwrap();
        assert!(other.fresh);
        Ok::<_, Infallible>(reply(1))
    });
    let recorded = slow.await.unwrap();
    assert_eq!((recorded.value, recorded.fresh), (reply(2), true));
    let ends: Vec<_> = attempts(&ours, &run)
        .iter()
        .map(|attempt| attempt["ended"].clone())
        .collect();
    assert_eq!(ends, ["late", "ok"]);
}

#[tokio::test]
async fn an_unknown_run_is_refused_and_calls_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Ledger::open(&elsewhere.path().join("l")).unwrap();
    let mut spec = spec();
    spec.command = "solve".into();
    let run = other.begin_run(&spec).unwrap();
    let never = || -> std::future::Ready<Result<_, Infallible>> { panic!("called") };
    let error = ledger.ask(&run, "p", &ask(1), never).await.unwrap_err();
    assert_eq!(
        error,
        CallError::Ledger(LedgerError::UnknownRun(run.to_string()))
    );
}

pub(crate) fn attempts(ledger: &Ledger, run: &RunId) -> Vec<serde_json::Value> {
    lines(ledger, run, "mapcoder.attempt/1")
}

pub(crate) fn lines(ledger: &Ledger, run: &RunId, schema: &str) -> Vec<serde_json::Value> {
    let mut export = Vec::new();
    ledger.export(run, &mut export).unwrap();
    export
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap())
        .filter(|line| line["schema"] == schema)
        .collect()
}
