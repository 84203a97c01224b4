//! The numbered cases: hostile and strange programs, the verdicts that they must get on each rung,
//! and that nothing of them is left, in the cell or outside, when they are over.
//!
//! [`TABLE`] is the list, one file for each group of numbers. [`ELSEWHERE`] names the tests that hold the rest.
//! Where a rung may judge differently, the case says so and why.

mod case;
mod comparisons;
mod endings;
mod files;
mod forgeries;
mod inspect;
mod kernel;
mod memory;
mod processes;
mod sources;
mod streams;

use std::time::{Duration, Instant};

use domain::Rung;
use judge::{Judge, Settings};

use case::{Case, FRESH, How, POOLED, TOGETHER};
use inspect::{Benign, Outside};

use crate::environment::{self, User};
use crate::required::skip;

/// All cases that are programs.
const TABLE: &[&[Case]] = &[
    endings::CASES,
    processes::CASES,
    memory::CASES,
    streams::CASES,
    files::CASES,
    kernel::CASES,
    sources::CASES,
    comparisons::CASES,
    forgeries::CASES,
];

/// The longest that any case may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the judge itself may hold of an output beyond the limit.
const SPARE: u64 = 8 << 20;

/// Those of them that most depend on what kind of namespaces a run has.
const OF_PROCESSES: &[&[Case]] = &[processes::CASES, forgeries::CASES];
/// Those that test code calls.
const CALLED: &[&[Case]] = &[forgeries::CASES];
/// Some that show whether programs are judged and kept at all.
const SOME: &[&[Case]] = &[endings::CASES, files::CASES];

/// Judges all cases in one cell of this rung, and looks for what each has left.
fn judge_all(rung: Rung, table: &[&[Case]], how: How) {
    let settings = Settings {
        min_rung: rung,
        max_rung: rung,
        ..Settings::default()
    };
    judge_with(settings, rung, table, how);
}

