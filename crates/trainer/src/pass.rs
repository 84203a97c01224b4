//! A pass: documents through the decoder, and their loss's gradient back through it.
//!
//! The base is frozen, so a pass keeps only what lies between its blocks, and either what lies inside of them too
//! or nothing: then each block is computed again just before its derivative.

use crate::adapter::Precision;
use crate::attention::Heads;
use crate::base::Base;
use crate::block::{Block, Inside, Scratch};
use crate::data::Document;
use crate::head::{self, HeadScratch};
use crate::linear::{Group, Widths};
use crate::lora::{LoraShape, Places};
use crate::peft;
use crate::real::Real;

mod prefixes;
mod rows;

use prefixes::{Memory, Prefixes};
use rows::Rows;

/// What a pass keeps in memory between its way forward and its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// What lies between and inside the blocks: nothing is computed twice.
    Everything,
    /// What lies between the blocks: takes a tenth of the memory.
    BlockInputs,
}

/// What a step drops, with dropout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drops {
    /// The share of numbers that adapters do not see; below 1.
    pub share: f64,
    /// The seed of the run.
    pub seed: u64,
    /// The number of the pass in the run.
    pub pass: u64,
}

/// A frozen base with adapters of one shape, and the memory that passes need.
///
/// All methods compute in the pool of `rayon` that they are called in.
pub struct Passes<'b, 'a, T> {
    base: &'b Base<'a, T>,
    pub(crate) places: Places,
    /// Those of no adapter at all.
    no_places: Places,
    keep: Keep,
    widths: [Widths; 4],
    /// Cosines and sines of each position's angles.
    turns: Vec<[T; 2]>,
    /// The stream before each block, and after the last: `(rows, n_embd)`.
    streams: Vec<Vec<T>>,
    inside: Vec<Inside<T>>,
    prefixes: Prefixes<T>,
    d_x: Vec<T>,
    scratch: Scratch<T>,
    head_scratch: HeadScratch<T>,
}

impl<'b, 'a, T: Real> Passes<'b, 'a, T> {
    /// Prepares passes of adapters of a shape over a base.
    pub fn new(base: &'b Base<'a, T>, shape: &LoraShape, keep: Keep) -> Passes<'b, 'a, T> {
        let config = &base.config;
        let of_group = |group| Widths::new(group, |target| target.shape(config));
        let n_inside = match keep {
            Keep::Everything => config.n_layers,
            Keep::BlockInputs => 1,
        };
        Passes {
            places: Places::new(shape, config),
            no_places: Places::new(&LoraShape::nothing(), config),
            keep,
            widths: [Group::Attention, Group::Output, Group::Gates, Group::Down].map(of_group),
            turns: Vec::new(),
            streams: (0..=config.n_layers).map(|_| Vec::new()).collect(),
            inside: (0..n_inside).map(|_| Inside::default()).collect(),
            prefixes: Prefixes {
                keys_and_values: (0..config.n_layers).map(|_| Vec::new()).collect(),
                ..Prefixes::default()
            },
            d_x: Vec::new(),
            scratch: Scratch::default(),
            head_scratch: HeadScratch::default(),
            base,
        }
    }

    /// Keeps the keys and values of prefixes that passes read, as far as so many bytes go,
    /// so that passes to come need not read them again. It changes no result.
    pub fn remember(mut self, n_bytes: usize) -> Passes<'b, 'a, T> {
        self.prefixes.memory = Memory::new(n_bytes);
        self
    }

    /// Numbers that are trained.
    pub fn n_numbers(&self) -> usize {
        self.places.len
    }

    /// The bytes of an adapter, or of its gradient, as PEFT's `adapter_model.safetensors` holds them.
    ///
    /// # Panics
    /// When `numbers` are not as many as [`Passes::n_numbers`].
    pub fn to_peft(&self, numbers: &[f32]) -> Vec<u8> {
        peft::weights(numbers, &self.places, &self.base.config, Precision::F32)
    }

    /// A new adapter, which changes nothing yet.
    ///
    /// A is uniform within `1 / sqrt(n_in)` and follows from the seed alone; B is zero, as PEFT begins.
    pub fn begin(&self, seed: u64) -> Vec<T> {
        self.places.begin(seed)
    }

    /// The sum of the losses of all trained tokens, in nats.
    ///
    /// # Panics
    /// When a token is not in the vocabulary, or `numbers` are not as many as [`Passes::n_numbers`].
    pub fn loss(&mut self, numbers: &[T], documents: &[&Document]) -> f64 {
        let (rows, prefixes) = Rows::new(documents);
        if rows.tokens.is_empty() {
            return 0.0;
        }
        self.read_prefixes(&prefixes);
        self.forward(numbers, &rows, None);
        let last = &self.streams[self.base.config.n_layers];
        head::loss(self.base, last, &rows.labels, None, &mut self.head_scratch)
    }

