# SPDX-License-Identifier: MIT
#
# record_norms.py - writes norms.safetensors: norms, variances and deviations over sets of axes;
# values, gradients and the gradient of the gradient's squares; any and all.
import torch
from torch.linalg import vector_norm

from writer import Record, seed

F64 = torch.float64
INF = float("inf")
NORMS = {"1": 1, "2": 2, "3": 3, "half": 0.5, "1_5": 1.5, "inf": INF}
ZEROS = torch.tensor([[0.0, 3.0, 0.0, -4.0], [0.0] * 4, [5.0, -5.0, 0.0, 2.0]], dtype=F64)
TRUTHS = torch.tensor([[[0, 1, 0], [0, 0, 1]], [[0, 1, 1], [0, 1, 1]]], dtype=torch.bool)


def rand(*shape):
    return torch.randn(shape, dtype=F64)


def norm_cases():
    x = rand(2, 3, 4)
    for name, p in NORMS.items():
        yield f"norm_{name}", lambda x, p=p: vector_norm(x, p, 2), x
        yield f"norm_{name}_first", lambda x, p=p: vector_norm(x, p, 0, keepdim=True), x
        yield f"norm_{name}_apart", lambda x, p=p: vector_norm(x, p, (0, 2)), x
        yield f"norm_{name}_all", lambda x, p=p: vector_norm(x, p), x
        yield f"norm_{name}_f32", lambda x, p=p: vector_norm(x, p, 1), x.float()
    for name in ("1", "2", "3"):
        yield f"norm_{name}_zeros", lambda x, p=NORMS[name]: vector_norm(x, p, 1), ZEROS


def spread_cases():
    x, equal = rand(3, 5, 2), torch.full((2, 3), 0.1, dtype=F64)
    for name, f in (("variance", torch.var), ("std", torch.std)):
        yield name, lambda x, f=f: f(x, 1), x
        yield f"{name}_population", lambda x, f=f: f(x, 2, unbiased=False), x
        yield f"{name}_apart", lambda x, f=f: f(x, (0, 2), keepdim=True), x
        yield f"{name}_all", lambda x, f=f: f(x), x
        yield f"{name}_two", lambda x, f=f: f(x, 0, correction=2), x
        yield f"{name}_far", lambda x, f=f: f(x, 1), x + 1e6
        yield f"{name}_one", lambda x, f=f: f(x, 1), rand(3, 1)
        yield f"{name}_equal", lambda x, f=f: f(x, 1, unbiased=False), equal
        yield f"{name}_f32", lambda x, f=f: f(x, 1), x.float()


def record_gradients(record):
    for cases in (norm_cases, spread_cases):
        seed(cases.__name__)
        for case, f, x in cases():
            seed(case)
            x = x.clone().requires_grad_()
            y = f(x)
            w = torch.randn_like(y)
            grad, = torch.autograd.grad(y, x, w, create_graph=True)
            record.put_all(case, {"x0": x, "y": y, "w": w, "grad.x0": grad})
            kinked = case.endswith(("_zeros", "_one", "_equal"))
            if grad.requires_grad and not kinked:
                record.put(f"{case}.grad2.x0", torch.autograd.grad(grad.square().sum(), x)[0])


def record_truths(record):
    record.put_all("truths", {"x0": TRUTHS, "any": TRUTHS.any(2), "all": TRUTHS.all(2),
                              "any_kept": TRUTHS.any(0, keepdim=True),
                              "all_kept": TRUTHS.all(0, keepdim=True)})


if __name__ == "__main__":
    record = Record()
    record_gradients(record)
    record_truths(record)
    record.save("norms.safetensors")
