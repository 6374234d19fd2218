# SPDX-License-Identifier: MIT
#
# record_ops.py - writes ops.safetensors: values and gradients of single ops where PyTorch's
# conventions are the spec (kinks, ties, bounds, NaN, empty axes, repeated ids, broadcasting).
import torch

from writer import Record, seed

F64, F32, I64 = torch.float64, torch.float32, torch.int64
INF, NAN = float("inf"), float("nan")


def t(values):
    return torch.tensor(values, dtype=F64)


def rand(*shape):
    return torch.randn(shape, dtype=F64)


def some(*shape):
    """Positive, away from zero."""
    return torch.rand(shape, dtype=F64) + 0.5


def zeros(*shape):
    return torch.zeros(*shape, dtype=F64)


POINTS = [-3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0]
# No denormals: the library flushes them to zero.
EDGES = [-INF, -1e300, -1e-300, -0.0, 0.0, 1e-300, 1e300, INF, NAN]
TIES = [[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0], [-1.0, 5.0, 3.0, 5.0]]
REPEATED = torch.tensor([[2, 0, 2], [1, 2, 0]])


def unary_cases():
    functions = {
        "neg": torch.neg, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt,
        "square": torch.square, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
        "relu": torch.relu, "abs": torch.abs, "reciprocal": torch.reciprocal,
    }
    for name, f in functions.items():
        domain = some(3, 4) if name in ("log", "sqrt", "reciprocal") else 2 * rand(3, 4)
        yield name, f, [domain]
        yield f"{name}_points", f, [t(POINTS)]
        yield f"{name}_edges", f, [t(EDGES)]
    far = t([-800.0, -706.0, -700.0, -40.0, -20.0, 20.0, 40.0, 700.0, 709.0, 710.0])
    for name in ("exp", "tanh", "sigmoid"):
        yield f"{name}_far", functions[name], [far]


