use proptest::prelude::*;

use super::*;
use crate::ProblemResult;
use crate::fixtures::{outcome, scored};
use agents::Status;
use domain::Verdict;

/// A run in which the problems end as the letters say: solved, failed, or a judge fault.
fn run(endings: &str) -> Vec<ProblemResult> {
    endings
        .char_indices()
        .map(|(at, ending)| {
            let id = format!("p/{at:03}");
            match ending {
                's' => scored(&id, (0, 0), Verdict::Accepted),
                'f' => scored(&id, (0, 0), Verdict::WrongAnswer),
                _ => ProblemResult::unscored(outcome(&id, Status::JudgeFault, None)),
            }
        })
        .collect()
}

fn side(name: &str, runs: &[&str]) -> Side {
    let results: Vec<ProblemResult> = runs.iter().flat_map(|endings| run(endings)).collect();
    Side::new(name, &results)
}

#[test]
fn one_program_a_problem_is_compared_by_mcnemar() {
    let first = side("a", &["ssssssssssffffs?"]);
    let second = side("b", &["ssffffffffffffs"]);
    let [one] = &compare(&first, &[second], 1)[..] else {
        panic!("one comparison")
    };
    assert_eq!(
        (one.n, one.n_left_out, one.n_won, one.n_lost),
        (15, 1, 0, 8)
    );
    assert_eq!(one.test, PairedTest::McNemar);
    assert!((one.p_value - 2.0 / 256.0).abs() < 1e-12);
    assert!(one.is_loss());
    assert!((one.difference + 8.0 / 15.0).abs() < 1e-12);
    assert_eq!(one.flips.len(), 8);
    assert_eq!(one.flips[0].id, "p/002");
    assert_eq!(one.flips[0].second_ending, "failed: wrong answer");
}

#[test]
fn several_programs_are_compared_by_permutation() {
    let first = side("a", &["ssssssss", "ffffffff"]);
    let second = side("b", &["ssssssss", "ssssssss"]);
    let one = &compare(&first, std::slice::from_ref(&second), 1)[0];
    assert_eq!(one.test, PairedTest::Permutation);
    assert_eq!((one.first_rate, one.second_rate, one.n_won), (0.5, 1.0, 8));
    assert!((one.p_value - 2.0 / 256.0).abs() < 1e-12);
    let both = &compare(&first, &[second], 2)[0];
    assert_eq!((both.first_rate, both.n_won), (1.0, 0), "pass@2");
}

#[test]
fn several_comparisons_are_adjusted() {
    let first = side("a", &["ffffffff"]);
    let others = [side("b", &["ssssssss"]), side("c", &["ffffffsf"])];
    let found = compare(&first, &others, 1);
    assert!((found[0].p_adjusted - 4.0 / 256.0).abs() < 1e-12);
    assert_eq!(found[1].p_adjusted, 1.0);
}

#[test]
fn comparisons_are_rendered() {
    let first = side("direct", &["ssfffffffffffff"]);
    let others = [
        side("mapcoder", &["sfsssssssssssss"]),
        side("cot", &["ssfffffffffffff"]),
    ];
    insta::assert_snapshot!(render_comparisons(&compare(&first, &others, 1)));
}

#[test]
fn nothing_in_common_is_no_difference() {
    let one = &compare(&side("a", &[""]), &[side("b", &["ss"])], 1)[0];
    assert_eq!((one.n, one.n_left_out, one.p_value), (0, 2, 1.0));
    assert_eq!((one.interval, one.smallest_difference), (None, None));
}

#[test]
fn programs_stand_side_by_side() {
    let left = "def f(n):\n    x = 1\n    return n\n";
    let right = "def f(n):\n    return n + 1\n# a very long line that is cut\n";
    insta::assert_snapshot!(side_by_side(left, right, 20));
}

proptest! {
    #[test]
    fn a_comparison_is_the_mirror_of_the_other_way_round(a in "[sf?]{0,40}", b in "[sf?]{0,40}") {
        let (first, second) = (side("a", &[&a]), side("b", &[&b]));
        let there = compare(&first, std::slice::from_ref(&second), 1).remove(0);
        let back = compare(&second, std::slice::from_ref(&first), 1).remove(0);
        prop_assert_eq!(there.n, back.n);
        prop_assert_eq!((there.n_won, there.n_lost), (back.n_lost, back.n_won));
        prop_assert!((there.p_value - back.p_value).abs() < 1e-12);
        prop_assert!((there.difference + back.difference).abs() < 1e-12);
    }

    #[test]
    fn no_pair_of_programs_breaks_the_columns(left in "\\PC{0,60}", right in "[a-z\n\t]{0,60}") {
        side_by_side(&left, &right, 10);
    }
}
