# SPDX-License-Identifier: MIT
#
# record_reduce.py - writes reduce.safetensors: products, running sums and products, what sorting
# picks; values, gradients (with zeros in x) and the gradient of the gradient's squares; indices.
import torch

from writer import Record, seed

F64 = torch.float64
NAN, INF = float("nan"), float("inf")
ORDERED = {"ties": [[2.0, 1.0, 2.0, 1.0, 2.0, 0.0], [3.0, 3.0, 3.0, 3.0, 3.0, 3.0]],
           "nan": [[1.0, NAN, 2.0, NAN, -1.0, 0.0], [INF, 1.0, NAN, -INF, -0.0, 0.0]]}


def rand(*shape):
    return torch.randn(shape, dtype=F64)


def with_zeros(x, *places):
    for place in places:
        x[place] = 0
    return x


def product_cases():
    inputs = {"": rand(3, 4), "_zero": with_zeros(rand(3, 4), (0, 1), (2, 3)),
              "_zeros": with_zeros(rand(3, 4), (0, 1), (0, 2), (1, 0), (2, 1), (2, 2), (2, 3)),
              "_none": rand(3, 0)}
    for what, x in inputs.items():
        yield f"prod{what}", lambda x: x.prod(1), x
        yield f"cumprod{what}", lambda x: x.cumprod(1), x
        yield f"cumsum{what}", lambda x: x.cumsum(1), x
    yield "prod_all", lambda x: x.prod(), inputs["_zero"]
    yield "prod_first", lambda x: x.prod(0, keepdim=True), inputs["_zeros"]
    yield "cumprod_first", lambda x: x.cumprod(0), inputs["_zeros"]
    yield "cumprod_back", lambda x: x.flip(1).cumprod(1).flip(1), inputs["_zeros"]
    yield "cumsum_back", lambda x: x.flip(0).cumsum(0).flip(0), inputs[""]


def order_cases():
    x = rand(4, 7, 2)
    yield "sort", lambda x: x.sort(1).values, x
    yield "sort_down", lambda x: x.sort(0, descending=True).values, x
    yield "topk", lambda x: x.topk(3, 1).values, x
    yield "topk_smallest", lambda x: x.topk(2, 0, largest=False).values, x
    yield "median", lambda x: x.median(1).values, x
    yield "median_even", lambda x: x.median(0).values, x
    yield "sort_f32", lambda x: x.sort(1).values, x.float()


def record_gradients(record):
    for cases in (product_cases, order_cases):
        seed(cases.__name__)
        for case, f, x in cases():
            seed(case)
            x = x.clone().requires_grad_()
            y = f(x)
            w = torch.randn_like(y)
            grad, = torch.autograd.grad(y, x, w, create_graph=True)
            record.put_all(case, {"x0": x, "y": y, "w": w, "grad.x0": grad})
            if grad.requires_grad and x.numel():
                record.put(f"{case}.grad2.x0", torch.autograd.grad(grad.square().sum(), x)[0])


def record_order(record):
    """Indices, all sorts stable."""
    for name, rows in ORDERED.items():
        x = torch.tensor(rows, dtype=F64)
        record.put(f"{name}.x0", x)
        for what, down in (("up", False), ("down", True)):
            y, index = x.sort(stable=True, dim=1, descending=down)
            record.put_all(name, {what: y, f"arg{what}": index})
        record.put(f"{name}.topk", x.topk(3, 1).values)
        record.put(f"{name}.bottomk", x.topk(3, 1, largest=False).values)
        record.put(f"{name}.median", x.median(1).values)


if __name__ == "__main__":
    record = Record()
    record_gradients(record)
    record_order(record)
    record.save("reduce.safetensors")
