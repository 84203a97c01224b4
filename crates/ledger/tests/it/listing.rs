use std::convert::Infallible;
use std::future::ready;

use domain::{Agent, Ask, Exchange, Verdict};
use ledger::{Call, Ledger, LedgerError, RunId, RunSpec};
use serde_json::json;

use crate::asks::lines;
use crate::questions::*;

async fn work(ledger: &Ledger, run: &RunId) {
    for number in 0..4 {
        let problem = format!("p{}", number / 2);
        ledger
            .ask(run, &problem, &ask(number), || {
                ready(Ok::<_, Infallible>(reply(number)))
            })
            .await
            .unwrap();
    }
    ledger
        .judge(run, "p1", &submission(1), TOOLCHAIN, || {
            ready(Ok::<_, Infallible>(judging(1)))
        })
        .await
        .unwrap();
}

#[test]
fn a_run_is_named_by_its_content() {
    let spec = |settings: &str| RunSpec {
        command: "eval".into(),
        settings: serde_json::from_str(settings).unwrap(),
    };
    let id = spec(r#"{"a": 1, "b": {"c": [2], "d": 3}}"#).id();
    assert_eq!(id.as_str().len(), 12);
    assert_eq!(id, spec(r#"{"b": {"d": 3, "c": [2]}, "a": 1}"#).id());
    assert_ne!(id, spec(r#"{"a": 1, "b": {"c": [2], "d": 4}}"#).id());
}

#[tokio::test]
async fn a_run_is_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    work(&ledger, &run).await;
    assert!(
        ledger
            .record_outcome(&run, "p1", &json!({"solved": true}))
            .await
            .unwrap()
    );
    assert!(
        !ledger
            .record_outcome(&run, "p1", &json!({"solved": false}))
            .await
            .unwrap()
    );
    assert_eq!(
        ledger.outcome(&run, "p1").unwrap(),
        Some(json!({"solved": true}))
    );
    assert_eq!(ledger.outcome(&run, "p0").unwrap(), None);
    assert_eq!(
        ledger
            .outcomes(&run, |problem, outcome| (problem, outcome))
            .unwrap(),
        [("p1".to_string(), json!({"solved": true}))]
    );

    let again = ledger.begin_run(&spec()).unwrap();
    assert_eq!(again, run);
    work(&ledger, &run).await;
    let [summary] = ledger.runs().unwrap().try_into().unwrap();
    assert_eq!(
        (summary.id.clone(), summary.spec.clone()),
        (run.clone(), spec())
    );
    assert_eq!(summary.n_starts, 2);
    assert_eq!((summary.n_asks, summary.n_judgings), (4, 1));
    assert_eq!((summary.n_reused, summary.n_outcomes), (0, 1));
    assert_eq!(summary.usage.prompt_tokens, 1200);
    assert!((summary.cost.unwrap() - 0.004).abs() < 1e-9);
    assert_eq!(ledger.run(&run.as_str()[..4]).unwrap(), summary);
    assert_eq!(
        ledger.run("nothing").unwrap_err(),
        LedgerError::UnknownRun("nothing".into())
    );

    let calls = ledger.calls(&run).unwrap();
    assert_eq!(calls.len(), 5);
    assert_eq!(
        (calls[3].problem.as_str(), &calls[3].key),
        ("p1", &ask(3).key())
    );
    assert!(matches!(
        calls[3].call,
        Call::Ask {
            agent: Agent::Debugging,
            ..
        }
    ));
    assert!(matches!(
        calls[4].call,
        Call::Judge {
            verdict: Verdict::Accepted,
            n_cases: 1,
            n_passed: 1,
            ..
        }
    ));
    let totals = ledger.agent_totals(&run).unwrap();
    let agents: Vec<_> = totals
        .iter()
        .map(|totals| (totals.agent, totals.n_asks))
        .collect();
    assert_eq!(agents, Agent::ALL.map(|agent| (agent, 1)));
    assert_eq!(totals[0].usage, reply(0).usage);
}

#[tokio::test]
async fn what_another_run_recorded_is_reused_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, first) = open(folder.path());
    work(&ledger, &first).await;
    let mut spec = spec();
    spec.settings["k"] = json!(4);
    let second = ledger.begin_run(&spec).unwrap();
    work(&ledger, &second).await;
    let summary = ledger.run(second.as_str()).unwrap();
    assert_eq!(
        (summary.n_asks, summary.n_judgings, summary.n_reused),
        (4, 1, 5)
    );
    assert_eq!((summary.cost, summary.usage.completion_tokens), (None, 280));
    assert_eq!(lines(&ledger, &second, "mapcoder.attempt/1").len(), 0);
}

#[tokio::test]
async fn an_export_holds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    work(&ledger, &run).await;
    ledger
        .record_outcome(&run, "p0", &json!({"solved": false}))
        .await
        .unwrap();

    let [head] = lines(&ledger, &run, "mapcoder.run/1").try_into().unwrap();
    assert_eq!(head["run"], run.as_str());
    assert_eq!(head["summary"]["spec"]["settings"], spec().settings);
    for (number, line) in lines(&ledger, &run, "mapcoder.exchange/1")
        .into_iter()
        .enumerate()
    {
        let number = u32::try_from(number).unwrap();
        let exchange: Exchange = serde_json::from_value(line.clone()).unwrap();
        assert_eq!((exchange.ask, exchange.reply), (ask(number), reply(number)));
        assert_eq!(line["key"], ask(number).key().as_str());
    }
    let [line] = lines(&ledger, &run, "mapcoder.judging/1")
        .try_into()
        .unwrap();
    assert_eq!(line["judging"], serde_json::to_value(judging(1)).unwrap());
    assert_eq!(
        line["submission"],
        serde_json::to_value(submission(1)).unwrap()
    );
    let [line] = lines(&ledger, &run, "mapcoder.outcome/1")
        .try_into()
        .unwrap();
    assert_eq!(
        (&line["problem"], &line["outcome"]),
        (&json!("p0"), &json!({"solved": false}))
    );
    assert_eq!(lines(&ledger, &run, "mapcoder.attempt/1").len(), 5);
}

#[tokio::test]
async fn a_full_output_ends_an_export_with_its_own_error() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    work(&ledger, &run).await;
    let mut space = [0; 100];
    let error = ledger.export(&run, &mut space.as_mut_slice()).unwrap_err();
    assert!(matches!(error, ledger::ExportError::Output(_)), "{error:?}");
}

#[tokio::test]
async fn a_statement_that_repeats_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    let mut state = 1_u64;
    let statement: String = (0..100_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b' ' + u8::try_from((state >> 33) % 90).unwrap())
        })
        .collect();
    for sample_idx in 0..50 {
        let mut question = Ask {
            sample_idx,
            ..ask(0)
        };
        question.messages[1].content.clone_from(&statement);
        ledger
            .ask(&run, "p", &question, || {
                ready(Ok::<_, Infallible>(reply(0)))
            })
            .await
            .unwrap();
    }
    let path = ledger.path().to_path_buf();
    drop(ledger);
    let size = std::fs::metadata(path).unwrap().len();
    assert!(
        size < 300_000,
        "{size} bytes for 50 asks about one text of 100,000 bytes"
    );
}
