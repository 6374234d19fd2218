# SPDX-License-Identifier: MIT
#
# record_index.py - writes index.safetensors: values and gradients of ops that rearrange, pick,
# pad and scatter; and NumPy's values of pads that reach beyond the axis.
import numpy as np
import torch
import torch.nn.functional as F

from writer import Record, seed

F64 = torch.float64
IDS = torch.tensor([[2, 0, 2, 1], [4, 4, 0, 4]])
DISTINCT = torch.tensor([[3, 0, 2], [1, 4, 0]])
TIES = torch.tensor([[1.0, 5.0, 3.0, 0.0, 2.0], [4.0, 1.0, 1.0, 1.0, 4.0]], dtype=F64)
PUT = torch.tensor([[3.0, 1.0, 3.0, 5.0], [4.0, 2.0, 9.0, 4.0]], dtype=F64)


def rand(*shape):
    return torch.randn(shape, dtype=F64)


def pick_cases():
    yield "take_along_axis", lambda x: x.gather(1, IDS), [rand(2, 5)]
    yield "take_rows", lambda x: x.gather(0, IDS.T), [rand(5, 2)]
    yield "take", lambda x: x[:, IDS], [rand(2, 5, 3)]
    yield "scatter_set", lambda x, s: x.scatter(1, DISTINCT, s), [rand(2, 5), rand(2, 3)]
    yield "scatter_add", lambda x, s: x.scatter_add(1, IDS, s), [rand(2, 5), rand(2, 4)]
    for how, f in (("max", "amax"), ("min", "amin")):
        def scatter(x, s, f=f):
            return x.scatter_reduce(1, IDS, s, f)
        yield f"scatter_{how}", scatter, [rand(2, 5), rand(2, 4)]
        yield f"scatter_{how}_ties", scatter, [TIES, PUT]


def pad_cases():
    x = rand(2, 3, 4)
    yield "pad_constant", lambda x: F.pad(x, (1, 2, 0, 1), value=1.5), [x]
    for ours, theirs in (("reflect", "reflect"), ("edge", "replicate"), ("circular", "circular")):
        yield f"pad_{ours}", lambda x, m=theirs: F.pad(x, (2, 3), m), [x]
        yield f"pad_{ours}_both", lambda x, m=theirs: F.pad(x, (1, 2, 2, 1), m), [rand(1, 2, 3, 4)]


def shape_cases():
    x = rand(2, 3, 4)
    yield "roll", lambda x: x.roll(-3, 2), [x]
    yield "repeat", lambda x: x.repeat_interleave(3, 1), [x]
    yield "tile", lambda x: x.tile(2, 1, 3, 2), [x]
    yield "diagonal", lambda x: x.diagonal(1, 0, 2), [x]
    yield "diagonal_low", lambda x: x.diagonal(-1, 2, 1), [x]
    yield "diag_embed", lambda x: x.diag_embed(-2), [rand(2, 3)]
    yield "tril", lambda x: x.tril(-1), [x]
    yield "triu", lambda x: x.triu(1), [x]
    yield "unfold", lambda x: x.unfold(2, 2, 1), [x]
    yield "unfold_step", lambda x: x.unfold(0, 3, 2), [rand(8, 2)]
    yield "fold", lambda x: F.fold(x, (1, 9), (1, 3), (1, 2), 0, (1, 2)).reshape(9), [rand(1, 3, 3)]


def record_gradients(record):
    for cases in (pick_cases, pad_cases, shape_cases):
        seed(cases.__name__)
        for case, f, inputs in cases():
            leaves = {f"x{i}": x.clone().requires_grad_() for i, x in enumerate(inputs)}
            y = f(*leaves.values())
            w = torch.randn_like(y)
            grads = torch.autograd.grad(y, list(leaves.values()), w)
            record.put_all(case, {**leaves, "y": y, "w": w})
            record.put_all(f"{case}.grad", dict(zip(leaves, grads)))


def record_far_pads(record):
    """PyTorch refuses these; NumPy goes on."""
    x = np.arange(1.0, 4.0)
    record.put("far.x0", torch.tensor(x))
    for ours, theirs in (("reflect", "reflect"), ("edge", "edge"), ("circular", "wrap")):
        record.put(f"far.{ours}", torch.tensor(np.pad(x, (11, 8), theirs)))
    record.put("far.one", torch.tensor(np.pad(x[:1], (2, 3), "reflect")))


if __name__ == "__main__":
    record = Record()
    record_gradients(record)
    record_far_pads(record)
    record.save("index.safetensors", numpy=np.__version__)
