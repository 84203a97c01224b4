//! The decoder of the Llama and Qwen2 family, from a model's files to sampled tokens.
//!
//! 1. [`open`] maps a model, a [`Gguf`] file or a [`Folder`] of safetensors, and checks it: a [`Source`].
//! 2. [`Decoder::load`] packs its weights; [`KvCache`] holds keys and values of past tokens in pages.
//! 3. [`Tokenizer`] and [`ChatTemplate`] turn a conversation into tokens.
//! 4. [`Decoder::forward`] takes a [`Batch`] of tokens of any sequences, each served by the base alone
//!    or through an [`Adapter`], and gives the wanted [`Logits`].
//!    [`Backend`] holds both and does the same, on the processor or on another [`Device`].
//! 5. [`Sampler`] draws a token from each; [`TextStream`] turns tokens into text as they come.

mod adapter;
mod block;
mod cache;
mod chat;
mod config;
mod decoder;
mod device;
mod folder;
mod gguf;
mod kernel;
mod limits;
mod matrix;
mod pool;
mod safetensors;
mod sampler;
mod source;
mod tokenizer;

pub use adapter::{Adapter, AdapterError, PeftConfigError, Target};
pub use block::Format;
pub use cache::{KvCache, PAGE_TOKENS};
pub use chat::{ChatMessage, ChatTemplate, ChatTemplateError, Span};
pub use config::{Architecture, Config, RopeScaling};
pub use decoder::{
    Batch, Decoder, LoadOptions, Logits, Row, refuse_unsupported, rope_frequencies, tensor, vector,
};
pub use device::{Backend, Device, DeviceError};
pub use folder::{Folder, FolderError};
pub use gguf::{Gguf, GgufError, Header, TensorInfo, Value};
pub use kernel::exp;
pub use limits::Limits;
pub use matrix::Layout;
pub use sampler::{Sampler, SamplerSettings};
pub use source::{Source, Tensor, open};
pub use tokenizer::{TextStream, Tokenizer, TokenizerError};

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The architecture is not one that this decoder knows.
    #[error("load the model: architecture `{0}` is not supported, only llama and qwen2")]
    Architecture(String),
    /// A detail of the model that this decoder does not know.
    #[error("load the model: {0} is not supported")]
    Unsupported(String),
    /// A dimension is beyond reason, or fits no other.
    #[error("load the model: `{0}` cannot be {1}")]
    Dimension(String, usize),
    /// A tensor has another shape than the model's dimensions ask for.
    #[error("load the model: tensor `{tensor}` has shape {found:?} instead of {expected:?}")]
    Shape {
        /// The tensor.
        tensor: String,
        /// Rows and columns that the dimensions ask for.
        expected: (usize, usize),
        /// Rows and columns in the file.
        found: (usize, usize),
    },
    /// It cannot be loaded to a device.
    #[error("load the model: {0}")]
    Device(#[from] DeviceError),
    /// A tensor's numbers are unusable.
    #[error("load the model: tensor `{0}` is unusable: {1}")]
    Weights(String, &'static str),
}
