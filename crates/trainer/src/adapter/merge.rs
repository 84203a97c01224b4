use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};
use model::{Config, Target};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use super::StoredAdapter;
use crate::lora::Places;
use crate::peft;
use crate::product::{Store, Threads, View, ViewMut, multiply};

/// Why an adapter cannot be added to weights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// It acts on a part of the tokens.
    #[error("merge the adapter: it acts from its invocation on only, which no weights can do")]
    Activated,
    /// The file of weights is damaged.
    #[error("merge the adapter: invalid safetensors file: {0}")]
    Container(String),
    /// A tensor is of another shape, or in a format that cannot hold sums.
    #[error("merge the adapter: tensor `{tensor}` {problem}")]
    Tensor {
        /// Its name.
        tensor: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A tensor's name, format, shape and bytes.
type Merged<'a> = (String, Dtype, Vec<usize>, Cow<'a, [u8]>);

impl StoredAdapter {
    /// One of a model's files of safetensors with the adapter added, in the formats that it has;
    /// and how many matrices were changed.
    ///
    /// # Errors
    /// When the adapter is an activated one, the file is damaged, or a tensor cannot hold the sum.
    pub fn merge(&self, file: &[u8], config: &Config) -> Result<(Vec<u8>, usize), MergeError> {
        let invocation = self.settings.alora_invocation_tokens.as_deref();
        if invocation.is_some_and(|tokens| !tokens.is_empty()) {
            return Err(MergeError::Activated);
        }
        let damaged =
            |error: safetensors::SafeTensorError| MergeError::Container(error.to_string());
        let (_, header) = SafeTensors::read_metadata(file).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(file).map_err(damaged)?;
        let places = Places::new(&self.shape, config);
        let corrections: HashMap<String, (Target, Range<usize>, Range<usize>)> = places
            .matrices()
            .map(|(layer_idx, target, a, b)| {
                let name = format!("model.layers.{layer_idx}.{}.weight", target.module());
                (name, (target, a, b))
            })
            .collect();
        let mut n_changed = 0;
        let mut merged: Vec<Merged<'_>> = Vec::new();
        for (name, tensor) in tensors.tensors() {
            let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
            let bytes = match corrections.get(&name) {
                None => Cow::Borrowed(tensor.data()),
                Some((target, a, b)) => {
                    n_changed += 1;
                    let wrong = |problem: String| MergeError::Tensor {
                        tensor: name.clone(),
                        problem,
                    };
                    let (n_out, n_in) = target.shape(config);
                    if shape != [n_out, n_in] {
                        return Err(wrong(format!("has the shape {shape:?}")));
                    }
                    let mut numbers = peft::decode(dtype, tensor.data()).ok_or_else(|| {
                        wrong(format!(
                            "is in {dtype}, and only F32, F16 and BF16 hold sums"
                        ))
                    })?;
                    let rank = self.shape.rank;
                    let b = peft::to_halves(&self.numbers[b.clone()], rank, *target, config);
                    multiply(
                        ViewMut::rows(&mut numbers, n_in),
                        Store::Add,
                        self.shape.scale as f32,
                        View::rows(&b, rank),
                        View::rows(&self.numbers[a.clone()], n_in),
                        Threads::All,
                    );
                    if numbers.iter().any(|x| !x.is_finite()) {
                        return Err(wrong("would hold a number that is not finite".to_string()));
                    }
                    Cow::Owned(encode(dtype, &numbers))
                }
            };
            merged.push((name, dtype, shape, bytes));
        }
        let views = merged.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (name, view.expect("shapes and bytes agree, as in the file"))
        });
        let bytes = serialize(views, header.metadata().clone()).map_err(damaged)?;
        Ok((bytes, n_changed))
    }

    /// Matrices that it corrects.
    pub fn n_matrices(&self, config: &Config) -> usize {
        self.shape.targets.len() * config.n_layers
    }
}

/// The inverse of [`peft::decode`], each number rounded to the nearest.
fn encode(dtype: Dtype, numbers: &[f32]) -> Vec<u8> {
    match dtype {
        Dtype::F16 => {
            let mut halves = vec![f16::ZERO; numbers.len()];
            halves.convert_from_f32_slice(numbers);
            halves.into_iter().flat_map(f16::to_le_bytes).collect()
        }
        Dtype::BF16 => {
            let mut halves = vec![bf16::ZERO; numbers.len()];
            halves.convert_from_f32_slice(numbers);
            halves.into_iter().flat_map(bf16::to_le_bytes).collect()
        }
        _ => peft::to_bytes(numbers),
    }
}
