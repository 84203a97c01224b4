use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// `llama-batched-bench` of llama.cpp. It measures prompts and replies of a number of sequences, with random tokens.
pub(super) struct Llama {
    pub(super) program: PathBuf,
    /// The model's file.
    pub(super) path: PathBuf,
}

/// A line of its output.
#[derive(Deserialize)]
struct Line {
    /// Sequences.
    pl: usize,
    /// Seconds of the prompts.
    t_pp: f64,
    /// Seconds of the replies.
    t_tg: f64,
}

impl Llama {
    /// The time of `n_steps` tokens in each of `n` replies behind one prompt of `n_before` tokens.
    pub(super) fn decode(
        &self,
        n: usize,
        n_before: usize,
        n_steps: usize,
        n_threads: usize,
    ) -> anyhow::Result<Duration> {
        Ok(Duration::from_secs_f64(
            self.run(n, n_before, n_steps, n_threads, &["-pps"])?.t_tg,
        ))
    }

    /// The time of `n` prompts of `n_prompt` tokens each.
    pub(super) fn prefill(
        &self,
        n: usize,
        n_prompt: usize,
        n_threads: usize,
    ) -> anyhow::Result<Duration> {
        Ok(Duration::from_secs_f64(
            self.run(n, n_prompt, 1, n_threads, &[])?.t_pp,
        ))
    }

    fn run(
        &self,
        n: usize,
        n_prompt: usize,
        n_steps: usize,
        n_threads: usize,
        further: &[&str],
    ) -> anyhow::Result<Line> {
        let threads = n_threads.to_string();
        let n_context = n * (n_prompt + n_steps);
        let output = Command::new(&self.program)
            .arg("-m")
            .arg(&self.path)
            .args(["-t", &threads, "-tb", &threads, "-b", "2048", "-ub", "512"])
            .args(["-c", &n_context.to_string()])
            .args(["-npp", &n_prompt.to_string(), "-ntg", &n_steps.to_string()])
            .args(["-npl", &n.to_string(), "--output-format", "jsonl"])
            .args(further)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("failed to run {}", self.program.display()))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let last = stderr.lines().last().unwrap_or_default();
            bail!(
                "{} ended with {}: {last}",
                self.program.display(),
                output.status
            );
        }
        // Other lines are of its log.
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok())
            .find(|line| line.pl == n)
            .with_context(|| format!("{} printed no measurement", self.program.display()))
    }
}
