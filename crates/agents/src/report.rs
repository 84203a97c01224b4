//! What the debugging agent is told about a program: the evidence of the sample tests.

use domain::{CaseReport, Exit, Judging, Limits, Test, Verdict};

use crate::wording;

/// Longest quotation of an input or an output, in characters.
const QUOTE: usize = 600;
/// Failed tests that are shown in full; the others are counted.
const SHOWN: usize = 3;

/// The test report of a judged program.
pub fn report(judging: &Judging, samples: &[Test], limits: &Limits) -> String {
    if judging.verdict == Verdict::CompileError {
        return format!(
            "The program does not compile:\n{}",
            indent(&quote(&judging.compile_log))
        );
    }
    let failed: Vec<(usize, &CaseReport)> = judging
        .cases
        .iter()
        .enumerate()
        .filter(|(_, case)| case.verdict != Verdict::Accepted)
        .collect();
    let mut text = format!(
        "It passes {} of {} tests.\n",
        judging.n_passed(),
        samples.len()
    );
    for (at, case) in failed.iter().take(SHOWN) {
        text += &format!(
            "\nTest {} of {}: {}",
            at + 1,
            samples.len(),
            verdict(case, limits)
        );
        if let Some(test) = samples.get(*at) {
            text += &evidence(test, case);
        }
    }
    if failed.len() > SHOWN {
        text += &format!("\n{} more tests fail.\n", failed.len() - SHOWN);
    }
    text.trim_end().to_string()
}

fn verdict(case: &CaseReport, limits: &Limits) -> String {
    let took = format!("{} ms", case.cpu.as_millis());
    let detail = match (case.verdict, case.exit) {
        (Verdict::TimeLimit, _) => format!(", {took} of {} ms", limits.cpu.as_millis()),
        (Verdict::MemoryLimit, _) => format!(", the limit is {} MiB", limits.memory_bytes >> 20),
        (Verdict::RuntimeError, Some(Exit::Signal(signal))) => format!(", signal {signal}, {took}"),
        (Verdict::RuntimeError, Some(Exit::Code(code))) if code != 0 => {
            format!(", exit code {code}, {took}")
        }
        _ => format!(", {took}"),
    };
    format!("{}{detail}\n", case.verdict.title())
}

fn evidence(test: &Test, case: &CaseReport) -> String {
    let mut text = String::new();
    let mut add = |title: &str, body: &str| {
        if !body.trim().is_empty() {
            text += &format!("{title}:\n{}\n", indent(&quote(body)));
        }
    };
    match test {
        Test::Stdio { input, expected } => {
            add("Input", input);
            add(
                "Expected output",
                expected.first().map_or("", String::as_str),
            );
            let actual = if case.actual.trim().is_empty() {
                "(nothing)"
            } else {
                &case.actual
            };
            add("Output of the program", actual);
        }
        Test::Python { code } => {
            add("The test", code);
            if case.verdict == Verdict::WrongAnswer {
                add("The function returned", &case.actual);
            }
            add("What happened", &case.message);
        }
        Test::Call {
            function,
            arguments,
            expected,
        } => {
            add("The call", &wording::call(function, arguments));
            add(
                "Expected answer",
                expected.first().map_or("", String::as_str),
            );
            if case.verdict == Verdict::WrongAnswer {
                add("The function returned", &case.actual);
            }
            add("What happened", &case.message);
        }
    }
    add("Standard error", &case.stderr_tail);
    text
}

/// The text, or its two ends when it is long.
fn quote(text: &str) -> String {
    let text = text.trim_end();
    let n_chars = text.chars().count();
    if n_chars <= QUOTE {
        return text.to_string();
    }
    let head: String = text.chars().take(QUOTE / 2).collect();
    let tail: String = text.chars().skip(n_chars - QUOTE / 2).collect();
    format!(
        "{head}\n… {} characters left out …\n{tail}",
        n_chars - QUOTE / 2 * 2
    )
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
