use crate::config::{Architecture, Config};

/// The head, where it is not the embedding.
pub(super) const HEAD: &str = "lm_head.weight";

/// What GGUF calls the parts of a layer, and what `transformers` calls them.
const PARTS: [(&str, &str); 9] = [
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

/// What `transformers` calls a tensor of GGUF; absent where it has none.
pub(super) fn of_gguf(name: &str) -> Option<String> {
    match name {
        "token_embd.weight" => return Some("model.embed_tokens.weight".to_string()),
        "output_norm.weight" => return Some("model.norm.weight".to_string()),
        "output.weight" => return Some(HEAD.to_string()),
        _ => {}
    }
    let (layer, part) = name.strip_prefix("blk.")?.split_once('.')?;
    let (part, kind) = part.rsplit_once('.')?;
    let (_, part) = PARTS.iter().find(|(gguf, _)| *gguf == part)?;
    Some(format!("model.layers.{layer}.{part}.{kind}"))
}

/// True when the decoder uses a tensor, or may leave it out because it can be computed.
pub(super) fn is_used(name: &str, config: &Config) -> bool {
    if ["model.embed_tokens.weight", "model.norm.weight", HEAD].contains(&name) {
        return true;
    }
    let Some((layer, part)) = name
        .strip_prefix("model.layers.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    let layer: Option<usize> = layer.parse().ok();
    if layer.is_none_or(|layer| layer >= config.n_layers) {
        return false;
    }
    // Old files hold the rotation's frequencies, which follow from its base.
    if part == "self_attn.rotary_emb.inv_freq" {
        return true;
    }
    let Some((part, kind)) = part.rsplit_once('.') else {
        return false;
    };
    let has_bias = config.architecture == Architecture::Qwen2
        && ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"].contains(&part);
    PARTS.iter().any(|(_, own)| *own == part) && (kind == "weight" || kind == "bias" && has_bias)
}
