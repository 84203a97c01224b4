//! A judging for people to read.

use domain::{CaseReport, Exit, Judging, Verdict};

use crate::ui::{Ui, megabytes};

/// Lines of an output or an error that are shown.
const SHOWN_LINES: usize = 20;

/// The output of a program that just ran on standard output, and what it took on standard error.
///
/// # Errors
/// When standard output is closed or full.
pub(super) fn output(judging: &Judging, ui: &Ui) -> anyhow::Result<()> {
    if let Some(case) = judging.cases.first() {
        if !case.actual.is_empty() {
            ui.line(case.actual.strip_suffix('\n').unwrap_or(&case.actual))?;
        }
        if case.n_output_bytes > case.actual.len() as u64 {
            ui.note(&format!(
                "the output is cut; it has {} bytes",
                case.n_output_bytes
            ));
        }
        if !case.stderr_tail.is_empty() {
            ui.note(&format!("standard error:\n{}", end_of(&case.stderr_tail)));
        }
        let verdict = match case.verdict {
            Verdict::Accepted => "ended well",
            verdict => verdict.title(),
        };
        let message = if case.message.is_empty() {
            String::new()
        } else {
            format!(" ({})", case.message)
        };
        let end = end(case);
        let end = if end.is_empty() {
            end
        } else {
            format!(", {end}")
        };
        ui.note(&format!(
            "{verdict}{message}{end}: {} of CPU time, {} on the clock, {}; {}",
            milliseconds(case.cpu),
            milliseconds(case.wall),
            megabytes(case.memory_bytes),
            machine(judging),
        ));
    } else {
        ui.note(&format!("{}; {}", judging.verdict, machine(judging)));
    }
    compile_log(judging, ui);
    Ok(())
}

/// A row for each test and the judging below on standard output; more about the first failure on standard error.
///
/// # Errors
/// When standard output is closed or full.
pub(super) fn table(judging: &Judging, names: &[String], ui: &Ui) -> anyhow::Result<()> {
    if !judging.cases.is_empty() {
        let heading = ["test", "verdict", "CPU", "clock", "memory", "end", "remark"];
        let mut rows = vec![heading.map(String::from).to_vec()];
        rows.extend(judging.cases.iter().zip(names).map(|(case, name)| {
            vec![
                name.clone(),
                case.verdict.title().to_string(),
                milliseconds(case.cpu),
                milliseconds(case.wall),
                megabytes(case.memory_bytes),
                end(case),
                first_line(&case.message),
            ]
        }));
        ui.table(&rows)?;
    }
    ui.line(&format!(
        "{}: {} of {} tests passed; {}",
        judging.verdict,
        judging.n_passed(),
        names.len(),
        machine(judging)
    ))?;
    compile_log(judging, ui);
    let first = judging
        .cases
        .iter()
        .zip(names)
        .find(|(case, _)| case.verdict != Verdict::Accepted);
    if let Some((case, name)) = first {
        if case.message.contains('\n') {
            ui.note(&format!("test {name} says:\n{}", end_of(&case.message)));
        }
        if !case.actual.is_empty() {
            ui.note(&format!(
                "output of test {name}:\n{}",
                beginning_of(&case.actual)
            ));
        }
        if !case.stderr_tail.is_empty() {
            ui.note(&format!(
                "standard error of test {name}:\n{}",
                end_of(&case.stderr_tail)
            ));
        }
    }
    if judging.cases.len() < names.len() && !judging.cases.is_empty() {
        let n_left = names.len() - judging.cases.len();
        ui.note(&format!(
            "tests left out: {n_left}; `--run-all` runs them too"
        ));
    }
    Ok(())
}

fn compile_log(judging: &Judging, ui: &Ui) {
    if !judging.compile_log.is_empty() {
        ui.note(&format!(
            "the compiler says:\n{}",
            beginning_of(&judging.compile_log)
        ));
    }
}

/// What a judging stands on.
fn machine(judging: &Judging) -> String {
    format!("{}, rung {}", judging.toolchain, judging.rung)
}

fn milliseconds(time: std::time::Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn end(case: &CaseReport) -> String {
    match case.exit {
        None => String::new(),
        Some(Exit::Code(code)) => format!("exit {code}"),
        Some(Exit::Signal(signal)) => match signal_name(signal) {
            Some(name) => name.to_string(),
            None => format!("signal {signal}"),
        },
    }
}

/// The names of signals that programs commonly end by, on Linux.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

fn first_line(text: &str) -> String {
    visible(text.lines().next().unwrap_or_default())
}

/// The last lines, as that is where errors end.
fn end_of(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(SHOWN_LINES);
    indented(&lines[from..]).join("\n")
}

/// The first lines, as that is where outputs begin.
fn beginning_of(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let mut shown = indented(&lines[..lines.len().min(SHOWN_LINES)]);
    if lines.len() > SHOWN_LINES {
        shown.push("  ...".to_string());
    }
    shown.join("\n")
}

fn indented(lines: &[&str]) -> Vec<String> {
    lines
        .iter()
        .map(|line| format!("  {}", visible(line)))
        .collect()
}

/// A line without what could change the terminal: nobody trusts the program.
fn visible(line: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() && c != '\t' {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    line.chars().map(escaped).collect()
}
