//! Files that are no ledger, or a strange one.

use std::fs;
use std::path::Path;

use ledger::{Ledger, LedgerError};

use crate::questions::*;

fn refusal(path: &Path) -> LedgerError {
    match Ledger::open(path) {
        Ok(_) => panic!("opened {}", path.display()),
        Err(error) => error,
    }
}

#[test]
fn folders_are_made_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/ledger.sqlite");
    Ledger::open(&path).unwrap();
    assert!(path.is_file());
}

#[test]
fn what_is_no_ledger_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let refused = refusal(folder.path());
    assert_eq!(
        refused.to_string(),
        format!(
            "open the ledger at {}: it is a folder",
            folder.path().display()
        )
    );

    let text = folder.path().join("notes.txt");
    fs::write(&text, "shopping list ".repeat(100)).unwrap();
    assert_eq!(refusal(&text), LedgerError::NotALedger(text.clone()));
    assert_eq!(
        fs::read_to_string(&text).unwrap(),
        "shopping list ".repeat(100)
    );

    let under_a_file = text.join("ledger.sqlite");
    assert!(matches!(refusal(&under_a_file), LedgerError::Open { .. }));

    let foreign = folder.path().join("foreign.sqlite");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE songs (title TEXT)")
        .unwrap();
    let before = fs::read(&foreign).unwrap();
    assert_eq!(refusal(&foreign), LedgerError::NotALedger(foreign.clone()));
    assert_eq!(fs::read(&foreign).unwrap(), before);
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let path = ledger.path().to_path_buf();
    drop(ledger);
    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = refusal(&path).to_string();
    assert!(error.contains("schema 99"), "{error}");
    assert!(error.contains("newer version"), "{error}");
}

#[test]
fn a_damaged_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, run) = open(folder.path());
    let path = ledger.path().to_path_buf();
    drop(ledger);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = Ledger::open(&path)
        .and_then(|ledger| ledger.outcomes(&run, |problem, outcome| (problem, outcome)))
        .unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error:?}");
}

#[test]
fn many_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| open(folder.path()));
        }
    });
    let (ledger, run) = open(folder.path());
    assert_eq!(ledger.run(run.as_str()).unwrap().n_starts, 9);
}
