//! Low-rank adapters: small corrections to a frozen base, one for each agent.
//!
//! An adapter adds `scale * B (A x)` to the result of a linear layer (Hu et al. 2021, "LoRA").
//! Numbers are kept in 16-bit floats, with the scale inside B.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::gguf::{Gguf, GgufError};
use crate::kernel::{Columns, LowRank, Segment};
use crate::matrix::Arena;

mod gguf;
mod peft;
mod safetensors;

pub use peft::PeftConfigError;

/// The largest rank that is accepted.
const MAX_RANK: usize = 1024;

/// A linear layer that can be adapted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// Queries.
    #[serde(rename = "q_proj")]
    Q,
    /// Keys.
    #[serde(rename = "k_proj")]
    K,
    /// Values.
    #[serde(rename = "v_proj")]
    V,
    /// What attention adds to the stream.
    #[serde(rename = "o_proj")]
    O,
    /// Gates of the feed-forward part.
    #[serde(rename = "gate_proj")]
    Gate,
    /// What the gates let through.
    #[serde(rename = "up_proj")]
    Up,
    /// What the feed-forward part adds to the stream.
    #[serde(rename = "down_proj")]
    Down,
}

impl Target {
    /// All of them, in the order of a layer.
    pub const ALL: [Target; 7] = [
        Target::Q,
        Target::K,
        Target::V,
        Target::O,
        Target::Gate,
        Target::Up,
        Target::Down,
    ];

    /// Its name in `transformers`, with the part of the layer that it belongs to.
    pub fn module(self) -> &'static str {
        match self {
            Target::Q => "self_attn.q_proj",
            Target::K => "self_attn.k_proj",
            Target::V => "self_attn.v_proj",
            Target::O => "self_attn.o_proj",
            Target::Gate => "mlp.gate_proj",
            Target::Up => "mlp.up_proj",
            Target::Down => "mlp.down_proj",
        }
    }

    /// Its name in `transformers` alone, as configurations list it.
    pub fn name(self) -> &'static str {
        let module = self.module();
        module.rsplit_once('.').map_or(module, |(_, name)| name)
    }

    /// Its name in GGUF files.
    pub fn gguf_name(self) -> &'static str {
        match self {
            Target::Q => "attn_q",
            Target::K => "attn_k",
            Target::V => "attn_v",
            Target::O => "attn_output",
            Target::Gate => "ffn_gate",
            Target::Up => "ffn_up",
            Target::Down => "ffn_down",
        }
    }

    /// Numbers out and numbers in.
    pub fn shape(self, config: &Config) -> (usize, usize) {
        let q_width = config.n_heads * config.head_dim;
        let kv_width = config.n_kv_heads * config.head_dim;
        match self {
            Target::Q => (q_width, config.n_embd),
            Target::K | Target::V => (kv_width, config.n_embd),
            Target::O => (config.n_embd, q_width),
            Target::Gate | Target::Up => (config.n_ff, config.n_embd),
            Target::Down => (config.n_embd, config.n_ff),
        }
    }
}

/// Why an adapter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// A file cannot be read.
    #[error("load the adapter: {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is neither a PEFT folder nor a GGUF file.
    #[error("load the adapter: {0} is neither a folder with `adapter_config.json` nor a GGUF file")]
    Unknown(PathBuf),
    /// The GGUF file cannot be read.
    #[error("load the adapter: {0}")]
    Gguf(#[from] GgufError),
    /// The configuration asks for something else than a plain adapter.
    #[error("load the adapter: {0}")]
    Config(#[from] PeftConfigError),
    /// The file of weights is damaged.
    #[error("load the adapter: invalid safetensors file: {0}")]
    Container(String),
    /// A tensor is unexpected, missing, or of the wrong shape.
    #[error("load the adapter: tensor `{tensor}`: {problem}")]
    Tensor {
        /// Its name in the file.
        tensor: String,
        /// What is wrong with it.
        problem: String,
    },
}

fn tensor_error(tensor: &str, problem: impl Into<String>) -> AdapterError {
    AdapterError::Tensor {
        tensor: tensor.to_string(),
        problem: problem.into(),
    }
}

/// For each layer, what is added to its linear layers, in the order of [`Target::ALL`].
pub(crate) type Parts = Vec<[Option<LowRank>; 7]>;

/// A low-rank adapter for a decoder of certain dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// Clones share them, and so does a device that holds a copy of them.
    layers: Arc<Parts>,
    invocation: Vec<u32>,
    rank: usize,
}

impl Adapter {
    /// Reads an adapter for a decoder: a folder as PEFT writes it, or a GGUF file as llama.cpp reads it.
    ///
    /// # Errors
    /// When files are missing or damaged, when the adapter is of another kind than a plain low-rank one,
    /// and when a tensor is unknown, missing, or does not fit the decoder. Nothing is left out silently.
    pub fn load(path: &Path, config: &Config) -> Result<Adapter, AdapterError> {
        if path.join(peft::CONFIG).is_file() {
            peft::load(path, config)
        } else if path.is_file() {
            gguf::load(&Gguf::open(path)?, config)
        } else {
            Err(AdapterError::Unknown(path.to_path_buf()))
        }
    }

    /// The tokens from whose last occurrence in the prompt on an activated adapter acts
    /// (Greenewald et al. 2025, "Activated LoRA"); empty when it acts on every token.
    pub fn invocation(&self) -> &[u32] {
        &self.invocation
    }

