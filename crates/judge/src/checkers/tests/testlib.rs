//! Outcomes that testlib's own checkers ended with, replayed.

use proptest::prelude::*;

use super::unescaped;
use crate::checkers::testlib::{Outcome, Standard};

/// One line per pair of texts: a letter per checker in the order of their names, the output, and the answer.
/// The letters are testlib's exit codes: `o` for 0, `w` for 1, `p` for 2, `f` for 3.
const RECORDED: &str = include_str!("testlib_0_9_44.tsv");

fn letter(standard: Standard, output: &[u8], answer: &[u8]) -> char {
    match standard.check(output, answer) {
        Ok(()) => 'o',
        Err(quit) => match quit.outcome {
            Outcome::Wrong => 'w',
            Outcome::Presentation => 'p',
            Outcome::Fail => 'f',
        },
    }
}

#[test]
fn every_recorded_outcome_is_ours() {
    let mut n_outcomes = [0; 4];
    let mut differences = Vec::new();
    for line in RECORDED.lines() {
        let [letters, output, answer] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        assert_eq!(letters.len(), Standard::ALL.len(), "{line}");
        for (standard, theirs) in Standard::ALL.into_iter().zip(letters.chars()) {
            let ours = letter(standard, &unescaped(output), &unescaped(answer));
            n_outcomes["owpf".find(theirs).unwrap()] += 1;
            if ours != theirs {
                differences.push(format!("{}: {ours}, not {theirs}: {line}", standard.name()));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(n_outcomes.iter().all(|&n| n > 300), "{n_outcomes:?}");
}

proptest! {
    #[test]
    fn no_text_makes_them_panic(output: Vec<u8>, answer: Vec<u8>) {
        for standard in Standard::ALL {
            letter(standard, &output, &answer);
        }
    }

    /// An accepted answer is accepted as an output, unless it is not in the form that it must have.
    #[test]
    fn an_answer_is_right_or_malformed(text in "([a-zA-Z0-9 .:\n\r-]|Case 1: |YES |nan ){0,12}") {
        for standard in Standard::ALL {
            // Two read one token only, and a line may end in a lone carriage return, which reads as another byte.
            let letter = letter(standard, text.as_bytes(), text.as_bytes());
            prop_assert!(letter != 'w', "{}", standard.name());
        }
    }
}
