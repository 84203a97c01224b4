//! Adapters as PEFT keeps them: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! Source: PEFT's `docs/source/developer_guides/checkpoint.md` and `LoraConfig`, version 0.21.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use model::{Config, Target};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde_json::json;

use crate::adapter::Precision;
use crate::lora::{LoraShape, Places};

/// The file of settings.
pub(crate) const CONFIG: &str = "adapter_config.json";
/// The file of numbers.
pub(crate) const WEIGHTS: &str = "adapter_model.safetensors";

/// Why an adapter cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PeftError {
    /// A file cannot be read.
    #[error("read the adapter: {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file of numbers is damaged, or of another shape.
    #[error("read the adapter: {path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// What PEFT calls a matrix.
fn tensor_name(layer_idx: usize, target: Target, side: &str) -> String {
    let module = target.module();
    format!("base_model.model.model.layers.{layer_idx}.{module}.lora_{side}.weight")
}

/// The settings of an adapter, as PEFT writes them.
pub(crate) fn config_json(
    shape: &LoraShape,
    alpha: f64,
    dropout: f64,
    base: &str,
    invocation: &[u32],
) -> String {
    let targets: Vec<&str> = shape.targets.iter().map(|target| target.name()).collect();
    // PEFT wants an integer where there is one.
    let alpha = if alpha.fract() == 0.0 {
        json!(alpha as i64)
    } else {
        json!(alpha)
    };
    let mut config = json!({
        "base_model_name_or_path": base,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "lora_alpha": alpha,
        "lora_dropout": dropout,
        "modules_to_save": null,
        "peft_type": "LORA",
        "r": shape.rank,
        "target_modules": targets,
        "task_type": "CAUSAL_LM",
        "use_dora": false,
        "use_rslora": false,
    });
    if !invocation.is_empty() {
        config["alora_invocation_tokens"] = json!(invocation);
    }
    format!("{config:#}\n")
}

/// The bytes of an adapter's numbers.
pub(crate) fn weights(
    numbers: &[f32],
    places: &Places,
    config: &Config,
    precision: Precision,
) -> Vec<u8> {
    let dtype = match precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
    };
    let to_bytes = |numbers: &[f32]| match precision {
        Precision::F32 => to_bytes(numbers),
        Precision::F16 => numbers
            .iter()
            .flat_map(|x| f16::from_f32(*x).to_le_bytes())
            .collect(),
    };
    let mut tensors = Vec::new();
    for (layer_idx, target, a, b) in places.matrices() {
        let n_in = a.len() / places.rank;
        let rows = to_halves(&numbers[b.clone()], places.rank, target, config);
        let shape_a = vec![places.rank, n_in];
        let shape_b = vec![b.len() / places.rank, places.rank];
        tensors.push((
            tensor_name(layer_idx, target, "A"),
            shape_a,
            to_bytes(&numbers[a]),
        ));
        tensors.push((
            tensor_name(layer_idx, target, "B"),
            shape_b,
            to_bytes(&rows),
        ));
    }
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(dtype, shape.clone(), bytes);
        (name, view.expect("shapes and bytes agree"))
    });
    let metadata = [("format".to_string(), "pt".to_string())].into();
    serialize(views, Some(metadata)).expect("names and shapes can be written")
}

/// Reads the numbers of an adapter of this shape from a folder. Nothing may be missing, and nothing may be left over.
///
/// # Errors
/// When the file is missing or damaged, or holds another adapter.
pub fn read(folder: &Path, shape: &LoraShape, config: &Config) -> Result<Vec<f32>, PeftError> {
    let path = folder.join(WEIGHTS);
    let bytes = std::fs::read(&path).map_err(|source| PeftError::Read {
        path: path.clone(),
        source,
    })?;
    of_bytes(&bytes, &Places::new(shape, config), config)
        .map_err(|problem| PeftError::Invalid { path, problem })
}

/// The layers that an adapter's tensors are for.
pub(crate) fn targets(folder: &Path) -> Result<Vec<Target>, PeftError> {
    let path = folder.join(WEIGHTS);
    let bytes = std::fs::read(&path).map_err(|source| PeftError::Read {
        path: path.clone(),
        source,
    })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| PeftError::Invalid {
        path,
        problem: error.to_string(),
    })?;
    let is_adapted = |target: &Target| {
        let part = format!(".{}.lora_A.weight", target.module());
        file.names().iter().any(|name| name.ends_with(&part))
    };
    Ok(Target::ALL.into_iter().filter(is_adapted).collect())
}

