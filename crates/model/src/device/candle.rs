//! The decoder on candle's tensors: the same steps as in `decoder.rs`, on any device that candle knows.
//!
//! The stream of vectors, norms and attention are computed in 32-bit floats; products with weights in the weights' own
//! numbers. Every operation is one of candle's, so that the code that was tested on the processor is what a GPU runs.

use candle_core::{D, DType, Device, Result, Tensor};

use crate::adapter::Target;
use crate::config::Config;
use crate::decoder::{Batch, Logits};

mod adapters;
mod attention;
mod cache;
mod load;
#[cfg(test)]
mod tests;

use adapters::{Stack, Wearers};
use attention::Groups;
use cache::Cache;

/// A linear layer's weights, `(n_out, n_in)`.
struct Linear(Tensor);

struct Layer {
    attn_norm: Tensor,
    q: Linear,
    k: Linear,
    v: Linear,
    /// Biases of queries, keys and values.
    qkv_bias: Option<[Tensor; 3]>,
    o: Linear,
    ffn_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// A decoder of the Llama family with its weights, its cache, and the adapters that it has seen, on one device.
pub(super) struct Decoder {
    config: Config,
    device: Device,
    embedding: Linear,
    layers: Vec<Layer>,
    output_norm: Tensor,
    /// Absent when the embedding serves as the head.
    head: Option<Linear>,
    /// What each pair of a head turns by from one position to the next, in radians.
    frequencies: Vec<f64>,
    cache: Cache,
    stack: Stack,
    /// Those of the latest pass.
    logits: Vec<f32>,
}

impl Decoder {
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn n_bytes(&self) -> usize {
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
            .map(Linear::n_bytes)
            .iter()
            .sum::<usize>()
        };
        self.embedding.n_bytes()
            + self.head.as_ref().map_or(0, Linear::n_bytes)
            + self.layers.iter().map(of_layer).sum::<usize>()
    }

    /// Passes a batch through all layers, stores its keys and values, and returns the wanted logits.
    pub(super) fn forward(&mut self, batch: Batch<'_>) -> Result<Logits<'_>> {
        let config = &self.config;
        self.logits.clear();
        if !batch.rows.is_empty() {
            self.stack.hold(batch.adapters, config, &self.device)?;
            let wearers = self.stack.wearers(&batch, &self.device)?;
            let x = self.layers(&batch, wearers.as_ref())?;
            let wanted: Vec<u32> = (0u32..)
                .zip(batch.rows)
                .filter(|(_, row)| row.wants_logits)
                .map(|(row_idx, _)| row_idx)
                .collect();
            if !wanted.is_empty() {
                // Only the wanted rows pass the head.
                let x = x.index_select(&list(wanted, &self.device)?, 0)?;
                let normed = rms_norm(&x, &self.output_norm, config.norm_epsilon)?;
                let head = self.head.as_ref().unwrap_or(&self.embedding);
                self.logits = head.forward(&normed)?.flatten_all()?.to_vec1()?;
            }
        }
        Ok(Logits {
            values: &self.logits,
            n_vocab: self.config.n_vocab,
        })
    }

    /// The stream behind the last layer: `(rows, n_embd)`.
    fn layers(&self, batch: &Batch<'_>, wearers: Option<&Wearers<'_>>) -> Result<Tensor> {
        let config = &self.config;
        let device = &self.device;
        let tokens: Vec<u32> = batch.rows.iter().map(|row| row.token).collect();
        // A GPU would read beside the matrix.
        assert!(
            tokens
                .iter()
                .all(|&token| (token as usize) < config.n_vocab),
            "a token is not in the vocabulary"
        );
        let turns = self.turns(batch)?;
        let slots = self.cache.slots(batch, device)?;
        let groups = Groups::new(batch, device)?;
        let mut x = self.embedding.0.index_select(&list(tokens, device)?, 0)?;
        x = x.to_dtype(DType::F32)?;
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            let linear = |linear: &Linear, target: Target, x: &Tensor| {
                let y = linear.forward(x)?;
                match wearers {
                    None => Ok(y),
                    Some(wearers) => wearers.add(y, x, layer_idx, target),
                }
            };

            // Attention.
            let normed = rms_norm(&x, &layer.attn_norm, config.norm_epsilon)?;
            let mut q = linear(&layer.q, Target::Q, &normed)?;
            let mut k = linear(&layer.k, Target::K, &normed)?;
            let mut v = linear(&layer.v, Target::V, &normed)?;
            if let Some([q_bias, k_bias, v_bias]) = &layer.qkv_bias {
                q = q.broadcast_add(q_bias)?;
                k = k.broadcast_add(k_bias)?;
                v = v.broadcast_add(v_bias)?;
            }
            let q = turns.rotate(&q, config.n_heads)?;
            let k = turns.rotate(&k, config.n_kv_heads)?;
            self.cache.store(layer_idx, &slots, &k, &v)?;
            let attended = groups.attend(&q, &self.cache, layer_idx, config)?;
            x = (x + linear(&layer.o, Target::O, &attended)?)?;

            // Feed-forward.
            let normed = rms_norm(&x, &layer.ffn_norm, config.norm_epsilon)?;
            let gate = linear(&layer.gate, Target::Gate, &normed)?;
            let up = linear(&layer.up, Target::Up, &normed)?;
            let inner = (gate.silu()? * up)?;
            x = (x + linear(&layer.down, Target::Down, &inner)?)?;
        }
        Ok(x)
    }

