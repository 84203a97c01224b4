//! What training costs, beside `transformers` with `peft` on the same machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;
use evaluation::stats::percentile;
use model::Config;
use trainer::{Document, Keep, LoraShape, Residence, Target};

use super::{Bounds, Figure, Peer, Row};
use crate::ui::Ui;

/// What the help says of the figures.
pub(crate) const TABLE: &str = "The peer is torch in 32 bits with transformers and peft, of `--python`, in turn with ours:
the same shape of model, rank 32 on all linear layers, AdamW, every token trained, weights kept decoded
and everything inside the blocks kept. Activated adapters are compared with ordinary ones on the same documents,
prompts three times as long as completions.";

/// The other side of a step, as a program.
const PEER: &str = include_str!("train/peer.py");

/// What is measured.
pub(super) struct Plan<'a> {
    /// The model.
    pub(super) model: &'a Path,
    /// The interpreter that has torch.
    pub(super) python: &'a str,
    /// Examples of a step.
    pub(super) n_examples: usize,
    /// Tokens of an example.
    pub(super) length: usize,
    /// Rounds, of which the medians are taken.
    pub(super) n_rounds: usize,
    /// Threads of either side.
    pub(super) n_threads: usize,
}

/// Takes steps in turn.
///
/// # Errors
/// When the model cannot be used.
pub(super) fn run(plan: &Plan<'_>, ui: &Ui) -> anyhow::Result<Vec<Row>> {
    let source = model::open(plan.model)?;
    let config = source.config()?;
    let shape = LoraShape {
        rank: 32,
        scale: 2.0,
        targets: Target::ALL.to_vec(),
    };
    let mut peer = Python::start(plan, &config);
    if let Err(reason) = &peer {
        ui.note(&format!("no peer: {reason:#}"));
    }
    let documents = |n: usize, length: usize, n_prefix: usize, first_trained: usize| {
        (0..n)
            .map(|i| Document {
                tokens: (0..=length)
                    .map(|j| ((i * 104_729 + j * 31_337 + 7) % config.n_vocab) as u32)
                    .collect(),
                trained: (0..=length).map(|j| j > first_trained).collect(),
                n_prefix,
            })
            .collect::<Vec<Document>>()
    };
    let plain = documents(plan.n_examples, plan.length, 0, 0);
    let completion = plan.length / 4;
    let prompt = plan.length - completion;
    let activated = documents(plan.n_examples, plan.length, prompt, prompt);
    let ordinary = documents(plan.n_examples, plan.length, 0, prompt);
    let mut seconds: [Vec<f64>; 4] = Default::default();
    trainer::rehearse(
        &*source,
        &shape,
        Keep::Everything,
        Residence::Decoded,
        plan.n_threads,
        |step| {
            let mut time = |documents: &[Document]| {
                let passes: Vec<&[Document]> = documents.chunks(1).collect();
                let started = Instant::now();
                step(&passes);
                started.elapsed().as_secs_f64()
            };
            // The first step of each makes room in memory.
            time(&plain);
            for round in 0..plan.n_rounds {
                let [ours, theirs, with, without] = &mut seconds;
                ours.push(time(&plain));
                if let Ok(python) = &mut peer {
                    match python.step() {
                        // The first one warms up.
                        Ok(_) if round == 0 => theirs.extend(python.step().ok()),
                        Ok(seconds) => theirs.push(seconds),
                        Err(reason) => peer = Err(reason),
                    }
                }
                with.push(time(&activated));
                without.push(time(&ordinary));
            }
        },
    )?;
    let n_tokens = (plan.n_examples * plan.length) as f64;
    let speed = |seconds: &[f64]| percentile(seconds, 0.5).map(|median| n_tokens / median);
    let [ours, theirs, with, without] = &seconds;
    let figure = |ours: Option<f64>, peer: Option<f64>| -> Result<Figure, String> {
        let ours = ours.ok_or("no round was measured")?;
        Ok(Figure {
            ours,
            peer: peer.map(|median| Peer {
                median,
                ratio: ours / median,
            }),
            n_samples: plan.n_rounds,
            n_discarded: 0,
        })
    };
    let compared = match &peer {
        Ok(_) => figure(speed(ours), speed(theirs)),
        Err(reason) => Err(format!(
            "{reason:#}; ours {:.0}",
            speed(ours).unwrap_or(0.0)
        )),
    };
    Ok(vec![
        Row {
            name: format!("training, {} x {}", plan.n_examples, plan.length),
            figure: compared,
            unit: "tokens/s",
            bounds: Bounds::AtLeast(1.1, 1.5),
        },
        Row {
            name: "activated adapter, prompts 3 x completions".to_string(),
            figure: figure(speed(with), speed(without)),
            unit: "tokens/s",
            bounds: Bounds::AtLeast(2.0, 3.0),
        },
        Row {
            name: "peak memory".to_string(),
            figure: peak_memory().and_then(|gibibytes| figure(Some(gibibytes), None)),
            unit: "GiB",
            bounds: Bounds::AtMost(2.5, 1.2),
        },
    ])
}

/// The most memory that this process had at any time, in GiB.
fn peak_memory() -> Result<f64, String> {
    crate::memory::peak()
        .map(|bytes| bytes as f64 / f64::from(1 << 30))
        .ok_or_else(|| "the system does not tell".to_string())
}

/// A Python process that takes a step whenever it is told to.
struct Python {
    child: Child,
    replies: BufReader<ChildStdout>,
}

impl Python {
    fn start(plan: &Plan<'_>, config: &Config) -> anyhow::Result<Python> {
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
            .args(["-c", PEER])
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
        };
        python
            .reply()
            .with_context(|| format!("{} has no torch, transformers and peft", plan.python))?;
        Ok(python)
    }

    fn reply(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        anyhow::ensure!(line.ends_with('\n'), "it ended early");
        Ok(line.trim().to_string())
    }

    /// Seconds of one step.
    fn step(&mut self) -> anyhow::Result<f64> {
        let stdin = self.child.stdin.as_mut().context("it has no input")?;
        stdin.write_all(b"step\n")?;
        stdin.flush()?;
        Ok(self.reply()?.parse()?)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It ends by itself when its input does, unless it is in the middle of a step.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
