use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Digest, Limits, Program, Test};

/// How outputs are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Checker {
    /// Line by line; white space at line ends and empty lines at the end are ignored, nothing else.
    Lines,
    /// Token by token, split at white space.
    Tokens,
    /// Token by token; tokens that are numbers on both sides may differ by `tolerance`, absolute or relative.
    /// `nan` equals nothing.
    Float {
        /// The largest accepted difference.
        tolerance: f64,
    },
    /// As one of testlib's standard checkers does it.
    Testlib {
        /// Its name without the suffix, such as `wcmp` or `rcmp6`.
        name: String,
    },
    /// As a published harness does it, its mistakes included: to reproduce its numbers, never to decide.
    Compat {
        /// Which harness.
        harness: Harness,
    },
    /// As a program of the problem's author decides, written in C++ against testlib's interface for checkers.
    Custom {
        /// Its single source file.
        source: String,
    },
}

/// A published harness whose rule for comparing outputs can be reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Harness {
    /// ExecEval, the judge of xCodeEval.
    ExecEval,
    /// The test runner of APPS.
    Apps,
    /// The output comparison of CodeContests.
    CodeContests,
    /// The test runner of LiveCodeBench.
    LiveCodeBench,
}

impl Harness {
    /// All of them.
    pub const ALL: [Harness; 4] = [
        Harness::ExecEval,
        Harness::Apps,
        Harness::CodeContests,
        Harness::LiveCodeBench,
    ];

    /// The name used in settings and records.
    pub fn name(self) -> &'static str {
        match self {
            Harness::ExecEval => "execeval",
            Harness::Apps => "apps",
            Harness::CodeContests => "codecontests",
            Harness::LiveCodeBench => "livecodebench",
        }
    }
}

/// What runs of a program share with other runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// A cell that is wiped and checked between runs: the fastest, for the inner loop.
    #[default]
    Pooled,
    /// Process and IPC namespaces of its own for each run, where the rung has namespaces: for final grading.
    Fresh,
}

/// A program to judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// What is judged.
    pub program: Program,
    /// Against what.
    pub tests: Vec<Test>,
    /// How outputs are compared.
    pub checker: Checker,
    /// What the program may use in each test.
    pub limits: Limits,
    /// What its runs share with others.
    #[serde(default)]
    pub isolation: Isolation,
    /// Leave out the tests after the first that fails.
    pub stop_on_first_failure: bool,
}

impl Submission {
    /// The content key: equal for equal submissions under the same toolchain (compiler or interpreter version).
    pub fn key(&self, toolchain: &str) -> Digest {
        Digest::of_json(&("judge/2", self, toolchain))
    }
}

/// What a program did in a test, or in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Right.
    Accepted,
    /// It ended well and said something else.
    WrongAnswer,
    /// It used up its CPU time.
    TimeLimit,
    /// It used up its time on the clock without using its CPU time.
    IdleLimit,
    /// It used up its memory.
    MemoryLimit,
    /// It wrote more than it may.
    OutputLimit,
    /// It ended by an exception, a signal, or an exit code other than 0.
    RuntimeError,
    /// It did not compile.
    CompileError,
    /// It tried to break out or to forge its verdict.
    Security,
    /// The machine has no toolchain for its language; says nothing about the program.
    LanguageUnavailable,
}

impl Verdict {
    /// The name used in records.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::WrongAnswer => "wrong_answer",
            Verdict::TimeLimit => "time_limit",
            Verdict::IdleLimit => "idle_limit",
            Verdict::MemoryLimit => "memory_limit",
            Verdict::OutputLimit => "output_limit",
            Verdict::RuntimeError => "runtime_error",
            Verdict::CompileError => "compile_error",
            Verdict::Security => "security",
            Verdict::LanguageUnavailable => "language_unavailable",
        }
    }

    /// The words used in prose, such as test reports.
    pub fn title(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::WrongAnswer => "wrong answer",
            Verdict::TimeLimit => "time limit exceeded",
            Verdict::IdleLimit => "idle: waited until the wall-clock limit",
            Verdict::MemoryLimit => "memory limit exceeded",
            Verdict::OutputLimit => "output limit exceeded",
            Verdict::RuntimeError => "runtime error",
            Verdict::CompileError => "compile error",
            Verdict::Security => "security violation",
            Verdict::LanguageUnavailable => "language unavailable",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// How strongly a program was isolated, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// R0: resource limits only; used only when the user allows it.
    Weak,
    /// R1: Landlock, seccomp and resource limits.
    Landlock,
    /// R2: R1 inside unprivileged user namespaces with a file system of its own.
    Userns,
    /// R3: R2 and control groups.
    Full,
}

impl Rung {
    /// The name used in settings and records.
    pub fn name(self) -> &'static str {
        match self {
            Rung::Weak => "weak",
            Rung::Landlock => "landlock",
            Rung::Userns => "userns",
            Rung::Full => "full",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// The evidence of one test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// What the program did in this test.
    pub verdict: Verdict,
    /// CPU time of the program and all its children.
    pub cpu: Duration,
    /// Time on the clock.
    pub wall: Duration,
    /// Peak memory.
    pub memory_bytes: u64,
    /// How it ended; absent when it was killed at a limit or never started.
    pub exit: Option<Exit>,
    /// The beginning of what it wrote on standard output, or the value it returned (as `repr`), cut to a few KiB.
    pub actual: String,
    /// How many bytes it wrote on standard output, as far as they were read; `actual` may hold fewer.
    #[serde(default)]
    pub n_output_bytes: u64,
    /// The end of what it wrote on standard error, cut to a few KiB.
    pub stderr_tail: String,
    /// For an assert test: the statement that failed, or the exception, in one line.
    /// For an output: where it first differs, or what the checker said. Else empty.
    pub message: String,
    /// Published harnesses whose rule for comparing outputs says the opposite of `verdict`; empty for other tests than
    /// those by standard input and output, and where a checker of the problem's own decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Harness>,
}

impl CaseReport {
    /// Whether a harness would accept the output of this very run.
    pub fn is_accepted_by(&self, harness: Harness) -> bool {
        (self.verdict == Verdict::Accepted) != self.otherwise.contains(&harness)
    }
}

/// The judge's answer to a [`Submission`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judging {
    /// Accepted, or the verdict of the first test that was not.
    pub verdict: Verdict,
    /// One report per test that was run, in the order of the tests.
    pub cases: Vec<CaseReport>,
    /// What the compiler said, cut to a few KiB; empty when there was nothing to compile or to say.
    pub compile_log: String,
    /// How strongly the program was isolated.
    pub rung: Rung,
    /// The compiler or interpreter with its version.
    pub toolchain: String,
}

impl Judging {
    /// Tests that the program passed.
    pub fn n_passed(&self) -> usize {
        self.cases
            .iter()
            .filter(|case| case.verdict == Verdict::Accepted)
            .count()
    }

    /// Whether a harness would accept the outputs of these very runs, of `n_tests` tests by standard input and output.
    /// Absent when a test that was left out could change that, and when nothing was run for want of a toolchain.
    pub fn is_accepted_by(&self, harness: Harness, n_tests: usize) -> Option<bool> {
        if self.verdict == Verdict::LanguageUnavailable {
            None
        } else if self.verdict == Verdict::CompileError
            || !self.cases.iter().all(|case| case.is_accepted_by(harness))
        {
            Some(false)
        } else {
            (self.cases.len() == n_tests).then_some(true)
        }
    }
}
