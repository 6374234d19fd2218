# SPDX-License-Identifier: MIT
#
# record_shakespeare.py - writes shakespeare.safetensors: the losses of a byte language model
# on the tiny Shakespeare text, read from $SPOOL_DATA/tinyshakespeare/input.txt.  The weights
# at the start are a function of their names, so that they need not be stored.
import hashlib
import os
import sys

import torch
import torch.nn.functional as F

from writer import Record

V, H, T, B, EPOCHS = 256, 128, 50, 50, 10
WORD = (1 << 64) - 1


def number(x):
    """The finaliser of SplitMix64."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


def weight(name, shape, k):
    """Element i: k (2u - 1), u the upper 53 bits of number(hash(name) + (i + 1) 0x9E37...)."""
    base = 0xCBF29CE484222325
    for byte in name.encode():
        base = ((base ^ byte) * 0x100000001B3) & WORD
    values = [(number((base + (i + 1) * 0x9E3779B97F4A7C15) & WORD) >> 11) * 2.0 ** -53
              for i in range(shape.numel())]
    u = torch.tensor(values, dtype=torch.float64)
    return (k * (2 * u - 1)).to(torch.float32).reshape(shape)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(V, H)
        self.lstm = torch.nn.LSTM(H, H, 2)
        self.head = torch.nn.Linear(H, V)
        with torch.no_grad():
            for name, p in self.named_parameters():
                p.copy_(weight(name, p.shape, 1.0 if name == "embed.weight" else H ** -0.5))

    def loss(self, window, state):
        y, state = self.lstm(self.embed(window[:-1]), state)
        y = self.head(y).reshape(-1, V)
        return F.cross_entropy(y, window[1:].reshape(-1)), [s.detach() for s in state]


def streams(data):
    """[n/B, B]: stream b is the b-th piece of the text."""
    n = len(data) // B
    return data[:n * B].reshape(B, n).t().contiguous()


def windows(rows):
    return [rows[i * T:i * T + T + 1] for i in range((len(rows) - 1) // T)]


def train(model, pieces):
    adam = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses, norms = [], []
    for epoch in range(EPOCHS):
        state = None
        for window in pieces:
            loss, state = model.loss(window, state)
            adam.zero_grad()
            loss.backward()
            norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
            adam.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: {losses[-1]:.4f}", flush=True)
    return losses, norms


def validate(model, pieces):
    state, total = None, 0.0
    with torch.no_grad():
        for window in pieces:
            loss, state = model.loss(window, state)
            total += loss.item()
    return total / len(pieces)


if __name__ == "__main__":
    if "SPOOL_DATA" not in os.environ:
        sys.exit("set SPOOL_DATA to the directory that has tinyshakespeare/input.txt")
    with open(os.path.join(os.environ["SPOOL_DATA"], "tinyshakespeare", "input.txt"), "rb") as f:
        text = f.read()
    data = torch.frombuffer(bytearray(text), dtype=torch.uint8).to(torch.int64)
    cut = len(data) * 9 // 10
    model = Model()
    record = Record()
    for name, p in model.named_parameters():
        record.put(f"first.{name}", p.reshape(-1)[:4])
    losses, norms = train(model, windows(streams(data[:cut])))
    record.put("losses", torch.tensor(losses, dtype=torch.float32))
    record.put("norms", torch.tensor(norms, dtype=torch.float32))
    record.put("validation", validate(model, windows(streams(data[cut:]))))
    print("validation", float(record["validation"]))
    record.save("shakespeare.safetensors", text_sha256=hashlib.sha256(text).hexdigest())
