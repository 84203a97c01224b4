//! The container that models and adapters come in: tensors of floats behind a header of JSON.
//!
//! The header is read by the `safetensors` crate, which checks every offset against the file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use crate::block::Format;

/// Where a tensor lies in its file.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) format: Format,
    /// Numbers along each dimension, none of them 0.
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Range<usize>,
}

/// Why a file's tensors cannot be used.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The file contradicts itself.
    Container(String),
    /// A tensor is of a kind that nothing here uses.
    Tensor {
        /// Its name.
        tensor: String,
        /// What it does.
        reason: String,
    },
}

/// Maps a file into memory.
pub(crate) fn map(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    // SAFETY: the map is read-only. A program that shortens the file while it is mapped
    // would crash us, as it would any reader that maps; weights are copied out once and the map is dropped.
    unsafe { Mmap::map(&file) }
}

/// The tensors of a file, all of them within its bytes.
pub(crate) fn places(bytes: &[u8]) -> Result<Vec<(String, Place)>, Fault> {
    let (header_bytes, header) =
        SafeTensors::read_metadata(bytes).map_err(|error| Fault::Container(error.to_string()))?;
    // The header follows its length, a 64-bit integer.
    let data_start = size_of::<u64>() + header_bytes;
    let mut places = Vec::new();
    for tensor in header.offset_keys() {
        let Some(info) = header.info(&tensor) else {
            continue;
        };
        let unusable = |reason: String| Fault::Tensor {
            tensor: tensor.clone(),
            reason,
        };
        let format = match info.dtype {
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            Dtype::BF16 => Format::Bf16,
            other => return Err(unusable(format!("has the unsupported format {other}"))),
        };
        if info.shape.is_empty() || info.shape.contains(&0) {
            return Err(unusable("is empty".to_string()));
        }
        let (start, end) = info.data_offsets;
        let place = Place {
            format,
            shape: info.shape.clone(),
            bytes: data_start + start..data_start + end,
        };
        places.push((tensor, place));
    }
    Ok(places)
}

/// The rows of each head of queries or keys in the order of a Llama's GGUF file:
/// number `i` of the first half, number `i` of the second.
pub(crate) fn pair_rows<T: Copy>(rows: &[T], n_rows: usize, head_dim: usize) -> Vec<T> {
    if !n_rows.is_multiple_of(head_dim) {
        // The shape is wrong, which is found where shapes are checked.
        return rows.to_vec();
    }
    let row_len = rows.len() / n_rows;
    let half = head_dim / 2;
    let mut paired = Vec::with_capacity(rows.len());
    for head in rows.chunks_exact(head_dim * row_len) {
        for i in 0..half {
            paired.extend_from_slice(&head[i * row_len..][..row_len]);
            paired.extend_from_slice(&head[(half + i) * row_len..][..row_len]);
        }
    }
    paired
}
