use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use model::Config;

use super::Plan;

/// The other side of a step, as a program.
const PROGRAM: &str = include_str!("peer.py");

/// What torch computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// 32 bits throughout.
    F32,
    /// The base in 16 bits, products through torch's autocast.
    Bf16,
}

/// A Python process that takes a step whenever it is told to.
pub(super) struct Python {
    child: Child,
    replies: BufReader<ChildStdout>,
    /// The most memory that it had so far.
    pub(super) peak_bytes: f64,
}

impl Python {
    /// Starts it, and takes a step that warms it up.
    pub(super) fn start(
        plan: &Plan<'_>,
        config: &Config,
        precision: Precision,
    ) -> anyhow::Result<Python> {
        let precision = match precision {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        };
        let numbers = [
            plan.n_examples,
            plan.length,
            plan.n_threads,
            config.n_vocab,
            config.n_embd,
            config.n_ff,
            config.n_layers,
            config.n_heads,
            config.n_kv_heads,
        ];
        let mut child = Command::new(plan.python)
            .args(["-c", PROGRAM, precision])
            .args(numbers.map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("failed to start {}", plan.python))?;
        let stdout = child.stdout.take().context("it has no output")?;
        let mut python = Python {
            child,
            replies: BufReader::new(stdout),
            peak_bytes: 0.0,
        };
        python
            .reply()
            .with_context(|| format!("{} has no torch, transformers and peft", plan.python))?;
        python.step()?;
        Ok(python)
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    fn reply(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        anyhow::ensure!(line.ends_with('\n'), "it ended early");
        Ok(line.trim().to_string())
    }

    /// The time of one step.
    pub(super) fn step(&mut self) -> anyhow::Result<Duration> {
        let stdin = self.child.stdin.as_mut().context("it has no input")?;
        stdin.write_all(b"step\n")?;
        stdin.flush()?;
        let reply = self.reply()?;
        let (seconds, peak) = reply.split_once(' ').context("its reply is no pair")?;
        self.peak_bytes = peak.parse()?;
        Ok(Duration::try_from_secs_f64(seconds.parse()?)?)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It ends by itself when its input does, unless it is in the middle of a step.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
