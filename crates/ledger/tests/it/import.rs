use std::convert::Infallible;
use std::future::ready;

use ledger::{Ledger, RunId};
use serde_json::{Value, json};

use crate::questions::*;

/// A run with two answers of a model, one of the judge and an outcome; its export.
async fn exported() -> (tempfile::TempDir, Ledger, RunId, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    for number in 0..2 {
        let call = || ready(Ok::<_, Infallible>(reply(number)));
        ledger.ask(&run, "p0", &ask(number), call).await.unwrap();
    }
    let call = || ready(Ok::<_, Infallible>(judging(1)));
    ledger
        .judge(&run, "p0", &submission(1), TOOLCHAIN, call)
        .await
        .unwrap();
    let outcome = json!({"solved": true});
    ledger.record_outcome(&run, "p0", &outcome).await.unwrap();
    let mut export = Vec::new();
    ledger.export(&run, &mut export).unwrap();
    (folder, ledger, run, export)
}

/// The lines of an export without attempts.
fn told(ledger: &Ledger, run: &RunId) -> Vec<Value> {
    let mut export = Vec::new();
    ledger.export(run, &mut export).unwrap();
    let lines = export
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice::<Value>(line).unwrap())
        .filter(|line| line["schema"] != "mapcoder.attempt/1")
        .collect()
}

#[tokio::test]
async fn an_imported_run_is_the_same_run_and_nothing_is_asked_again() {
    let (_folder, there, run, export) = exported().await;
    let folder = tempfile::tempdir().unwrap();
    let here = Ledger::open(&folder.path().join("other.sqlite")).unwrap();
    let imported = here.import(&mut &export[..]).unwrap();
    assert_eq!(
        (imported.runs, imported.left_out),
        (vec![run.clone()], vec![])
    );
    assert_eq!((imported.n_new, imported.n_known), (4, 0));
    assert_eq!(told(&here, &run), told(&there, &run));

    assert_eq!(here.begin_run(&spec()).unwrap(), run);
    let never = || async { Err::<_, String>("asked again".to_string()) };
    let recorded = here.ask(&run, "p0", &ask(1), never).await.unwrap();
    assert_eq!((recorded.value, recorded.fresh), (reply(1), false));
    let never = || async { Err::<_, String>("judged again".to_string()) };
    let submission = submission(1);
    let judged = here.judge(&run, "p0", &submission, TOOLCHAIN, never);
    assert_eq!(judged.await.unwrap().value, judging(1));

    let again = here.import(&mut &export[..]).unwrap();
    assert_eq!((again.n_new, again.n_known, again.n_different), (0, 4, 0));
    let summary = here.run(run.as_str()).unwrap();
    assert_eq!((summary.n_asks, summary.n_judgings), (2, 1));
    assert_eq!((summary.n_starts, summary.n_outcomes), (2, 1));
}

#[tokio::test]
async fn an_answer_that_is_here_already_stands() {
    let (_folder, _there, run, export) = exported().await;
    let folder = tempfile::tempdir().unwrap();
    let (here, own) = open(folder.path());
    assert_eq!(own, run);
    let call = || ready(Ok::<_, Infallible>(reply(7)));
    here.ask(&run, "p0", &ask(0), call).await.unwrap();
    let imported = here.import(&mut &export[..]).unwrap();
    assert_eq!((imported.n_new, imported.n_known), (3, 1));
    assert_eq!(imported.n_different, 1);
    let kept = here.exchange(&ask(0).key()).unwrap().unwrap();
    assert_eq!(kept.reply, reply(7));
}

#[tokio::test]
async fn lines_that_cannot_be_used_are_left_out_by_their_numbers() {
    let (_folder, _there, run, export) = exported().await;
    let text = String::from_utf8(export).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    // The run, two answers of a model, one of the judge, the outcome, attempts.
    lines[1] = lines[1].replace("dominoes", "trominoes");
    lines[3].truncate(100);
    lines[4] = lines[4].replace(run.as_str(), "000000000000");
    lines.push(String::new());
    lines.push("{\"schema\": \"mapcoder.later/9\", \"x\": 1}".to_string());
    let folder = tempfile::tempdir().unwrap();
    let here = Ledger::open(&folder.path().join("other.sqlite")).unwrap();
    let imported = here.import(&mut lines.join("\n").as_bytes()).unwrap();
    assert_eq!(imported.n_new, 1);
    let [(2, key), (4, form), (5, run)] = &imported.left_out[..] else {
        panic!("{:?}", imported.left_out);
    };
    assert_eq!(key, "its content has another key");
    assert_eq!(form, "EOF while parsing a string");
    assert_eq!(run, "no line before it tells its run");
}
