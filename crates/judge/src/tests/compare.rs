use domain::Checker;
use proptest::prelude::*;

use crate::compare::matches;

fn lines(actual: &str, expected: &str) -> bool {
    matches(&Checker::Lines, actual.as_bytes(), expected.as_bytes())
}

fn tokens(actual: &str, expected: &str) -> bool {
    matches(&Checker::Tokens, actual.as_bytes(), expected.as_bytes())
}

fn float(actual: &str, expected: &str) -> bool {
    let checker = Checker::Float { tolerance: 1e-6 };
    matches(&checker, actual.as_bytes(), expected.as_bytes())
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
    assert!(matches(&checker, b"\xff\xfe", b"\xff\xfe"));
    assert!(!matches(&checker, b"\xff", "\u{fffd}".as_bytes()));
    assert!(!matches(&checker, b"1\0", b"1"));
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

proptest! {
    #[test]
    fn every_text_equals_itself(text: Vec<u8>) {
        prop_assert!(matches(&Checker::Lines, &text, &text));
        prop_assert!(matches(&Checker::Tokens, &text, &text));
    }

    #[test]
    fn equal_lines_are_equal_tokens(left in "[a1.\\s-]{0,20}", right in "[a1.\\s-]{0,20}", tolerance: f64) {
        prop_assert!(!lines(&left, &right) || tokens(&left, &right));
        matches(&Checker::Float { tolerance }, left.as_bytes(), right.as_bytes());
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
