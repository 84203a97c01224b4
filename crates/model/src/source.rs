use std::borrow::Cow;
use std::path::Path;

use crate::ModelError;
use crate::block::Format;
use crate::chat::ChatTemplateError;
use crate::config::Config;
use crate::folder::Folder;
use crate::gguf::Gguf;
use crate::tokenizer::{Tokenizer, TokenizerError};

/// A model's files: where its dimensions, weights, tokenizer and chat template come from.
///
/// Tensors go by the names that GGUF gives them, such as `blk.0.attn_q.weight`,
/// and hold what a GGUF file would hold: the rows of a Llama's queries and keys are ordered
/// for neighbouring numbers that are turned as pairs.
pub trait Source: Send + Sync {
    /// The dimensions.
    ///
    /// # Errors
    /// When the architecture is unknown, or dimensions are missing, contradict each other, or are beyond any reason.
    fn config(&self) -> Result<Config, ModelError>;

    /// A tensor, if it is there.
    fn weights(&self, name: &str) -> Option<Tensor<'_>>;

    /// What the files themselves call a tensor.
    fn name_of(&self, name: &str) -> String;

    /// The tokenizer.
    ///
    /// # Errors
    /// When there is none, or one of a kind that this reader does not know.
    fn tokenizer(&self) -> Result<Tokenizer, TokenizerError>;

    /// The text of the chat template.
    ///
    /// # Errors
    /// When there is none.
    fn chat_template(&self) -> Result<String, ChatTemplateError>;

    /// Numbers in all tensors.
    fn n_parameters(&self) -> u64;

    /// The files' names with their bytes, in the order of the names. A single file has an empty name.
    fn files(&self) -> Vec<(&str, &[u8])>;
}

/// The stored numbers of a tensor.
#[derive(Debug, Clone)]
pub struct Tensor<'a> {
    /// How its numbers are stored.
    pub format: Format,
    /// Number of rows; 1 for a vector.
    pub n_rows: usize,
    /// Length of a row.
    pub n_cols: usize,
    /// Its rows, one after the other.
    pub bytes: Cow<'a, [u8]>,
}

/// Opens a model: a GGUF file, or a folder as Hugging Face's `transformers` saves it.
///
/// # Errors
/// When it is missing, is neither, is truncated, or contradicts itself.
pub fn open(path: &Path) -> Result<Box<dyn Source>, ModelError> {
    Ok(if path.is_dir() {
        Box::new(Folder::open(path)?)
    } else {
        Box::new(Gguf::open(path)?)
    })
}
