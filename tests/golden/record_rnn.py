# SPDX-License-Identifier: MIT
#
# record_rnn.py - writes rnn.safetensors: recurrent layers of torch.nn, forward, all
# gradients, and for some the gradients of the squared norm of the gradients.
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import composed
from writer import Record, seed

I, H, P = 3, 5, 2
F64, F32 = torch.float64, torch.float32
STEPS = {"rnn": composed.rnn_step, "lstm": composed.lstm_step, "gru": composed.gru_step,
         "grub": composed.gru_before_step}
KINDS = {"rnn": torch.nn.RNN, "relu": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU,
         "grub": torch.nn.GRU}

# name: what differs from {one layer, T=7, B=3, with bias, f64, states given}.
CASES = {}
for kind in ("rnn", "lstm", "gru", "grub"):
    CASES.update({
        f"{kind}_1l": {"second": True},
        f"{kind}_1l_bi": {"bi": True},
        f"{kind}_2l": {"layers": 2},
        f"{kind}_2l_bi": {"layers": 2, "bi": True},
        f"{kind}_1l_len": {"lengths": [3, 7, 5]},
        f"{kind}_2l_bi_len": {"layers": 2, "bi": True, "lengths": [4, 1, 7], "second": True},
        f"{kind}_2l_bi_len0": {"layers": 2, "bi": True, "lengths": [0, 7, 3]},
        f"{kind}_2l_bi_mask": {"layers": 2, "bi": True, "mask": True, "composed": True},
        f"{kind}_2l_bi_reset": {"layers": 2, "bi": True, "reset": True, "composed": True,
                                "states": False},
        f"{kind}_1l_reset_state": {"reset": True, "composed": True},
    })
for kind in ("rnn", "lstm", "gru"):
    CASES.update({
        f"{kind}_1l_nobias": {"bias": False},
        f"{kind}_2l_bi_nobias": {"layers": 2, "bi": True, "bias": False},
        f"{kind}_1l_nostate": {"states": False},
        f"{kind}_1l_t1": {"T": 1, "B": 2},
        f"{kind}_1l_batch_first": {"batch_first": True, "T": 5},
        f"{kind}_2l_f32": {"layers": 2, "T": 20, "dtype": F32},
        f"{kind}_2l_bi_len_f32": {"layers": 2, "bi": True, "T": 20, "lengths": [20, 6, 13],
                                  "dtype": F32},
    })
CASES.update({
    "relu_1l": {}, "relu_2l_bi_len": {"layers": 2, "bi": True, "lengths": [4, 1, 7]},
    "lstm_1l_proj": {"proj": P, "second": True},
    "lstm_2l_bi_proj": {"layers": 2, "bi": True, "proj": P},
    "lstm_2l_bi_proj_len": {"layers": 2, "bi": True, "proj": P, "lengths": [4, 1, 7]},
    "lstm_2l_bi_batch_first_len": {"layers": 2, "bi": True, "batch_first": True,
                                   "lengths": [2, 7, 5]},
    "lstm_1l_bi_len_nan": {"bi": True, "lengths": [2, 7, 5], "nan": True},
    "lstm_1l_t20_b4": {"T": 20, "B": 4},
    "gru_1l_t20_b4": {"T": 20, "B": 4},
})
DEFAULTS = {"layers": 1, "T": 7, "B": 3, "bi": False, "bias": True, "proj": 0, "lengths": None,
            "batch_first": False, "states": True, "mask": False, "reset": False, "nan": False,
            "composed": False, "second": False, "dtype": F64}


def build(kind, o):
    options = {"proj_size": o["proj"]} if o["proj"] else {}
    if kind == "relu":
        options["nonlinearity"] = "relu"
    return KINDS[kind](I, H, o["layers"], bias=o["bias"], bidirectional=o["bi"],
                       batch_first=o["batch_first"], **options).to(o["dtype"])


def draw_input(o, lengths):
    x = torch.randn(o["T"], o["B"], I, dtype=o["dtype"])
    if o["nan"]:
        x[~composed.lengths_mask(lengths, o["T"])] = float("nan")
    return x.transpose(0, 1).contiguous() if o["batch_first"] else x


def draw_states(kind, o):
    n = o["layers"] * (2 if o["bi"] else 1)
    sizes = [o["proj"] or H, H] if kind == "lstm" else [H]
    scale = 0.5 if o["states"] else 0.0
    return [scale * torch.randn(n, o["B"], size, dtype=o["dtype"]) for size in sizes]


def draw_marks(o):
    """mask: about 2/3 true, never the whole column; reset: fixed, column 0 also at t=0."""
    mask = torch.ones(o["T"], o["B"], dtype=torch.bool)
    reset = torch.zeros(o["T"], o["B"], dtype=torch.bool)
    if o["mask"]:
        mask = torch.rand(o["T"], o["B"]) < 0.66
        mask[0, 0], mask[2, 1], mask[-1, 2] = False, True, False
    if o["reset"]:
        for t, b in ((0, 0), (3, 0), (1, 1), (4, 1), (5, 1)):
            reset[t, b] = True
    return mask, reset


def as_tuple(kind, states):
    return tuple(states) if kind == "lstm" else states[0]


def as_list(kind, states):
    return list(states) if kind == "lstm" else [states]


