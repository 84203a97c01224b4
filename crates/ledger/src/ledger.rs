use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::flight::Flights;
use crate::readers::Readers;
use crate::writer::Writer;
use crate::{LedgerError, Process, RunId, runs, schema};

/// A handle on the record; clones share it. Several processes may have the same file open.
///
/// Dropping the last clone waits until everything queued is on disk.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    process: Process,
    flights: Flights,
    readers: Readers,
    run_rows: Mutex<HashMap<RunId, i64>>,
    writer: Option<Writer>,
    thread: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Opens the file, creates it and its folders where they are missing, and brings an older schema up to date.
    ///
    /// # Errors
    /// When the path cannot hold a ledger, holds something else, or holds one of a newer version.
    pub fn open(path: &Path) -> Result<Ledger, LedgerError> {
        let connection = schema::open_writer(path)?;
        let (writer, thread) =
            Writer::start(connection, path.to_path_buf()).map_err(|error| LedgerError::Open {
                path: path.to_path_buf(),
                reason: format!("start its thread: {error}"),
            })?;
        Ok(Ledger {
            inner: Arc::new(Inner {
                path: path.to_path_buf(),
                process: Process::current(),
                flights: Flights::default(),
                readers: Readers::new(path.to_path_buf()),
                run_rows: Mutex::new(HashMap::new()),
                writer: Some(writer),
                thread: Some(thread),
            }),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    pub(crate) fn writer(&self) -> &Writer {
        self.inner
            .writer
            .as_ref()
            .expect("the writer leaves when the last handle is dropped")
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.inner.readers
    }

    pub(crate) fn flights(&self) -> &Flights {
        &self.inner.flights
    }

    pub(crate) fn process(&self) -> &Process {
        &self.inner.process
    }

    /// The row of a run, remembered.
    pub(crate) fn run_row(&self, run: &RunId) -> Result<i64, LedgerError> {
        let rows = || {
            self.inner
                .run_rows
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let known = rows().get(run).copied();
        if let Some(row) = known {
            return Ok(row);
        }
        let row = self
            .readers()
            .with(|connection| runs::find_row(connection, run))?;
        let row = row.ok_or_else(|| LedgerError::UnknownRun(run.to_string()))?;
        rows().insert(run.clone(), row);
        Ok(row)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.writer = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been heard by every caller that it concerned.
            drop(thread.join());
        }
    }
}
