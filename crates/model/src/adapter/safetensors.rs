//! The tensors of an adapter's safetensors file, as floats.

use std::collections::BTreeMap;
use std::path::Path;

use super::{AdapterError, tensor_error};
use crate::safetensors::{self, Fault};

/// A matrix from the file.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) n_rows: usize,
    pub(super) n_cols: usize,
    pub(super) numbers: Vec<f32>,
}

/// Reads all tensors of a file, which must all be matrices of floats.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Matrix>, AdapterError> {
    let bytes = safetensors::map(path).map_err(|source| AdapterError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    let places = safetensors::places(&bytes).map_err(|fault| match fault {
        Fault::Container(reason) => AdapterError::Container(reason),
        Fault::Tensor { tensor, reason } => tensor_error(&tensor, reason),
    })?;
    let mut matrices = BTreeMap::new();
    for (name, place) in places {
        let &[n_rows, n_cols] = place.shape.as_slice() else {
            return Err(tensor_error(&name, "is no matrix"));
        };
        let mut numbers = vec![0.0; n_rows * n_cols];
        place.format.decode(&bytes[place.bytes], &mut numbers);
        let matrix = Matrix {
            n_rows,
            n_cols,
            numbers,
        };
        matrices.insert(name, matrix);
    }
    Ok(matrices)
}