def binary_cases():
    functions = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}
    pairs = {"": ((2, 3), (2, 3)), "_rows": ((4, 3), (3,)), "_columns": ((4, 3), (4, 1)),
             "_outer": ((2, 1, 3), (4, 1)), "_scalar": ((), (2, 3)), "_both": ((1,), (1, 1, 1)),
             "_empty": ((0, 3), (3,)), "_empty_one": ((0, 1), (1, 3))}
    for name, f in functions.items():
        for suffix, (a, b) in pairs.items():
            yield name + suffix, f, [rand(*a), some(*b)]
    yield "div_zero", torch.div, [t([1.0, -1.0, 0.0, 1.0]), t([0.0, 0.0, 0.0, -0.0])]
    bases, exponents = t([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0]), t([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
    grid = torch.meshgrid(bases, exponents, indexing="ij")
    yield "pow_grid", torch.pow, [x.contiguous() for x in grid]
    yield "pow_positive", torch.pow, [some(3, 4), rand(4)]
    for name, p in {"m1": -1.0, "0": 0.0, "half": 0.5, "1": 1.0, "2": 2.0, "3": 3.0}.items():
        yield f"pow_scalar_{name}", lambda x, p=p: torch.pow(x, p), [t(POINTS)]


def select_cases():
    x = t([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, NAN])
    yield "clamp", lambda x: torch.clamp(x, -1.0, 1.0), [x]
    yield "clamp_low", lambda x: torch.clamp(x, min=-1.0), [x]
    yield "clamp_high", lambda x: torch.clamp(x, max=1.0), [x]
    yield "clamp_point", lambda x: torch.clamp(x, 0.5, 0.5), [x]
    weights = t([0.0, 0.25, 0.5, 0.75, 1.0, -0.5, 1.5])
    yield "lerp", torch.lerp, [rand(3, 7), rand(3, 7), weights.expand(3, 7).clone()]
    yield "lerp_broadcast", torch.lerp, [rand(3, 1), rand(1, 4), rand(2, 1, 1)]
    yield "lerp_scalar", lambda a, b: torch.lerp(a, b, 0.3), [rand(3, 4), rand(3, 4)]
    chosen = torch.tensor([[True, False, True], [False, False, True]])
    yield "where", lambda a, b: torch.where(chosen, a, b), [rand(2, 3), rand(2, 3)]
    yield "where_broadcast", lambda a, b: torch.where(chosen, a, b), [rand(2, 1), rand()]
    bad = t([[1.0, NAN, 2.0], [INF, NAN, 3.0]])
    yield "where_nan", lambda a, b: torch.where(chosen, a, b), [bad, rand(2, 3)]


def reduce_cases():
    x = rand(2, 3, 4)
    axes = {"all": None, "0": (0,), "1": (1,), "2": (2,), "02": (0, 2), "12": (1, 2)}
    for name, a in axes.items():
        dims = tuple(range(3)) if a is None else a
        for f_name, f in (("sum", torch.sum), ("mean", torch.mean), ("max", torch.amax)):
            yield f"{f_name}_{name}", lambda x, f=f, d=dims: f(x, d), [x]
            yield f"{f_name}_{name}_keep", lambda x, f=f, d=dims: f(x, d, keepdim=True), [x]
    for f_name, f in (("sum", torch.sum), ("mean", torch.mean)):
        yield f"{f_name}_empty_all", lambda x, f=f: f(x), [zeros(0, 3)]
        yield f"{f_name}_empty_axis", lambda x, f=f: f(x, 0), [zeros(0, 3)]
        yield f"{f_name}_empty_other", lambda x, f=f: f(x, 1), [zeros(0, 3)]
        yield f"{f_name}_rank0", f, [rand()]
    yield "max_empty_other", lambda x: torch.amax(x, 1), [zeros(0, 3)]
    yield "max_ties_all", lambda x: torch.amax(x, (0, 1)), [t(TIES)]
    yield "max_ties_0", lambda x: torch.amax(x, 0), [t(TIES)]
    yield "max_ties_1", lambda x: torch.amax(x, 1), [t(TIES)]
    yield "max_infinite", lambda x: torch.amax(x, 1), [t([[-INF, -INF], [INF, 1.0]])]


def matmul_cases():
    shapes = {"": ((3, 4), (4, 2)), "_batch": ((5, 3, 4), (5, 4, 2)), "_left": ((3, 4), (2, 4, 5)),
              "_right": ((2, 3, 4), (4, 5)), "_both": ((2, 1, 3, 4), (5, 4, 2)),
              "_ones": ((1, 3, 4), (5, 4, 1)), "_k0": ((3, 0), (0, 2)), "_m0": ((0, 4), (4, 2)),
              "_batch0": ((0, 3, 4), (4, 2)), "_row": ((1, 4), (4, 1))}
    for suffix, (a, b) in shapes.items():
        yield "matmul" + suffix, torch.matmul, [rand(*a), rand(*b)]
    yield "matmul_transposed", lambda a, b: a @ b.transpose(-1, -2), [rand(2, 3, 4), rand(5, 4)]
    yield "matmul_self", lambda a: a @ a.T, [rand(3, 4)]


def shape_cases():
    x = rand(2, 3, 4)
    yield "reshape", lambda x: x.reshape(4, 6), [x]
    yield "permute", lambda x: x.permute(2, 0, 1), [x]
    yield "permute_reshape", lambda x: x.permute(2, 0, 1).reshape(4, 6), [x]
    yield "transpose", lambda x: x.transpose(0, 2), [x]
    yield "slice", lambda x: x[:, 1:3], [x]
    yield "slice_step", lambda x: x[:, :, 1::2], [x]
    yield "slice_none", lambda x: x[:, 3:3], [x]
    yield "select", lambda x: x[:, 1], [x]
    yield "select_last", lambda x: x[:, -1], [x]
    yield "concat", lambda a, b, c: torch.cat([a, b, c], 1), [x, rand(2, 1, 4), zeros(2, 0, 4)]
    yield "concat_twice", lambda a: torch.cat([a, a], 0), [x]
    yield "stack_0", lambda a, b: torch.stack([a, b]), [rand(2, 3), rand(2, 3)]
    yield "stack_2", lambda a, b: torch.stack([a, b], 2), [rand(2, 3), rand(2, 3)]
    yield "split_second", lambda x: x.split(2, 2)[1], [x]
    yield "squeeze", lambda x: x.squeeze(1), [rand(2, 1, 3)]
    yield "broadcast", lambda x: x.expand(5, 2, 3), [rand(2, 1)]
    yield "flip", lambda x: x.flip(1), [x]
    yield "flip_02", lambda x: x.flip((0, 2)), [x]
    yield "gather_repeated", lambda x: x[REPEATED], [rand(3, 4)]
    yield "gather_none", lambda x: x[REPEATED[:0]], [rand(3, 4)]
    yield "index_add", lambda x, rows: x.index_add(0, torch.tensor([2, 0, 2, 2]), rows), [
        rand(3, 4), rand(4, 4)]
    ids = REPEATED.reshape(-1)
    yield "scatter_add", lambda x: zeros(4, 5).index_add(0, ids, x.reshape(6, 5)), [rand(2, 3, 5)]


def record_gradients(record):
    for cases in (unary_cases, binary_cases, select_cases, reduce_cases, matmul_cases, shape_cases):
        seed(cases.__name__)
        for case, f, inputs in cases():
            leaves = {f"x{i}": x.clone().requires_grad_() for i, x in enumerate(inputs)}
            y = f(*leaves.values())
            w = torch.randn_like(y)
            grads = torch.autograd.grad(y, list(leaves.values()), w)
            record.put_all(case, {**leaves, "y": y, "w": w})
            record.put_all(f"{case}.grad", dict(zip(leaves, grads)))


def record_comparisons(record):
    a, b = t([1.0, 2.0, 2.0, NAN, 0.0, INF]), t([2.0, 2.0, 1.0, NAN, -0.0, INF])
    record.put_all("compare", {"x0": a, "x1": b})
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        record.put(f"compare.{name}", getattr(torch, name)(a, b))


def record_argmax(record):
    x = t(TIES)
    assert x.argmax(1).tolist() == [row.index(max(row)) for row in TIES]
    record.put_all("argmax", {"x0": x, "axis0": x.argmax(0), "axis1": x.argmax(1)})
    holes = t([[1.0, NAN, 3.0, NAN], [-INF, -INF, -INF, -INF]])
    record.put_all("nan", {"x0": holes, "max": torch.amax(holes, 1), "argmax": holes.argmax(1),
                           "sum": holes.sum(1), "relu": torch.relu(holes)})


def record_casts(record):
    x = t([-2.7, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.7, 16777217.0, 1e-50])
    record.put_all("cast", {"x0": x, "f32": x.to(F32), "i32": x.to(torch.int32), "i64": x.to(I64),
                            "bool": x.to(torch.bool)})
    record.put_all("cast_back", {"i64": x.to(I64).to(F64), "bool": x.to(torch.bool).to(F64)})
    ids = torch.tensor([[3, 0], [1, 3]])
    record.put_all("one_hot", {"ids": ids, "y": torch.nn.functional.one_hot(ids, 4).to(F64)})


if __name__ == "__main__":
    record = Record()
    record_gradients(record)
    record_comparisons(record)
    record_argmax(record)
    record_casts(record)
    record.save("ops.safetensors")
