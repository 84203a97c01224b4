use std::borrow::Cow;

use super::Gguf;
use crate::ModelError;
use crate::chat::ChatTemplateError;
use crate::config::{self, Config};
use crate::source::{Source, Tensor};
use crate::tokenizer::{self, Tokenizer, TokenizerError};

impl Source for Gguf {
    fn config(&self) -> Result<Config, ModelError> {
        config::of_gguf(self)
    }

    fn weights(&self, name: &str) -> Option<Tensor<'_>> {
        let tensor = self.tensor(name)?;
        Some(Tensor {
            format: tensor.format,
            n_rows: tensor.n_rows,
            n_cols: tensor.n_cols,
            bytes: Cow::Borrowed(self.tensor_bytes(tensor)),
        })
    }

    fn name_of(&self, name: &str) -> String {
        name.to_string()
    }

    fn tokenizer(&self) -> Result<Tokenizer, TokenizerError> {
        tokenizer::of_gguf(self)
    }

    fn chat_template(&self) -> Result<String, ChatTemplateError> {
        let source = self.text("tokenizer.chat_template")?;
        Ok(source.ok_or(ChatTemplateError::Missing)?.to_string())
    }

    fn n_parameters(&self) -> u64 {
        let tensors = self.header.tensors.values();
        tensors
            .map(|tensor| tensor.n_rows as u64 * tensor.n_cols as u64)
            .sum()
    }

    fn files(&self) -> Vec<(&str, &[u8])> {
        vec![("", self.bytes())]
    }
}
