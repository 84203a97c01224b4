//! Adapters as llama.cpp reads them: a GGUF file of the type `adapter`.
//!
//! Source: `convert_lora_to_gguf.py` and `src/llama-adapter.cpp` of llama.cpp.
//! Rows of queries and keys are already where the base has them.

use super::{Adapter, AdapterError, Builder, Stored, Target, tensor_error};
use crate::config::{Architecture, Config};
use crate::gguf::{Gguf, GgufError, TensorInfo, Value};

const ALPHA: &str = "adapter.lora.alpha";
const INVOCATION: &str = "adapter.alora.invocation_tokens";

/// Reads a file.
pub(super) fn load(file: &Gguf, config: &Config) -> Result<Adapter, AdapterError> {
    expect(file, "general.type", "adapter")?;
    expect(file, "adapter.type", "lora")?;
    let architecture = match config.architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
    };
    expect(file, "general.architecture", architecture)?;
    let alpha = file
        .real(ALPHA)?
        .ok_or_else(|| GgufError::Missing(ALPHA.to_string()))?;
    let invocation = match file.get(INVOCATION) {
        None => Vec::new(),
        Some(Value::Array(tokens)) => tokens
            .iter()
            .map(|token| {
                token
                    .as_unsigned()
                    .and_then(|token| u32::try_from(token).ok())
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| wrong(INVOCATION, "a list of tokens"))?,
        Some(_) => return Err(wrong(INVOCATION, "a list of tokens").into()),
    };
    let mut builder = Builder::new(config);
    for tensor in file.tensors() {
        let name = tensor.name.as_str();
        let partner = |from: &str, to: &str| {
            let partner = format!("{}{to}", name.strip_suffix(from).unwrap_or(name));
            file.tensor(&partner)
                .ok_or_else(|| tensor_error(name, format!("its partner `{partner}` is missing")))
        };
        if name.ends_with(".lora_b") {
            partner(".lora_b", ".lora_a")?;
            continue;
        }
        let (layer_idx, target) = place(name)
            .filter(|&(layer_idx, _)| layer_idx < config.n_layers)
            .ok_or_else(|| {
                tensor_error(name, "the model has no such linear layer in its blocks")
            })?;
        let (down, up) = (
            stored(file, tensor),
            stored(file, partner(".lora_a", ".lora_b")?),
        );
        let scale = alpha / down.n_rows.max(1) as f64;
        builder.add(layer_idx, target, &down, &up, scale as f32)?;
    }
    if file.tensors().next().is_none() {
        return Err(tensor_error("lora_a", "the file holds none"));
    }
    builder.finish(invocation)
}

fn expect(file: &Gguf, key: &str, expected: &'static str) -> Result<(), GgufError> {
    match file.text(key)? {
        Some(value) if value == expected => Ok(()),
        Some(_) => Err(wrong(key, expected)),
        None => Err(GgufError::Missing(key.to_string())),
    }
}

fn wrong(key: &str, expected: &'static str) -> GgufError {
    GgufError::WrongValue {
        key: key.to_string(),
        expected,
    }
}

fn stored<'a>(file: &Gguf, tensor: &'a TensorInfo) -> Stored<'a> {
    let mut numbers = vec![0.0; tensor.n_rows * tensor.n_cols];
    tensor
        .format
        .decode(file.tensor_bytes(tensor), &mut numbers);
    Stored {
        name: &tensor.name,
        n_rows: tensor.n_rows,
        n_cols: tensor.n_cols,
        numbers,
    }
}

/// The layer and the linear map of a tensor such as `blk.3.ffn_up.weight.lora_a`.
fn place(name: &str) -> Option<(usize, Target)> {
    let (layer, part) = name
        .strip_prefix("blk.")?
        .strip_suffix(".weight.lora_a")?
        .split_once('.')?;
    let target = Target::ALL
        .into_iter()
        .find(|target| target.gguf_name() == part)?;
    let layer_idx: usize = layer.parse().ok()?;
    (layer_idx.to_string() == layer).then_some((layer_idx, target))
}
