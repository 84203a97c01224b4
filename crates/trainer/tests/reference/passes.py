"""Trains an adapter for twenty steps with `transformers` and `peft`, and writes down what happened.

    python passes.py                         the fixtures beside this file
    python passes.py FOLDER OUT [LENGTH]     the same for another model; MAPCODER_TRAINER_REFERENCE=OUT checks against it

OUT gets the adapter that training begins with (a PEFT folder, B not zero, so that every gradient counts), the documents,
the loss of each step, and the gradients of the first and the last step.
Needs the packages numpy, peft, safetensors, torch and transformers. All in 32 bits, on the CPU, without dropout.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

HERE = Path(__file__).parent
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
N_STEPS, N_WARMUP, RATE, CLIP = 20, 4, 2e-3, 1.0


def documents(n_vocab, length, generator, invocation):
    """Four documents of uneven lengths; the second half of each is trained, and a token or two before.

    With an invocation, it stands in the middle of each, the first two begin alike, and only what follows is trained.
    """
    made = []
    for n in (length, length // 2 + 3, length // 4 + 1, 9):
        tokens = torch.randint(0, n_vocab, (n,), generator=generator).tolist()
        trained = [i >= n // 2 or i in (1, 3) for i in range(n)]
        n_prefix = 0
        if invocation:
            n_prefix = n // 2
            if len(made) == 1:
                n_prefix = made[0]["n_prefix"]
                tokens = made[0]["tokens"][:n_prefix] + tokens
            tokens = tokens[:n_prefix] + invocation + tokens[n_prefix:]
            trained = [i > n_prefix + 1 for i in range(len(tokens))]
        made.append({"tokens": tokens, "trained": trained, "n_prefix": n_prefix})
    return made


def loss_of(model, documents):
    """The mean over all trained tokens; each document alone, so that nothing can leak between them."""
    total, n_trained = 0.0, 0
    for document in documents:
        tokens = torch.tensor([document["tokens"]])
        logits = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits[0, :-1]
        wanted = torch.tensor(document["trained"][1:])
        losses = torch.nn.functional.cross_entropy(logits[wanted], tokens[0, 1:][wanted], reduction="sum")
        total, n_trained = total + losses, n_trained + int(wanted.sum())
    return total / n_trained


def make(folder, out, rank, length, rate, invocation=None):
    torch.manual_seed(7)
    generator = torch.Generator().manual_seed(11)
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=TARGETS,
        task_type="CAUSAL_LM",
        alora_invocation_tokens=invocation,
    )
    model = get_peft_model(base, config)
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for name, p in trained.items():
        if "lora_B" in name:
            p.data = torch.randn(p.shape, generator=generator) * 0.02
    model.save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)
    settings = json.loads((out / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = folder.name
    (out / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    docs = documents(base.config.vocab_size, length, generator, invocation)
    optimiser = torch.optim.AdamW(trained.values(), lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    schedule = get_cosine_schedule_with_warmup(optimiser, N_WARMUP, N_STEPS)
    model.train()
    losses, norms, gradients = [], [], {}
    for step in range(N_STEPS):
        loss = loss_of(model, docs)
        loss.backward()
        if step in (0, N_STEPS - 1):
            for name, p in trained.items():
                gradients[f"{step}.{name.replace('.default', '')}"] = p.grad.clone()
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained.values(), CLIP)))
        losses.append(loss.item())
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    save_file(gradients, out / "gradients.safetensors")
    report = {
        "learning_rate": rate,
        "n_warmup": N_WARMUP,
        "clip": CLIP,
        "weight_decay": 0.01,
        "documents": docs,
        "losses": losses,
        "norms": norms,
    }
    (out / "steps.json").write_text(json.dumps(report) + "\n")
    print(out, losses[0], losses[-1])


if __name__ == "__main__":
    torch.set_num_threads(2)
    if len(sys.argv) > 2:
        length = int(sys.argv[3]) if len(sys.argv) > 3 else 256
        make(Path(sys.argv[1]), Path(sys.argv[2]), 32, length, 2e-4)
    else:
        models = HERE.parents[2] / "model" / "tests" / "reference"
        for name in ("tiny-llama", "tiny-qwen2"):
            make(models / name, HERE / name, 2, 96, RATE)
        make(models / "tiny-llama", HERE / "activated", 2, 80, RATE, [5, 9])
