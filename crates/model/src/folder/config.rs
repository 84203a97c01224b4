use serde_json::Value;

use super::{FolderError, Json};
use crate::ModelError;
use crate::config::{Architecture, Config, RopeScaling};

/// Reads the dimensions of a `config.json`.
pub(super) fn of_json(json: &Json) -> Result<Config, ModelError> {
    let (architecture, class) = match json.text("model_type")? {
        Some("llama") => (Architecture::Llama, "LlamaForCausalLM"),
        Some("qwen2") => (Architecture::Qwen2, "Qwen2ForCausalLM"),
        Some(other) => return Err(ModelError::Architecture(other.to_string())),
        None => return Err(missing(json, "model_type").into()),
    };
    if let Some(classes) = json.get("architectures")
        && !classes
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == class))
    {
        return Err(json.unsupported("architectures", classes).into());
    }
    refuse_unknown(json, architecture)?;

    let required = |key: &'static str, max: usize| match json.count(key)? {
        None => Err(missing(json, key).into()),
        Some(n) if n == 0 || n > max => Err(ModelError::Dimension(key.to_string(), n)),
        Some(n) => Ok(n),
    };
    let n_embd = required("hidden_size", 1 << 16)?;
    let n_heads = required("num_attention_heads", 1 << 10)?;
    let head_dim = json.count("head_dim")?.unwrap_or(n_embd / n_heads);
    let config = Config {
        architecture,
        n_layers: required("num_hidden_layers", 1 << 10)?,
        n_embd,
        n_ff: required("intermediate_size", 1 << 18)?,
        n_heads,
        n_kv_heads: json.count("num_key_value_heads")?.unwrap_or(n_heads),
        head_dim,
        n_rotated: head_dim,
        n_ctx: required("max_position_embeddings", 1 << 24)?,
        n_vocab: required("vocab_size", 1 << 24)?,
        norm_epsilon: json.real("rms_norm_eps")?.unwrap_or(1e-6) as f32,
        rope_base: match json.real("rope_parameters.rope_theta")? {
            Some(base) => base,
            None => json.real("rope_theta")?.unwrap_or(10_000.0),
        },
        rope_scaling: rope_scaling(json)?,
    };
    config.check(|key| own_key(key).to_string())?;
    Ok(config)
}

/// Fails on settings that would make this decoder compute something else than `transformers`.
fn refuse_unknown(json: &Json, architecture: Architecture) -> Result<(), FolderError> {
    for (key, harmless) in [
        ("hidden_act", Value::from("silu")),
        ("attention_bias", Value::from(false)),
        ("mlp_bias", Value::from(false)),
        ("use_sliding_window", Value::from(false)),
        ("partial_rotary_factor", Value::from(1.0)),
    ] {
        // Qwen2 has biases on queries, keys and values alone, whatever its file says.
        let says_nothing = architecture == Architecture::Qwen2 && key == "attention_bias";
        if let Some(value) = json.get(key)
            && *value != harmless
            && !says_nothing
        {
            return Err(json.unsupported(key, value));
        }
    }
    if let Some(value) = json.get("quantization_config") {
        let method = value.get("quant_method").unwrap_or(value);
        return Err(json.unsupported("quantization_config", method));
    }
    let layers = json.get("layer_types").and_then(Value::as_array);
    let other = layers
        .into_iter()
        .flatten()
        .find(|kind| *kind != "full_attention");
    match other {
        Some(kind) => Err(json.unsupported("layer_types", kind)),
        None => Ok(()),
    }
}

/// `rope_scaling`, or what newer files call `rope_parameters`.
fn rope_scaling(json: &Json) -> Result<RopeScaling, FolderError> {
    let table = ["rope_parameters", "rope_scaling"]
        .into_iter()
        .find(|table| json.get(table).is_some());
    let Some(table) = table else {
        return Ok(RopeScaling::Linear { factor: 1.0 });
    };
    let key = |part: &str| format!("{table}.{part}");
    let number = |part: &str| {
        json.real(&key(part))?
            .ok_or_else(|| missing(json, &key(part)))
    };
    let kind = match json.text(&key("rope_type"))? {
        None => json.text(&key("type"))?,
        kind => kind,
    };
    match kind {
        Some("default") => Ok(RopeScaling::Linear { factor: 1.0 }),
        Some("linear") => Ok(RopeScaling::Linear {
            factor: number("factor")?,
        }),
        Some("llama3") => Ok(RopeScaling::Llama3 {
            factor: number("factor")?,
            low_frequency: number("low_freq_factor")?,
            high_frequency: number("high_freq_factor")?,
            old_context: number("original_max_position_embeddings")?,
        }),
        Some(other) => Err(json.unsupported(&key("rope_type"), other)),
        None => match json.get(table) {
            // A base alone stretches nothing.
            Some(Value::Object(parts)) if parts.keys().all(|part| part == "rope_theta") => {
                Ok(RopeScaling::Linear { factor: 1.0 })
            }
            value => Err(json.unsupported(table, value.unwrap_or(&Value::Null))),
        },
    }
}

/// What this file calls a dimension of GGUF.
fn own_key(key: &str) -> &str {
    match key {
        "attention.head_count_kv" => "num_key_value_heads",
        "attention.key_length" | "rope.dimension_count" => "head_dim",
        "embedding_length" => "hidden_size",
        "feed_forward_length" => "intermediate_size",
        other => other,
    }
}

fn missing(json: &Json, key: &str) -> FolderError {
    json.invalid(format!("`{key}` is missing"))
}