    /// The largest rank of its parts.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Memory of its weights.
    pub fn n_bytes(&self) -> usize {
        self.parts()
            .map(|low_rank| low_rank.down.n_bytes() + low_rank.up.n_bytes())
            .sum()
    }

    /// What it adds, in a canonical form: equal for equal adapters, whatever files they come from.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.n_bytes() + 4096);
        let number = |n: usize, bytes: &mut Vec<u8>| bytes.extend((n as u64).to_le_bytes());
        number(self.invocation.len(), &mut bytes);
        for &token in &self.invocation {
            bytes.extend(token.to_le_bytes());
        }
        number(self.layers.len(), &mut bytes);
        for part in self.layers.iter().flatten() {
            let columns = part.iter().flat_map(|part| [&part.down, &part.up]);
            number(columns.clone().count(), &mut bytes);
            for columns in columns {
                number(columns.n_in, &mut bytes);
                number(columns.n_out, &mut bytes);
                columns.write(&mut bytes);
            }
        }
        bytes
    }

    /// What it adds, by layer.
    #[cfg(feature = "candle")]
    pub(crate) fn layers(&self) -> &Arc<Parts> {
        &self.layers
    }

    fn parts(&self) -> impl Iterator<Item = &LowRank> {
        self.layers.iter().flatten().flatten()
    }

    /// What it adds to some neighbouring rows of one layer; `targets` lie side by side in the output.
    pub(crate) fn segment(
        &self,
        layer_idx: usize,
        rows: std::ops::Range<usize>,
        targets: &[(Target, usize)],
    ) -> Segment<'_> {
        let layer = &self.layers[layer_idx];
        let parts = targets.iter().filter_map(|&(target, column)| {
            layer[target as usize].as_ref().map(|part| (column, part))
        });
        Segment {
            rows,
            parts: parts.collect(),
        }
    }

    /// True when it was made for a decoder of these dimensions.
    pub(crate) fn fits(&self, config: &Config) -> bool {
        self.layers.len() == config.n_layers
            && self.layers.iter().all(|layer| {
                Target::ALL.iter().zip(layer).all(|(target, part)| {
                    let shape = target.shape(config);
                    part.as_ref()
                        .is_none_or(|part| (part.up.n_out, part.down.n_in) == shape)
                })
            })
    }
}

/// Collects an adapter's parts, from whatever file, and checks them.
struct Builder<'a> {
    config: &'a Config,
    layers: Parts,
    rank: usize,
}

/// One matrix as a file holds it.
struct Stored<'a> {
    name: &'a str,
    n_rows: usize,
    n_cols: usize,
    numbers: Vec<f32>,
}

impl<'a> Builder<'a> {
    fn new(config: &'a Config) -> Builder<'a> {
        Builder {
            config,
            layers: vec![const { [const { None }; 7] }; config.n_layers],
            rank: 0,
        }
    }

    /// Adds one layer's pair of matrices, A `(rank, n_in)` and B `(n_out, rank)`.
    fn add(
        &mut self,
        layer_idx: usize,
        target: Target,
        down: &Stored<'_>,
        up: &Stored<'_>,
        scale: f32,
    ) -> Result<(), AdapterError> {
        let (n_out, n_in) = target.shape(self.config);
        let rank = down.n_rows;
        if rank == 0 || rank > MAX_RANK {
            return Err(tensor_error(
                down.name,
                format!("a rank of {rank} is not supported"),
            ));
        }
        for (stored, expected) in [(down, (rank, n_in)), (up, (n_out, rank))] {
            if (stored.n_rows, stored.n_cols) != expected {
                return Err(tensor_error(
                    stored.name,
                    format!(
                        "its shape is {:?}, the model's layer asks for {expected:?}",
                        (stored.n_rows, stored.n_cols)
                    ),
                ));
            }
        }
        let pack = |stored: &Stored<'_>, numbers: &[f32]| {
            Columns::pack(stored.n_cols, stored.n_rows, numbers).ok_or_else(|| {
                tensor_error(stored.name, "a number is infinite, undefined or too large")
            })
        };
        let scaled: Vec<f32> = up.numbers.iter().map(|x| x * scale).collect();
        let part = LowRank {
            down: pack(down, &down.numbers)?,
            up: pack(up, &scaled)?,
        };
        self.rank = self.rank.max(rank);
        // What adds nothing is left out, so that it cannot even change the sign of a zero.
        let slot = &mut self.layers[layer_idx][target as usize];
        *slot = (!part.up.is_zero() && !part.down.is_zero()).then_some(part);
        Ok(())
    }

    fn finish(mut self, invocation: Vec<u32>) -> Result<Adapter, AdapterError> {
        let n_vocab = self.config.n_vocab;
        if let Some(token) = invocation.iter().find(|&&token| token as usize >= n_vocab) {
            return Err(PeftConfigError::Value {
                key: "alora_invocation_tokens".to_string(),
                problem: format!("the model has no token {token}"),
            }
            .into());
        }
        let sizes = self.layers.iter().flatten().flatten();
        let arena = Arena::new(sizes.flat_map(|part| [part.down.n_bytes(), part.up.n_bytes()]));
        for part in self.layers.iter_mut().flatten().flatten() {
            part.down.move_into(&arena);
            part.up.move_into(&arena);
        }
        Ok(Adapter {
            layers: Arc::new(self.layers),
            invocation,
            rank: self.rank,
        })
    }
}
