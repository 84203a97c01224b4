use std::convert::Infallible;
use std::future::ready;

use domain::*;
use proptest::prelude::*;

use crate::texts::{self, Packed};
use crate::{CallError, Ledger, LedgerError, Process, RunId, RunSpec};

fn open() -> (tempfile::TempDir, Ledger, RunId) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
    let spec = RunSpec {
        command: "eval".into(),
        settings: serde_json::json!({}),
    };
    let run = ledger.begin_run(&spec).unwrap();
    (folder, ledger, run)
}

fn ask(sample_idx: u32) -> Ask {
    Ask {
        agent: Agent::Coding,
        model: "m".into(),
        messages: vec![Message::user("hi")],
        sampling: Sampling::default(),
        sample_idx,
        shape: None,
    }
}

fn reply(text: String) -> Reply {
    Reply {
        text,
        finish: Finish::Stop,
        usage: Usage::default(),
        wall: std::time::Duration::ZERO,
        cost: None,
    }
}

/// A text that no compression makes smaller.
fn noise(n_bytes: usize) -> String {
    (0..n_bytes / 64)
        .map(|idx| Digest::of(idx.to_string()).to_string())
        .collect()
}

async fn record(
    ledger: &Ledger,
    run: &RunId,
    sample_idx: u32,
    text: &str,
) -> Result<(), LedgerError> {
    let call = || ready(Ok::<_, Infallible>(reply(text.to_string())));
    match ledger.ask(run, "p", &ask(sample_idx), call).await {
        Ok(_) => Ok(()),
        Err(CallError::Ledger(error)) => Err(error),
    }
}

#[tokio::test]
async fn a_full_disk_is_one_clear_error_and_loses_nothing() {
    let (_folder, ledger, run) = open();
    record(&ledger, &run, 0, "kept").await.unwrap();
    let limit = |n_pages: i64| {
        let ledger = ledger.clone();
        // Inside a transaction the limit holds from the next statement on.
        async move {
            ledger
                .writer()
                .submit(move |connection| connection.pragma_update(None, "max_page_count", n_pages))
                .await
        }
    };
    limit(1).await.unwrap();
    let full = LedgerError::Full(ledger.path().to_path_buf());
    assert_eq!(
        record(&ledger, &run, 1, &noise(100_000)).await,
        Err(full.clone())
    );
    assert!(
        full.to_string()
            .ends_with("the disk is full; free some space and run the same command again")
    );
    record(&ledger, &run, 0, "asked again").await.unwrap();
    let kept = ledger.exchange(&ask(0).key()).unwrap().unwrap();
    assert_eq!(kept.reply.text, "kept");

    limit(1_000_000).await.unwrap();
    record(&ledger, &run, 1, "after a while").await.unwrap();
    assert_eq!(ledger.calls(&run).unwrap().len(), 2);
}

#[tokio::test]
async fn work_that_fails_is_undone_alone() {
    let (_folder, ledger, _) = open();
    let writer = ledger.writer();
    let insert = |name: &'static str| {
        writer.submit(move |connection| {
            connection.execute(
                "INSERT INTO runs (name, command, settings, created_at, last_started_at) VALUES (?, '', '{}', 0, 0)",
                [name],
            )?;
            match name {
                "b" => Err(rusqlite::Error::InvalidQuery),
                _ => Ok(()),
            }
        })
    };
    let (a, b, c) = tokio::join!(insert("a"), insert("b"), insert("c"));
    assert!(a.is_ok() && c.is_ok());
    assert!(matches!(b, Err(LedgerError::Storage { .. })), "{b:?}");
    let mut names: Vec<_> = ledger
        .runs()
        .unwrap()
        .into_iter()
        .map(|run| run.id.to_string())
        .collect();
    names.retain(|name| name.len() == 1);
    names.sort();
    assert_eq!(names, ["a", "c"]);
}

#[tokio::test]
async fn nobody_hangs_when_the_writer_breaks() {
    let (_folder, ledger, run) = open();
    let broken = ledger
        .writer()
        .submit(|_| -> rusqlite::Result<()> { panic!("a fault of ours") });
    let waiting = record(&ledger, &run, 1, "never");
    let (broken, waiting) = tokio::join!(broken, waiting);
    assert_eq!(broken, Err(LedgerError::Stopped));
    assert_eq!(waiting, Err(LedgerError::Stopped));
    assert_eq!(
        record(&ledger, &run, 2, "never").await,
        Err(LedgerError::Stopped)
    );
    assert!(ledger.runs().is_ok(), "what is recorded can still be read");
}

#[tokio::test]
async fn everything_queued_is_on_disk_when_the_last_handle_goes() {
    let (folder, ledger, _) = open();
    for number in 0..500 {
        let insert = move |connection: &rusqlite::Connection| {
            let sql = "INSERT INTO runs (name, command, settings, created_at, last_started_at) VALUES (?, '', '{}', 0, 0)";
            connection.execute(sql, [number])
        };
        ledger.writer().post(insert, drop).unwrap();
    }
    let path = ledger.path().to_path_buf();
    drop(ledger);
    assert_eq!(Ledger::open(&path).unwrap().runs().unwrap().len(), 501);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(
        (1..=3).contains(&files),
        "the ledger, perhaps with its log beside it"
    );
}

#[test]
fn a_process_is_alive_until_it_ends() {
    let own = Process::current();
    assert!(own.is_alive());
    let other_start = Process {
        start_ticks: own.start_ticks - 1,
        ..own.clone()
    };
    let other_boot = Process {
        boot: "an earlier one".into(),
        ..own.clone()
    };
    let nobody = Process {
        pid: u32::MAX,
        ..own
    };
    for dead in [other_start, other_boot, nobody] {
        assert!(!dead.is_alive(), "{dead:?}");
    }
}

proptest! {
    #[test]
    fn a_text_comes_back_as_it_was(text in ".{0,40}", n_repeats in 0_usize..40) {
        let text = text.repeat(n_repeats);
        let Packed { codec, size, data } = Packed::new(&text);
        prop_assert!(data.len() <= text.len());
        prop_assert_eq!(texts::unpack(codec, size, data).unwrap(), text);
    }

    #[test]
    fn damaged_bytes_are_an_error_or_a_text(
        codec in 0_i64..3,
        size in -1_i64..2000,
        data in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(text) = texts::unpack(codec, size, data) {
            prop_assert_eq!(text.len() as i64, size);
        }
    }
}
