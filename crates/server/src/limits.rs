use std::time::Duration;

use domain::Limits;
use serde::Deserialize;

use crate::DecodeError;

/// The longest CPU time that can be asked for.
pub(crate) const MAX_CPU: f64 = 3600.0;
const MAX_WALL: f64 = 4.0 * MAX_CPU;
/// The largest memory that can be asked for.
pub(crate) const MAX_MEMORY_MIB: u64 = 1 << 20;
/// The judge keeps outputs in its own memory while it compares them.
const MAX_OUTPUT_MIB: u64 = 256;
const MAX_FILE_MIB: u64 = 1 << 10;
const MAX_PROCESSES: u32 = 4096;

/// Limits as clients write them; absent ones have their defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wire {
    cpu_seconds: Option<f64>,
    wall_seconds: Option<f64>,
    memory_mib: Option<u64>,
    output_mib: Option<u64>,
    file_mib: Option<u64>,
    processes: Option<u32>,
}

impl Wire {
    /// The limits meant.
    pub(crate) fn limits(&self) -> Result<Limits, DecodeError> {
        let mut limits = match self.cpu_seconds {
            None => Limits::default(),
            Some(seconds) => Limits::with_cpu(time("cpu_seconds", seconds, MAX_CPU)?),
        };
        if let Some(seconds) = self.wall_seconds {
            limits.wall = time("wall_seconds", seconds, MAX_WALL)?;
        }
        for (name, given, max, bytes) in [
            (
                "memory_mib",
                self.memory_mib,
                MAX_MEMORY_MIB,
                &mut limits.memory_bytes,
            ),
            (
                "output_mib",
                self.output_mib,
                MAX_OUTPUT_MIB,
                &mut limits.output_bytes,
            ),
            (
                "file_mib",
                self.file_mib,
                MAX_FILE_MIB,
                &mut limits.file_bytes,
            ),
        ] {
            match given {
                None => {}
                Some(mib) if (1..=max).contains(&mib) => *bytes = mib << 20,
                Some(_) => return Err(out_of_range(name, "1", max)),
            }
        }
        match self.processes {
            None => {}
            Some(n) if (1..=MAX_PROCESSES).contains(&n) => limits.processes = n,
            Some(_) => return Err(out_of_range("processes", "1", MAX_PROCESSES)),
        }
        Ok(limits)
    }
}

fn time(name: &str, seconds: f64, max: f64) -> Result<Duration, DecodeError> {
    let whole = Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero() && seconds <= max);
    whole.ok_or_else(|| out_of_range(name, "more than 0", max))
}

fn out_of_range(name: &str, min: &str, max: impl std::fmt::Display) -> DecodeError {
    DecodeError::field(format!("limits.{name}"), format!("expected {min} to {max}"))
}
