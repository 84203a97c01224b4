use super::{Architecture, Config, RopeScaling};
use crate::ModelError;
use crate::gguf::{Gguf, GgufError};

/// Reads the dimensions of a GGUF file.
pub(crate) fn of_gguf(gguf: &Gguf) -> Result<Config, ModelError> {
    let name = gguf
        .text("general.architecture")?
        .ok_or_else(|| GgufError::Missing("general.architecture".to_string()))?;
    let architecture = match name {
        "llama" => Architecture::Llama,
        "qwen2" => Architecture::Qwen2,
        other => return Err(ModelError::Architecture(other.to_string())),
    };
    let key = |key: &str| format!("{name}.{key}");
    let optional = |suffix: &str| gguf.count(&key(suffix));
    let required = |suffix: &str, max: usize| match gguf.count(&key(suffix))? {
        None => Err(ModelError::from(GgufError::Missing(key(suffix)))),
        Some(n) if n == 0 || n > max => Err(ModelError::Dimension(key(suffix), n)),
        Some(n) => Ok(n),
    };

    if optional("expert_count")?.unwrap_or(0) > 0 {
        return Err(ModelError::Unsupported("a mixture of experts".to_string()));
    }
    let n_embd = required("embedding_length", 1 << 16)?;
    let n_heads = required("attention.head_count", 1 << 10)?;
    let n_kv_heads = optional("attention.head_count_kv")?.unwrap_or(n_heads);
    let head_dim = optional("attention.key_length")?.unwrap_or(n_embd / n_heads);
    if optional("attention.value_length")?.unwrap_or(head_dim) != head_dim {
        return Err(ModelError::Unsupported(
            "values of another length than keys".to_string(),
        ));
    }
    let config = Config {
        architecture,
        n_layers: required("block_count", 1 << 10)?,
        n_embd,
        n_ff: required("feed_forward_length", 1 << 18)?,
        n_heads,
        n_kv_heads,
        head_dim,
        n_rotated: optional("rope.dimension_count")?.unwrap_or(head_dim),
        n_ctx: required("context_length", 1 << 24)?,
        n_vocab: gguf
            .tensor("token_embd.weight")
            .ok_or_else(|| GgufError::Missing("token_embd.weight".to_string()))?
            .n_rows,
        norm_epsilon: gguf
            .real(&key("attention.layer_norm_rms_epsilon"))?
            .unwrap_or(1e-5) as f32,
        rope_base: gguf.real(&key("rope.freq_base"))?.unwrap_or(10_000.0),
        rope_scaling: RopeScaling::Linear {
            factor: rope_factor(gguf, name)?,
        },
    };
    config.check(key)?;
    Ok(config)
}

/// What positions are divided by.
fn rope_factor(gguf: &Gguf, name: &str) -> Result<f64, ModelError> {
    let factor = gguf.real(&format!("{name}.rope.scaling.factor"))?;
    match gguf.text(&format!("{name}.rope.scaling.type"))? {
        // An old key, written without a type.
        None => Ok(gguf
            .real(&format!("{name}.rope.scale_linear"))?
            .or(factor)
            .unwrap_or(1.0)),
        Some("none") => Ok(1.0),
        Some("linear") => Ok(factor.unwrap_or(1.0)),
        Some(other) => Err(ModelError::Unsupported(format!("rope scaling `{other}`"))),
    }
}