    fn turns(&self, batch: &Batch<'_>) -> Result<Turns> {
        let angles = batch.rows.iter().flat_map(|row| {
            let position = row.position as f64;
            self.frequencies
                .iter()
                .map(move |frequency| position * frequency)
        });
        let (sin, cos): (Vec<f32>, Vec<f32>) = angles
            .map(f64::sin_cos)
            .map(|(sin, cos)| (sin as f32, cos as f32))
            .unzip();
        let shape = (batch.rows.len(), 1, self.frequencies.len());
        Ok(Turns {
            cos: Tensor::from_vec(cos, shape, &self.device)?,
            sin: Tensor::from_vec(sin, shape, &self.device)?,
            head_dim: self.config.head_dim,
            interleaved: self.config.has_paired_heads(),
        })
    }
}

impl Linear {
    fn n_bytes(&self) -> usize {
        self.0.elem_count() * self.0.dtype().size_in_bytes()
    }

    /// `(rows, n_in)` to `(rows, n_out)`, both in 32-bit floats.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.to_dtype(self.0.dtype())?
            .matmul(&self.0.t()?)?
            .to_dtype(DType::F32)
    }
}

/// `x / sqrt(mean(x^2) + epsilon) * weight` for each row.
fn rms_norm(x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
    let mean = x.sqr()?.mean_keepdim(D::Minus1)?;
    let root = (mean + f64::from(epsilon))?.sqrt()?;
    x.broadcast_div(&root)?.broadcast_mul(weight)
}

/// Numbers that select rows of something.
fn list(numbers: Vec<u32>, device: &Device) -> Result<Tensor> {
    let len = numbers.len();
    Tensor::from_vec(numbers, len, device)
}

/// How the pairs of each head are turned, by each row's position.
struct Turns {
    /// `(rows, 1, pairs)`.
    cos: Tensor,
    sin: Tensor,
    head_dim: usize,
    /// Whether pairs are neighbours, or numbers `i` and `i + pairs`.
    interleaved: bool,
}

impl Turns {
    /// `(rows, n_heads * head_dim)` to the same.
    fn rotate(&self, x: &Tensor, n_heads: usize) -> Result<Tensor> {
        let (n_rows, width) = x.dims2()?;
        let n_pairs = self.cos.dim(2)?;
        if n_pairs == 0 {
            return Ok(x.clone());
        }
        // Where a pair's two numbers are told apart, among the numbers that are turned.
        let (pairs, side) = if self.interleaved {
            ((n_rows, n_heads, n_pairs, 2), 3)
        } else {
            ((n_rows, n_heads, 2, n_pairs), 2)
        };
        let heads = x.reshape((n_rows, n_heads, self.head_dim))?;
        let turned = heads.narrow(2, 0, 2 * n_pairs)?.reshape(pairs)?;
        let a = turned.narrow(side, 0, 1)?.squeeze(side)?;
        let b = turned.narrow(side, 1, 1)?.squeeze(side)?;
        let of = |by: &Tensor, x: &Tensor| x.broadcast_mul(by);
        let new_a = (of(&self.cos, &a)? - of(&self.sin, &b)?)?;
        let new_b = (of(&self.sin, &a)? + of(&self.cos, &b)?)?;
        let turned =
            Tensor::stack(&[new_a, new_b], side)?.reshape((n_rows, n_heads, 2 * n_pairs))?;
        let heads = if 2 * n_pairs == self.head_dim {
            turned
        } else {
            let kept = heads.narrow(2, 2 * n_pairs, self.head_dim - 2 * n_pairs)?;
            Tensor::cat(&[turned, kept], 2)?
        };
        heads.reshape((n_rows, width))
    }
}
