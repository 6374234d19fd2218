# SPDX-License-Identifier: MIT
#
# record_optim.py - writes optim.safetensors: ten steps of each optimizer on recorded
# gradients, and gradient clipping.
import torch

from writer import Record, seed

STEPS = 10
SKIPPED = 2        # in this step (from 0) parameter b has no gradient
F64 = torch.float64
SGD, Adam, AdamW, RMSprop = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW,
                             torch.optim.RMSprop)

CASES = {
    "sgd": (SGD, {"lr": 0.1}),
    "sgd_decay": (SGD, {"lr": 0.1, "weight_decay": 0.05}),
    "sgd_maximize": (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05, "maximize": True}),
    "sgd_momentum": (SGD, {"lr": 0.1, "momentum": 0.9}),
    "sgd_dampening": (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    "sgd_nesterov": (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "sgd_nesterov_decay": (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True,
                                 "weight_decay": 0.05}),
    "sgd_momentum_decay": (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3,
                                 "weight_decay": 0.05}),
    "adam": (Adam, {}),
    "adam_options": (Adam, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3}),
    "adam_decay": (Adam, {"lr": 0.05, "weight_decay": 0.1}),
    "adam_amsgrad": (Adam, {"lr": 0.05, "amsgrad": True}),
    "adam_amsgrad_decay": (Adam, {"lr": 0.05, "amsgrad": True, "weight_decay": 0.1}),
    "adam_maximize": (Adam, {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    "adamw": (AdamW, {}),
    "adamw_decay": (AdamW, {"lr": 0.05, "weight_decay": 0.1}),
    "adamw_amsgrad": (AdamW, {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True}),
    "adamw_maximize": (AdamW, {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    "rmsprop": (RMSprop, {}),
    "rmsprop_options": (RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3}),
    "rmsprop_centered": (RMSprop, {"lr": 0.02, "centered": True}),
    "rmsprop_momentum": (RMSprop, {"lr": 0.02, "momentum": 0.9}),
    "rmsprop_decay": (RMSprop, {"lr": 0.02, "weight_decay": 0.1}),
    "rmsprop_all": (RMSprop, {"lr": 0.02, "alpha": 0.9, "centered": True, "momentum": 0.9,
                              "weight_decay": 0.1}),
}

# Two groups: a as the optimizer has it, b with options of its own.
GROUPS = {
    "groups_sgd": (SGD, {"lr": 0.1, "momentum": 0.9}, {"lr": 0.01, "weight_decay": 0.05}),
    "groups_adamw": (AdamW, {"lr": 0.05, "weight_decay": 0.1}, {"lr": 0.01, "weight_decay": 0.0}),
}

# The rate is halved after five steps.
HALVED = {
    "halved_sgd_nesterov": (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "halved_adam": (Adam, {"lr": 0.05}),
    "halved_rmsprop_momentum": (RMSprop, {"lr": 0.02, "momentum": 0.9}),
}


def draw(dtype):
    """One element of a never gets a gradient but zero, and the scale changes from step to step."""
    seed("optim")
    start = {"a": torch.randn(3, 4, dtype=F64), "b": torch.randn(5, dtype=F64)}
    scale = 10.0 ** torch.linspace(0, -2, STEPS, dtype=F64)
    grads = {"a": torch.randn(STEPS, 3, 4, dtype=F64) * scale[:, None, None],
             "b": torch.randn(STEPS, 5, dtype=F64) * scale[:, None]}
    grads["a"][:, 0, 0] = 0
    grads["b"][SKIPPED] = float("nan")
    return ({n: x.to(dtype) for n, x in start.items()}, {n: x.to(dtype) for n, x in grads.items()})


def walk(make, dtype=F64, halved=False):
    start, grads = draw(dtype)
    params = {n: x.clone().requires_grad_() for n, x in start.items()}
    optimizer = make(params)
    after = {n: [] for n in params}
    for step in range(STEPS):
        for n, p in params.items():
            p.grad = None if n == "b" and step == SKIPPED else grads[n][step].clone()
        optimizer.step()
        if halved and step == STEPS // 2 - 1:
            optimizer.param_groups[0]["lr"] *= 0.5
        for n, p in params.items():
            after[n].append(p.detach().clone())
    return {n: torch.stack(x) for n, x in after.items()}


def record_clip(record):
    seed("clip")
    given = {"a": torch.randn(3, 4, dtype=F64), "b": torch.randn(5, dtype=F64)}
    record.put_all("clip", given)
    infinite = {"a": given["a"].clone(), "b": given["b"]}
    infinite["a"][1, 2] = float("inf")
    zero = {n: torch.zeros_like(g) for n, g in given.items()}
    cases = [("clip_norm1", given, 1.0, 1.0), ("clip_norm2", given, 1.0, 2.0),
             ("clip_norm3", given, 1.0, 3.0), ("clip_inf", given, 1.0, float("inf")),
             ("clip_unreached", given, 100.0, 2.0), ("clip_zero", zero, 1.0, 2.0),
             ("clip_not_finite", infinite, 1.0, 2.0)]
    for case, grads, most, norm in cases:
        params = {n: torch.zeros_like(g).requires_grad_() for n, g in grads.items()}
        for n, p in params.items():
            p.grad = grads[n].clone()
        absent = torch.zeros(2, dtype=F64, requires_grad=True)
        total = torch.nn.utils.clip_grad_norm_([*params.values(), absent], most, norm)
        record.put(f"{case}.total", total)
        record.put_all(case, {n: p.grad for n, p in params.items()})
    params = {n: torch.zeros_like(g).requires_grad_() for n, g in given.items()}
    for n, p in params.items():
        p.grad = given[n].clone()
    torch.nn.utils.clip_grad_value_(params.values(), 0.3)
    record.put_all("clip_value", {n: p.grad for n, p in params.items()})


if __name__ == "__main__":
    record = Record()
    start, grads = draw(F64)
    record.put_all("start", start)
    record.put_all("grads", grads)
    for case, (kind, options) in CASES.items():
        record.put_all(case, walk(lambda p: kind(p.values(), **options)))
    for case, (kind, options, own) in GROUPS.items():
        record.put_all(case, walk(lambda p: kind([{"params": [p["a"]]},
                                                  {"params": [p["b"]], **own}], **options)))
    for case, (kind, options) in HALVED.items():
        record.put_all(case, walk(lambda p: kind(p.values(), **options), halved=True))
    for case in ("sgd_nesterov_decay", "adam_decay", "adamw_decay", "rmsprop_all"):
        kind, options = CASES[case]
        record.put_all(f"{case}_f32", walk(lambda p: kind(p.values(), **options), torch.float32))
    record_clip(record)
    record.save("optim.safetensors")
