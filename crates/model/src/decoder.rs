//! The decoder: from tokens to the logits of the next ones.

use std::ops::Range;

use crate::adapter::{Adapter, Target};
use crate::cache::{KvCache, PAGE_TOKENS};
use crate::config::Config;
use crate::kernel::{
    Between, Heads, Inputs, Isa, Line, Place, Segment, Shared, add, add_low_rank, attend, multiply,
    rms_norm, rotate, swiglu,
};
use crate::matrix::{Layout, Matrix};
use crate::pool::Pool;

mod load;
#[cfg(test)]
mod tests;

pub(crate) use load::matrix_sizes;
#[cfg(feature = "candle")]
pub(crate) use load::{EMBEDDING, HEAD};
pub use load::{refuse_unsupported, rope_frequencies, tensor, vector};

/// One token in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The token.
    pub token: u32,
    /// Index into [`Batch::pages`]: the sequence that the token belongs to.
    pub sequence: usize,
    /// Index into [`Batch::adapters`] of what corrects the base for this token; absent for the base alone.
    pub adapter: Option<usize>,
    /// Its position in the sequence, from 0. All positions before it are in the cache,
    /// or come earlier in the same batch.
    pub position: usize,
    /// Whether to compute logits for the token after this one.
    pub wants_logits: bool,
}

/// Tokens of any number of sequences that pass through the decoder together:
/// prompts in chunks, and the latest tokens of running replies.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The tokens.
    pub rows: &'a [Row],
    /// For each sequence, the cache pages that hold it: page `i` has positions `32 i` to `32 i + 31`.
    pub pages: &'a [&'a [u32]],
    /// The adapters that its rows name.
    pub adapters: &'a [&'a Adapter],
}

/// Logits of the rows that want them, in their order.
#[derive(Debug, Clone, Copy)]
pub struct Logits<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) n_vocab: usize,
}

impl<'a> Logits<'a> {
    /// One slice of `n_vocab` logits per row that wanted them.
    pub fn rows(&self) -> std::slice::ChunksExact<'a, f32> {
        self.values.chunks_exact(self.n_vocab)
    }
}

/// How a decoder is loaded and run.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Threads that compute, the caller's included.
    pub n_threads: usize,
    /// How weights are kept.
    pub layout: Layout,
}

struct Layer {
    attn_norm: Vec<f32>,
    q: Matrix,
    k: Matrix,
    v: Matrix,
    /// Biases of queries, keys and values, side by side; empty without biases.
    qkv_bias: Vec<f32>,
    o: Matrix,
    ffn_norm: Vec<f32>,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

/// A decoder of the Llama family with its weights. Holds no state of any sequence.
pub struct Decoder {
    config: Config,
    embedding: Matrix,
    layers: Vec<Layer>,
    output_norm: Vec<f32>,
    /// Absent when the embedding serves as the head.
    head: Option<Matrix>,
    /// What each pair of a head turns by from one position to the next, in radians.
    frequencies: Vec<f64>,
    pool: Pool,
    isa: Isa,
    scratch: Scratch,
}

/// Buffers that live from one forward pass to the next.
#[derive(Default)]
struct Scratch {
    inputs: Inputs,
    /// The stream of vectors that layers add to: `(rows, n_embd)`.
    x: Vec<f32>,
    normed: Vec<f32>,
    qkv: Vec<f32>,
    attended: Vec<f32>,
    gate_up: Vec<f32>,
    inner: Vec<f32>,
    delta: Vec<f32>,
    low_rank: Between,
    logits: Vec<f32>,
}

impl Decoder {
    /// The dimensions.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Memory of the weights.
    pub fn n_bytes(&self) -> usize {
        let of_layer = |layer: &Layer| {
            [
                &layer.q,
                &layer.k,
                &layer.v,
                &layer.o,
                &layer.gate,
                &layer.up,
                &layer.down,
            ]
            .map(Matrix::n_bytes)
            .iter()
            .sum::<usize>()
        };
        self.embedding.n_bytes()
            + self.head.as_ref().map_or(0, Matrix::n_bytes)
            + self.layers.iter().map(of_layer).sum::<usize>()
    }

