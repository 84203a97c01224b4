"""What llama.cpp says of two models, alone and through an adapter.

    python llama_cpp.py                  the tiny model, through `adapters/all.gguf`
    python llama_cpp.py MODEL ADAPTER    the default model, through the adapter that the program brings for coding

ADAPTER is what `mapcoder adapters export crates/cli/adapters/coding` writes.
Needs the package xllamacpp, which holds llama.cpp; `tiny.json` and `adapters/` beside this file come first.
"""

import json
import sys
from pathlib import Path

import xllamacpp

HERE = Path(__file__).parent
PROBES = list(range(3, 512, 13))
SYSTEM = "Reply with one block of code and nothing else."
USER = """# Problem

Return the largest number of a list that is not empty.

# Your part: coding

Write the whole program in Python."""


def steps(model, adapter, prompt, n_steps, n_shown):
    """The most probable tokens with their log-probabilities, for each step of a greedy reply."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx = 256
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.warmup = False
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    server = xllamacpp.Server(params)
    request = {"prompt": prompt, "n_predict": n_steps, "temperature": 0.0, "n_probs": n_shown, "cache_prompt": False}
    reply = server.handle_completions(request)
    if isinstance(reply, (str, bytes)):
        reply = json.loads(reply)
    reply = reply if "completion_probabilities" in reply else reply["choices"][0]["logprobs"]
    shown = reply.get("completion_probabilities") or reply["content"]
    return [[(one["id"], one["logprob"]) for one in step["top_logprobs"]] for step in shown]


def log_probabilities(tokens, adapter):
    found = dict(steps(HERE / "tiny-qwen2.gguf", adapter, tokens, 1, 5000)[0])
    return [round(found[token], 4) for token in PROBES]


def write(name, values):
    (HERE / name).write_text(json.dumps(values, separators=(",", ":")) + "\n")


def default(model, adapter):
    prompt = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{USER}<|im_end|>\n<|im_start|>assistant\n"
    values = {"system": SYSTEM, "user": USER}
    for name, through in ("base", None), ("adapted", adapter):
        found = steps(model, through, prompt, 12, 5)
        values[name] = [[(token, round(value, 4)) for token, value in step] for step in found]
    write("llama_cpp_default.json", values)


def main():
    if sys.argv[1:]:
        return default(*sys.argv[1:])
    tokens = json.loads((HERE / "tiny.json").read_text())["tokens"]
    values = {
        "probes": PROBES,
        "base": log_probabilities(tokens, None),
        "adapted": log_probabilities(tokens, HERE / "adapters" / "all.gguf"),
    }
    write("llama_cpp.json", values)


main()
