use std::io::Read as _;
use std::path::Path;

use domain::{Judging, Language, Limits, Program, Submission, Test, Verdict};
use judge::JudgeError;
use server::Row;

use super::{show, tests_folder};
use crate::args::{CheckerArg, RunArgs, TestArgs};
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::ui::Ui;
use crate::wiring;

/// Runs one program on its tests and says what it did.
///
/// # Errors
/// When a file cannot be read, or the judge cannot be had or breaks.
pub(super) fn run(args: &RunArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let tests = Tests::of(&args.tests)?;
    let submission = submission(args, tests.tests)?;
    let judge = wiring::judge(settings, ui)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut judging = runtime.block_on(judge.judge(&submission)).map_err(fault)?;
    if judging.verdict == Verdict::LanguageUnavailable {
        let language = submission.program.language;
        let message = format!(
            "no toolchain for {} on this machine: {}",
            language.title(),
            judging.compile_log
        );
        return Err(Failure::new(Exit::JudgeUnavailable, message)
            .help("`mapcoder doctor` says what was looked for")
            .into());
    }
    if tests.nothing_is_expected {
        accept_any_output(&mut judging);
    }
    let n_tests = submission.tests.len();
    if ui.json() {
        ui.line(&server::result_line(
            Row::default(),
            n_tests,
            &judging,
            true,
        ))?;
    } else if tests.nothing_is_expected {
        show::output(&judging, ui)?;
    } else {
        show::table(&judging, &tests.names, ui)?;
    }
    Ok(match judging.verdict {
        Verdict::Accepted => Exit::Success,
        _ => Exit::Failure,
    })
}

/// What is wrong with the submission is not the judge's fault.
fn fault(error: JudgeError) -> anyhow::Error {
    let exit = match error {
        JudgeError::Unsupported(_) | JudgeError::UnknownChecker(_) => Exit::Usage,
        JudgeError::Checker(_) => Exit::Failure,
        _ => return error.into(),
    };
    Failure::new(exit, error.to_string()).into()
}

/// The tests that the command line names.
struct Tests {
    tests: Vec<Test>,
    /// One for each test.
    names: Vec<String>,
    nothing_is_expected: bool,
}

impl Tests {
    fn of(args: &TestArgs) -> anyhow::Result<Tests> {
        let (names, tests) = if let Some(folder) = &args.tests {
            tests_folder::read(folder)?.into_iter().unzip()
        } else if let Some(file) = &args.python_tests {
            let code = text(file)?;
            (vec![name(file)], vec![Test::Python { code }])
        } else {
            let input = match &args.input {
                None => String::new(),
                Some(file) if file.as_os_str() == "-" => standard_input()?,
                Some(file) => text(file)?,
            };
            let expected = args.expected.as_deref().map(text).transpose()?;
            let test = Test::Stdio {
                input,
                expected: expected.into_iter().collect(),
            };
            (vec!["1".to_string()], vec![test])
        };
        let nothing_is_expected =
            args.tests.is_none() && args.python_tests.is_none() && args.expected.is_none();
        Ok(Tests {
            tests,
            names,
            nothing_is_expected,
        })
    }
}

fn submission(args: &RunArgs, tests: Vec<Test>) -> anyhow::Result<Submission> {
    let language = match args.language {
        Some(language) => language,
        None => of_suffix(&args.program)?,
    };
    let checker = match &args.checker {
        CheckerArg::Known(checker) => checker.clone(),
        CheckerArg::Custom(file) => domain::Checker::Custom {
            source: text(file)?,
        },
    };
    Ok(Submission {
        program: Program {
            language,
            source: text(&args.program)?,
        },
        tests,
        checker,
        limits: Limits {
            memory_bytes: args.memory << 20,
            ..Limits::with_cpu(args.time)
        },
        isolation: super::isolation(args.fresh),
        stop_on_first_failure: !args.run_all,
    })
}

fn of_suffix(program: &Path) -> Result<Language, Failure> {
    let suffix = program.extension().and_then(|suffix| suffix.to_str());
    let language = suffix.and_then(|suffix| suffix.parse().ok());
    language.ok_or_else(|| {
        let message = format!("the suffix of {} names no language", program.display());
        Failure::new(Exit::Usage, message).help("name it with `--language`")
    })
}

/// A file that must be text, as programs and tests are.
pub(super) fn text(file: &Path) -> Result<String, Failure> {
    std::fs::read(file)
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".into()))
        .map_err(|reason| {
            let message = format!("failed to read {}: {reason}", file.display());
            Failure::new(Exit::Usage, message)
        })
}

fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("failed to read standard input: {error}"),
            )
        })?;
    Ok(text)
}

fn name(file: &Path) -> String {
    file.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Where nothing is expected, a program that ended well is right whatever it wrote.
fn accept_any_output(judging: &mut Judging) {
    for case in &mut judging.cases {
        if case.verdict == Verdict::WrongAnswer {
            case.verdict = Verdict::Accepted;
            case.message.clear();
        }
    }
    if judging.verdict == Verdict::WrongAnswer {
        judging.verdict = Verdict::Accepted;
    }
}