    /// Passes a batch through all layers, stores its keys and values in the cache, and returns the wanted logits.
    ///
    /// A row's logits depend on its own sequence only, to the last bit:
    /// neither the other rows nor the cut of a prompt into chunks changes them.
    ///
    /// # Panics
    /// When a token is not in the vocabulary, a row's position lies outside the pages of its sequence,
    /// or an adapter was made for another decoder.
    pub fn forward(&mut self, cache: &mut KvCache, batch: Batch<'_>) -> Logits<'_> {
        let Decoder {
            config,
            pool,
            scratch: s,
            ..
        } = self;
        let isa = self.isa;
        let n_rows = batch.rows.len();
        let n_embd = config.n_embd;
        let (q_width, kv_width) = (
            config.n_heads * config.head_dim,
            config.n_kv_heads * config.head_dim,
        );
        let qkv_width = q_width + 2 * kv_width;
        let heads = Heads {
            n_heads: config.n_heads,
            n_kv_heads: config.n_kv_heads,
            head_dim: config.head_dim,
        };
        let places: Vec<Place<'_>> = batch
            .rows
            .iter()
            .map(|row| Place {
                sequence: row.sequence,
                pages: batch.pages[row.sequence],
                position: row.position,
            })
            .collect();
        let turns: Vec<[f32; 2]> = batch
            .rows
            .iter()
            .flat_map(|row| {
                let position = row.position as f64;
                self.frequencies.iter().map(move |frequency| {
                    let (sin, cos) = (position * frequency).sin_cos();
                    [cos as f32, sin as f32]
                })
            })
            .collect();
        let interleaved = config.has_paired_heads();
        assert!(
            batch.adapters.iter().all(|adapter| adapter.fits(config)),
            "an adapter was made for another decoder"
        );
        let adapted = adapted_rows(batch.rows);
        let segments = |layer_idx: usize, targets: &[(Target, usize)]| -> Vec<Segment<'_>> {
            adapted
                .iter()
                .map(|(rows, adapter)| {
                    batch.adapters[*adapter].segment(layer_idx, rows.clone(), targets)
                })
                .collect()
        };

        s.x.resize(n_rows * n_embd, 0.0);
        for (row, x) in batch.rows.iter().zip(s.x.chunks_exact_mut(n_embd)) {
            self.embedding.row(row.token as usize, x);
        }
        s.normed.resize(n_rows * n_embd, 0.0);
        s.qkv.resize(n_rows * qkv_width, 0.0);
        s.attended.resize(n_rows * q_width, 0.0);
        s.gate_up.resize(n_rows * 2 * config.n_ff, 0.0);
        s.inner.resize(n_rows * config.n_ff, 0.0);
        s.delta.resize(n_rows * n_embd, 0.0);

        for (layer_idx, layer) in self.layers.iter().enumerate() {
            // Attention.
            let x = Shared::new(&mut s.x);
            let delta = (layer_idx > 0).then_some(&s.delta[..]);
            let norm = |row: usize, normed: &mut [f32]| {
                // SAFETY: each piece has its own rows.
                let x = unsafe { x.slice(row * n_embd, n_embd) };
                if let Some(delta) = delta {
                    add(isa, x, &delta[row * n_embd..][..n_embd]);
                }
                rms_norm(isa, x, &layer.attn_norm, config.norm_epsilon, normed);
            };
            let qkv = [&layer.q, &layer.k, &layer.v];
            s.inputs
                .prepare(pool, isa, &mut s.normed, n_embd, &qkv, &norm);
            let targets = [
                (Target::Q, 0),
                (Target::K, q_width),
                (Target::V, q_width + kv_width),
            ];
            let segments_of = segments(layer_idx, &targets);
            let next = lines(&segments_of);
            multiply(pool, isa, &s.inputs, &qkv, &mut s.qkv, &next);
            add_low_rank(
                pool,
                isa,
                &s.normed,
                &segments_of,
                &mut s.qkv,
                qkv_width,
                &mut s.low_rank,
            );
            for_rows(pool, &mut s.qkv, qkv_width, &|row, qkv| {
                if !layer.qkv_bias.is_empty() {
                    add(isa, qkv, &layer.qkv_bias);
                }
                let turns = &turns[row * self.frequencies.len()..][..self.frequencies.len()];
                let queries_and_keys = &mut qkv[..q_width + kv_width];
                rotate(isa, queries_and_keys, config.head_dim, turns, interleaved);
            });
            for (place, qkv) in places.iter().zip(s.qkv.chunks_exact(qkv_width)) {
                let page = place.pages[place.position / PAGE_TOKENS];
                let (keys, values) = qkv[q_width..].split_at(kv_width);
                cache.store(layer_idx, page, place.position % PAGE_TOKENS, keys, values);
            }
            attend(
                pool,
                isa,
                heads,
                cache,
                layer_idx,
                &places,
                &s.qkv,
                qkv_width,
                &mut s.attended,
            );
            let o = [&layer.o];
            s.inputs
                .prepare(pool, isa, &mut s.attended, q_width, &o, &|_, _| {});
            let segments_of = segments(layer_idx, &[(Target::O, 0)]);
            let next = lines(&segments_of);
            multiply(pool, isa, &s.inputs, &o, &mut s.delta, &next);
            add_low_rank(
                pool,
                isa,
                &s.attended,
                &segments_of,
                &mut s.delta,
                n_embd,
                &mut s.low_rank,
            );

            // Feed-forward.
            let x = Shared::new(&mut s.x);
            let delta = &s.delta[..];
            let norm = |row: usize, normed: &mut [f32]| {
                // SAFETY: each piece has its own rows.
                let x = unsafe { x.slice(row * n_embd, n_embd) };
                add(isa, x, &delta[row * n_embd..][..n_embd]);
                rms_norm(isa, x, &layer.ffn_norm, config.norm_epsilon, normed);
            };
            let gate_up = [&layer.gate, &layer.up];
            s.inputs
                .prepare(pool, isa, &mut s.normed, n_embd, &gate_up, &norm);
            let segments_of = segments(layer_idx, &[(Target::Gate, 0), (Target::Up, config.n_ff)]);
            let next = lines(&segments_of);
            multiply(pool, isa, &s.inputs, &gate_up, &mut s.gate_up, &next);
            add_low_rank(
                pool,
                isa,
                &s.normed,
                &segments_of,
                &mut s.gate_up,
                2 * config.n_ff,
                &mut s.low_rank,
            );
            let gate_up = &s.gate_up[..];
            let activate = |row: usize, inner: &mut [f32]| {
                swiglu(
                    isa,
                    &gate_up[row * 2 * config.n_ff..][..2 * config.n_ff],
                    inner,
                );
            };
            let down = [&layer.down];
            s.inputs
                .prepare(pool, isa, &mut s.inner, config.n_ff, &down, &activate);
            let segments_of = segments(layer_idx, &[(Target::Down, 0)]);
            let next = lines(&segments_of);
            multiply(pool, isa, &s.inputs, &down, &mut s.delta, &next);
            add_low_rank(
                pool,
                isa,
                &s.inner,
                &segments_of,
                &mut s.delta,
                n_embd,
                &mut s.low_rank,
            );
        }
        if !self.layers.is_empty() {
            add(isa, &mut s.x, &s.delta);
        }

        // Only the wanted rows pass the head, which is a fifth of a small model's work.
        let wanted = batch
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.wants_logits);
        let mut n_wanted = 0;
        for (row, _) in wanted {
            s.x.copy_within(row * n_embd..(row + 1) * n_embd, n_wanted * n_embd);
            n_wanted += 1;
        }
        s.x.truncate(n_wanted * n_embd);
        s.normed.truncate(n_wanted * n_embd);
        let head = [self.head.as_ref().unwrap_or(&self.embedding)];
        let x = &s.x[..];
        let norm = |row: usize, normed: &mut [f32]| {
            let x = &x[row * n_embd..][..n_embd];
            rms_norm(isa, x, &self.output_norm, config.norm_epsilon, normed);
        };
        s.inputs
            .prepare(pool, isa, &mut s.normed, n_embd, &head, &norm);
        s.logits.resize(n_wanted * config.n_vocab, 0.0);
        multiply(pool, isa, &s.inputs, &head, &mut s.logits, &[]);
        Logits {
            values: &s.logits,
            n_vocab: config.n_vocab,
        }
    }
}

