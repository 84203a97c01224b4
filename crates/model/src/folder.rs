//! A model as Hugging Face's `transformers` saves it: a folder with `config.json`, safetensors and `tokenizer.json`.
//!
//! Source: the files of the models themselves and `transformers` 4 and 5, which write them.
//! A tensor or a setting that this decoder would have to leave out is refused by name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use crate::ModelError;
use crate::block::Format;
use crate::chat::ChatTemplateError;
use crate::config::Config;
use crate::safetensors::{self, Fault, pair_rows};
use crate::source::{Source, Tensor};
use crate::tokenizer::{self, Tokenizer, TokenizerError};

mod config;
mod json;
mod names;

pub(crate) use json::Json;

/// Why a folder is no usable model.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file cannot be opened or mapped.
    #[error("open {path}: {source}")]
    Open {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that every model has is not there.
    #[error("read the model: the folder has no {0}")]
    NoFile(&'static str),
    /// A file contradicts itself or its format.
    #[error("read the model: invalid {file} ({reason})")]
    Invalid {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A setting that this reader does not know, and cannot leave out.
    #[error("read the model: `{key}` is {value} in {file}, which is not supported")]
    Unsupported {
        /// The file.
        file: String,
        /// The setting.
        key: String,
        /// Its value.
        value: String,
    },
    /// A tensor that the decoder would leave out, or one in a format that it does not know.
    #[error("read the model: tensor `{tensor}` in {file} {reason}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
}

/// An open folder; its weights are mapped into memory.
#[derive(Debug)]
pub struct Folder {
    config: Config,
    settings: Json,
    tokenizer: Option<Json>,
    tokenizer_config: Option<Json>,
    generation_config: Option<Json>,
    chat_template: Option<Json>,
    jinja: Option<TextFile>,
    index: Option<Json>,
    weights: Vec<(String, Mmap)>,
    /// Tensors by the files' own names.
    tensors: HashMap<String, Place>,
}

/// A file of text.
#[derive(Debug)]
pub(crate) struct TextFile {
    name: &'static str,
    text: String,
}

/// Where a tensor lies.
#[derive(Debug)]
struct Place {
    file_idx: usize,
    format: Format,
    n_rows: usize,
    n_cols: usize,
    bytes: Range<usize>,
}

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const JINJA: &str = "chat_template.jinja";

/// More shards than any model has.
const MAX_FILES: usize = 4_096;

impl Folder {
    /// Opens a folder and checks its settings and the headers of its weights.
    ///
    /// # Errors
    /// When a file is missing, is truncated, or contradicts itself; when a setting or a tensor is not supported.
    pub fn open(path: &Path) -> Result<Folder, ModelError> {
        let settings =
            Json::read(path, "config.json")?.ok_or(FolderError::NoFile("config.json"))?;
        let config = config::of_json(&settings)?;
        let index = Json::read(path, INDEX)?;
        let names = match &index {
            Some(index) => shards(index)?,
            None if path.join(SINGLE).is_file() => vec![SINGLE.to_string()],
            None => return Err(FolderError::NoFile("model.safetensors").into()),
        };
        let mut weights = Vec::with_capacity(names.len());
        let mut tensors = HashMap::new();
        for (file_idx, name) in names.into_iter().enumerate() {
            let map = map(&path.join(&name))?;
            for (tensor, place) in places(&name, &map, file_idx)? {
                check_use(&name, &tensor, &config)?;
                if tensors.insert(tensor.clone(), place).is_some() {
                    return Err(invalid(&name, format!("a second tensor `{tensor}`")).into());
                }
            }
            weights.push((name, map));
        }
        let folder = Folder {
            config,
            tokenizer: Json::read(path, "tokenizer.json")?,
            tokenizer_config: Json::read(path, "tokenizer_config.json")?,
            generation_config: Json::read(path, "generation_config.json")?,
            chat_template: Json::read(path, "chat_template.json")?,
            jinja: json::read_text(path, JINJA)?.map(|text| TextFile { name: JINJA, text }),
            settings,
            index,
            weights,
            tensors,
        };
        if !folder.is_tied() && !folder.tensors.contains_key(names::HEAD) {
            return Err(crate::GgufError::Missing(names::HEAD.to_string()).into());
        }
        Ok(folder)
    }

    /// True when the embedding serves as the head.
    fn is_tied(&self) -> bool {
        matches!(
            self.settings.get("tie_word_embeddings"),
            Some(serde_json::Value::Bool(true))
        )
    }

    fn json_files(&self) -> impl Iterator<Item = &Json> {
        [
            Some(&self.settings),
            self.tokenizer.as_ref(),
            self.tokenizer_config.as_ref(),
            self.generation_config.as_ref(),
            self.chat_template.as_ref(),
            self.index.as_ref(),
        ]
        .into_iter()
        .flatten()
    }
}

impl Source for Folder {
    fn config(&self) -> Result<Config, ModelError> {
        Ok(self.config.clone())
    }

    fn weights(&self, name: &str) -> Option<Tensor<'_>> {
        if name == "output.weight" && self.is_tied() {
            return None;
        }
        let place = self.tensors.get(&names::of_gguf(name)?)?;
        let bytes = &self.weights[place.file_idx].1[place.bytes.clone()];
        let is_turned = name.ends_with(".attn_q.weight") || name.ends_with(".attn_k.weight");
        let bytes = if is_turned && self.config.has_paired_heads() {
            Cow::Owned(pair_rows(bytes, place.n_rows, self.config.head_dim))
        } else {
            Cow::Borrowed(bytes)
        };
        Some(Tensor {
            format: place.format,
            n_rows: place.n_rows,
            n_cols: place.n_cols,
            bytes,
        })
    }

    fn name_of(&self, name: &str) -> String {
        names::of_gguf(name).unwrap_or_else(|| name.to_string())
    }

    fn tokenizer(&self) -> Result<Tokenizer, TokenizerError> {
        let tokenizer = self.tokenizer.as_ref();
        tokenizer::of_json(
            tokenizer.ok_or(FolderError::NoFile("tokenizer.json"))?,
            self.tokenizer_config.as_ref(),
            [
                Some(&self.settings),
                self.generation_config.as_ref(),
                self.tokenizer_config.as_ref(),
            ],
        )
    }

    fn chat_template(&self) -> Result<String, ChatTemplateError> {
        if let Some(jinja) = &self.jinja {
            return Ok(jinja.text.clone());
        }
        for file in [&self.chat_template, &self.tokenizer_config]
            .into_iter()
            .flatten()
        {
            if let Some(text) = file.get("chat_template").and_then(template_text) {
                return Ok(text.to_string());
            }
        }
        Err(ChatTemplateError::Missing)
    }

    fn n_parameters(&self) -> u64 {
        let tensors = self.tensors.values();
        tensors
            .map(|tensor| tensor.n_rows as u64 * tensor.n_cols as u64)
            .sum()
    }

    fn files(&self) -> Vec<(&str, &[u8])> {
        let mut files: Vec<(&str, &[u8])> = self
            .json_files()
            .map(|json| (json.file(), json.bytes()))
            .chain(
                self.jinja
                    .iter()
                    .map(|file| (file.name, file.text.as_bytes())),
            )
            .chain(
                self.weights
                    .iter()
                    .map(|(name, map)| (name.as_str(), &**map)),
            )
            .collect();
        files.sort_unstable_by_key(|(name, _)| *name);
        files
    }
}

/// A template alone, or the default one of several.
fn template_text(value: &serde_json::Value) -> Option<&str> {
    match value {
        serde_json::Value::Array(several) => several
            .iter()
            .find(|one| one["name"] == "default")?
            .get("template")?
            .as_str(),
        one => one.as_str(),
    }
}

/// The files that an index names, each once.
fn shards(index: &Json) -> Result<Vec<String>, FolderError> {
    let map = index
        .get("weight_map")
        .and_then(serde_json::Value::as_object)
        .ok_or_else(|| invalid(INDEX, "it has no `weight_map`".to_string()))?;
    let mut names: Vec<String> = map
        .values()
        .filter_map(serde_json::Value::as_str)
        .map(str::to_string)
        .collect();
    if names.len() != map.len() {
        return Err(invalid(INDEX, "`weight_map` names no files".to_string()));
    }
    names.sort_unstable();
    names.dedup();
    // A name leads to no other folder.
    let is_plain = |name: &String| {
        name.ends_with(".safetensors") && !name.contains(['/', '\\', '\0']) && name.len() < 256
    };
    match names.iter().find(|name| !is_plain(name)) {
        Some(name) => Err(invalid(INDEX, format!("`{name}` is no name of a file"))),
        None if names.is_empty() || names.len() > MAX_FILES => {
            Err(invalid(INDEX, format!("it names {} files", names.len())))
        }
        None => Ok(names),
    }
}

fn map(path: &Path) -> Result<Mmap, FolderError> {
    safetensors::map(path).map_err(|source| FolderError::Open {
        path: path.display().to_string(),
        source,
    })
}

/// The tensors of a file.
fn places(file: &str, bytes: &[u8], file_idx: usize) -> Result<Vec<(String, Place)>, FolderError> {
    let places = safetensors::places(bytes).map_err(|fault| match fault {
        Fault::Container(reason) => invalid(file, reason),
        Fault::Tensor { tensor, reason } => FolderError::Tensor {
            file: file.to_string(),
            tensor,
            reason,
        },
    })?;
    let own = |place: safetensors::Place| {
        let n_cols = place.shape.last().copied().unwrap_or(1);
        Place {
            file_idx,
            format: place.format,
            n_rows: place.shape.iter().rev().skip(1).product(),
            n_cols,
            bytes: place.bytes,
        }
    };
    Ok(places
        .into_iter()
        .map(|(tensor, place)| (tensor, own(place)))
        .collect())
}

/// Fails on a tensor that the decoder would silently leave out.
fn check_use(file: &str, tensor: &str, config: &Config) -> Result<(), FolderError> {
    if names::is_used(tensor, config) {
        Ok(())
    } else {
        Err(FolderError::Tensor {
            file: file.to_string(),
            tensor: tensor.to_string(),
            reason: "is not supported".to_string(),
        })
    }
}

fn invalid(file: &str, reason: String) -> FolderError {
    FolderError::Invalid {
        file: file.to_string(),
        reason,
    }
}
