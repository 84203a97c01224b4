//! The command line of `mapcoder judge`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use domain::{Checker, Language};

use super::JudgeArgs;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder judge run sum.py --tests tests/       a verdict on each test
  mapcoder judge batch submissions.jsonl > results.jsonl
  mapcoder judge serve                           over HTTP, as ExecEval and with full evidence

docs/judge.md describes the JSON, the HTTP paths, the verdicts and the languages.")]
pub(crate) struct JudgeCommandArgs {
    #[command(subcommand)]
    pub(crate) command: JudgeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JudgeCommand {
    /// Run one program in the sandbox and say what it did
    Run(Box<RunArgs>),
    /// Judge submissions from JSON lines, many at a time
    Batch(BatchArgs),
    /// Judge over HTTP
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder judge run hello.py                              run it, show what it writes and what it took
  mapcoder judge run sum.cpp --input 1.in --expected 1.out
  mapcoder judge run sum.cpp --tests tests/ --time 2 --memory 256 --checker float:1e-6 --run-all
  mapcoder judge run add.py --python-tests test_add.py     functions, tested by asserts
  echo '1 2' | mapcoder judge run sum.py --input -

`--tests` takes pairs NAME.in with NAME.out or NAME.ans, and inputNAME.txt with outputNAME.txt.

Exit codes:
  0 accepted; with nothing expected: it ended well · 1 not accepted · 2 wrong usage
  6 judge unavailable, or no toolchain for the language: says nothing about the program")]
pub(crate) struct RunArgs {
    /// The program's single source file
    #[arg(value_name = "PROGRAM")]
    pub(crate) program: PathBuf,

    /// Its language; without it, the file's suffix says it
    #[arg(long, short, value_name = "NAME")]
    pub(crate) language: Option<Language>,

    #[command(flatten)]
    pub(crate) tests: TestArgs,

    /// How outputs are compared: `lines`, `tokens`, `float:1e-6`, `testlib:wcmp`, `compat:execeval`
    /// or `custom:CHECKER.cpp`
    #[arg(long, value_name = "NAME", default_value = "lines", value_parser = checker)]
    pub(crate) checker: CheckerArg,

    /// CPU time for each test, for native code; slower languages get two or three times as much.
    /// Time on the clock is three times as much and a second
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) time: Duration,

    /// Memory for each test, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) memory: u64,

    /// Give each run process and IPC namespaces of its own
    #[arg(long)]
    pub(crate) fresh: bool,

    /// Go on after the first test that fails
    #[arg(long)]
    pub(crate) run_all: bool,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

/// What a program is tested with. Without any, it just runs.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Standard input: a file, or `-` for this command's own; without it, it is empty
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["tests", "python_tests"])]
    pub(crate) input: Option<PathBuf>,

    /// The right output
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["tests", "python_tests"])]
    pub(crate) expected: Option<PathBuf>,

    /// A folder of inputs with their right outputs
    #[arg(long, value_name = "FOLDER", conflicts_with = "python_tests")]
    pub(crate) tests: Option<PathBuf>,

    /// Python statements that call the program's functions and assert what they return
    #[arg(long, value_name = "FILE")]
    pub(crate) python_tests: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Each line is one submission:
  {\"id\": 1, \"language\": \"python\", \"source\": \"print(int(input()) + 1)\",
   \"tests\": [{\"input\": \"1\", \"expected\": \"2\"}], \"limits\": {\"cpu_seconds\": 2}}

Each becomes one line on standard output, in the same order. A line that cannot be read becomes a line with
`error`, and the rest goes on. Ctrl-C finishes what is being judged.

Exit codes:
  0 every submission was judged, whatever the verdicts · 1 some lines could not be read or judged
  4 no submissions · 6 judge unavailable · 130 interrupted")]
pub(crate) struct BatchArgs {
    /// JSON lines, or `-` for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Print each result as soon as it is there
    #[arg(long)]
    pub(crate) unordered: bool,

    /// Give each run process and IPC namespaces of its own, where the submission says nothing else
    #[arg(long)]
    pub(crate) fresh: bool,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder judge serve
  curl -N --json '{\"language\": \"python\", \"source\": \"print(1)\", \"tests\": [{\"input\": \"\", \"expected\": \"1\"}]}' \\
       http://127.0.0.1:5000/v1/judge
  curl http://127.0.0.1:5000/v1/health

Paths:
  POST /v1/judge            one submission, as in `judge batch`; a line for each test, then one for the judging
  GET  /v1/health           rung, languages, submissions taken and the most that are taken
  GET  /v1/languages        what runs each language
  POST /api/execute_code    as ExecEval, for the scripts of xCodeEval and MapCoder
  GET  /api/all_runtimes    as ExecEval

There is no authentication. Ctrl-C answers what is being judged, and ends.")]
pub(crate) struct ServeArgs {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    pub(crate) listen: String,

    /// Allow an address that other machines can reach
    #[arg(long)]
    pub(crate) public: bool,

    /// The largest request, in bytes or with `KiB`, `MiB`, `GiB`
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    pub(crate) max_body: usize,

    /// Submissions that are judged or wait for it; a further one is told to try again later
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) queue: u32,

    /// Give each run process and IPC namespaces of its own, where the submission says nothing else
    #[arg(long)]
    pub(crate) fresh: bool,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

/// A checker as the command line names it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CheckerArg {
    Known(Checker),
    /// A program in this file.
    Custom(PathBuf),
}

fn checker(name: &str) -> Result<CheckerArg, String> {
    match name.strip_prefix("custom:") {
        Some(file) if !file.is_empty() => Ok(CheckerArg::Custom(PathBuf::from(file))),
        Some(_) => Err("expected a file after `custom:`".to_string()),
        None => server::checker(name)
            .map(CheckerArg::Known)
            .map_err(|error| format!("{error}, or `custom:FILE.cpp`")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    seconds
        .filter(|seconds| (0.001..=3600.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected seconds from 0.001 to 3600".to_string())
}

fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: Option<usize> = match &text[digits.len()..] {
        "" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let number: Option<usize> = digits.parse().ok();
    number
        .zip(unit)
        .and_then(|(number, unit)| number.checked_mul(unit))
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| "expected a number of bytes, or one with `KiB`, `MiB` or `GiB`".to_string())
}
