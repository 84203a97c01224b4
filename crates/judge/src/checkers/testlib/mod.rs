//! The standard checkers of testlib 0.9.44 that decide, as functions.
//!
//! Their outcomes are testlib's on every byte, odd ones included: what it accepts, calls wrong, calls badly
//! formatted, or blames on the answer. Two more that it ships, `pointscmp` and `pointsinfo`, give points and decide nothing.

mod cases;
mod stream;

use super::{Decision, Opinion, quoted};
use stream::Stream;

/// What a testlib checker ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Another answer than the right one.
    Wrong,
    /// Not in the form that an output must have.
    Presentation,
    /// The accepted answer is not in that form.
    Fail,
}

/// An outcome other than acceptance, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quit {
    pub(super) outcome: Outcome,
    pub(super) message: String,
}

impl Quit {
    fn wrong<T>(message: String) -> Result<T, Quit> {
        let outcome = Outcome::Wrong;
        Err(Quit { outcome, message })
    }
}

/// One of the standard checkers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standard {
    name: &'static str,
    check: fn(&mut Stream<'_>, &mut Stream<'_>) -> Result<(), Quit>,
}

impl Standard {
    /// All of them.
    pub(crate) const ALL: [Standard; 19] = [
        Standard::new("acmp", |out, ans| {
            one_double(out, ans, |a, b| (a - b).abs() > 1e-6)
        }),
        Standard::new("caseicmp", cases::one_integer),
        Standard::new("casencmp", cases::integers),
        Standard::new("casewcmp", cases::tokens),
        Standard::new("dcmp", |out, ans| {
            one_double(out, ans, |a, b| !near(a, b, 1e-6))
        }),
        Standard::new("fcmp", |out, ans| each_line(out, ans, |a, b| a == b)),
        Standard::new("hcmp", huge_integer),
        Standard::new("icmp", int),
        Standard::new("lcmp", |out, ans| {
            each_line(out, ans, |a, b| words(a).eq(words(b)))
        }),
        Standard::new("ncmp", integers),
        Standard::new("nyesno", many_yes_no),
        Standard::new("rcmp", |out, ans| {
            one_double(out, ans, |a, b| (a - b).abs() > 1.5e-6 + 1e-15)
        }),
        Standard::new("rcmp4", |out, ans| {
            doubles(out, ans, |a, b| !near(a, b, 1e-4))
        }),
        Standard::new("rcmp6", |out, ans| {
            doubles(out, ans, |a, b| !near(a, b, 1e-6))
        }),
        Standard::new("rcmp9", |out, ans| {
            doubles(out, ans, |a, b| !near(a, b, 1e-9))
        }),
        Standard::new("rncmp", |out, ans| {
            doubles(out, ans, |a, b| (a - b).abs() > 1.5e-5 + 1e-15)
        }),
        Standard::new("uncmp", unordered_integers),
        Standard::new("wcmp", tokens),
        Standard::new("yesno", yes_no),
    ];

    const fn new(
        name: &'static str,
        check: fn(&mut Stream<'_>, &mut Stream<'_>) -> Result<(), Quit>,
    ) -> Standard {
        Standard { name, check }
    }

    /// The checker of a name.
    pub(crate) fn named(name: &str) -> Option<Standard> {
        Standard::ALL
            .into_iter()
            .find(|standard| standard.name == name)
    }

    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// Runs the checker. Whatever accepts must have read the whole output.
    pub(super) fn check(self, output: &[u8], answer: &[u8]) -> Result<(), Quit> {
        let (mut output, mut answer) = (Stream::output(output), Stream::answer(answer));
        (self.check)(&mut output, &mut answer)?;
        if output.seek_eof() {
            return Ok(());
        }
        Err(output.malformed("extra information in the output"))
    }

    pub(super) fn compare(self, output: &[u8], answer: &[u8]) -> Decision {
        let Err(Quit { outcome, message }) = self.check(output, answer) else {
            return Ok(Opinion::Right);
        };
        match outcome {
            Outcome::Wrong => Ok(Opinion::Wrong(message)),
            Outcome::Presentation => Ok(Opinion::Wrong(format!("wrong output format: {message}"))),
            Outcome::Fail => Err(format!("{}: {message}", self.name)),
        }
    }
}

/// Absolutely or relatively within the error. Beyond 1e300 a number is infinite; `nan` cannot come from text.
fn near(expected: f64, found: f64, error: f64) -> bool {
    let error = error + 1e-15;
    let is_infinite = |value: f64| value.abs() > 1e300;
    if is_infinite(expected) {
        return is_infinite(found) && (expected > 0.0) == (found > 0.0);
    }
    if is_infinite(found) {
        return false;
    }
    if (found - expected).abs() <= error {
        return true;
    }
    let (low, high) = (expected * (1.0 - error), expected * (1.0 + error));
    found >= low.min(high) && found <= low.max(high)
}

fn one_double(
    output: &mut Stream<'_>,
    answer: &mut Stream<'_>,
    differ: fn(f64, f64) -> bool,
) -> Result<(), Quit> {
    let (expected, found) = (answer.double()?, output.double()?);
    if differ(expected, found) {
        return Quit::wrong(format!("expected {expected:?}, found {found:?}"));
    }
    Ok(())
}

fn doubles(
    output: &mut Stream<'_>,
    answer: &mut Stream<'_>,
    differ: fn(f64, f64) -> bool,
) -> Result<(), Quit> {
    let mut number = 0;
    while !answer.seek_eof() {
        number += 1;
        let (expected, found) = (answer.double()?, output.double()?);
        if differ(expected, found) {
            return Quit::wrong(format!(
                "number {number}: expected {expected:?}, found {found:?}"
            ));
        }
    }
    Ok(())
}

