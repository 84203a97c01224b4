//! What published harnesses accept, mistakes included.

use domain::{Checker, Harness};
use proptest::prelude::*;

use super::{accepts, unescaped};

/// One line per pair of texts: whether ExecEval's, APPS' and LiveCodeBench's rules accepted (`o`) or refused (`w`) it,
/// run by Python 3.11 with gmpy2 2.3.2 and numpy; then the output, and the accepted output.
const RECORDED: &str = include_str!("compat.tsv");

fn like(harness: Harness, output: &str, answer: &str) -> bool {
    accepts(&Checker::Compat { harness }, output.as_bytes(), answer)
}

#[test]
fn every_recorded_decision_is_ours() {
    let mut differences = Vec::new();
    for line in RECORDED.lines() {
        let [letters, output, answer] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let [output, answer] =
            [output, answer].map(|text| String::from_utf8(unescaped(text)).unwrap());
        let harnesses = [Harness::ExecEval, Harness::Apps, Harness::LiveCodeBench];
        for (harness, theirs) in harnesses.into_iter().zip(letters.chars()) {
            if like(harness, &output, &answer) != (theirs == 'o') {
                differences.push(format!("{harness:?}: {line}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn execeval() {
    let like = |output, answer| like(Harness::ExecEval, output, answer);
    assert!(like("nan nan nan", "1 2 3"));
    assert!(like("0x10 1e6 007 1.0", "16 1000000 7 1"));
    assert!(like("yes\nTRUE", "YES True"));
    assert!(like("1\r\n2", "1\n2"));
    assert!(like(
        "1e50",
        "100000000000000000000000000000000000000000000000001"
    ));
    assert!(!like("0.3333333", "0.333333333"));
    assert!(!like("1000001", "1000000"));
    assert!(!like("Maybe", "maybe"));
    assert!(!like("1 1", "1"));
}

#[test]
fn apps() {
    let like = |output, answer| like(Harness::Apps, output, answer);
    assert!(like("1000001\n", "1000000\n"));
    assert!(like("2 1 1 2 2", "1 2"));
    assert!(like("b\na\na", "a\nb"));
    assert!(like("0.0003", "0.0004"));
    assert!(!like("1000011", "1000000"));
    assert!(!like("a", "A"));
}

#[test]
fn livecodebench() {
    let like = |output, answer| like(Harness::LiveCodeBench, output, answer);
    assert!(like(" 1.0 \n2", "1\n2.00"));
    assert!(!like("0.3333333", "0.33333333"));
    assert!(!like("0.30000000000000004", "0.3"));
    assert!(!like("50000000000000001", "50000000000000000"));
    assert!(!like("nan 1.0", "nan 1"));
    assert!(!like("1\n\n2", "1\n2"));
}

#[test]
fn codecontests() {
    let like = |output, answer| like(Harness::CodeContests, output, answer);
    assert!(like("YES\n1.000009", "yes 1"));
    assert!(like("9007199254740993", "9007199254740992"));
    assert!(like("nan", "NaN"));
    assert!(like("+5 .5", "5 0.5"));
    assert!(!like("nan 1.0", "nan 1"));
    assert!(!like("1000000.00002", "1000000"));
    assert!(!like("1000001", "1000000"));
    assert!(!like("+-5", "-5"));
    assert!(!like("0x10", "16"));
    assert!(!like("1\u{c}2", "1 2"));
}

proptest! {
    #[test]
    fn no_text_makes_them_panic(output: Vec<u8>, answer in "\\PC*|[-+0-9.eExXbpnaif@_ \n\r]*") {
        for harness in Harness::ALL {
            accepts(&Checker::Compat { harness }, &output, &answer);
        }
    }

    #[test]
    fn an_accepted_output_is_accepted(text in "[-+0-9a-zA-Z.@_ \n\t]*") {
        for harness in Harness::ALL {
            prop_assert!(like(harness, &text, &text), "{harness:?}");
        }
    }
}
