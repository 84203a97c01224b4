use domain::Checker;
use proptest::prelude::*;

use super::accepts;
use crate::checkers::{Opinion, Rule};

fn lines(actual: &str, expected: &str) -> bool {
    accepts(&Checker::Lines, actual.as_bytes(), expected)
}

fn tokens(actual: &str, expected: &str) -> bool {
    accepts(&Checker::Tokens, actual.as_bytes(), expected)
}

fn float(actual: &str, expected: &str) -> bool {
    let checker = Checker::Float { tolerance: 1e-6 };
    accepts(&checker, actual.as_bytes(), expected)
}

#[test]
fn lines_ignore_white_space_at_ends_only() {
    assert!(lines("1 2\n3\n", "1 2\n3"));
    assert!(lines("1 2 \r\n3\t\n\n\n", "1 2\n3"));
    assert!(lines("", "\n"));
    assert!(!lines("1  2", "1 2"));
    assert!(!lines(" 1", "1"));
    assert!(!lines("1\n\n2", "1\n2"));
    assert!(!lines("2\n1", "1\n2"));
    assert!(!lines("1\n1", "1"));
    assert!(!lines("YES", "yes"));
    assert!(!lines("1000001", "1000000"));
}

#[test]
fn bytes_decide() {
    let checker = Checker::Lines;
    assert!(!accepts(&checker, b"\xff", "\u{fffd}"));
    assert!(accepts(&checker, "\u{fffd}".as_bytes(), "\u{fffd}"));
    assert!(!accepts(&checker, b"1\0", "1"));
}

#[test]
fn tokens_ignore_how_they_are_parted() {
    assert!(tokens("1\n2  3", " 1 2 3\n"));
    assert!(!tokens("12 3", "1 2 3"));
    assert!(!tokens("1 2", "1 2 2"));
    assert!(!tokens("05", "5"));
}

#[test]
fn numbers_may_differ_a_little() {
    assert!(float("0.3333333", "0.333333333333"));
    assert!(float("1000000.4", "1000000.0"));
    assert!(float("3.0", "3"));
    assert!(float("-0.0", "0"));
    assert!(float("1e3", "1000.0"));
    assert!(!float("0.33", "0.333333333333"));
    assert!(!float("1.5 2", "1.5"));
}

#[test]
fn integers_are_exact() {
    assert!(!float("1000000000000000001", "1000000000000000000"));
    assert!(!float("1000001", "1000000"));
    assert!(float("007", "7"));
    assert!(float("-0", "0"));
    assert!(!float("-7", "7"));
}

#[test]
fn what_is_no_number_must_be_the_same() {
    assert!(!float("nan", "1.5"));
    assert!(!float("nan", "nan"));
    assert!(!float("-NaN", "NaN"));
    assert!(!float("0x10", "16"));
    assert!(!float("1_000.0", "1000.0"));
    assert!(!float("inf", "1e308"));
    assert!(float("inf", "inf"));
    assert!(!float("1e999", "1e998"));
    assert!(!float("\u{ff11}", "1"));
    assert!(float("YES 1.0000001", "YES 1"));
}

#[test]
fn the_boundary_of_a_tolerance_belongs_to_it() {
    assert!(float("0.100001", "0.1"));
    assert!(!float("0.1000010001", "0.1"));
    assert!(float("1000001.0", "1000000.0"));
    assert!(!float("1000001.001", "1000000.0"));
    let exact = Checker::Float { tolerance: 0.0 };
    assert!(!accepts(&exact, b"0.30000000000000004", "0.3"));
    assert!(accepts(&exact, b"0.30", "0.3"));
}

#[test]
fn the_reason_names_the_first_difference() {
    let reason = |rule: Rule, output: &str, answers: &[&str]| {
        let answers: Vec<String> = answers.iter().map(|answer| answer.to_string()).collect();
        match rule.decide(output.as_bytes(), &answers).unwrap() {
            Opinion::Wrong(reason) => reason,
            Opinion::Right => "right".into(),
        }
    };
    assert_eq!(
        reason(Rule::Lines, "1\n2\n", &["1\n3\n"]),
        "line 2: expected `3`, found `2`"
    );
    assert_eq!(
        reason(Rule::Tokens, "1 2", &["1 2 3"]),
        "token 3: expected `3`, found the end"
    );
    assert_eq!(
        reason(Rule::Tokens, "1 2 x", &["1 2"]),
        "token 3: expected the end, found `x`"
    );
    assert_eq!(reason(Rule::Lines, "b", &["a", "b"]), "right");
    assert_eq!(
        reason(Rule::Lines, "c", &["a", "b"]),
        "line 1: expected `a`, found `c`"
    );
    assert_eq!(reason(Rule::Lines, "c", &[]), "the test accepts no output");
    let long = reason(Rule::Lines, &"\t\u{7f}y".repeat(1 << 16), &["a"]);
    assert!(
        long.len() < 400 && !long.contains(char::is_control),
        "{long}"
    );
}

proptest! {
    #[test]
    fn every_text_equals_itself(text: String) {
        prop_assert!(lines(&text, &text));
        prop_assert!(tokens(&text, &text));
    }

    #[test]
    fn equal_lines_are_equal_tokens(left in "[a1.\\s-]{0,20}", right in "[a1.\\s-]{0,20}", tolerance: f64) {
        prop_assert!(!lines(&left, &right) || tokens(&left, &right));
        accepts(&Checker::Float { tolerance }, left.as_bytes(), &right);
    }

    #[test]
    fn a_changed_token_is_noticed(words in prop::collection::vec("[a-z]{1,4}", 1..8), at: prop::sample::Index) {
        let mut changed = words.clone();
        at.get_mut(&mut changed).push('x');
        let (left, right) = (words.join(" "), changed.join(" "));
        prop_assert!(!lines(&left, &right));
        prop_assert!(!tokens(&left, &right));
        prop_assert!(!float(&left, &right));
    }

    #[test]
    fn floats_within_the_tolerance_are_equal(value in -1e9..1e9f64, share in -0.9..0.9f64) {
        let near = value + share * 1e-6 * value.abs().max(1.0);
        let (near, value) = (format!("{near:?}"), format!("{value:?}"));
        prop_assert!(float(&near, &value));
    }
}