/// The weights of the adapters of some segments.
fn lines<'a>(segments: &[Segment<'a>]) -> Vec<&'a [Line]> {
    let parts = segments.iter().flat_map(|segment| &segment.parts);
    parts.flat_map(|(_, low_rank)| low_rank.lines()).collect()
}

/// Runs of neighbouring rows that share an adapter.
fn adapted_rows(rows: &[Row]) -> Vec<(Range<usize>, usize)> {
    let mut runs: Vec<(Range<usize>, usize)> = Vec::new();
    for (row_idx, row) in rows.iter().enumerate() {
        let Some(adapter) = row.adapter else { continue };
        match runs.last_mut() {
            Some((run, last)) if run.end == row_idx && *last == adapter => run.end += 1,
            _ => runs.push((row_idx..row_idx + 1, adapter)),
        }
    }
    runs
}

/// Does something to each row of a buffer, in parallel when there are several.
fn for_rows(
    pool: &mut Pool,
    rows: &mut [f32],
    width: usize,
    work: &(dyn Fn(usize, &mut [f32]) + Sync),
) {
    let n_rows = rows.len() / width;
    let rows = Shared::new(rows);
    pool.run(n_rows, &|row| {
        // SAFETY: each piece has its own row.
        work(row, unsafe { rows.slice(row * width, width) });
    });
}
