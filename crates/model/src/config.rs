//! The dimensions of a model.

use crate::ModelError;
use crate::cache::ABREAST;

mod gguf;

pub(crate) use gguf::of_gguf;

/// The families of decoders that differ only in details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Llama and its many descendants: no biases, neighbouring numbers turned as pairs.
    Llama,
    /// Qwen2 and Qwen2.5: biases on queries, keys and values, halves of a head turned as pairs.
    Qwen2,
}

/// How a rotation is stretched, so that a model reads longer texts than it was first trained for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// Positions are divided by a factor.
    Linear {
        /// The factor; 1 for most models.
        factor: f64,
    },
    /// Long waves are divided by a factor, short ones are kept, and those between move from one to the other.
    /// Source: Llama 3.1, as `transformers` computes it.
    Llama3 {
        /// What the longest waves are divided by.
        factor: f64,
        /// Waves that fit fewer times than this into the old context are divided.
        low_frequency: f64,
        /// Waves that fit more often than this into the old context are kept.
        high_frequency: f64,
        /// The context of the first training, in tokens.
        old_context: f64,
    },
}

/// The dimensions of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which details apply.
    pub architecture: Architecture,
    /// Blocks of attention and feed-forward.
    pub n_layers: usize,
    /// Length of a token's vector.
    pub n_embd: usize,
    /// Length of the inner vector of a feed-forward part.
    pub n_ff: usize,
    /// Heads of queries.
    pub n_heads: usize,
    /// Heads of keys and values, each shared by `n_heads / n_kv_heads` heads of queries.
    pub n_kv_heads: usize,
    /// Length of a head's vector.
    pub head_dim: usize,
    /// Numbers of a head that the position turns.
    pub n_rotated: usize,
    /// Tokens of the longest context that the model was trained for.
    pub n_ctx: usize,
    /// Tokens in the vocabulary.
    pub n_vocab: usize,
    /// What keeps a norm from dividing by zero.
    pub norm_epsilon: f32,
    /// Base of the rotation's wave lengths.
    pub rope_base: f64,
    /// How the rotation is stretched beyond the context of the first training.
    pub rope_scaling: RopeScaling,
}

impl Config {
    /// True where neighbouring numbers of a head are turned as pairs, as in Llama's GGUF files;
    /// false where a head's halves are.
    pub fn has_paired_heads(&self) -> bool {
        self.architecture == Architecture::Llama
    }

    /// Fails when dimensions contradict each other or are beyond any reason.
    /// `key` tells what the model's files call a dimension that GGUF calls so.
    pub(crate) fn check(&self, key: impl Fn(&str) -> String) -> Result<(), ModelError> {
        let bad = |suffix: &str, n| Err(ModelError::Dimension(key(suffix), n));
        if self.n_kv_heads == 0 || !self.n_heads.is_multiple_of(self.n_kv_heads) {
            return bad("attention.head_count_kv", self.n_kv_heads);
        }
        let head_dim = self.head_dim;
        if head_dim == 0 || head_dim > 1 << 10 || !head_dim.is_multiple_of(ABREAST) {
            return bad("attention.key_length", head_dim);
        }
        if self.n_rotated > head_dim || !self.n_rotated.is_multiple_of(2) {
            return bad("rope.dimension_count", self.n_rotated);
        }
        if !self.n_embd.is_multiple_of(32) {
            return bad("embedding_length", self.n_embd);
        }
        if !self.n_ff.is_multiple_of(32) {
            return bad("feed_forward_length", self.n_ff);
        }
        let scaling_is_sane = match self.rope_scaling {
            RopeScaling::Linear { factor } => factor > 0.0,
            RopeScaling::Llama3 {
                factor,
                low_frequency: low,
                high_frequency: high,
                old_context,
            } => factor > 0.0 && low > 0.0 && high > low && old_context > 0.0,
        };
        if !(self.rope_base > 0.0 && scaling_is_sane && self.norm_epsilon >= 0.0) {
            return Err(ModelError::Unsupported(
                "rope base, rope scaling or norm epsilon below zero".to_string(),
            ));
        }
        Ok(())
    }

    /// What each pair of a head turns by from one position to the next, in radians.
    pub(crate) fn frequencies(&self) -> Vec<f64> {
        let wave = |pair: usize| {
            let exponent = 2.0 * pair as f64 / self.n_rotated as f64;
            self.rope_base.powf(-exponent)
        };
        let stretched = |frequency: f64| match self.rope_scaling {
            RopeScaling::Linear { factor } => frequency / factor,
            RopeScaling::Llama3 {
                factor,
                low_frequency: low,
                high_frequency: high,
                old_context,
            } => {
                let n_waves = old_context * frequency / std::f64::consts::TAU;
                let kept = ((n_waves - low) / (high - low)).clamp(0.0, 1.0);
                kept * frequency + (1.0 - kept) * frequency / factor
            }
        };
        (0..self.n_rotated / 2).map(wave).map(stretched).collect()
    }
}
