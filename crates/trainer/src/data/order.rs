use rand_chacha::rand_core::RngCore as _;
use sha2::{Digest as _, Sha256};

use crate::chance::{Purpose, rng};

/// The examples of one step of the optimiser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Which examples.
    pub examples: Vec<usize>,
}

/// How examples come together in steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order {
    /// What chance follows from.
    pub seed: u64,
    /// Examples, or packed sequences, of a step.
    pub per_step: usize,
    /// With packing, the most tokens of a packed sequence.
    pub packed_len: Option<usize>,
    /// How often each example is seen.
    pub n_epochs: f64,
    /// The most steps.
    pub max_steps: Option<u64>,
}

/// Sequences that packing fills at the same time.
const OPEN: usize = 64;

/// The steps of a run over examples of these lengths. They follow from the arguments alone: each epoch is shuffled
/// with numbers of `ChaCha8`, on a stream of its own.
pub fn order(settings: Order, lengths: &[usize]) -> Vec<Step> {
    let mut steps = Vec::new();
    let n_epochs = settings.n_epochs.ceil() as usize;
    let most = settings.max_steps.unwrap_or(u64::MAX);
    for epoch in 0..n_epochs {
        let mut examples = shuffled(lengths.len(), Purpose::Order, settings.seed, epoch as u64);
        let share = (settings.n_epochs - epoch as f64).min(1.0);
        examples.truncate((share * lengths.len() as f64).ceil() as usize);
        let sequences = match settings.packed_len {
            Some(capacity) => pack(&examples, lengths, capacity),
            None => examples.into_iter().map(|example| vec![example]).collect(),
        };
        for sequences in sequences.chunks(settings.per_step) {
            if steps.len() as u64 >= most {
                return steps;
            }
            steps.push(Step {
                epoch,
                examples: sequences.concat(),
            });
        }
    }
    steps
}

/// Numbers below `n` in an order that follows from the purpose, the seed and the stream (Fisher and Yates).
pub(crate) fn shuffled(n: usize, purpose: Purpose, seed: u64, stream: u64) -> Vec<usize> {
    let mut rng = rng(purpose, seed, stream);
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        // Of 64 bits, the tiny preference for low numbers is far below what any run could show.
        let j = rng.next_u64() % (i as u64 + 1);
        order.swap(i, j as usize);
    }
    order
}

/// Fills sequences with examples in their order: each goes where it leaves the least room,
/// among the sequences that were opened last.
fn pack(examples: &[usize], lengths: &[usize], capacity: usize) -> Vec<Vec<usize>> {
    let mut sequences: Vec<(usize, Vec<usize>)> = Vec::new();
    for &example in examples {
        let length = lengths[example];
        let first = sequences.len().saturating_sub(OPEN);
        let best = sequences[first..]
            .iter_mut()
            .filter(|(room, _)| *room >= length)
            .min_by_key(|(room, _)| *room);
        match best {
            Some((room, sequence)) => {
                *room -= length;
                sequence.push(example);
            }
            None => sequences.push((capacity.saturating_sub(length), vec![example])),
        }
    }
    sequences
        .into_iter()
        .map(|(_, sequence)| sequence)
        .collect()
}

/// A digest of steps, to tell that a run goes on as it began.
pub(crate) fn digest(steps: &[Step]) -> String {
    let mut sha = Sha256::new();
    for step in steps {
        sha.update((step.examples.len() as u64).to_le_bytes());
        for &example in &step.examples {
            sha.update((example as u64).to_le_bytes());
        }
    }
    hex(&sha.finalize())
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
