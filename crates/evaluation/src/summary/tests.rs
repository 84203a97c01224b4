use agents::Status;
use domain::{Harness, Verdict};
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
            failed: 1,
            format_failure: 1,
            budget: 1,
            judge_fault: 2,
            endpoint_fault: 1,
            stopped: 0,
        }
    );
    assert_eq!(summary.n_missing, 1);
    assert_eq!(summary.pass_at_1, Some(0.5));
    assert_eq!(summary.interval, wilson(2, 4));
    assert_eq!(summary.n_sample_only, 1);
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

#[test]
fn several_draws_of_a_problem_give_pass_at_k() {
    let draw = |id: &str, verdict| scored(id, (0, 0), verdict);
    let (yes, no) = (Verdict::Accepted, Verdict::WrongAnswer);
    let mut results = vec![draw("p/0", yes), draw("p/0", no), draw("p/0", no)];
    results.extend([draw("p/1", yes), draw("p/1", yes), draw("p/1", yes)]);
    // One draw of the last problem was never decided.
    results.extend([draw("p/2", no), draw("p/2", no)]);
    results.push(ProblemResult::unscored(outcome(
        "p/2",
        Status::JudgeFault,
        None,
    )));
    let header = Header {
        n_selected: 3,
        n_draws: 3,
        ..header()
    };
    let summary = Summary::new(header, &results);
    assert_eq!(summary.n_missing, 0);
    let shares: Vec<(usize, usize, f64)> = summary
        .pass_at
        .iter()
        .map(|one| (one.k, one.n_problems, (one.share * 9.0).round() / 9.0))
        .collect();
    // (1/3 + 1 + 0) / 3, (2/3 + 1 + 0) / 3, and without the problem of two draws (1 + 1) / 2.
    assert_eq!(shares, [(1, 3, 4.0 / 9.0), (2, 3, 5.0 / 9.0), (3, 2, 1.0)]);
    assert_eq!(summary.pass_at_1, Some(summary.pass_at[0].share));
    assert!(summary.interval.low < summary.pass_at[0].share);
    insta::assert_snapshot!(summary.render());
}

#[test]
fn problems_are_grouped_by_difficulty_tag_and_language() {
    use crate::fixtures::task;
    let task = |id: &str, difficulty: &str, tags: &[&str]| {
        let mut task = task(id);
        task.problem.difficulty = Some(difficulty.to_string());
        task.problem.tags = tags.iter().map(|tag| tag.to_string()).collect();
        task
    };
    let tasks = [
        task("p/0", "1200", &["dp", "math"]),
        task("p/1", "900", &["dp"]),
        task("p/2", "900", &[]),
        task("p/3", "900", &[]),
    ];
    let summary = Summary::new(header(), &results()).with_groups(&tasks, &results());
    let found: Vec<(Grouping, &str, usize, usize)> = summary
        .groups
        .iter()
        .map(|group| {
            (
                group.grouping,
                group.name.as_str(),
                group.n_solved,
                group.n_decided,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (Grouping::Difficulty, "900", 1, 3),
            (Grouping::Difficulty, "1200", 1, 1),
            (Grouping::Tag, "dp", 2, 2),
            (Grouping::Tag, "math", 1, 1),
            (Grouping::Language, "python", 2, 3),
        ]
    );
    assert!(
        summary.render().contains("difficulty  solved  of"),
        "{}",
        summary.render()
    );
    assert_eq!(
        summary.tokens_per_solved,
        Some(
            (results()
                .iter()
                .map(|result| {
                    let usage = result.outcome.usage();
                    usage.prompt_tokens + usage.completion_tokens
                })
                .sum::<u64>() as f64)
                / 2.0
        )
    );
}

#[test]
fn a_harness_that_decides_otherwise_has_a_score_of_its_own() {
    let otherwise = |mut result: ProblemResult, harness| {
        if let Some(scoring) = &mut result.scoring {
            scoring.otherwise.push(harness);
        }
        result
    };
    let results = [
        scored("p/0", (0, 0), Verdict::Accepted),
        scored("p/1", (0, 0), Verdict::WrongAnswer),
        otherwise(scored("p/2", (0, 0), Verdict::WrongAnswer), Harness::Apps),
        otherwise(scored("p/3", (0, 0), Verdict::WrongAnswer), Harness::Apps),
        otherwise(scored("p/4", (0, 0), Verdict::Accepted), Harness::ExecEval),
    ];
    let summary = Summary::new(header(), &results);
    let counts: Vec<_> = summary
        .compat
        .iter()
        .map(|score| {
            (
                score.harness,
                score.n_solved,
                score.n_only_there,
                score.n_only_here,
            )
        })
        .collect();
    assert_eq!(
        counts,
        [(Harness::ExecEval, 1, 0, 1), (Harness::Apps, 4, 2, 0)]
    );
    insta::assert_snapshot!(summary.render());
}
