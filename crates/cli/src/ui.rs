use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::{ColorChoice, GlobalArgs};

/// Where the program speaks: results on standard output, everything else on standard error.
#[derive(Debug, Clone)]
pub(crate) struct Ui {
    json: bool,
    quiet: bool,
    verbose: bool,
    color: bool,
    bars: bool,
}

impl Ui {
    /// Reads the global flags and looks at the terminal.
    pub(crate) fn new(global: &GlobalArgs) -> Ui {
        let terminal = io::stderr().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Ui {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            color: match global.color {
                ColorChoice::Auto => terminal && !no_color && !dumb,
                ColorChoice::Always => true,
                ColorChoice::Never => false,
            },
            bars: terminal && !dumb && !global.quiet,
        }
    }

    /// True when results are to be printed as JSON lines.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Prints one line of the result.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub(crate) fn line(&self, line: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{line}")
    }

    /// Prints rows in columns as wide as their widest cell; the first row is the heading.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub(crate) fn table(&self, rows: &[Vec<String>]) -> io::Result<()> {
        let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..n_columns)
            .map(|column| {
                let cells = rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        for row in rows {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:width$}"))
                .collect();
            self.line(cells.join("  ").trim_end())?;
        }
        Ok(())
    }

    /// Says what is going on, unless `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Says more, with `--verbose` only.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose {
            eprintln!("{text}");
        }
    }

    /// Warns, unless `--quiet`.
    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet {
            eprintln!("{} {text}", self.paint("33;1", "warning:"));
        }
    }

    /// Prints an error, and what to do about it.
    pub(crate) fn error(&self, message: &str, help: Option<&str>) {
        eprintln!("{} {message}", self.paint("31;1", "error:"));
        if let Some(help) = help {
            eprintln!("{} {help}", self.paint("36;1", "help:"));
        }
    }

    /// A line that says how things stand.
    pub(crate) fn live(&self) -> Live {
        let target = if self.bars {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {msg}");
        bar.set_style(style.expect("the template is valid"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Live {
            bar,
            lines: (!self.bars && !self.quiet).then(|| Cell::new(Instant::now())),
        }
    }

    /// A bar, or a line every few seconds where there is no terminal, for `total` bytes of `what`.
    pub(crate) fn transfer(&self, what: &str, total: u64) -> Transfer {
        let target = if self.bars {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let style = ProgressStyle::with_template(
            "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        );
        bar.set_style(style.expect("the template is valid"));
        bar.set_message(what.to_string());
        Transfer {
            bar,
            lines: (!self.bars && !self.quiet).then(Instant::now),
            what: what.to_string(),
            total,
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

/// The progress of one download. Dropping it takes the bar away.
#[derive(Debug)]
pub(crate) struct Transfer {
    bar: ProgressBar,
    /// When the last plain line was printed; absent with a bar or `--quiet`.
    lines: Option<Instant>,
    what: String,
    total: u64,
}

impl Transfer {
    const EVERY: Duration = Duration::from_secs(5);

    /// Shows how many bytes are here.
    pub(crate) fn set(&mut self, bytes: u64) {
        self.bar.set_position(bytes.min(self.total));
        if let Some(last) = &mut self.lines
            && last.elapsed() >= Transfer::EVERY
        {
            *last = Instant::now();
            eprintln!(
                "{}: {} of {}",
                self.what,
                megabytes(bytes),
                megabytes(self.total)
            );
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A line that changes in place on a terminal; elsewhere a line now and then.
pub(crate) struct Live {
    bar: ProgressBar,
    /// When the last line was written, where there is no terminal and not `--quiet`.
    lines: Option<Cell<Instant>>,
}

impl Live {
    const EVERY: Duration = Duration::from_secs(10);

    /// Shows how things stand.
    pub(crate) fn show(&self, text: &str) {
        self.bar.set_message(text.to_string());
        if let Some(last) = &self.lines
            && last.get().elapsed() >= Self::EVERY
        {
            last.set(Instant::now());
            eprintln!("{text}");
        }
    }

    /// Shows how things stand at the end, and leaves the line standing.
    pub(crate) fn close(&self, text: &str) {
        self.bar.finish_and_clear();
        if self.lines.is_some() || !self.bar.is_hidden() {
            eprintln!("{text}");
        }
    }
}

/// A size in decimal megabytes, as disks and downloads are counted.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The size of a file, which may be smaller than a megabyte.
pub(crate) fn file_size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} KB", bytes as f64 / 1e3),
        _ => megabytes(bytes),
    }
}
