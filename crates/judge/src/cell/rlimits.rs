//! Resource limits of programs.

use std::io;

use domain::Rung;

use crate::protocol::{Allowance, Setup};
use crate::sys;

/// Descriptors that a program may have open.
const OPEN_FILES: u64 = 1024;
/// What a program may map beyond its memory limit before the kernel refuses, where no control group counts.
const DATA_SLACK: u64 = 64 << 20;

/// The limits that are the same for every run; programs inherit them from whoever starts them.
pub(super) fn set_common() {
    for (resource, value) in [
        (libc::RLIMIT_CORE, 0),
        (libc::RLIMIT_NOFILE, OPEN_FILES),
        (libc::RLIMIT_STACK, libc::RLIM_INFINITY),
    ] {
        if let Ok(hard) = sys::hard_rlimit(resource) {
            let _ = sys::set_rlimit(resource, value.min(hard));
        }
    }
}

/// The hard limits of this process, above which no program's can be.
pub(super) struct Ceilings {
    cpu: u64,
    file_bytes: u64,
    data_bytes: u64,
    processes: u64,
}

impl Ceilings {
    pub(super) fn now() -> io::Result<Ceilings> {
        Ok(Ceilings {
            cpu: sys::hard_rlimit(libc::RLIMIT_CPU)?,
            file_bytes: sys::hard_rlimit(libc::RLIMIT_FSIZE)?,
            data_bytes: sys::hard_rlimit(libc::RLIMIT_DATA)?,
            processes: sys::hard_rlimit(libc::RLIMIT_NPROC)?,
        })
    }

    /// The limits of one run: a backstop for what is watched, and where nothing counts, all that there is.
    pub(super) fn of(
        &self,
        setup: &Setup,
        has_group: bool,
        allowance: &Allowance,
    ) -> Vec<(u32, u64)> {
        // The kernel counts this time in whole ticks. Where short tasks run between them, a program that waits for
        // its core most of the time is charged with all of them.
        let seconds = 8 * (allowance.cpu_us.div_ceil(1_000_000) + 1);
        let mut limits = vec![
            (libc::RLIMIT_CPU, seconds.min(self.cpu)),
            (
                libc::RLIMIT_FSIZE,
                allowance.file_bytes.min(self.file_bytes),
            ),
        ];
        if !has_group {
            let data = allowance.memory_bytes.saturating_add(DATA_SLACK);
            limits.push((libc::RLIMIT_DATA, data.min(self.data_bytes)));
            if setup.rung == Rung::Userns {
                // Counted per user and namespace; the cell's own processes may count too.
                let processes = u64::from(allowance.processes) + 4;
                limits.push((libc::RLIMIT_NPROC, processes.min(self.processes)));
            }
        }
        limits
    }
}
