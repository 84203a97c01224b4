//! What reports of many problems cost, on a record of made-up runs.

mod made_up;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::quiet::{Samples, Watch, interleave};
use super::{Bounds, Figure, Peer, Row, cost, figure};
use crate::ui::Ui;

/// The rows, as the help explains them.
pub(crate) const TABLE: &str = "\
What is measured, for each number of problems: a run of that many made-up problems of five calls and three judgings,
half of them repaired and solved, all in one ledger:
  write      `mapcoder report --html` from start to end
  memory     the most that it had at any time; the peer is that of the fewest problems
  size       the file that it writes
  open       from when headless Chromium began to read the file until the page answers; absent without `chromium`
  list       `mapcoder runs list` on that ledger, from start to end";

/// Samples of one figure are no longer waited for after this.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the memory of a report is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Measures the table.
///
/// # Errors
/// When nothing can be recorded, or a report cannot be written.
pub(super) fn run(numbers: &[u32], n_samples: usize, ui: &Ui) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir().context("failed to make a folder for the ledger")?;
    let path = folder.path().join("ledger.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut runs = Vec::new();
    for &n_problems in numbers {
        ui.note(&format!("recording {n_problems} problems"));
        let run = runtime.block_on(made_up::record(&path, n_problems as usize))?;
        runs.push((n_problems, run));
    }
    let has_browser = Command::new("chromium").arg("--version").output().is_ok();
    let mut rows = Vec::new();
    let mut fewest = None;
    for (n_problems, run) in runs {
        let file = folder.path().join("report.html");
        let report = || {
            let mut command = own(&["report", run.as_str()], &path)?;
            command.arg("--html").arg(&file);
            anyhow::Ok(command)
        };
        let memory_bytes = cost::watch(&mut report()?.spawn()?, LOOK)?;
        let fewest = *fewest.get_or_insert(memory_bytes);
        let mut write = || time(&mut report()?);
        let written;
        let mut opened = None;
        if has_browser {
            let mut open = || opening(&file, folder.path());
            let both: [&mut dyn FnMut() -> anyhow::Result<Duration>; 2] = [&mut write, &mut open];
            let [write, open] = interleave(n_samples, PATIENCE, Watch::Machine, both)?;
            (written, opened) = (write, Some(open));
        } else {
            let [write] = interleave(n_samples, PATIENCE, Watch::Machine, [&mut write])?;
            written = write;
        }
        let row = |name: &str, figure, unit, bounds| Row {
            name: format!("{name}, {n_problems} problems"),
            figure,
            unit,
            bounds,
        };
        let once = |ours, peer| Figure {
            ours,
            peer,
            n_samples: 1,
            n_discarded: 0,
        };
        let peer = Peer {
            median: fewest / 1e6,
            ratio: memory_bytes / fewest,
        };
        let size = file.metadata()?.len() as f64 / 1e6;
        rows.extend([
            row("write", of(&written), "ms", Bounds::AtMost(5000.0, 2000.0)),
            row(
                "memory",
                Ok(once(memory_bytes / 1e6, Some(peer))),
                "MB",
                Bounds::AtMost(4.0, 2.0),
            ),
            row("size", Ok(once(size, None)), "MB", Bounds::Free),
            row(
                "open",
                opened.as_ref().map_or(Err("no chromium".to_string()), of),
                "ms",
                Bounds::AtMost(2000.0, 1000.0),
            ),
        ]);
    }
    let mut list = || time(&mut own(&["runs", "list"], &path)?);
    let [listed] = interleave(n_samples, PATIENCE, Watch::Machine, [&mut list])?;
    rows.push(Row {
        name: "list".to_string(),
        figure: of(&listed),
        unit: "ms",
        bounds: Bounds::AtMost(100.0, 50.0),
    });
    Ok(rows)
}

/// The median of some samples.
fn of(samples: &Samples) -> Result<Figure, String> {
    let median = samples.median().ok_or("no sample")?;
    Ok(figure(samples, median))
}

/// A command of this program on a ledger, saying nothing.
fn own(words: &[&str], ledger: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(words)
        .args(["--quiet", "--ledger"])
        .arg(ledger)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Ok(command)
}

/// How long a program takes that ends well.
fn time(command: &mut Command) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let status = command.status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(started.elapsed())
}

/// Chromium, printing a file's page as it is when it is loaded.
fn browser(file: &Path, profile: &Path) -> Command {
    let mut command = Command::new("chromium");
    // Its sandbox refuses to work for root, and the page is our own.
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!(
            "--user-data-dir={}",
            profile.join("profile").display()
        ))
        .arg(format!("file://{}", file.display()))
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// When the page of a file was ready, by its own clock, which begins with the reading.
fn opening(file: &Path, profile: &Path) -> anyhow::Result<Duration> {
    let output = browser(file, profile).output()?;
    let page = String::from_utf8_lossy(&output.stdout);
    let ready = page
        .split_once("data-ready=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .and_then(|(number, _)| number.parse().ok())
        .context("the page of the report did not get ready")?;
    Ok(Duration::from_millis(ready))
}
