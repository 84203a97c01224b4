use std::io::{BufRead, Write};

use domain::Digest;
use serde::{Deserialize, Serialize};

use crate::{Distilled, SetRef, Tally, Trace};

/// The first line of a file of traces.
pub const TRACES_SCHEMA: &str = "mapcoder.distill.traces/1";

/// What is said of all traces of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`TRACES_SCHEMA`].
    pub schema: String,
    /// Of the prompts that the messages were made with.
    pub prompts: Digest,
    /// Sets of which nothing may be in the traces.
    pub held_out: Vec<SetRef>,
    /// Plans that traces come from; none where all are imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distilled: Vec<Distilled>,
    /// What became of everything that was read.
    pub tally: Tally,
}

/// Why traces cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file system said no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A line is not what it should be.
    #[error("read line {line} of the traces: {what}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// Writes traces as JSON lines behind their header.
///
/// # Errors
/// When the file cannot be written.
pub fn write_traces(
    file: &mut impl Write,
    header: &Header,
    traces: &[Trace],
) -> Result<(), BundleError> {
    let json = |error: serde_json::Error| BundleError::Io(error.into());
    writeln!(file, "{}", serde_json::to_string(header).map_err(json)?)?;
    for trace in traces {
        writeln!(file, "{}", serde_json::to_string(trace).map_err(json)?)?;
    }
    Ok(())
}

/// Reads traces with their header.
///
/// # Errors
/// When the file cannot be read, or a line is not what [`write_traces`] writes.
pub fn read_traces(file: impl BufRead) -> Result<(Header, Vec<Trace>), BundleError> {
    let fault = |line: usize, what: String| BundleError::Line { line, what };
    let mut lines = (1..).zip(file.lines());
    let Some((_, first)) = lines.next() else {
        return Err(fault(1, "the file is empty".to_string()));
    };
    let header: Header =
        serde_json::from_str(&first?).map_err(|error| fault(1, error.to_string()))?;
    if header.schema != TRACES_SCHEMA {
        let what = format!(
            "its schema is `{}`, expected `{TRACES_SCHEMA}`",
            header.schema
        );
        return Err(fault(1, what));
    }
    let mut traces = Vec::new();
    for (number, line) in lines {
        let trace = serde_json::from_str(&line?);
        traces.push(trace.map_err(|error| fault(number, error.to_string()))?);
    }
    Ok((header, traces))
}