def run_packed(kind, module, x, states, lengths, T):
    """A sequence of length 0, which PyTorch refuses, is left out: its output is 0 and its
    final state the initial one."""
    rows = lengths.nonzero()[:, 0]
    batch = 0 if module.batch_first else 1
    packed = pack_padded_sequence(x.index_select(batch, rows), lengths[rows],
                                  batch_first=module.batch_first, enforce_sorted=False)
    y, finals = module(packed, as_tuple(kind, [s[:, rows].contiguous() for s in states]))
    y, _ = pad_packed_sequence(y, batch_first=module.batch_first, total_length=T)
    shape = list(x.shape[:2]) + [y.shape[2]]
    output = torch.zeros(shape, dtype=x.dtype).index_copy(batch, rows, y)
    return output, [s.index_copy(1, rows, f) for s, f in zip(states, as_list(kind, finals))]


def forward(kind, module, o, x, states, lengths, mask, reset):
    if kind == "grub" or o["composed"]:
        if lengths is not None:
            mask = composed.lengths_mask(lengths, o["T"])
        return composed.run(STEPS[kind], module, x, states, mask, reset)
    if lengths is not None:
        return run_packed(kind, module, x, states, lengths, o["T"])
    y, finals = module(x, as_tuple(kind, states))
    return y, as_list(kind, finals)


def record_case(record, case, changes):
    o = {**DEFAULTS, **changes}
    kind = case.split("_")[0]
    seed(case)
    module = build(kind, o)
    lengths = torch.tensor(o["lengths"]) if o["lengths"] else None
    x, states = draw_input(o, lengths), draw_states(kind, o)
    mask, reset = draw_marks(o)
    leaves = {**dict(module.named_parameters()), "x": x.requires_grad_()}
    if o["states"]:
        leaves.update({n: s.requires_grad_() for n, s in zip(("h0", "c0"), states)})
    y, finals = forward(kind, module, o, x, states, lengths, mask, reset)
    weights = [torch.randn_like(v) for v in [y, *finals]]
    loss = sum((v * w).sum() for v, w in zip([y, *finals], weights))
    grads = torch.autograd.grad(loss, list(leaves.values()), create_graph=o["second"])

    record.put_all(case, leaves)
    record.put_all(case, dict(zip(("w_y", "w_h", "w_c"), weights)))
    record.put_all(case, dict(zip(("output", "h_n", "c_n"), [y, *finals])))
    record.put(f"{case}.loss", loss)
    record.put_all(f"{case}.grad", dict(zip(leaves, grads)))
    if lengths is not None:
        record.put(f"{case}.lengths", lengths)
    if o["mask"]:
        record.put(f"{case}.mask", mask)
    if o["reset"]:
        record.put(f"{case}.reset", reset)
    if o["second"]:
        norm = sum((g * g).sum() for g in grads)
        seconds = torch.autograd.grad(norm, list(leaves.values()))
        record.put(f"{case}.sqnorm", norm)
        record.put_all(f"{case}.grad2", dict(zip(leaves, seconds)))


def check_composed():
    """composed.py agrees with torch.nn with lengths, and with segments run alone for resets."""
    T, B, lengths = 7, 3, torch.tensor([4, 1, 7])
    none = torch.zeros(T, B, dtype=torch.bool)
    for kind in ("rnn", "lstm", "gru"):
        seed("check")
        o = {**DEFAULTS, "layers": 2, "bi": True}
        module, x, states = build(kind, o), torch.randn(T, B, I, dtype=F64), draw_states(kind, o)
        y, finals = run_packed(kind, module, x, states, lengths, T)
        z, others = composed.run(STEPS[kind], module, x, states,
                                 composed.lengths_mask(lengths, T), none)
        for a, b in zip([y, *finals], [z, *others]):
            assert torch.allclose(a, b, rtol=1e-13, atol=1e-14), kind
        check_resets(kind, module, x)
    check_reset_before()


def check_reset_before():
    """With a diagonal W_hn and no b_hn, W_hn (r h) = r (W_hn h): both GRUs are one."""
    seed("check")
    o = {**DEFAULTS, "dtype": F64}
    module, x, states = build("gru", o), torch.randn(7, 3, I, dtype=F64), draw_states("gru", o)
    with torch.no_grad():
        module.weight_hh_l0[2 * H:] = torch.diag(torch.randn(H, dtype=F64))
        module.bias_hh_l0[2 * H:] = 0
    y, h = module(x, states[0])
    z, others = composed.run(composed.gru_before_step, module, x, states, *draw_marks(o))
    assert torch.allclose(y, z, rtol=1e-13) and torch.allclose(h, others[0], rtol=1e-13)


def check_resets(kind, module, x):
    T, B = x.shape[:2]
    mask, reset = draw_marks({**DEFAULTS, "reset": True})
    zeros = [torch.zeros(4, B, H, dtype=F64) for _ in range(2 if kind == "lstm" else 1)]
    y, finals = composed.run(STEPS[kind], module, x, zeros, mask, reset)
    for b in range(B):
        starts = sorted({0, *reset[:, b].nonzero()[:, 0].tolist()}) + [T]
        parts = [module(x[s:e, b:b + 1]) for s, e in zip(starts, starts[1:])]
        assert torch.allclose(torch.cat([p[0] for p in parts])[:, 0], y[:, b], rtol=1e-13)
        h_first, h_last = (as_list(kind, parts[i][1])[0] for i in (0, -1))
        h = torch.stack([h_last[0], h_first[1], h_last[2], h_first[3]])[:, 0]
        assert torch.allclose(h, finals[0][:, b], rtol=1e-13)


if __name__ == "__main__":
    check_composed()
    record = Record()
    for case, changes in CASES.items():
        record_case(record, case, changes)
    record.save("rnn.safetensors")
