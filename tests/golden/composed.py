# SPDX-License-Identifier: MIT
#
# composed.py - recurrent layers unrolled in plain PyTorch ops, for what torch.nn has
# not: a GRU that resets before the product, masks with holes, resets.  The recorder
# first checks these layers against torch.nn where both exist.
import torch


def rnn_step(x, s, w):
    h = torch.tanh(x @ w["weight_ih"].T + w["bias_ih"] + s[0] @ w["weight_hh"].T + w["bias_hh"])
    return (h,)


def lstm_step(x, s, w):
    h, c = s
    a = x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]
    i, f, g, o = a.chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_step(x, s, w, before=False):
    h, = s
    xr, xz, xn = (x @ w["weight_ih"].T + w["bias_ih"]).chunk(3, 1)
    wr, wz, wn = w["weight_hh"].chunk(3, 0)
    br, bz, bn = w["bias_hh"].chunk(3, 0)
    r = torch.sigmoid(xr + h @ wr.T + br)
    z = torch.sigmoid(xz + h @ wz.T + bz)
    n = torch.tanh(xn + ((r * h) @ wn.T + bn if before else r * (h @ wn.T + bn)))
    return ((1 - z) * n + z * h,)


def gru_before_step(x, s, w):
    return gru_step(x, s, w, before=True)


def run_direction(step, x, state, w, mask, reset, reverse):
    """x [T,B,I], mask and reset [T,B] of bool.  A step that is masked out leaves the
    state alone and gives 0; a reset at t cuts between t-1 and t in both directions."""
    T = x.shape[0]
    outputs = [None] * T
    for t in (reversed(range(T)) if reverse else range(T)):
        cut = t + 1 if reverse else t
        if cut < T:
            state = [torch.where(reset[cut, :, None], torch.zeros_like(s), s) for s in state]
        keep = mask[t, :, None]
        new = step(torch.where(keep, x[t], torch.zeros_like(x[t])), state, w)
        outputs[t] = torch.where(keep, new[0], torch.zeros_like(new[0]))
        state = [torch.where(keep, n, s) for n, s in zip(new, state)]
    return torch.stack(outputs), state


def run(step, module, x, states, mask, reset):
    """Like torch.nn.LSTM over `module`'s parameters: (output, [h_n] or [h_n, c_n])."""
    directions = ["", "_reverse"] if module.bidirectional else [""]
    finals = []
    for layer in range(module.num_layers):
        outputs = []
        for d, suffix in enumerate(directions):
            w = {n: getattr(module, f"{n}_l{layer}{suffix}")
                 for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
            start = [s[layer * len(directions) + d] for s in states]
            y, final = run_direction(step, x, start, w, mask, reset, suffix != "")
            outputs.append(y)
            finals.append(final)
        x = torch.cat(outputs, 2)
    return x, [torch.stack(s) for s in zip(*finals)]


def lengths_mask(lengths, T):
    return torch.arange(T)[:, None] < lengths[None, :]
