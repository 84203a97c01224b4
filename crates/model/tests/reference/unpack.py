"""Writes the default model as a Hugging Face folder in 32-bit floats.

    python unpack.py MODEL.gguf FOLDER

MODEL.gguf is SmolLM2-135M-Instruct.Q4_1.gguf. The tests that compare the two find the folder by MAPCODER_TEST_FOLDER.
Needs the packages gguf and numpy.
"""

import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def own_name(name):
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{PARTS[part]}.{kind}"


def halves(rows, head_dim):
    """Rows whose neighbours turn as pairs, in the order in which a head's halves do."""
    heads = rows.reshape(-1, head_dim // 2, 2, rows.shape[-1])
    return heads.swapaxes(1, 2).reshape(rows.shape)


def main(path, folder):
    folder.mkdir(parents=True, exist_ok=True)
    reader = GGUFReader(path)
    field = lambda key: reader.fields[key].contents()
    head_dim = field("llama.embedding_length") // field("llama.attention.head_count")

    header, at, tensors = {}, 0, []
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if ".attn_q." in tensor.name or ".attn_k." in tensor.name:
            values = halves(values, head_dim)
        tensors.append(np.ascontiguousarray(values))
        offsets = [at, at + values.nbytes]
        header[own_name(tensor.name)] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": offsets}
        at += values.nbytes
    text = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for values in tensors:
            file.write(values.tobytes())

    words, kinds = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.token_type")
    eos = field("tokenizer.ggml.eos_token_id")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": field("llama.embedding_length"),
        "intermediate_size": field("llama.feed_forward_length"),
        "num_hidden_layers": field("llama.block_count"),
        "num_attention_heads": field("llama.attention.head_count"),
        "num_key_value_heads": field("llama.attention.head_count_kv"),
        "max_position_embeddings": field("llama.context_length"),
        "rms_norm_eps": float(field("llama.attention.layer_norm_rms_epsilon")),
        "rope_theta": float(field("llama.rope.freq_base")),
        "tie_word_embeddings": True,
        "vocab_size": len(words),
        "eos_token_id": eos,
    }
    special = [i for i, kind in enumerate(kinds) if kind == 3]
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [{"id": i, "content": words[i], **plain} for i in special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            ],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "vocab": {word: i for i, word in enumerate(words)},
            "merges": field("tokenizer.ggml.merges"),
        },
    }
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": words[field("tokenizer.ggml.bos_token_id")],
        "eos_token": words[eos],
        "chat_template": field("tokenizer.chat_template"),
    }
    for name, value in [
        ("config.json", config),
        ("tokenizer.json", tokenizer),
        ("tokenizer_config.json", tokenizer_config),
    ]:
        (folder / name).write_text(json.dumps(value))


main(sys.argv[1], Path(sys.argv[2]))
