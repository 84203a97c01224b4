//! Event files, which TensorBoard shows while a run goes on.
//!
//! A file is a sequence of records, each a protocol buffer `Event` with its length and two checksums.
//! Source: `tensorflow/core/lib/io/record_writer.h`, `core/util/event.proto` and `core/framework/summary.proto`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{StepReport, TrainError};

#[cfg(test)]
mod tests;

/// An open event file.
pub(super) struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Begins a file whose first event is of a step: what older files show of it and of later ones is taken back.
    pub(super) fn open(output: &Path, step: u64) -> Result<Events, TrainError> {
        let seconds = now() as u64;
        let path = output.join(format!(
            "events.out.tfevents.{seconds}.mapcoder.{}",
            std::process::id()
        ));
        let open = || -> io::Result<File> {
            let mut options = OpenOptions::new();
            let mut file = options.create(true).append(true).open(&path)?;
            file.write_all(&record(&version(now())))?;
            file.write_all(&record(&start(now(), step)))?;
            Ok(file)
        };
        let file = open().map_err(|source| TrainError::Write {
            path: path.clone(),
            source,
        })?;
        Ok(Events { path, file })
    }

    /// Shows a step.
    pub(super) fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        let speed = report.tokens as f64 / report.seconds;
        self.scalars(
            report.step,
            &[
                ("train/loss", report.loss),
                ("train/grad_norm", report.grad_norm),
                ("train/learning_rate", report.learning_rate),
                ("train/epoch", report.epoch),
                ("train/tokens_per_second", speed),
            ],
        )
    }

    /// Shows a measurement.
    pub(super) fn measured(&mut self, step: u64, loss: f64) -> Result<(), TrainError> {
        self.scalars(step, &[("eval/loss", loss)])
    }

    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<(), TrainError> {
        let record = record(&scalars(now(), step, values));
        self.file
            .write_all(&record)
            .map_err(|source| TrainError::Write {
                path: self.path.clone(),
                source,
            })
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// A record: length, its checksum, the bytes, their checksum.
fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked(crc32c(&length)).to_le_bytes());
    record.extend(bytes);
    record.extend(masked(crc32c(bytes)).to_le_bytes());
    record
}

/// The first event of a file: which version of the format follows.
fn version(time: f64) -> Vec<u8> {
    let mut event = timed(time, 0);
    field(&mut event, 3, b"brain.Event:2");
    event
}

/// The event that says that a run begins with a step, whatever was shown of later ones.
fn start(time: f64, step: u64) -> Vec<u8> {
    const STATUS_START: u64 = 1;
    let mut log = Vec::new();
    key(&mut log, 1, 0);
    varint(&mut log, STATUS_START);
    let mut event = timed(time, step);
    field(&mut event, 7, &log);
    event
}

/// An event with some numbers.
fn scalars(time: f64, step: u64, values: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, number) in values {
        let mut value = Vec::new();
        field(&mut value, 1, tag.as_bytes());
        key(&mut value, 2, 5);
        value.extend((*number as f32).to_le_bytes());
        field(&mut summary, 1, &value);
    }
    let mut event = timed(time, step);
    field(&mut event, 5, &summary);
    event
}

fn timed(time: f64, step: u64) -> Vec<u8> {
    let mut event = Vec::new();
    key(&mut event, 1, 1);
    event.extend(time.to_le_bytes());
    key(&mut event, 2, 0);
    varint(&mut event, step);
    event
}

/// What a field begins with: its number, and how it is written.
fn key(out: &mut Vec<u8>, number: u64, wire: u64) {
    varint(out, number << 3 | wire);
}

/// A field of bytes with their length.
fn field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    key(out, number, 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Seven bits a byte, the lowest first.
fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A checksum as records hold it, since data may hold checksums too.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's checksum (RFC 3720, appendix B.4).
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc = crc >> 1 ^ (0x82f6_3b78 & low.wrapping_neg());
        }
    }
    !crc
}
