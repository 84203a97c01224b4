"""Makes the tiny Hugging Face folders beside this file, and the reference values in `folders.json`.

    python folders.py [--check]

Needs the packages gguf, jinja2, numpy and regex. With --check, nothing is made: the reference values are compared
with what `transformers` and torch compute from the folders.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader

from bpe import PATTERNS, Bpe
from decoder import Reference

HERE = Path(__file__).parent
N_LAYERS, N_EMBD, N_FF, N_HEADS, N_KV, N_MERGES = 2, 64, 64, 4, 2, 96
SPECIAL = ["<|begin|>", "<|im_start|>", "<|im_end|>"]

TEXTS = [
    "",
    " ",
    "Hello, world!",
    "def f(x):\n\treturn [i ** 2 for i in range(x) if i % 3 == 0]\n",
    "2147483647 1e-9 3.14159 0xDEADBEEF 007 1,000,000 ½ ² ٣",
    "It's we'll they've I'm you'd HE'S DON'T 's't",
    "日本語の文章です。 cafe\u0301 vs caf\u00e9; Ünïcödé naïve 👍🏽",
    "    indented\r\n\r\n\tmixed \n x<tool_call>y",
]

CONVERSATIONS = [
    [("user", "Write a function that adds two numbers.")],
    [("system", "You are terse."), ("user", "Hi"), ("assistant", "Hello."), ("user", "2+2?")],
    [("user", "\n  leading and trailing space \n\n")],
]

CHATML = (
    "{{ BOS }}{%- for message in messages %}\n"
    "    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
)

FOLDERS = {
    "tiny-llama": {
        "seed": 3,
        "pre": "llama-bpe",
        "dtype": "F16",
        "tied": True,
        "template": CHATML.replace("{{ BOS }}", "{{- bos_token }}\n"),
        "scaling": {
            "factor": 4.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
            "rope_type": "llama3",
        },
        "rope_theta": 500_000.0,
    },
    "tiny-qwen2": {
        "seed": 5,
        "pre": "qwen2",
        "dtype": "BF16",
        "tied": False,
        "template": CHATML.replace("{{ BOS }}", ""),
        "scaling": {"type": "linear", "factor": 2.0},
        "rope_theta": 10_000.0,
    },
}


def words():
    """The alphabet, the first merges of the tiny GGUF that it allows, special tokens, and an added word."""
    reader = GGUFReader(HERE / "tiny-qwen2.gguf")
    table = list(Bpe([], [], "gpt-2", ["-"]).alphabet.values())
    kept = []
    for merge in reader.fields["tokenizer.ggml.merges"].contents():
        a, b = merge.split(" ")
        if a in table and b in table and len(kept) < N_MERGES:
            kept.append(merge)
            table.append(a + b)
    return [*table, *SPECIAL, "<tool_call>"], kept


def stored(x, dtype):
    """The bytes of some numbers, and what they mean after rounding."""
    x = x.astype(np.float32)
    if dtype == "F32":
        return x.tobytes(), x
    if dtype == "F16":
        return x.astype(np.float16).tobytes(), x.astype(np.float16).astype(np.float32)
    bits = x.view(np.uint32)
    bits = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return bits.tobytes(), (bits.astype(np.uint32) << 16).view(np.float32)


def write_safetensors(path, tensors):
    """tensors: name -> (dtype, shape, bytes)."""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(d for _, _, d in tensors.values()))


def write_json(path, value, indent=2):
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n")


class FolderReference(Reference):
    """The plain forward pass, with rows as folders hold them: the halves of a head turn as pairs."""

    NAMES = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "lm_head": "output",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }

    def __init__(self, config, weights):
        self.architecture = "halves"
        self.n_layers = config["num_hidden_layers"]
        self.n_heads = config["num_attention_heads"]
        self.n_kv_heads = config["num_key_value_heads"]
        self.epsilon = config["rms_norm_eps"]
        self.rope_base = config["rope_theta"]
        self.scaling = config["rope_scaling"]
        self.head_dim = config["hidden_size"] // self.n_heads
        self.weights = {}
        for name, values in weights.items():
            for theirs, ours in self.NAMES.items():
                name = name.replace(theirs, ours)
            self.weights[name.replace("model.layers", "blk")] = values

    def frequencies(self):
        plain = super().frequencies()
        kind = self.scaling.get("rope_type", self.scaling.get("type"))
        if kind == "linear":
            return plain / self.scaling["factor"]
        scaled = []
        for frequency in plain:
            length = 2 * math.pi / frequency
            old = self.scaling["original_max_position_embeddings"]
            low, high = self.scaling["low_freq_factor"], self.scaling["high_freq_factor"]
            if length < old / high:
                scaled.append(frequency)
            elif length > old / low:
                scaled.append(frequency / self.scaling["factor"])
            else:
                smooth = (old / length - low) / (high - low)
                scaled.append((1 - smooth) * frequency / self.scaling["factor"] + smooth * frequency)
        return np.array(scaled)


def make(name, setup):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(setup["seed"])
    tokens, merges = words()
    n_vocab, is_llama = len(tokens), name == "tiny-llama"
    ids = {word: i for i, word in enumerate(tokens)}

    tensors, values = {}, {}

    def add(tensor, shape, scale, dtype=setup["dtype"], mean=0.0):
        data, meant = stored(mean + random.normal(size=shape) * scale, dtype)
        tensors[tensor] = (dtype, shape, data)
        values[tensor] = meant.reshape(shape)

    kv = N_EMBD // N_HEADS * N_KV
    add("model.embed_tokens.weight", (n_vocab, N_EMBD), 1.0)
    for i in range(N_LAYERS):
        layer = f"model.layers.{i}"
        add(f"{layer}.input_layernorm.weight", (N_EMBD,), 0.2, "F32", 1.0)
        for part, n_out in [("q", N_EMBD), ("k", kv), ("v", kv)]:
            add(f"{layer}.self_attn.{part}_proj.weight", (n_out, N_EMBD), 0.2)
            if not is_llama:
                add(f"{layer}.self_attn.{part}_proj.bias", (n_out,), 0.5)
        add(f"{layer}.self_attn.o_proj.weight", (N_EMBD, N_EMBD), 0.2)
        add(f"{layer}.post_attention_layernorm.weight", (N_EMBD,), 0.2, "F32", 1.0)
        add(f"{layer}.mlp.gate_proj.weight", (N_FF, N_EMBD), 0.2)
        add(f"{layer}.mlp.up_proj.weight", (N_FF, N_EMBD), 0.2)
        add(f"{layer}.mlp.down_proj.weight", (N_EMBD, N_FF), 0.2)
    add("model.norm.weight", (N_EMBD,), 0.2, "F32", 1.0)
    if not setup["tied"]:
        add("lm_head.weight", (n_vocab, N_EMBD), 0.3)

    if is_llama:
        write_safetensors(folder / "model.safetensors", tensors)
    else:
        names = list(tensors)
        parts = [names[: len(names) // 2], names[len(names) // 2 :]]
        weight_map = {}
        for i, part in enumerate(parts):
            file = f"model-0000{i + 1}-of-00002.safetensors"
            write_safetensors(folder / file, {name: tensors[name] for name in part})
            weight_map |= dict.fromkeys(part, file)
        total = sum(len(data) for _, _, data in tensors.values())
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        write_json(folder / "model.safetensors.index.json", index)

    config = {
        "architectures": ["LlamaForCausalLM" if is_llama else "Qwen2ForCausalLM"],
        "model_type": "llama" if is_llama else "qwen2",
        "hidden_act": "silu",
        "hidden_size": N_EMBD,
        "intermediate_size": N_FF,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": N_HEADS,
        "num_key_value_heads": N_KV,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-6,
        "rope_theta": setup["rope_theta"],
        "rope_scaling": setup["scaling"],
        "tie_word_embeddings": setup["tied"],
        "torch_dtype": "float16" if is_llama else "bfloat16",
        "vocab_size": n_vocab,
        "bos_token_id": ids["<|begin|>"],
        "eos_token_id": ids["<|im_end|>"],
    }
    if is_llama:
        config |= {"attention_bias": False, "mlp_bias": False}
    else:
        config |= {"use_sliding_window": False, "sliding_window": 128, "max_window_layers": 2}
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", {"eos_token_id": [ids["<|im_end|>"], ids["<|begin|>"]]})

    added = [
        {
            "id": ids[text],
            "content": text,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": text in SPECIAL,
        }
        for text in [*SPECIAL, "<tool_call>"]
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    start = {"SpecialToken": {"id": "<|begin|>", "type_id": 0}}
    one, two = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}
    template = {
        "type": "TemplateProcessing",
        "single": [start, one],
        "pair": [start, one, start, two],
        "special_tokens": {
            "<|begin|>": {"id": "<|begin|>", "ids": [ids["<|begin|>"]], "tokens": ["<|begin|>"]}
        },
    }
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None if is_llama else {"type": "NFC"},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": PATTERNS[setup["pre"]][0]},
                    "behavior": "Isolated",
                    "invert": False,
                },
                byte_level,
            ],
        },
        "post_processor": template if is_llama else byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": is_llama,
            "vocab": {text: i for text, i in ids.items() if text not in [*SPECIAL, "<tool_call>"]},
            "merges": merges if is_llama else [merge.split(" ") for merge in merges],
        },
    }
    write_json(folder / "tokenizer.json", tokenizer, indent=None)
    described = {"__type": "AddedToken", "content": "<|im_end|>", "lstrip": False, "special": True}
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast" if is_llama else "Qwen2Tokenizer",
        "bos_token": "<|begin|>" if is_llama else None,
        "eos_token": "<|im_end|>" if is_llama else described,
        "model_max_length": 256,
        "clean_up_tokenization_spaces": False,
    }
    if is_llama:
        (folder / "chat_template.jinja").write_text(setup["template"])
    else:
        tokenizer_config |= {"add_bos_token": False, "chat_template": setup["template"]}
    write_json(folder / "tokenizer_config.json", tokenizer_config)

    bpe = Bpe(tokens, merges, setup["pre"], [*SPECIAL, "<tool_call>"])
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # As `transformers` sets Jinja up.
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    chats = []
    for conversation in CONVERSATIONS:
        messages = [{"role": role, "content": content} for role, content in conversation]
        named = {"bos_token": "<|begin|>"} if is_llama else {}
        text = environment.from_string(setup["template"]).render(
            messages=messages, add_generation_prompt=True, **named
        )
        chats.append({"messages": messages, "rendered": text, "tokens": bpe.encode_special(text)})
    prompt = [int(x) for x in random.integers(0, n_vocab, 100)]
    rows = FolderReference(config, values).forward(prompt)
    return {
        "name": name,
        "texts": [{"text": text, "tokens": bpe.encode_special(text)} for text in TEXTS],
        "starts": [ids["<|begin|>"]] if is_llama else [],
        "ends": sorted([ids["<|im_end|>"], ids["<|begin|>"]]),
        "chats": chats,
        "tokens": prompt,
        "logits": [[float(np.float32(x).astype(str)) for x in rows[i][::7]] for i in (0, 50, 99)],
    }


def check(case):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = HERE / case["name"]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        rows = model(torch.tensor([case["tokens"]])).logits[0].numpy()
    errors = [np.abs(rows[i][::7] - expected).max() for i, expected in zip((0, 50, 99), case["logits"])]
    print(case["name"], type(model).__name__, "largest difference of logits", max(errors))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text in case["texts"]:
        ids = tokenizer(text["text"])["input_ids"]
        assert ids == case["starts"] + text["tokens"], (text, ids)
    for chat in case["chats"]:
        template = lambda tokenize: tokenizer.apply_chat_template(
            chat["messages"], add_generation_prompt=True, tokenize=tokenize, return_dict=False
        )
        assert template(False) == chat["rendered"], template(False)
        assert template(True) == chat["tokens"], template(True)
    print(case["name"], len(case["texts"]), "texts and", len(case["chats"]), "conversations agree")


if sys.argv[1:] == ["--check"]:
    for case in json.loads((HERE / "folders.json").read_text()):
        check(case)
else:
    cases = [json.dumps(make(name, setup), separators=(",", ":")) for name, setup in FOLDERS.items()]
    (HERE / "folders.json").write_text("[\n" + ",\n".join(cases) + "\n]\n")
