# SPDX-License-Identifier: MIT
#
# record_ctc.py - writes ctc.safetensors: the CTC loss in every reduction, and its gradient by
# logits, that is behind log_softmax.  PyTorch's gradient by log-probs themselves is not the
# derivative (it has e^log_probs added) and is not recorded; that they differ is asserted here.
import torch
import torch.nn.functional as F

from writer import Record, seed

F64, F32 = torch.float64, torch.float32


def cases():
    """name: (T, C, targets [B,S], input lengths, target lengths, blank, dtype, scale)."""
    usual = [[1, 2, 3, 4], [2, 2, 1, 3], [4, 1, 4, 4]]
    return {
        "usual": (9, 5, usual, [9, 9, 9], [4, 4, 4], 0, F64, 1),
        "f32": (9, 5, usual, [9, 9, 9], [4, 4, 4], 0, F32, 1),
        "lengths": (9, 5, usual, [9, 5, 7], [4, 3, 1], 0, F64, 2),
        "no_labels": (6, 5, usual, [6, 4, 6], [0, 2, 0], 0, F64, 1),
        "blank_last": (8, 5, [[0, 1, 1], [3, 0, 3]], [8, 6], [3, 3], 4, F64, 1),
        "exact": (5, 4, [[1, 1, 2], [1, 2, 3]], [4, 3], [3, 3], 0, F64, 1),
        "infeasible": (5, 4, [[1, 1, 2], [1, 2, 3], [3, 2, 1]], [3, 2, 5], [3, 3, 3], 0, F64, 1),
        "long": (120, 12, [[1 + k * k % 11 for k in range(30)]], [120], [30], 0, F64, 3),
        "extreme": (6, 4, [[1, 2, 2], [3, 1, 2]], [6, 5], [3, 2], 0, F64, 5000),
    }


def record_case(record, name, T, C, targets, steps, labels, blank, dtype, scale):
    seed(f"ctc_{name}")
    ids, n, m = torch.tensor(targets), torch.tensor(steps), torch.tensor(labels)
    logits = (torch.randn(T, len(targets), C, dtype=F64) * scale).to(dtype)
    record.put_all(name, {"x": logits, "targets": ids, "steps": n, "labels": m, "blank": blank})
    for zero in (False, True) if name == "infeasible" else (False,):
        for reduction in ("mean", "sum", "none"):
            x = logits.clone().requires_grad_()
            y = F.ctc_loss(F.log_softmax(x, 2), ids, n, m, blank, reduction, zero)
            case = f"{name}.{reduction}" + (".zero" if zero else "")
            record.put(f"{case}.y", y)
            w = torch.randn_like(y) if reduction == "none" else torch.ones_like(y)
            if name == "infeasible" and not zero:
                continue
            record.put_all(case, {"w": w, "grad.x": torch.autograd.grad(y, x, w)[0]})


def pytorch_is_wrong_by_log_probs():
    """Along (1, 1, ...) the loss falls by 1 for each step; PyTorch says 0."""
    lp = torch.log_softmax(torch.randn(4, 1, 3, dtype=F64), 2).requires_grad_()
    loss = F.ctc_loss(lp, torch.tensor([[1, 2]]), torch.tensor([4]), torch.tensor([2]),
                      reduction="sum")
    lower = F.ctc_loss(lp + 1, torch.tensor([[1, 2]]), torch.tensor([4]), torch.tensor([2]),
                       reduction="sum")
    torch.testing.assert_close(lower, loss - 4)
    assert abs(torch.autograd.grad(loss, lp)[0].sum()) < 1e-12


if __name__ == "__main__":
    record = Record()
    for name, case in cases().items():
        record_case(record, name, *case)
    seed("log_probs")
    pytorch_is_wrong_by_log_probs()
    record.save("ctc.safetensors")
