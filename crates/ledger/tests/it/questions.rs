//! Questions and answers to record.

use std::path::Path;
use std::time::Duration;

use domain::*;
use ledger::{Ledger, RunId, RunSpec};

pub(crate) const TOOLCHAIN: &str = "Python 3.13.1";

pub(crate) fn open(folder: &Path) -> (Ledger, RunId) {
    let ledger = Ledger::open(&folder.join("ledger.sqlite")).unwrap();
    let run = ledger.begin_run(&spec()).unwrap();
    (ledger, run)
}

pub(crate) fn spec() -> RunSpec {
    RunSpec {
        command: "eval".into(),
        settings: serde_json::json!({"k": 3, "data": "humaneval"}),
    }
}

pub(crate) fn ask(number: u32) -> Ask {
    let statement = "Count the ways to tile a board of two rows with dominoes. ".repeat(20);
    Ask {
        agent: Agent::ALL[number as usize % 4],
        model: "small-model".into(),
        messages: vec![
            Message::system("You solve programming problems.\n"),
            Message::user(format!("{statement}\nPlan number {number} — よろしく 🦀")),
        ],
        sampling: Sampling {
            temperature: 0.7,
            ..Sampling::default()
        },
        sample_idx: number,
        shape: None,
    }
}

pub(crate) fn reply(number: u32) -> Reply {
    Reply {
        text: format!("reply {number}: {}", "use dynamic programming\n".repeat(15)),
        finish: Finish::Length,
        usage: Usage {
            prompt_tokens: 300,
            cached_tokens: 250,
            completion_tokens: 70,
        },
        wall: Duration::from_nanos(1_234_567_891),
        cost: Some(0.001),
    }
}

pub(crate) fn submission(number: u32) -> Submission {
    Submission {
        program: Program {
            language: Language::Python,
            source: format!("print({number})\n"),
        },
        tests: vec![Test::Stdio {
            input: "1 2 3\n".repeat(200),
            expected: vec![format!("{number}\n")],
        }],
        checker: Checker::Float { tolerance: 1e-6 },
        limits: Limits::default(),
        isolation: Isolation::Pooled,
        stop_on_first_failure: true,
    }
}

pub(crate) fn judging(number: u32) -> Judging {
    Judging {
        verdict: Verdict::Accepted,
        cases: vec![CaseReport {
            verdict: Verdict::Accepted,
            cpu: Duration::from_millis(17),
            wall: Duration::from_millis(20),
            memory_bytes: 9 << 20,
            exit: Some(Exit::Code(0)),
            actual: format!("{number}\n"),
            n_output_bytes: 0,
            stderr_tail: String::new(),
            message: String::new(),
            otherwise: Vec::new(),
        }],
        compile_log: String::new(),
        rung: Rung::Userns,
        toolchain: TOOLCHAIN.into(),
    }
}
