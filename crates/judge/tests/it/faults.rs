//! What becomes of programs when their cells break, and of cells when their programs are done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{Isolation, Language, Rung, Submission, Verdict};
use judge::{Judge, JudgeError, Settings};
use tokio::runtime::Runtime;

use crate::common::{assert_healthy, judge_with, judged, stdio, submission};
use crate::environment::{self, User};

const RUNGS: [Rung; 3] = [Rung::Full, Rung::Userns, Rung::Landlock];

/// A judge with one cell that is replaced after so many runs.
fn judge_on(rung: Rung, runs_per_cell: u32) -> Option<Judge> {
    judge_with(Settings {
        n_cells: 1,
        min_rung: rung,
        max_rung: rung,
        runs_per_cell,
        ..Settings::default()
    })
}

/// The outer processes of the judge's cells: children of this process, which has no others.
fn cells() -> Vec<i32> {
    let mut cells = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        cells.extend(
            text.split_whitespace()
                .filter_map(|pid| pid.parse::<i32>().ok()),
        );
    }
    cells
}

/// All processes of a cell, and their CPU time in ticks of a hundredth of a second.
fn processes_of(cell: i32) -> (Vec<i32>, u64) {
    let mut sum = 0;
    let mut found = Vec::new();
    let mut waiting = vec![cell];
    while let Some(pid) = waiting.pop() {
        found.push(pid);
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
        let stat = read("stat").unwrap_or_default();
        if let Some((_, rest)) = stat.rsplit_once(") ") {
            // The program's own time, and the kernel's for it.
            let ticks = rest.split(' ').skip(11).take(2);
            sum += ticks
                .filter_map(|ticks| ticks.parse::<u64>().ok())
                .sum::<u64>();
        }
        let children = read(&format!("task/{pid}/children")).unwrap_or_default();
        waiting.extend(
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse::<i32>().ok()),
        );
    }
    (found, sum)
}

/// Judges a program, and has as many cells killed as soon as it runs in them.
fn judged_while_killing(
    runtime: &Runtime,
    judge: &Judge,
    submission: &Submission,
    n_kills: usize,
) -> Result<domain::Judging, JudgeError> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            // What a killed cell leaves comes to this process, and is not another cell.
            let mut killed: Vec<i32> = Vec::new();
            let mut n_killed = 0;
            while n_killed < n_kills && !is_over.load(Ordering::Relaxed) {
                for cell in cells() {
                    let (processes, ticks) = processes_of(cell);
                    if n_killed < n_kills && !killed.contains(&cell) && ticks >= BUSY_TICKS {
                        killed.extend(processes);
                        // SAFETY: no pointers are passed.
                        unsafe { libc::kill(cell, libc::SIGKILL) };
                        n_killed += 1;
                    }
                }
                std::thread::yield_now();
            }
            n_killed
        });
        let judging = runtime.block_on(judge.judge(submission));
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(killer.join().unwrap(), n_kills);
        judging
    })
}

/// More than it takes to start a cell with its interpreter.
const BUSY_TICKS: u64 = 60;

/// A program that uses more than a second of CPU time, so that it can be met, and answers.
fn long(isolation: Isolation) -> Submission {
    let source = "import time\nwhile time.process_time() < 1.2: pass\nprint(input())";
    let mut submission = submission(Language::Python, source, vec![stdio("7", "7")]);
    submission.limits.cpu = Duration::from_secs(10);
    submission.limits.wall = Duration::from_secs(60);
    submission.isolation = isolation;
    submission
}

fn run(test: &str, suite: fn(Rung)) {
    for rung in RUNGS {
        environment::run(test, rung, User::Own, suite);
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

#[test]
fn a_program_is_judged_again_when_its_cell_is_killed() {
    run(
        "faults::a_program_is_judged_again_when_its_cell_is_killed",
        |rung| {
            let Some(judge) = judge_on(rung, 1000) else {
                return;
            };
            let runtime = runtime();
            for isolation in [Isolation::Pooled, Isolation::Fresh] {
                let judging = judged_while_killing(&runtime, &judge, &long(isolation), 1);
                let judging = judging.unwrap();
                assert_eq!(judging.verdict, Verdict::Accepted, "{judging:?}");
                runtime.block_on(assert_healthy(&judge, "a killed cell"));
            }
        },
    );
}

#[test]
fn a_cell_that_is_killed_twice_is_a_fault_and_no_verdict() {
    run(
        "faults::a_cell_that_is_killed_twice_is_a_fault_and_no_verdict",
        |rung| {
            let Some(judge) = judge_on(rung, 1000) else {
                return;
            };
            let runtime = runtime();
            let judging = judged_while_killing(&runtime, &judge, &long(Isolation::Pooled), 2);
            assert!(matches!(judging, Err(JudgeError::Fault(_))), "{judging:?}");
            runtime.block_on(assert_healthy(&judge, "two killed cells"));
        },
    );
}

#[test]
fn a_cell_is_replaced_after_its_runs() {
    run("faults::a_cell_is_replaced_after_its_runs", |rung| {
        let Some(judge) = judge_on(rung, 2) else {
            return;
        };
        let runtime = runtime();
        let program = submission(Language::Python, "print(1)", vec![stdio("", "1")]);
        let mut seen = Vec::new();
        for _ in 0..4 {
            let judging = runtime.block_on(judged(&judge, &program));
            assert_eq!(judging.verdict, Verdict::Accepted, "{judging:?}");
            // The worker puts a cell away, or ends it, before it answers.
            seen.push(cells());
        }
        assert_eq!([seen[0].len(), seen[2].len()], [1, 1], "{seen:?}");
        assert_ne!(seen[0], seen[2]);
        assert_eq!([&seen[1], &seen[3]], [&Vec::<i32>::new(); 2]);
    });
}
