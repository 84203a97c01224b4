use domain::{Digest, Task};

use crate::container::text_of;
use crate::inspect::statement_key;
use crate::rows::{detect, rows};
use crate::{LoadError, SkippedRow};

/// The two parts of a file of JSON lines, row by row as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Rows of the first part.
    pub first: Vec<String>,
    /// All other rows.
    pub second: Vec<String>,
    /// Rows that are no task; they are in neither part.
    pub skipped: Vec<SkippedRow>,
}

/// Divides a file of JSON lines so that about `share` of its problems are in the first part. Where a problem goes follows
/// from its statement and the seed alone: problems that are stated alike stay together, so that no part holds what the
/// other one was trained on, and rows that are added later move none of those before.
///
/// # Errors
/// When the file is packed and damaged, no text, or of no format that is known here.
pub fn split(file: &str, bytes: &[u8], share: f64, seed: u64) -> Result<Split, LoadError> {
    let text = text_of(file, bytes.to_vec())?;
    let format = detect(&text).ok_or_else(|| LoadError::UnknownFormat {
        file: file.to_string(),
    })?;
    let mut parts = Split::default();
    for (line, row) in rows(&text) {
        match format.entry(row, file, line) {
            Ok(entry) => {
                let part = if is_in_first_part(&entry.task, share, seed) {
                    &mut parts.first
                } else {
                    &mut parts.second
                };
                part.push(row.to_string());
            }
            Err(reason) => parts.skipped.push(SkippedRow {
                file: file.to_string(),
                line,
                reason,
            }),
        }
    }
    Ok(parts)
}

/// True for a problem that [`split`] puts into the first part.
pub fn is_in_first_part(task: &Task, share: f64, seed: u64) -> bool {
    let key = Digest::of_json(&("split/1", seed, statement_key(task)));
    // 52 bits of the digest are a number from 0 to 1 that a double holds.
    let draw = u64::from_str_radix(&key.as_str()[..13], 16).unwrap_or(0);
    (draw as f64) < share * (1_u64 << 52) as f64
}
