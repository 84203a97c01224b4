//! What training costs, beside `transformers` with `peft` on the same machine.

mod activated;
mod packing;
mod peer;
mod step;

use std::path::Path;
use std::time::Instant;

use trainer::{Document, Keep, LoraShape, Residence, Target};

use self::peer::Precision;
use super::quiet::{Samples, Watch};
use super::{Bounds, Figure, Peer, Row};
use crate::args::TrainPart;
use crate::ui::Ui;

/// What the help says of the figures.
pub(crate) const TABLE: &str = "\
What is measured, at rank 32 on all linear layers with AdamW, weights kept decoded and everything inside the
blocks kept; tokens per second are of examples as they are, without padding and with their prompts:
  training, f32    every token trained, in 32 bits; the peer is torch in 32 bits with transformers and peft, of
                   `--python`, on the same shape of model, step by step in turn with ours
  training, bf16   the same steps of ours, in 32 bits, beside torch with the base in 16 bits and autocast
  peak memory      of our process after these steps; the peer is torch's in 32 bits
  packed           rows of `--data` as our passes hold them; the peer is ourselves on the same rows padded to the
                   longest of every `--examples`
  activated        prompts three times as long as completions, read by the base alone; the peer is ourselves with an
                   ordinary adapter on the same examples. In a first epoch every prompt is read, each on its own or
                   shared by four examples; later epochs remember them; a run has three epochs, as by default

A sample counts when others took at most 4 % of all cores meanwhile; `busy` says how many did not count.
If none counts, all are used.";

/// What is measured.
pub(super) struct Plan<'a> {
    /// The model.
    pub(super) model: &'a Path,
    /// The interpreter that has torch.
    pub(super) python: &'a str,
    /// Rows of examples to be packed.
    pub(super) data: Option<&'a Path>,
    /// The parts of the table; all unless some are named.
    pub(super) parts: &'a [TrainPart],
    /// Examples of a step.
    pub(super) n_examples: usize,
    /// Tokens of an example.
    pub(super) length: usize,
    /// Rounds, of which the medians are taken.
    pub(super) n_rounds: usize,
    /// Threads of either side.
    pub(super) n_threads: usize,
}

/// Memory for prompts that were read before.
const PREFIX_BYTES: usize = 1 << 30;

/// Takes steps in turn.
///
/// # Errors
/// When the model or the examples cannot be used.
pub(super) fn run(plan: &Plan<'_>, ui: &Ui) -> anyhow::Result<Vec<Row>> {
    let source = model::open(plan.model)?;
    let config = source.config()?;
    let shape = LoraShape {
        rank: 32,
        scale: 2.0,
        targets: Target::ALL.to_vec(),
    };
    let wants = |part| plan.parts.is_empty() || plan.parts.contains(&part);
    let uneven = match wants(TrainPart::Packing) {
        true => packing::read(plan, &*source),
        false => Ok(None),
    }?;
    trainer::rehearse(
        &*source,
        &shape,
        Keep::Everything,
        Residence::Decoded,
        PREFIX_BYTES,
        plan.n_threads,
        |step| {
            let mut bench = Bench { plan, step };
            let mut rows = Vec::new();
            let precisions: Vec<Precision> = [
                (TrainPart::Step, Precision::F32),
                (TrainPart::Bf16, Precision::Bf16),
            ]
            .into_iter()
            .filter_map(|(part, precision)| wants(part).then_some(precision))
            .collect();
            rows.extend(step::rows(&mut bench, &config, &precisions, ui)?);
            if wants(TrainPart::Packing) {
                rows.push(packing::row(&mut bench, uneven.as_deref())?);
            }
            if wants(TrainPart::Activated) {
                rows.extend(activated::rows(&mut bench, &config)?);
            }
            Ok(rows)
        },
    )?
}

/// A trainer that steps are timed of.
struct Bench<'p, 's> {
    plan: &'p Plan<'p>,
    step: &'s mut dyn FnMut(&[Document]) -> f64,
}

impl Bench<'_, '_> {
    /// Times a step.
    fn time(&mut self, samples: &mut Samples, documents: &[Document]) -> anyhow::Result<()> {
        samples.take(Watch::Machine, || {
            let started = Instant::now();
            (self.step)(documents);
            Ok(started.elapsed())
        })
    }
}

/// Tokens that rows of examples are made of.
fn made_up(n_vocab: usize, example: usize, length: usize) -> Vec<u32> {
    let token = |i: usize| (example * 104_729 + i * 31_337 + 7) % n_vocab;
    (0..=length).map(|i| token(i) as u32).collect()
}

/// Tokens per second of two things that were timed in turn.
fn rates(n_tokens: usize, ours: &Samples, theirs: Option<&Samples>) -> Result<Figure, String> {
    let rate = |samples: &Samples| {
        let median_ms = samples.median().ok_or("no round was measured")?;
        Ok::<f64, String>(n_tokens as f64 / median_ms * 1e3)
    };
    let own = rate(ours)?;
    let peer = theirs.map(rate).transpose()?;
    Ok(Figure {
        peer: peer.map(|median| Peer {
            median,
            ratio: own / median,
        }),
        ..super::figure(ours, own)
    })
}