/// Judges cases in one cell, which must come to be on this rung, and looks for what each has left.
fn judge_with(settings: Settings, rung: Rung, table: &[&[Case]], how: How) {
    let files = tempfile::tempdir().unwrap();
    let (canary, scratch) = (files.path().join("canary"), files.path().join("scratch"));
    std::fs::write(&canary, "alive").unwrap();
    std::fs::create_dir(&scratch).unwrap();
    let open_files = inspect::n_open_files();
    // Others on this machine may have been killed with their cells.
    let control_groups = inspect::control_groups();
    let settings = Settings {
        n_cells: 1,
        scratch_dir: scratch.clone(),
        ..settings
    };
    let judge = match Judge::start(settings) {
        Ok(judge) => judge,
        Err(error) => {
            skip(rung, error);
            return;
        }
    };
    assert_eq!(judge.rung(), rung);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut faults = Vec::new();
    runtime.block_on(async {
        let benign = Benign::new(&judge, how.isolation).await;
        for was_called in [false, true] {
            assert_eq!(
                benign.differences(&judge, was_called).await,
                Vec::<String>::new()
            );
        }
        let n_processes = inspect::n_settled();
        let outside = Outside::now(&canary, &scratch);
        for case in table.iter().copied().flatten() {
            let submission = case.submission(&canary.to_string_lossy(), &how);
            for _ in 0..case.times {
                let start = Instant::now();
                inspect::forget_peak();
                let (before, _) = inspect::memory();
                match judge.judge(&submission).await {
                    Ok(judging) => faults.extend(case.fault(&judging, &how)),
                    Err(error) => faults.push(format!("{} {}: {error}", case.number, case.title)),
                }
                let mut say =
                    |what: String| faults.push(format!("{} {}: {what}", case.number, case.title));
                let allowed = before + case.allowed_bytes() + SPARE;
                let (_, peak) = inspect::memory();
                if peak > allowed {
                    say(format!("the judge held {peak} bytes, not {allowed}"));
                }
                let survivors = inspect::survivors(n_processes);
                if !survivors.is_empty() {
                    say(format!("survivors: {survivors:?}"));
                }
                let now = Outside::now(&canary, &scratch);
                if now != outside {
                    say(format!("the machine changed: {now:?}"));
                }
                let differences = benign.differences(&judge, case.is_called()).await;
                differences.into_iter().for_each(&mut say);
                if start.elapsed() > PATIENCE {
                    say("it took too long".into());
                }
            }
        }
    });
    drop((judge, runtime));
    assert!(
        faults.is_empty(),
        "on {rung}, {} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert_eq!(inspect::survivors(0), Vec::<String>::new());
    assert_eq!(inspect::n_open_files(), open_files);
    let left: Vec<_> = inspect::control_groups()
        .into_iter()
        .filter(|group| !control_groups.contains(group))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn full() {
    environment::run("suite::full", Rung::Full, User::Own, |rung| {
        judge_all(rung, TABLE, POOLED);
    });
}

#[test]
fn userns() {
    environment::run("suite::userns", Rung::Userns, User::Own, |rung| {
        judge_all(rung, TABLE, POOLED);
    });
}

#[test]
fn userns_of_nobody() {
    environment::run(
        "suite::userns_of_nobody",
        Rung::Userns,
        User::Nobody,
        |rung| {
            judge_all(rung, TABLE, POOLED);
        },
    );
}

#[test]
fn landlock() {
    environment::run("suite::landlock", Rung::Landlock, User::Own, |rung| {
        judge_all(rung, TABLE, POOLED);
    });
}

#[test]
fn landlock_of_nobody() {
    environment::run(
        "suite::landlock_of_nobody",
        Rung::Landlock,
        User::Nobody,
        |rung| {
            judge_all(rung, TABLE, POOLED);
        },
    );
}

#[test]
fn fresh_on_full() {
    environment::run("suite::fresh_on_full", Rung::Full, User::Own, |rung| {
        judge_all(rung, TABLE, FRESH);
    });
}

#[test]
fn fresh_on_userns() {
    environment::run("suite::fresh_on_userns", Rung::Userns, User::Own, |rung| {
        judge_all(rung, OF_PROCESSES, FRESH);
    });
}

#[test]
fn fresh_on_userns_of_nobody() {
    environment::run(
        "suite::fresh_on_userns_of_nobody",
        Rung::Userns,
        User::Nobody,
        |rung| {
            judge_all(rung, OF_PROCESSES, FRESH);
        },
    );
}

#[test]
fn together_on_full() {
    environment::run("suite::together_on_full", Rung::Full, User::Own, |rung| {
        judge_all(rung, CALLED, TOGETHER);
    });
}

#[test]
fn a_plain_container_gives_landlock() {
    environment::run(
        "suite::a_plain_container_gives_landlock",
        Rung::Landlock,
        User::Contained,
        |rung| {
            judge_with(Settings::default(), rung, SOME, POOLED);
        },
    );
}

#[test]
fn a_plain_container_gives_nobody_landlock() {
    environment::run(
        "suite::a_plain_container_gives_nobody_landlock",
        Rung::Landlock,
        User::ContainedNobody,
        |rung| {
            judge_with(Settings::default(), rung, SOME, POOLED);
        },
    );
}

/// Cases that are no single program: the number, what it says, the file below this crate, and the test in it.
const ELSEWHERE: &[(u8, &str, &str, &str)] = &[
    (
        51,
        "what is no number",
        "src/checkers/tests/plain.rs",
        "what_is_no_number_must_be_the_same",
    ),
    (
        52,
        "large numbers",
        "src/checkers/tests/plain.rs",
        "integers_are_exact",
    ),
    (
        53,
        "white space, lines",
        "src/checkers/tests/plain.rs",
        "lines_ignore_white_space_at_ends_only",
    ),
    (
        54,
        "tolerance",
        "src/checkers/tests/plain.rs",
        "the_boundary_of_a_tolerance_belongs_to_it",
    ),
    (
        68,
        "a thousand runs",
        "tests/it/load.rs",
        "no_verdict_changes_under_load",
    ),
    (
        69,
        "near the limit on a busy machine",
        "tests/it/load.rs",
        "no_verdict_changes_under_load",
    ),
    (
        70,
        "the judge is killed",
        "tests/orphans.rs",
        "a_killed_judge_leaves_nothing",
    ),
    (
        71,
        "the next run, after every case",
        "tests/it/suite/mod.rs",
        "judge_all",
    ),
];

#[test]
fn every_number_is_there() {
    let mut missing = Vec::new();
    for number in 1..=71 {
        let in_table = TABLE
            .iter()
            .copied()
            .flatten()
            .any(|case| case.number == number);
        let elsewhere = ELSEWHERE.iter().any(|(other, _, file, test)| {
            let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap_or_default();
            *other == number && text.contains(&format!("fn {test}("))
        });
        if !in_table && !elsewhere {
            missing.push(number);
        }
    }
    assert!(missing.is_empty(), "no test for the cases {missing:?}");
}

/// The table as a document, and where it lies.
fn document() -> (String, &'static str) {
    let mut rows: Vec<_> = TABLE
        .iter()
        .copied()
        .flatten()
        .map(|case| (case.number, case.row()))
        .collect();
    rows.extend(ELSEWHERE.iter().map(|(number, title, file, test)| {
        (
            *number,
            format!("| {number} | {title} | `{test}` in `crates/judge/{file}` | |\n"),
        )
    }));
    rows.sort_by_key(|(number, _)| *number);
    let mut text = String::from(include_str!("document.md"));
    rows.iter().for_each(|(_, row)| text.push_str(row));
    (
        text,
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/judge-cases.md"),
    )
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whoever changes the table asks for the document to be written again"
)]
fn the_document_says_what_is_tested() {
    let (text, path) = document();
    if std::env::var("JUDGE_WRITE_CASES").is_ok() {
        std::fs::write(path, &text).unwrap();
    }
    let is_written = std::fs::read_to_string(path).is_ok_and(|written| written == text);
    assert!(
        is_written,
        "{path} is old: run this test with JUDGE_WRITE_CASES=1"
    );
}
