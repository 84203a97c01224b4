"""What llama.cpp says of the tiny model, alone and through the adapter of `adapters/all.gguf`.

    python llama_cpp.py

Needs the package xllamacpp, which holds llama.cpp; `tiny.json` and `adapters/` beside this file come first.
"""

import json
from pathlib import Path

import xllamacpp

HERE = Path(__file__).parent
PROBES = list(range(3, 512, 13))


def log_probabilities(tokens, adapter):
    params = xllamacpp.CommonParams()
    params.model.path = str(HERE / "tiny-qwen2.gguf")
    params.n_ctx = 256
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.warmup = False
    if adapter is not None:
        info = xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)
        params.lora_adapters = [info]
    server = xllamacpp.Server(params)
    request = {"prompt": tokens, "n_predict": 1, "temperature": 0.0, "n_probs": 5000, "cache_prompt": False}
    reply = server.handle_completions(request)
    if isinstance(reply, (str, bytes)):
        reply = json.loads(reply)
    reply = reply if "completion_probabilities" in reply else reply["choices"][0]["logprobs"]
    first = (reply.get("completion_probabilities") or reply["content"])[0]
    found = {one["id"]: one["logprob"] for one in first["top_logprobs"]}
    return [round(found[token], 4) for token in PROBES]


def main():
    tokens = json.loads((HERE / "tiny.json").read_text())["tokens"]
    values = {
        "probes": PROBES,
        "base": log_probabilities(tokens, None),
        "adapted": log_probabilities(tokens, HERE / "adapters" / "all.gguf"),
    }
    (HERE / "llama_cpp.json").write_text(json.dumps(values, separators=(",", ":")) + "\n")


main()
