//! Every strategy, recorded once and run again from the exported record alone.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use domain::Sampling;
use llm::{Matching, Replay};

use super::more_tests::obedient;
use super::tests::{Bench, HALF, RIGHT, WRONG, problem, recall};
use crate::{Contract, Status, Strategy, Transcript, Without};

/// Every strategy, with parameters under which none of its parts is skipped, and MapCoder without each of its agents.
pub(super) fn strategies() -> Vec<Strategy> {
    let mapcoder = |names: &[&'static str]| Strategy::MapCoder {
        k: 2,
        t: 1,
        without: Without::of(names.iter().copied()).unwrap(),
    };
    let mut strategies: Vec<Strategy> = Strategy::NAMES
        .iter()
        .map(|name| match name.parse().unwrap() {
            Strategy::Analogical { .. } => Strategy::Analogical { k: 2 },
            Strategy::Reflexion { .. } => Strategy::Reflexion { t: 3 },
            Strategy::CodeSim { .. } => Strategy::CodeSim { p: 2, d: 1 },
            Strategy::BestOfN { .. } => Strategy::BestOfN { n: 4 },
            Strategy::MapCoder { .. } => mapcoder(&[]),
            other => other,
        })
        .collect();
    strategies.extend(Without::NAMES.iter().map(|name| mapcoder(&[name])));
    strategies.push(mapcoder(&Without::NAMES));
    strategies
}

/// A team at a temperature, so that `best-of-n` draws programs that differ.
fn warm(mut bench: Bench) -> Bench {
    bench.team.sampling = Sampling {
        temperature: 0.8,
        ..Sampling::default()
    };
    bench
}

/// A strategy on a scripted model whose third program is right.
fn scripted(strategy: Strategy) -> Bench {
    let answer = obedient(&[WRONG, HALF, RIGHT]);
    warm(Bench::new(
        strategy,
        move |contract, nth, prompt| match contract {
            Contract::Recall => Ok(recall(2)),
            _ => answer(contract, nth, prompt),
        },
    ))
}

/// A strategy on a ledger of its own and a model that knows these exchanges and nothing else.
fn replayed(strategy: Strategy, exchanges: &[u8]) -> Bench {
    let mut bench = warm(Bench::new(strategy, |_, _, prompt| {
        unreachable!("the scripted model is gone: {prompt}")
    }));
    bench.team.model = Arc::new(Replay::read(exchanges, Matching::Exact).unwrap());
    bench
}

async fn transcribed(bench: &Bench) -> Transcript {
    bench.team.transcribe(&problem(), &[]).await.unwrap()
}

/// All that a run tells, without times: programs are judged again, and reports, and so questions, tell how long it took.
fn told(transcript: &Transcript) -> impl PartialEq + Debug + use<> {
    let Transcript {
        outcome,
        turns,
        trials,
        order,
    } = transcript.clone();
    let turns: Vec<_> = turns
        .into_iter()
        .map(|turn| (turn.spot, turn.reply, turn.call.usage, turn.call.format))
        .collect();
    let trials: Vec<_> = trials
        .into_iter()
        .map(|trial| {
            (
                trial.record.place,
                trial.program,
                trial.verdict,
                trial.record.n_passed,
            )
        })
        .collect();
    let ending = (outcome.status, outcome.best, outcome.calls.len());
    (ending, turns, trials, order)
}

fn exported(bench: &Bench) -> Vec<u8> {
    let mut lines = Vec::new();
    let team = &bench.team;
    team.ledger.export(&team.run, &mut lines).unwrap();
    lines
}

#[tokio::test]
async fn every_strategy_runs_from_its_record_as_it_ran() {
    let mut contracts = BTreeSet::new();
    for strategy in strategies() {
        let bench = scripted(strategy);
        let recorded = transcribed(&bench).await;
        contracts.extend(recorded.turns.iter().map(|turn| turn.call.contract.name()));
        let again = replayed(strategy, &exported(&bench));
        let replayed = transcribed(&again).await;
        assert_eq!(told(&replayed), told(&recorded), "{strategy}");
        // Neither ledger held anything before.
        assert_eq!(again.n_fresh(), bench.n_fresh(), "{strategy}");
    }
    let all: BTreeSet<&str> = Contract::ALL.iter().map(|one| one.name()).collect();
    assert_eq!(contracts, all, "no kind of question is left out");
}

#[tokio::test]
async fn a_question_that_is_not_recorded_ends_the_work_as_a_fault_of_the_endpoint() {
    for strategy in strategies() {
        let bench = scripted(strategy);
        let recorded = transcribed(&bench).await;
        let last = recorded.turns.last().unwrap();
        let export = String::from_utf8(exported(&bench)).unwrap();
        let without_last: String = export
            .lines()
            .filter(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                line["schema"] != "mapcoder.exchange/1" || line["key"] != last.call.key.as_str()
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let outcome = replayed(strategy, without_last.as_bytes()).solve().await;
        assert_eq!(outcome.status, Status::EndpointFault, "{strategy}");
        assert!(
            outcome.fault.contains("holds no reply to this question"),
            "{}",
            outcome.fault
        );
    }
}
