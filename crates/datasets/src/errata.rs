//! What is known to be wrong with the tests of published problems.

use crate::Format;

const SEVERAL: &str =
    "several answers are right, its tests accept one: a right program may be refused";
const INTERACTIVE: &str = "it is interactive, which its tests are not: no program can be right";
const WRONG_TESTS: &str = "its tests were damaged when they were collected";
const SOLUTION: &str = "its published solution fails its tests: it is not that of this function";

/// Problems by the names that their rows have: an id, or a title where the id is a number.
const ERRATA: &[(Format, &[&str], &str)] = &[
    // LiveCodeBench's own ERRATA.md.
    (
        Format::LiveCodeBench,
        &[
            "abc311_c",
            "abc326_d",
            "abc327_b",
            "abc333_e",
            "abc343_e",
            "abc362_c",
            "find-words-containing-character",
            "find-the-peaks",
            "generate-binary-strings-without-adjacent-zeros",
        ],
        SEVERAL,
    ),
    (
        Format::LiveCodeBench,
        &["abc337_e", "abc355_e"],
        INTERACTIVE,
    ),
    (Format::LiveCodeBench, &["abc350_c"], WRONG_TESTS),
    (
        Format::LiveCodeBench,
        &["apply-operations-to-make-string-empty"],
        "one of its tests gives an empty string, which its statement rules out",
    ),
    (
        Format::LiveCodeBench,
        &["most-frequent-ids"],
        "one of its tests breaks the limits of its statement",
    ),
    // LDB's and LPW's function form; FloridSleeves/LLMDebugger#12 names 47 and 51.
    (
        Format::Lpw,
        &["HumanEval/47"],
        "an example of its statement (15.0) contradicts its tests (8.0)",
    ),
    (
        Format::Lpw,
        &["HumanEval/51"],
        "its samples leave out the example of two lines, which its statement shows and its tests ask for",
    ),
    (
        Format::Lpw,
        &["HumanEval/163"],
        "its statement, samples and tests ask for even numbers; HumanEval and its published solution, for even digits",
    ),
    (
        Format::Lpw,
        &["MBPP/349"],
        "its function and that of its tests are both called `check`: no program can be right",
    ),
    (Format::Lpw, &["MBPP/56", "MBPP/436"], SOLUTION),
    (Format::Lpw, &["MBPP/313", "MBPP/362"], MESSAGE),
    // Its lists were made by a program.
    (
        Format::HumanEvalEt,
        &[
            "HumanEval/38",
            "HumanEval/44",
            "HumanEval/50",
            "HumanEval/53",
            "HumanEval/151",
        ],
        "an assert uses a name that nothing defines: no program can be right",
    ),
    (
        Format::HumanEvalEt,
        &["HumanEval/2"],
        "its asserts compare floats to the last bit: the published solution fails",
    ),
    (
        Format::EvalPlus,
        &["Mbpp/164"],
        "the judge of the published numbers accepts every answer to it",
    ),
];

/// What is said of asserts such as `assert f(x) == 1, 2`.
pub(crate) const MESSAGE: &str =
    "an assert compares with the first of several values: the others stand where its message does";

/// What is known of a problem that is called by one of these names.
pub(crate) fn of(format: Format, names: &[&str]) -> Vec<&'static str> {
    let known = ERRATA
        .iter()
        .filter(|(of, known, _)| *of == format && names.iter().any(|name| known.contains(name)));
    known.map(|(_, _, what)| *what).collect()
}

/// What contests say of problems that have several right answers, in plain letters with single spaces.
const ANY: [&str; 7] = [
    "print any of",
    "output any of",
    "any of them will be accepted",
    "any of them is accepted",
    "you can print any",
    "you may print any",
    "you may output any",
];

/// What is wrong with tests that list answers, where the statement accepts any of several; absent where it does not say
/// so.
pub(crate) fn of_statement(statement: &str) -> Option<&'static str> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let plain = words.join(" ").to_lowercase();
    ANY.iter()
        .any(|phrase| plain.contains(phrase))
        .then_some(SEVERAL)
}

/// All names of problems of a format, for tests that look them up in the files at hand.
#[cfg(test)]
pub(crate) fn names(format: Format) -> impl Iterator<Item = &'static str> {
    let known = ERRATA.iter().filter(move |(of, _, _)| *of == format);
    known.flat_map(|(_, names, _)| names.iter().copied())
}
