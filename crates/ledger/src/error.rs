use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the ledger could not do its part. What it acknowledged before stays recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The path cannot hold a ledger.
    #[error("open the ledger at {}: {reason}", path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file belongs to something else; it was not touched.
    #[error("open the ledger at {}: the file is not a ledger", .0.display())]
    NotALedger(PathBuf),
    /// The file was written by a newer version; it was not touched.
    #[error(
        "open the ledger at {}: it has schema {found} and this version knows schemas up to {known}; use a newer version or another ledger",
        path.display()
    )]
    NewerSchema {
        /// Where.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// The disk is full.
    #[error("write to the ledger at {}: the disk is full; free some space and run the same command again", .0.display())]
    Full(PathBuf),
    /// The file or its folder may not be written.
    #[error("write to the ledger at {}: it is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// Another process held the write lock for too long.
    #[error("write to the ledger at {}: another process keeps it locked", .0.display())]
    Busy(PathBuf),
    /// The file is damaged.
    #[error("read the ledger at {}: it is damaged ({reason}); restore a copy or choose another ledger", path.display())]
    Corrupt {
        /// Where.
        path: PathBuf,
        /// What does not hold.
        reason: String,
    },
    /// Something else that the database met.
    #[error("use the ledger at {}: {reason}", path.display())]
    Storage {
        /// Where.
        path: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// No run has this name.
    #[error("find the run `{0}` in the ledger")]
    UnknownRun(String),
    /// Several runs begin with these digits.
    #[error("find one run: several begin with `{0}`")]
    SeveralRuns(String),
    /// The thread that writes has ended, which only a fault in this program can cause.
    #[error("write to the ledger: its writer has stopped")]
    Stopped,
}

impl LedgerError {
    /// Sorts what the database said.
    pub(crate) fn of(path: &Path, error: &rusqlite::Error) -> LedgerError {
        let path = path.to_path_buf();
        let reason = error.to_string();
        if matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
        ) {
            return LedgerError::Corrupt { path, reason };
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => LedgerError::Full(path),
            Some(ErrorCode::ReadOnly) => LedgerError::ReadOnly(path),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy(path),
            Some(ErrorCode::DatabaseCorrupt) => LedgerError::Corrupt { path, reason },
            Some(ErrorCode::NotADatabase) => LedgerError::NotALedger(path),
            Some(ErrorCode::CannotOpen) => LedgerError::Open { path, reason },
            _ => LedgerError::Storage { path, reason },
        }
    }
}

/// Why a memoised call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The call itself failed. Nothing was memoised: asking again calls again.
    #[error(transparent)]
    Call(E),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The destination failed.
    #[error("write the export: {0}")]
    Output(#[from] std::io::Error),
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The source failed.
    #[error("read the export: {0}")]
    Input(#[from] std::io::Error),
}

/// A value in the database that does not mean what its column promises.
pub(crate) fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}
