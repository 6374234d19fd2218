# SPDX-License-Identifier: MIT
#
# record_losses.py - writes losses.safetensors: cross entropy, softmax and its relatives on
# ordinary and extreme inputs, embedding; values and gradients.
import torch
import torch.nn.functional as F

from writer import Record, seed

F64, F32 = torch.float64, torch.float32
INF = float("inf")

EXTREME = [
    [0.0, 0.0, 0.0, 0.0],
    [1000.0, 999.0, -1000.0, 0.0],
    [-1000.0, -1001.0, -1002.0, -1003.0],
    [1e-20, -1e-20, 1e-8, 0.0],
    [700.0, 710.0, -745.0, -750.0],
    [1e30, 1e30, -1e30, 0.0],
]
INFINITE = [
    [0.0, -INF, 1.0, -INF],
    [-INF, -INF, -INF, 3.0],
    [-INF, -INF, -INF, -INF],
    [INF, 0.0, 1.0, 2.0],
    [INF, INF, 0.0, -INF],
    [0.0, float("nan"), 1.0, 2.0],
]
RELATIVES = {"softmax": torch.softmax, "log_softmax": torch.log_softmax,
             "logsumexp": torch.logsumexp}


def record_softmax(record):
    seed("softmax")
    inputs = {"usual": torch.randn(2, 3, 4, dtype=F64) * 3,
              "one": torch.randn(3, 1, dtype=F64),
              "no_rows": torch.zeros(0, 4, dtype=F64),
              "extreme": torch.tensor(EXTREME, dtype=F64),
              "extreme_f32": torch.tensor(EXTREME, dtype=F32),
              "infinite": torch.tensor(INFINITE, dtype=F64)}
    cases = [(name, -1) for name in inputs] + [("usual", 0), ("usual", 1)]
    for name, axis in cases:
        x = inputs[name].clone().requires_grad_()
        case = name if axis == -1 else f"{name}_axis{axis}"
        record.put(f"{case}.x", x)
        for f_name, f in RELATIVES.items():
            y = f(x, axis)
            w = torch.randn_like(y)
            record.put_all(f"{case}.{f_name}", {"y": y, "w": w,
                                                "grad.x": torch.autograd.grad(y, x, w)[0]})


def cross_entropy_cases():
    """name: (logits [..., C], targets [...], ignore_index); the class axis is the last."""
    usual = torch.randn(6, 7, dtype=F64) * 2
    ids = torch.tensor([0, 6, 3, 3, 1, 5])
    extreme = torch.tensor(EXTREME, dtype=F64)
    masked = torch.tensor(INFINITE[:2], dtype=F64)
    some = torch.tensor([0, -100, 3, -100, 1, 5])
    return {
        "usual": (usual, ids, -100),
        "f32": (usual.float(), ids, -100),
        "ignored": (usual, some, -100),
        "ignored_id3": (usual, ids, 3),
        "ignored_id0": (usual, ids, 0),
        "all_ignored": (usual, torch.full((6,), -100), -100),
        "no_rows": (usual[:0], ids[:0], -100),
        "sequence": (torch.randn(3, 2, 5, dtype=F64),
                     torch.tensor([[0, 4], [-100, 2], [1, 1]]), -100),
        "extreme_best": (extreme, extreme.argmax(1), -100),
        "extreme_worst": (extreme, extreme.argmin(1), -100),
        "extreme_f32": (extreme.float(), extreme.argmin(1), -100),
        "masked": (masked, torch.tensor([2, 3]), -100),
        "masked_target": (masked, torch.tensor([1, 0]), -100),
    }


def record_cross_entropy(record):
    seed("cross_entropy")
    for name, (logits, ids, ignore) in cross_entropy_cases().items():
        case = f"ce_{name}"
        record.put(f"{case}.x", logits)
        record.put(f"{case}.ids", ids)
        for reduction in ("mean", "sum", "none"):
            x = logits.clone().requires_grad_()
            y = F.cross_entropy(x.reshape(-1, x.shape[-1]), ids.reshape(-1),
                                ignore_index=ignore, reduction=reduction)
            y = y.reshape(ids.shape) if reduction == "none" else y
            w = torch.randn_like(y) if reduction == "none" else torch.ones_like(y)
            values = {"y": y, "grad.x": torch.autograd.grad(y, x, w)[0]}
            record.put_all(f"{case}.{reduction}", {**values, "w": w})


def record_second(record):
    """The gradient of the squared norm of the gradient of the mean cross entropy."""
    x = record["ce_ignored.x"].clone().requires_grad_()
    y = F.cross_entropy(x, record["ce_ignored.ids"])
    g, = torch.autograd.grad(y, x, create_graph=True)
    record.put("ce_ignored.mean.grad2.x", torch.autograd.grad((g * g).sum(), x)[0])


def record_mse(record):
    seed("mse")
    x, target = torch.randn(2, 3, 4, dtype=F64), torch.randn(2, 3, 4, dtype=F64)
    leaves = [x.requires_grad_(), target.requires_grad_()]
    y = F.mse_loss(*leaves)
    grads = torch.autograd.grad(y, leaves)
    record.put_all("mse", {"x": x, "target": target, "y": y,
                           "grad.x": grads[0], "grad.target": grads[1]})


def record_embedding(record):
    seed("embedding")
    ids = torch.tensor([[1, 0, 5], [1, 1, 2], [0, 0, 4], [5, 1, 3], [2, 0, 1]])
    table = torch.randn(6, 4, dtype=F64)
    w = torch.randn(5, 3, 4, dtype=F64)
    record.put_all("embedding", {"ids": ids, "w": w})
    for case, padding in (("embedding", None), ("embedding_padding0", 0)):
        weight = table.clone().requires_grad_()
        y = F.embedding(ids, weight, padding_idx=padding)
        record.put_all(case, {"weight": weight, "y": y,
                              "grad.weight": torch.autograd.grad(y, weight, w)[0]})


if __name__ == "__main__":
    record = Record()
    record_softmax(record)
    record_cross_entropy(record)
    record_second(record)
    record_mse(record)
    record_embedding(record)
    record.save("losses.safetensors")
