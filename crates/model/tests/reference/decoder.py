"""A plain float32 forward pass of a Llama-family GGUF, independent of the Rust code.

Weights are dequantised by the `gguf` package; everything else is numpy.
"""

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize


class Reference:
    def __init__(self, path):
        reader = GGUFReader(path)
        field = lambda key: reader.fields[key].contents()
        self.architecture = field("general.architecture")
        name = self.architecture
        self.n_layers = field(f"{name}.block_count")
        self.n_heads = field(f"{name}.attention.head_count")
        self.n_kv_heads = field(f"{name}.attention.head_count_kv")
        self.epsilon = field(f"{name}.attention.layer_norm_rms_epsilon")
        self.rope_base = field(f"{name}.rope.freq_base")
        self.weights = {
            t.name: dequantize(t.data, t.tensor_type).astype(np.float32)
            for t in reader.tensors
        }
        self.head_dim = self.weights["token_embd.weight"].shape[1] // self.n_heads

    def norm(self, x, name):
        scale = np.sqrt(np.mean(x.astype(np.float64) ** 2, axis=-1, keepdims=True) + self.epsilon)
        return (x / scale).astype(np.float32) * self.weights[name]

    def frequencies(self):
        half = self.head_dim // 2
        return self.rope_base ** (-np.arange(half, dtype=np.float64) / half)

    def rotate(self, x, positions):
        """x: (rows, heads, head_dim)."""
        half = self.head_dim // 2
        angle = positions[:, None] * self.frequencies()[None, :]
        cos = np.cos(angle).astype(np.float32)[:, None, :]
        sin = np.sin(angle).astype(np.float32)[:, None, :]
        out = np.empty_like(x)
        if self.architecture == "llama":  # neighbours are pairs: GGUF files hold permuted rows
            a, b = x[..., 0::2], x[..., 1::2]
            out[..., 0::2], out[..., 1::2] = a * cos - b * sin, a * sin + b * cos
        else:
            a, b = x[..., :half], x[..., half:]
            out[..., :half], out[..., half:] = a * cos - b * sin, a * sin + b * cos
        return out

    def linear(self, x, name):
        y = x @ self.weights[f"{name}.weight"].T
        bias = self.weights.get(f"{name}.bias")
        return y if bias is None else y + bias

    def forward(self, tokens):
        """Logits of every position: (rows, vocabulary)."""
        n = len(tokens)
        positions = np.arange(n, dtype=np.float64)
        x = self.weights["token_embd.weight"][tokens]
        visible = np.tril(np.ones((n, n), dtype=bool))
        for i in range(self.n_layers):
            layer = f"blk.{i}"
            h = self.norm(x, f"{layer}.attn_norm.weight")
            q = self.linear(h, f"{layer}.attn_q").reshape(n, self.n_heads, self.head_dim)
            k = self.linear(h, f"{layer}.attn_k").reshape(n, self.n_kv_heads, self.head_dim)
            v = self.linear(h, f"{layer}.attn_v").reshape(n, self.n_kv_heads, self.head_dim)
            q, k = self.rotate(q, positions), self.rotate(k, positions)
            group = self.n_heads // self.n_kv_heads
            k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
            scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(self.head_dim)
            scores = np.where(visible[None], scores, -np.inf)
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            scores /= scores.sum(axis=-1, keepdims=True)
            attended = np.einsum("hqk,khd->qhd", scores, v).reshape(n, -1).astype(np.float32)
            x = x + self.linear(attended, f"{layer}.attn_output")
            h = self.norm(x, f"{layer}.ffn_norm.weight")
            gate = self.linear(h, f"{layer}.ffn_gate")
            inner = gate / (1 + np.exp(-gate)) * self.linear(h, f"{layer}.ffn_up")
            x = x + self.linear(inner, f"{layer}.ffn_down")
        x = self.norm(x, "output_norm.weight")
        head = self.weights.get("output.weight", self.weights["token_embd.weight"])
        return x @ head.T
