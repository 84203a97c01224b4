use agents::Status;
use domain::Verdict;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{header, outcome, results, scored};

#[test]
fn every_problem_is_counted_once_and_faults_do_not_touch_the_score() {
    let summary = Summary::new(header(), &results());
    assert_eq!(
        summary.endings,
        EndingCounts {
            solved: 2,
            failed: 2,
            budget: 1,
            judge_fault: 2,
            endpoint_fault: 1,
            stopped: 0,
        }
    );
    assert_eq!(summary.n_missing, 1);
    assert_eq!(summary.pass_at_1, Some(0.5));
    assert_eq!(summary.interval, wilson(2, 4));
    assert_eq!((summary.n_sample_only, summary.n_without_program), (1, 1));
    let solved: Vec<(usize, usize, usize)> = summary
        .places
        .iter()
        .map(|summary| {
            (
                summary.place.plan_rank,
                summary.place.debug_round,
                summary.n_solved,
            )
        })
        .collect();
    assert_eq!(solved, [(0, 0, 1), (1, 2, 1)]);
    assert_eq!(summary.agents[0].n_calls, 8);
    assert_eq!(summary.agents[1].usage.prompt_tokens, 16 * 1200);
    let repairs = summary.formats.last().unwrap();
    assert_eq!(
        (
            repairs.contract,
            repairs.n_replies,
            repairs.n_failures,
            repairs.n_recovered
        ),
        (Contract::Repair, 2, 2, 2)
    );
    assert_eq!(summary.cost.map(|cost| (cost * 1000.0).round()), Some(68.0));
}

#[test]
fn a_call_without_a_price_leaves_no_total() {
    let mut results = results();
    results[0].outcome.calls[0].cost = None;
    assert_eq!(Summary::new(header(), &results).cost, None);
    assert_eq!(Summary::new(header(), &[]).cost, None);
}

#[test]
fn without_hidden_tests_the_samples_decide() {
    let ending = |status, n_samples| {
        let outcome = agents::Outcome {
            n_samples,
            ..outcome("p", status, None)
        };
        ProblemResult::unscored(outcome).ending
    };
    assert_eq!(ending(Status::Passed, 2), Ending::Solved);
    assert_eq!(ending(Status::Failed, 2), Ending::Failed);
    assert_eq!(
        ending(Status::Passed, 0),
        Ending::Failed,
        "nothing was tested"
    );
}

#[test]
fn a_missing_toolchain_is_no_failure_of_the_program() {
    let result = scored("p", (0, 0), Verdict::LanguageUnavailable);
    assert_eq!(result.ending, Ending::JudgeFault);
    assert!(!result.fault.is_empty());
}

proptest! {
    #[test]
    fn the_order_of_results_changes_nothing(order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle(), n in 0..9usize) {
        let all = results();
        let mut chosen: Vec<ProblemResult> = order.iter().take(n).map(|&idx| all[idx].clone()).collect();
        let shuffled = Summary::new(header(), &chosen);
        chosen.sort_by(|a, b| a.id.cmp(&b.id));
        let sorted = Summary::new(header(), &chosen);
        prop_assert_eq!(shuffled.render(), sorted.render());
        let counted: usize = Ending::ALL.iter().map(|ending| sorted.endings.get(*ending)).sum();
        prop_assert_eq!(counted, chosen.len());
    }
}
