use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::Config;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;
use tempfile::TempDir;

use super::N_ADAPTERS;

/// Adapters of random numbers in a folder as PEFT writes them, which goes with this value.
pub(super) struct MadeUp {
    folder: TempDir,
}

impl MadeUp {
    /// One for each agent, of a rank, on every linear layer; activated when there are tokens of invocation.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn new(config: &Config, rank: usize, invocation: &[u32]) -> anyhow::Result<MadeUp> {
        let folder = tempfile::tempdir()?;
        for adapter_idx in 0..N_ADAPTERS {
            let path = folder.path().join(adapter_idx.to_string());
            std::fs::create_dir(&path)?;
            write(&path, config, rank, invocation, adapter_idx as u64)?;
        }
        Ok(MadeUp { folder })
    }

    /// Their folders.
    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        (0..N_ADAPTERS).map(|adapter_idx| self.folder.path().join(adapter_idx.to_string()))
    }
}

fn write(
    folder: &Path,
    config: &Config,
    rank: usize,
    invocation: &[u32],
    seed: u64,
) -> anyhow::Result<()> {
    let settings = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": rank,
        "alora_invocation_tokens": invocation,
    });
    std::fs::write(folder.join(crate::adapters::CONFIG), settings.to_string())?;
    let (n_embd, n_ff) = (config.n_embd, config.n_ff);
    let q_width = config.n_heads * config.head_dim;
    let kv_width = config.n_kv_heads * config.head_dim;
    let modules = [
        ("self_attn.q_proj", q_width, n_embd),
        ("self_attn.k_proj", kv_width, n_embd),
        ("self_attn.v_proj", kv_width, n_embd),
        ("self_attn.o_proj", n_embd, q_width),
        ("mlp.gate_proj", n_ff, n_embd),
        ("mlp.up_proj", n_ff, n_embd),
        ("mlp.down_proj", n_embd, n_ff),
    ];
    // Small numbers that change little of what the model says.
    let mut state = seed.wrapping_add(1);
    let mut noise = |n: usize| -> Vec<u8> {
        let next = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 0.02
        };
        (0..n).map(next).flat_map(f32::to_le_bytes).collect()
    };
    let mut tensors: BTreeMap<String, ([usize; 2], Vec<u8>)> = BTreeMap::new();
    for layer in 0..config.n_layers {
        for (module, n_out, n_in) in modules {
            let name = format!("base_model.model.model.layers.{layer}.{module}");
            for (side, shape) in [("A", [rank, n_in]), ("B", [n_out, rank])] {
                let numbers = noise(shape[0] * shape[1]);
                tensors.insert(format!("{name}.lora_{side}.weight"), (shape, numbers));
            }
        }
    }
    let views = tensors
        .iter()
        .map(|(name, (shape, numbers))| {
            Ok((name, TensorView::new(Dtype::F32, shape.to_vec(), numbers)?))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    let bytes = safetensors::serialize(views, None)?;
    std::fs::write(folder.join(crate::adapters::WEIGHTS), bytes)?;
    Ok(())
}
