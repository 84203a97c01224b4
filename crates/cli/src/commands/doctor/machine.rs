use std::path::Path;

use ledger::Ledger;
use rustix::fs::Access;

use super::{Area, Finding, State};
use crate::fetch::free_bytes;
use crate::settings::Settings;
use crate::ui::megabytes;

/// The default model, its cache and a judge with its programs fit into this.
const ENOUGH_MEMORY: u64 = 1_000_000_000;

/// A model, its download, and a ledger fit into this.
const ENOUGH_DISK: u64 = 400_000_000;

/// Processor and memory.
pub(super) fn look() -> Vec<Finding> {
    let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut features = cpu_features();
    let state = if cfg!(target_arch = "x86_64") && !features.contains(&"AVX2") {
        State::Note
    } else {
        State::Ok
    };
    if features.is_empty() {
        features.push("no vector extensions");
    }
    let detail = format!(
        "{n_cores} cores, {}, {}",
        std::env::consts::ARCH,
        features.join(" ")
    );
    let mut cpu = Finding::new(Area::Machine, "processor", state, detail);
    if state != State::Ok {
        cpu = cpu.advice("without AVX2 the local engine is slow; a server (`base_url`) is faster");
    }
    let mut findings = vec![cpu];
    if let Some((total, available)) = memory() {
        let [available_gb, total_gb] = [available, total].map(|bytes| bytes as f64 / 1e9);
        let detail = format!("{available_gb:.1} GB free of {total_gb:.1} GB");
        findings.push(if available < ENOUGH_MEMORY {
            Finding::new(Area::Machine, "memory", State::Note, detail)
                .advice("close other programs, or judge fewer programs at a time (`judge.cells`)")
        } else {
            Finding::new(Area::Machine, "memory", State::Ok, detail)
        });
    }
    findings
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<&'static str> {
    let features = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("AVX-512", is_x86_feature_detected!("avx512f")),
        ("AVX-512-VNNI", is_x86_feature_detected!("avx512vnni")),
    ];
    let here = features.into_iter().filter(|(_, is_here)| *is_here);
    here.map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> Vec<&'static str> {
    Vec::new()
}

/// Total and available memory in bytes, as the kernel tells them.
fn memory() -> Option<(u64, u64)> {
    Some((crate::memory::total()?, crate::memory::available()?))
}

/// Room for the cache, and whether the ledger can be written.
pub(super) fn look_at_storage(settings: &Settings) -> Vec<Finding> {
    vec![disk(&settings.cache), ledger(&settings.ledger)]
}

fn disk(cache: &Path) -> Finding {
    let name = "cache folder";
    let folder = nearest_existing(cache);
    if !may_write(folder) {
        let detail = format!("{} cannot be written", folder.display());
        return Finding::new(Area::Storage, name, State::Broken, detail)
            .advice("change its permissions, or set MAPCODER_CACHE to a folder elsewhere");
    }
    let Some(free) = free_bytes(folder) else {
        return Finding::new(Area::Storage, name, State::Ok, cache.display().to_string());
    };
    let detail = format!("{}, {} free", cache.display(), megabytes(free));
    if free < ENOUGH_DISK {
        Finding::new(Area::Storage, name, State::Note, detail)
            .advice("free some space, or set MAPCODER_CACHE to a folder elsewhere")
    } else {
        Finding::new(Area::Storage, name, State::Ok, detail)
    }
}

fn ledger(path: &Path) -> Finding {
    let name = "ledger";
    if !path.exists() {
        let folder = nearest_existing(path);
        return if may_write(folder) {
            let detail = format!("{}, made at first use", path.display());
            Finding::new(Area::Storage, name, State::Ok, detail)
        } else {
            let detail = format!("{} cannot be written", folder.display());
            Finding::new(Area::Storage, name, State::Broken, detail)
                .advice("change its permissions, or name another file with `--ledger`")
        };
    }
    let runs = Ledger::open(path).and_then(|ledger| ledger.runs());
    match runs {
        Ok(runs) => {
            let detail = format!("{}, {} runs", path.display(), runs.len());
            Finding::new(Area::Storage, name, State::Ok, detail)
        }
        Err(error) => {
            let detail = format!("failed to {error}");
            Finding::new(Area::Storage, name, State::Broken, detail)
                .advice("name another file with `--ledger`, or `ledger` in the settings")
        }
    }
}

fn nearest_existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("/"))
}

fn may_write(folder: &Path) -> bool {
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}
