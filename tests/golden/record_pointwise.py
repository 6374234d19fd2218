# SPDX-License-Identifier: MIT
#
# record_pointwise.py - writes pointwise.safetensors: values and gradients of activations and other
# functions of one number or two, in between, at kinks and ties, and far out.
import torch
import torch.nn.functional as F

from writer import Record, seed

F64 = torch.float64
INF, NAN = float("inf"), float("nan")
POINTS = [-INF, -800.0, -40.0, -3.0, -2.5, -1.0, -0.5, -1e-300, -0.0,
          0.0, 1e-300, 0.5, 1.0, 1.5, 3.0, 19.0, 21.0, 40.0, 800.0, INF, NAN]


def t(values):
    return torch.tensor(values, dtype=F64)


def unary_cases():
    functions = {
        "sin": torch.sin, "cos": torch.cos, "erf": torch.erf, "expm1": torch.expm1,
        "log1p": torch.log1p, "rsqrt": torch.rsqrt, "floor": torch.floor, "round": torch.round,
        "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu,
        "mish": F.mish, "selu": F.selu, "elu": lambda x: F.elu(x, 1.5),
        "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
        # F.hardsigmoid's slope is a sixth of f32 only.
        "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,
        "softplus": F.softplus, "softplus_steep": lambda x: F.softplus(x, 3.0, 6.0),
    }
    for name, f in functions.items():
        yield name, f, [2 * torch.randn(3, 4, dtype=F64)]
        yield f"{name}_points", f, [t(POINTS)]


def binary_cases():
    a, b = t([1.0, 2.0, 2.0, -0.5, INF, INF, -INF]), t([2.0, 1.0, 2.0, -0.5, 0.0, INF, 3.0])
    for name, f in {"maximum": torch.maximum, "minimum": torch.minimum}.items():
        yield f"{name}_ties", f, [a, b]
        yield f"{name}_rows", f, [torch.randn(4, 3, dtype=F64), torch.randn(3, dtype=F64)]
        yield f"{name}_nan", f, [t([NAN, 1.0, NAN]), t([1.0, NAN, NAN])]
    mask = torch.tensor([[True, False, True], [False, False, True]])
    yield "masked_fill", lambda x: x.masked_fill(mask, 7.5), [torch.randn(2, 3, dtype=F64)]


if __name__ == "__main__":
    record = Record()
    for cases in (unary_cases, binary_cases):
        seed(cases.__name__)
        for case, f, inputs in cases():
            leaves = {f"x{i}": x.clone().requires_grad_() for i, x in enumerate(inputs)}
            y = f(*leaves.values())
            w = torch.randn_like(y)
            grads = torch.autograd.grad(y, list(leaves.values()), w)
            record.put_all(case, {**leaves, "y": y, "w": w})
            record.put_all(f"{case}.grad", dict(zip(leaves, grads)))
    record.save("pointwise.safetensors")