/// The numbers of an adapter's bytes.
pub(crate) fn of_bytes(bytes: &[u8], places: &Places, config: &Config) -> Result<Vec<f32>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut numbers = vec![0.0f32; places.len];
    let mut n_tensors = 0;
    for (layer_idx, target, a, b) in places.matrices() {
        let n_in = a.len() / places.rank;
        let n_out = b.len() / places.rank;
        for (side, place, shape) in [
            ("A", a, [places.rank, n_in]),
            ("B", b, [n_out, places.rank]),
        ] {
            let name = tensor_name(layer_idx, target, side);
            let tensor = file
                .tensor(&name)
                .map_err(|_| format!("tensor `{name}` is missing"))?;
            if tensor.shape() != shape {
                return Err(format!("tensor `{name}` is not of the shape {shape:?}"));
            }
            let mut read = decode(tensor.dtype(), tensor.data())
                .ok_or_else(|| format!("tensor `{name}` is in {}", tensor.dtype()))?;
            if side == "B" {
                read = to_pairs(read, places.rank, target, config);
            }
            numbers[place].copy_from_slice(&read);
            n_tensors += 1;
        }
    }
    if file.len() == n_tensors {
        Ok(numbers)
    } else {
        Err(format!(
            "it holds {} tensors in place of {n_tensors}",
            file.len()
        ))
    }
}

/// Numbers as files hold them.
pub(crate) fn to_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The numbers that a file holds.
pub(crate) fn numbers(bytes: &[u8]) -> Vec<f32> {
    let fours = bytes.chunks_exact(4);
    fours
        .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        .collect()
}

/// Numbers of a format; absent for one that is none of floats.
pub(crate) fn decode(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    let pairs = || bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    match dtype {
        Dtype::F32 => Some(numbers(bytes)),
        Dtype::F16 => Some(
            pairs()
                .map(|pair| f16::from_le_bytes(pair).to_f32())
                .collect(),
        ),
        Dtype::BF16 => Some(
            pairs()
                .map(|pair| bf16::from_le_bytes(pair).to_f32())
                .collect(),
        ),
        _ => None,
    }
}

/// True where the model that we compute with has the rows of a head in another order than `transformers`.
fn is_paired(target: Target, config: &Config) -> bool {
    matches!(target, Target::Q | Target::K) && config.has_paired_heads()
}

/// Rows of queries or keys in the order of `transformers`: the halves of a head in place of neighbouring pairs.
pub(crate) fn to_halves<'a>(
    rows: &'a [f32],
    width: usize,
    target: Target,
    config: &Config,
) -> Cow<'a, [f32]> {
    if !is_paired(target, config) {
        return Cow::Borrowed(rows);
    }
    let mut halves = vec![0.0; rows.len()];
    let (head_dim, head_len) = (config.head_dim, config.head_dim * width);
    let heads = rows.chunks_exact(head_len);
    for (head, out) in heads.zip(halves.chunks_exact_mut(head_len)) {
        for (i, row) in head.chunks_exact(width).enumerate() {
            let at = i % 2 * (head_dim / 2) + i / 2;
            out[at * width..][..width].copy_from_slice(row);
        }
    }
    Cow::Owned(halves)
}

/// The inverse of [`to_halves`].
fn to_pairs(rows: Vec<f32>, width: usize, target: Target, config: &Config) -> Vec<f32> {
    if !is_paired(target, config) {
        return rows;
    }
    let mut pairs = vec![0.0; rows.len()];
    let (head_dim, head_len) = (config.head_dim, config.head_dim * width);
    let heads = rows.chunks_exact(head_len);
    for (head, out) in heads.zip(pairs.chunks_exact_mut(head_len)) {
        for (i, row) in out.chunks_exact_mut(width).enumerate() {
            let at = i % 2 * (head_dim / 2) + i / 2;
            row.copy_from_slice(&head[at * width..][..width]);
        }
    }
    pairs
}