    /// The logits for each trained token of a document: `(tokens, n_vocab)`.
    ///
    /// # Panics
    /// When a token is not in the vocabulary, or `numbers` are not as many as [`Passes::n_numbers`].
    pub fn logits(&mut self, numbers: &[T], document: &Document) -> Vec<T> {
        let (rows, prefixes) = Rows::new(&[document]);
        self.read_prefixes(&prefixes);
        self.forward(numbers, &rows, None);
        let last = &self.streams[self.base.config.n_layers];
        head::logits(self.base, last, &rows.labels, &mut self.head_scratch)
    }

    /// The sum of the losses of all trained tokens, in nats; `factor` times its gradient is added to `gradient`.
    ///
    /// # Panics
    /// When a token is not in the vocabulary, or `numbers` or `gradient` are not as many as [`Passes::n_numbers`].
    pub fn loss_and_gradient(
        &mut self,
        numbers: &[T],
        documents: &[&Document],
        factor: f64,
        gradient: &mut [T],
        drops: Option<Drops>,
    ) -> f64 {
        assert_eq!(gradient.len(), self.places.len);
        let (rows, prefixes) = Rows::new(documents);
        if rows.tokens.is_empty() {
            return 0.0;
        }
        self.read_prefixes(&prefixes);
        self.forward(numbers, &rows, drops);
        let n_layers = self.base.config.n_layers;
        let last = &self.streams[n_layers];
        self.d_x.clear();
        self.d_x.resize(last.len(), T::zero());
        let loss = head::loss(
            self.base,
            last,
            &rows.labels,
            Some((T::of(factor), &mut self.d_x)),
            &mut self.head_scratch,
        );
        for layer_idx in (0..n_layers).rev() {
            let block = block(
                self.base,
                &self.places,
                &self.widths,
                &self.turns,
                &self.prefixes.keys_and_values[layer_idx],
                (layer_idx, numbers, &rows, drops),
            );
            let x = &self.streams[layer_idx];
            let inside = match self.keep {
                Keep::Everything => &mut self.inside[layer_idx],
                Keep::BlockInputs => {
                    let inside = &mut self.inside[0];
                    block.forward(x, None, inside, &mut self.scratch);
                    inside
                }
            };
            block.backward(x, inside, &mut self.d_x, gradient, &mut self.scratch);
        }
        loss
    }

    /// Computes the angles of all positions up to the last.
    fn turn(&mut self, rows: &Rows) {
        let frequencies = &self.base.frequencies;
        let n_positions = rows.positions.iter().map(|position| position + 1).max();
        for position in self.turns.len() / frequencies.len().max(1)..n_positions.unwrap_or(0) {
            self.turns.extend(frequencies.iter().map(|frequency| {
                let (sin, cos) = (position as f64 * frequency).sin_cos();
                [T::of(cos), T::of(sin)]
            }));
        }
    }

    fn forward(&mut self, numbers: &[T], rows: &Rows, drops: Option<Drops>) {
        assert_eq!(numbers.len(), self.places.len);
        self.turn(rows);
        embed(self.base, rows, &mut self.streams[0], &mut self.scratch);
        for layer_idx in 0..self.base.config.n_layers {
            let block = block(
                self.base,
                &self.places,
                &self.widths,
                &self.turns,
                &self.prefixes.keys_and_values[layer_idx],
                (layer_idx, numbers, rows, drops),
            );
            let inside = match self.keep {
                Keep::Everything => &mut self.inside[layer_idx],
                Keep::BlockInputs => &mut self.inside[0],
            };
            let (before, after) = self.streams.split_at_mut(layer_idx + 1);
            let (before, after) = (&before[layer_idx], &mut after[0]);
            block.forward(before, Some(after), inside, &mut self.scratch);
        }
    }
}

fn heads<T>(base: &Base<'_, T>) -> Heads {
    Heads {
        n_heads: base.config.n_heads,
        n_kv_heads: base.config.n_kv_heads,
        head_dim: base.config.head_dim,
    }
}

/// Begins the stream with the tokens' vectors.
fn embed<T: Real>(base: &Base<'_, T>, rows: &Rows, stream: &mut Vec<T>, scratch: &mut Scratch<T>) {
    stream.clear();
    for &token in &rows.tokens {
        let token = token as usize;
        let weights = &mut scratch.linear.weights;
        stream.extend_from_slice(base.embedding.rows(token..token + 1, weights));
    }
}

/// A block at work.
fn block<'x, 'a, T: Real>(
    base: &'x Base<'a, T>,
    places: &'x Places,
    widths: &'x [Widths; 4],
    turns: &'x [[T; 2]],
    prefix: &'x [T],
    (layer_idx, numbers, rows, drops): (usize, &'x [T], &'x Rows, Option<Drops>),
) -> Block<'x, 'a, T> {
    Block {
        base,
        layer_idx,
        places,
        widths,
        heads: heads(base),
        numbers,
        drops,
        documents: &rows.documents,
        prefix,
        positions: &rows.positions,
        turns,
    }
}