fn int(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    let (expected, found) = (answer.int()?, output.int()?);
    if expected != found {
        return Quit::wrong(format!("expected {expected}, found {found}"));
    }
    Ok(())
}

fn integers(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    let mut n_numbers = 0;
    while !answer.seek_eof() && !output.seek_eof() {
        n_numbers += 1;
        let (expected, found) = (answer.long()?, output.long()?);
        if expected != found {
            return Quit::wrong(format!(
                "number {n_numbers}: expected {expected}, found {found}"
            ));
        }
    }
    same_length(n_numbers, output, answer, |stream| stream.long().map(drop))
}

/// What both streams have left must be nothing; the rest is read first, and may be malformed.
fn same_length(
    n_read: usize,
    output: &mut Stream<'_>,
    answer: &mut Stream<'_>,
    read: fn(&mut Stream<'_>) -> Result<(), Quit>,
) -> Result<(), Quit> {
    let rest = |stream: &mut Stream<'_>| {
        let mut n_left = 0;
        while !stream.seek_eof() {
            read(stream)?;
            n_left += 1;
        }
        Ok(n_left)
    };
    let (in_answer, in_output) = (rest(answer)?, rest(output)?);
    if in_answer > 0 {
        return Quit::wrong(format!(
            "expected {} elements, found {n_read}",
            n_read + in_answer
        ));
    }
    if in_output > 0 {
        return Quit::wrong(format!(
            "expected {n_read} elements, found {}",
            n_read + in_output
        ));
    }
    Ok(())
}

/// As 32-bit numbers, whatever they were: that is what testlib's `uncmp` keeps of them.
fn unordered_integers(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    let all = |stream: &mut Stream<'_>| {
        let mut numbers = Vec::new();
        while !stream.seek_eof() {
            numbers.push(stream.long()? as i32);
        }
        Ok(numbers)
    };
    let (mut expected, mut found) = (all(answer)?, all(output)?);
    if expected.len() != found.len() {
        return Quit::wrong(format!(
            "expected {} elements, found {}",
            expected.len(),
            found.len()
        ));
    }
    expected.sort_unstable();
    found.sort_unstable();
    match expected
        .iter()
        .zip(&found)
        .find(|(expected, found)| expected != found)
    {
        Some((expected, found)) => Quit::wrong(format!(
            "in increasing order: expected {expected}, found {found}"
        )),
        None => Ok(()),
    }
}

fn tokens(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    let mut number = 0;
    while !answer.seek_eof() && !output.seek_eof() {
        number += 1;
        let (expected, found) = (answer.word()?, output.word()?);
        if expected != found {
            return Quit::wrong(format!(
                "token {number}: expected {}, found {}",
                quoted(expected),
                quoted(found)
            ));
        }
    }
    if !answer.seek_eof() {
        return Quit::wrong(format!("the output ends after {number} tokens"));
    }
    if !output.seek_eof() {
        return Quit::wrong(format!("the output goes on after {number} tokens"));
    }
    Ok(())
}

fn each_line(
    output: &mut Stream<'_>,
    answer: &mut Stream<'_>,
    same: fn(&[u8], &[u8]) -> bool,
) -> Result<(), Quit> {
    let mut number = 0;
    while !answer.eof() {
        let expected = answer.line();
        if expected.is_empty() && answer.eof() {
            break;
        }
        let found = output.line();
        number += 1;
        if !same(&expected, &found) {
            return Quit::wrong(format!(
                "line {number}: expected {}, found {}",
                quoted(&expected),
                quoted(&found)
            ));
        }
    }
    Ok(())
}

/// Split as C++ streams do it.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t'..=b'\r'))
        .filter(|word| !word.is_empty())
}

fn huge_integer(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    let (expected, found) = (answer.word()?, output.word()?);
    if !is_integer(expected) {
        return Err(answer.malformed(format!("{} is no integer", quoted(expected))));
    }
    if !answer.seek_eof() {
        return Err(answer.malformed("more than one token"));
    }
    if !is_integer(found) {
        return Err(output.malformed(format!("{} is no integer", quoted(found))));
    }
    if expected != found {
        return Quit::wrong(format!(
            "expected {}, found {}",
            quoted(expected),
            quoted(found)
        ));
    }
    Ok(())
}

/// Decimal digits without a leading zero, perhaps after a minus.
fn is_integer(text: &[u8]) -> bool {
    match text.strip_prefix(b"-").unwrap_or(text) {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn yes_no(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    let (expected, found) = (answer.word()?, output.word()?);
    compare_yes_no(expected, found, output, answer)
}

fn many_yes_no(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    let mut n_tokens = 0;
    while !answer.seek_eof() && !output.seek_eof() {
        n_tokens += 1;
        let (expected, found) = (answer.word()?, output.word()?);
        compare_yes_no(expected, found, output, answer).map_err(|mut quit| {
            quit.message = format!("token {n_tokens}: {}", quit.message);
            quit
        })?;
    }
    same_length(n_tokens, output, answer, |stream| stream.word().map(drop))
}

fn compare_yes_no(
    expected: &[u8],
    found: &[u8],
    output: &Stream<'_>,
    answer: &Stream<'_>,
) -> Result<(), Quit> {
    for (word, stream) in [(expected, answer), (found, output)] {
        if !word.eq_ignore_ascii_case(b"YES") && !word.eq_ignore_ascii_case(b"NO") {
            return Err(stream.malformed(format!("expected YES or NO, found {}", quoted(word))));
        }
    }
    if !expected.eq_ignore_ascii_case(found) {
        return Quit::wrong(format!(
            "expected {}, found {}",
            quoted(expected),
            quoted(found)
        ));
    }
    Ok(())
}
