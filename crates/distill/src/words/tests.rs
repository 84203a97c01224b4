use proptest::prelude::*;

use super::*;

#[test]
fn words_and_runs() {
    let words = words("Find the n-th item, please!");
    assert_eq!(words.join("|"), "find|the|n|th|item|please");
    assert_eq!(runs(&words, 5).len(), 2);
    assert_eq!(runs(&words, 13).len(), 1);
    assert!(runs(&[], 3).is_empty());
}

#[test]
fn a_program_in_tokens() {
    let expect = "def|f|(|a|)|:|return|a|+|\"# \\\" x\"";
    let tokens = code_tokens("def f(a):  # adds\n    return a+\"# \\\" x\"\n");
    assert_eq!(tokens.join("|"), expect);
}

#[test]
fn sentences_end_at_marks_and_lines() {
    let text = "Sort it, e.g. by name. Then stop\nDone! 1. First";
    assert_eq!(
        sentences(text),
        ["Sort it, e.g. by name.", "Then stop", "Done!", "1. First"]
    );
    assert_eq!(beginning(text, 30), "Sort it, e.g. by name.");
    assert_eq!(beginning(text, 4), "Sort it, e.g. by name.");
}

proptest! {
    #[test]
    fn any_text_is_cut_without_a_panic(text in "\\PC{0,80}", most in 0_usize..60) {
        let kept = beginning(&text, most);
        prop_assert_eq!(kept.is_empty(), text.trim().is_empty());
        code_tokens(&text);
    }
}
