//! The GGUF container: metadata and named tensors of one model in one file.
//!
//! Source: the format's specification in the ggml repository (`docs/gguf.md`), versions 2 and 3, little-endian.
//! The reader trusts nothing: every count, length, offset and size is checked against the bytes that are there,
//! before anything is allocated for it.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use crate::block::Format;

mod header;
mod source;

pub use header::Header;

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// Any floating-point number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A string.
    Text(String),
    /// A sequence of values of one kind.
    Array(Vec<Value>),
    /// A sequence of strings.
    Texts(Vec<String>),
}

/// Where a tensor lies and how to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// How its numbers are stored.
    pub format: Format,
    /// Length of a row: the innermost dimension.
    pub n_cols: usize,
    /// Number of rows: the product of all other dimensions.
    pub n_rows: usize,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
}

/// Why a file is no usable GGUF.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The file cannot be opened or mapped.
    #[error("open {path}: {source}")]
    Open {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The first bytes are not those of the format.
    #[error("read the model: not a GGUF file")]
    NotGguf,
    /// A version of the format that this reader does not know.
    #[error("read the model: GGUF version {0} is not supported, only 2 and 3")]
    Version(u32),
    /// The file ends too early.
    #[error("read the model: the file is truncated ({0})")]
    Truncated(String),
    /// The file contradicts itself or the format.
    #[error("read the model: invalid GGUF file ({0})")]
    Invalid(String),
    /// A tensor is stored in a format that this reader does not know.
    #[error("read the model: tensor `{tensor}` has the unsupported format {format}")]
    UnsupportedFormat {
        /// The tensor.
        tensor: String,
        /// The format's name, or its number where it has no known name.
        format: String,
    },
    /// A key or tensor that every model has is missing.
    #[error("read the model: `{0}` is missing")]
    Missing(String),
    /// A key holds a value of another kind, or one out of range.
    #[error("read the model: `{key}` is not {expected}")]
    WrongValue {
        /// The key.
        key: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// An open GGUF file, mapped into memory.
#[derive(Debug)]
pub struct Gguf {
    map: Mmap,
    header: Header,
}

impl Gguf {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// When the file is missing, is no GGUF, is truncated, or contradicts itself.
    pub fn open(path: &Path) -> Result<Gguf, GgufError> {
        let open = |source| GgufError::Open {
            path: path.display().to_string(),
            source,
        };
        let file = File::open(path).map_err(open)?;
        if !file.metadata().map_err(open)?.is_file() {
            return Err(open(std::io::Error::other("not a regular file")));
        }
        // SAFETY: the map is read-only. A program that shortens the file while it is mapped
        // would crash us, as it would any reader that maps; weights are copied out once and the map is dropped.
        let map = unsafe { Mmap::map(&file) }.map_err(open)?;
        let header = Header::parse(&map)?;
        Ok(Gguf { map, header })
    }

    /// All bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The value of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.header.metadata.get(key)
    }

    /// All metadata.
    pub fn metadata(&self) -> &HashMap<String, Value> {
        &self.header.metadata
    }

    /// A string, if the key is there.
    ///
    /// # Errors
    /// When the value is no string.
    pub fn text(&self, key: &str) -> Result<Option<&str>, GgufError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(key, "a string")),
        }
    }

    /// A list of strings.
    ///
    /// # Errors
    /// When the key is missing or holds something else.
    pub fn texts(&self, key: &str) -> Result<&[String], GgufError> {
        match self.get(key) {
            None => Err(GgufError::Missing(key.to_string())),
            Some(Value::Texts(texts)) => Ok(texts),
            Some(_) => Err(wrong(key, "a list of strings")),
        }
    }

    /// A number that counts something, if the key is there.
    ///
    /// # Errors
    /// When the value is no integer between 0 and 2^32.
    pub fn count(&self, key: &str) -> Result<Option<usize>, GgufError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => value
                .as_unsigned()
                .filter(|&n| n <= u64::from(u32::MAX))
                .and_then(|n| usize::try_from(n).ok())
                .map(Some)
                .ok_or_else(|| wrong(key, "a count")),
        }
    }

    /// A real number, if the key is there.
    ///
    /// # Errors
    /// When the value is no number.
    pub fn real(&self, key: &str) -> Result<Option<f64>, GgufError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Float(x)) if x.is_finite() => Ok(Some(*x)),
            Some(_) => Err(wrong(key, "a finite real number")),
        }
    }

    /// A truth value, if the key is there.
    ///
    /// # Errors
    /// When the value is something else.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, GgufError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(wrong(key, "true or false")),
        }
    }

    /// A tensor, if it is there.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.header.tensors.get(name)
    }

    /// All tensors, in no particular order.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorInfo> {
        self.header.tensors.values()
    }

    /// The stored bytes of a tensor: `n_rows` rows, one after the other.
    pub fn tensor_bytes(&self, tensor: &TensorInfo) -> &[u8] {
        &self.map[tensor.bytes.clone()]
    }
}

impl Value {
    /// The value as an unsigned integer, if it is one.
    pub fn as_unsigned(&self) -> Option<u64> {
        match self {
            Value::Unsigned(n) => Some(*n),
            Value::Signed(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }
}

fn wrong(key: &str, expected: &'static str) -> GgufError {
    GgufError::WrongValue {
        key: key.to_string(),
        expected,
    }
}
