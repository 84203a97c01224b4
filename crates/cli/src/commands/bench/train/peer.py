"""One step of transformers with peft for every line of standard input; prints seconds and the most memory so far."""

import contextlib
import resource
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

precision = sys.argv[1]
n_examples, length, n_threads = (int(word) for word in sys.argv[2:5])
torch.set_num_threads(n_threads)
shape = dict(zip(("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                  "num_attention_heads", "num_key_value_heads"), map(int, sys.argv[5:11])))
base = LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=True, max_position_embeddings=length))
cast = contextlib.nullcontext
if precision == "bf16":
    base = base.to(torch.bfloat16)
    cast = lambda: torch.autocast("cpu", dtype=torch.bfloat16)
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
model = get_peft_model(base, LoraConfig(r=32, lora_alpha=64, target_modules=targets, task_type="CAUSAL_LM"))
optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
print("ready", torch.__version__, flush=True)
for _ in sys.stdin:
    tokens = torch.randint(0, shape["vocab_size"], (n_examples, length))
    started = time.perf_counter()
    with cast():
        loss = model(input_ids=tokens, labels=tokens).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()
    seconds = time.perf_counter() - started
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
