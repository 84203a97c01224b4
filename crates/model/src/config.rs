//! The dimensions of a model, read from its metadata.

use crate::ModelError;
use crate::cache::ABREAST;
use crate::gguf::{Gguf, GgufError};

/// The families of decoders that differ only in details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Llama and its many descendants: no biases, neighbouring numbers turned as pairs.
    Llama,
    /// Qwen2 and Qwen2.5: biases on queries, keys and values, halves of a head turned as pairs.
    Qwen2,
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
    /// What positions are divided by (linear scaling); 1 for most models.
    pub rope_factor: f64,
}

impl Config {
    /// Reads the dimensions.
    ///
    /// # Errors
    /// When the architecture is unknown, or dimensions are missing, contradict each other, or are beyond any reason.
    pub fn read(gguf: &Gguf) -> Result<Config, ModelError> {
        let name = gguf
            .text("general.architecture")?
            .ok_or_else(|| GgufError::Missing("general.architecture".to_string()))?;
        let architecture = match name {
            "llama" => Architecture::Llama,
            "qwen2" => Architecture::Qwen2,
            other => return Err(ModelError::Architecture(other.to_string())),
        };
        let key = |key: &str| format!("{name}.{key}");
        let optional = |suffix: &str| gguf.count(&key(suffix));
        let required = |suffix: &str, max: usize| match gguf.count(&key(suffix))? {
            None => Err(ModelError::from(GgufError::Missing(key(suffix)))),
            Some(n) if n == 0 || n > max => Err(ModelError::Dimension(key(suffix), n)),
            Some(n) => Ok(n),
        };

        if optional("expert_count")?.unwrap_or(0) > 0 {
            return Err(ModelError::Unsupported("a mixture of experts".to_string()));
        }
        let n_embd = required("embedding_length", 1 << 16)?;
        let n_heads = required("attention.head_count", 1 << 10)?;
        let n_kv_heads = optional("attention.head_count_kv")?.unwrap_or(n_heads);
        let head_dim = optional("attention.key_length")?.unwrap_or(n_embd / n_heads);
        if optional("attention.value_length")?.unwrap_or(head_dim) != head_dim {
            return Err(ModelError::Unsupported(
                "values of another length than keys".to_string(),
            ));
        }
        let config = Config {
            architecture,
            n_layers: required("block_count", 1 << 10)?,
            n_embd,
            n_ff: required("feed_forward_length", 1 << 18)?,
            n_heads,
            n_kv_heads,
            head_dim,
            n_rotated: optional("rope.dimension_count")?.unwrap_or(head_dim),
            n_ctx: required("context_length", 1 << 24)?,
            n_vocab: gguf
                .tensor("token_embd.weight")
                .ok_or_else(|| GgufError::Missing("token_embd.weight".to_string()))?
                .n_rows,
            norm_epsilon: gguf
                .real(&key("attention.layer_norm_rms_epsilon"))?
                .unwrap_or(1e-5) as f32,
            rope_base: gguf.real(&key("rope.freq_base"))?.unwrap_or(10_000.0),
            rope_factor: rope_factor(gguf, name)?,
        };
        config.check(name)?;
        Ok(config)
    }

    fn check(&self, name: &str) -> Result<(), ModelError> {
        let bad = |suffix: &str, n| Err(ModelError::Dimension(format!("{name}.{suffix}"), n));
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
        if !(self.rope_base > 0.0 && self.rope_factor > 0.0 && self.norm_epsilon >= 0.0) {
            return Err(ModelError::Unsupported(
                "rope base, rope factor or norm epsilon below zero".to_string(),
            ));
        }
        Ok(())
    }
}

/// What positions are divided by.
fn rope_factor(gguf: &Gguf, name: &str) -> Result<f64, ModelError> {
    let factor = gguf.real(&format!("{name}.rope.scaling.factor"))?;
    match gguf.text(&format!("{name}.rope.scaling.type"))? {
        // An old key, written without a type.
        None => Ok(gguf
            .real(&format!("{name}.rope.scale_linear"))?
            .or(factor)
            .unwrap_or(1.0)),
        Some("none") => Ok(1.0),
        Some("linear") => Ok(factor.unwrap_or(1.0)),
        Some(other) => Err(ModelError::Unsupported(format!("rope scaling `{other}`"))),
    }
}
