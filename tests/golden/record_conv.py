# SPDX-License-Identifier: MIT
#
# record_conv.py - writes conv.safetensors: convolutions, pooling, normalizations and attention,
# values and gradients.
import torch
from torch.nn import functional as F

from writer import Record, seed

F64, F32 = torch.float64, torch.float32


def rand(*shape):
    return torch.randn(shape, dtype=F64)


def conv_cases():
    x, image = rand(2, 4, 9), rand(2, 4, 7, 6)
    yield "conv1d", F.conv1d, [x, rand(3, 4, 3), rand(3)]
    yield "conv1d_stride", lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1), [
        x, rand(3, 4, 3), rand(3)]
    yield "conv1d_dilated", lambda x, w, b: F.conv1d(x, w, b, padding=2, dilation=2), [
        x, rand(3, 4, 3), rand(3)]
    yield "conv1d_causal", lambda x, w: F.conv1d(F.pad(x, (4, 0)), w, dilation=2), [
        x, rand(3, 4, 3)]
    yield "conv1d_groups", lambda x, w, b: F.conv1d(x, w, b, groups=2), [x, rand(6, 2, 2), rand(6)]
    yield "conv1d_depthwise", lambda x, w: F.conv1d(x, w, padding=1, groups=4), [x, rand(4, 1, 3)]
    yield "conv1d_pointwise", F.conv1d, [x, rand(5, 4, 1), rand(5)]
    yield "conv2d", F.conv2d, [image, rand(3, 4, 3, 2), rand(3)]
    yield "conv2d_stride", lambda x, w, b: F.conv2d(x, w, b, stride=(2, 3), padding=(1, 2)), [
        image, rand(3, 4, 3, 3), rand(3)]
    yield "conv2d_all", lambda x, w, b: F.conv2d(x, w, b, stride=(1, 2), padding=(2, 1),
                                                 dilation=(2, 1), groups=2), [
        image, rand(6, 2, 3, 2), rand(6)]
    yield "conv2d_pointwise", F.conv2d, [image, rand(5, 4, 1, 1), rand(5)]
    yield "conv3d", lambda x, w, b: F.conv3d(x, w, b, stride=2, padding=1), [
        rand(1, 2, 4, 5, 3), rand(3, 2, 2, 3, 2), rand(3)]
    yield "transpose1d", lambda x, w, b: F.conv_transpose1d(x, w, b, stride=3, padding=1,
                                                            output_padding=2), [
        x, rand(4, 3, 3), rand(3)]
    yield "transpose2d", lambda x, w, b: F.conv_transpose2d(
        x, w, b, stride=(2, 1), padding=(0, 1), output_padding=(1, 0), groups=2, dilation=(1, 2)), [
        image, rand(4, 3, 2, 3), rand(6)]


def pool_cases():
    x, image = rand(2, 3, 9), rand(2, 3, 7, 6)
    yield "max_pool1d", lambda x: F.max_pool1d(x, 3), [x]
    yield "max_pool1d_padded", lambda x: F.max_pool1d(x, 3, 2, 1), [x]
    yield "max_pool1d_dilated", lambda x: F.max_pool1d(x, 3, 1, 1, dilation=2), [x]
    yield "max_pool2d", lambda x: F.max_pool2d(x, 2), [image]
    yield "max_pool2d_ceil", lambda x: F.max_pool2d(x, (3, 2), 2, (1, 0), ceil_mode=True), [image]
    yield "max_pool2d_over", lambda x: F.max_pool2d(x, 3, 1, 1), [image]
    yield "mean_pool1d", lambda x: F.avg_pool1d(x, 3, 2, 1), [x]
    yield "mean_pool2d", lambda x: F.avg_pool2d(x, 2), [image]
    yield "mean_pool2d_ceil", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), [image]
    yield "mean_pool2d_inside", lambda x: F.avg_pool2d(
        x, (3, 2), (2, 1), (1, 1), ceil_mode=True, count_include_pad=False), [image]
    yield "mean_pool3d", lambda x: F.avg_pool3d(x, 2, 1, 1), [rand(1, 2, 3, 2, 4)]


def norm_cases():
    x, image = rand(3, 4, 5), rand(3, 4, 2, 5)
    yield "layer_norm", lambda x, g, b: F.layer_norm(x, (5,), g, b), [x, rand(5), rand(5)]
    yield "layer_norm_two", lambda x, g, b: F.layer_norm(x, (4, 5), g, b, 1e-3), [
        x, rand(4, 5), rand(4, 5)]
    yield "layer_norm_plain", lambda x: F.layer_norm(x, (5,)), [x]
    yield "group_norm", lambda x, g, b: F.group_norm(x, 2, g, b), [image, rand(4), rand(4)]
    yield "instance_norm", lambda x, g, b: F.instance_norm(x, weight=g, bias=b), [
        image, rand(4), rand(4)]
    yield "batch_norm", lambda x, g, b: F.batch_norm(x, None, None, g, b, True), [
        image, rand(4), rand(4)]
    yield "batch_norm_rows", lambda x, g, b: F.batch_norm(x, None, None, g, b, True), [
        rand(6, 4), rand(4), rand(4)]
    yield "batch_norm_plain", lambda x: F.batch_norm(x, None, None, training=True), [image]
    yield "batch_norm_given", lambda x, m, v: F.batch_norm(x, m.detach(), v.detach()), [
        image, rand(4), rand(4) ** 2 + 0.5]


def attention_cases():
    q, k, v = rand(2, 5, 6), rand(2, 7, 6), rand(2, 7, 3)
    causal = torch.ones(5, 7, dtype=torch.bool).tril(2)

    def scaled(q, k, v, mask=None):
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -float("inf"))
        return scores.softmax(-1) @ v

    own = torch.nn.functional._scaled_dot_product_attention
    for mask in (None, causal):
        theirs = own(q, k, v, mask)
        theirs = theirs[0] if isinstance(theirs, tuple) else theirs
        assert torch.allclose(scaled(q, k, v, mask), theirs, atol=1e-14)
    yield "attention", scaled, [q, k, v]
    yield "attention_causal", lambda q, k, v: scaled(q, k, v, causal), [q, k, v]

    def heads(x, w_in, b_in, w_out, b_out):
        """Self-attention of [B,T,E] with 2 heads."""
        x = x.transpose(0, 1)
        forbidden = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
        y, _ = F.multi_head_attention_forward(
            x, x, x, x.shape[-1], 2, w_in, b_in, None, None, False, 0.0, w_out, b_out,
            need_weights=False, attn_mask=forbidden)
        return y.transpose(0, 1)

    yield "multi_head", heads, [rand(3, 5, 6), rand(18, 6), rand(18), rand(6, 6), rand(6)]


def record_gradients(record):
    for cases in (conv_cases, pool_cases, norm_cases, attention_cases):
        seed(cases.__name__)
        for case, f, inputs in list(cases()):
            for suffix, dtype in (("", F64), ("_f32", F32)):
                leaves = {f"x{i}": x.to(dtype).requires_grad_() for i, x in enumerate(inputs)}
                y = f(*leaves.values())
                w = torch.randn(y.shape, dtype=F64).to(dtype)
                grads = torch.autograd.grad(y, list(leaves.values()), w, allow_unused=True)
                record.put_all(case + suffix, {**leaves, "y": y, "w": w})
                record.put_all(f"{case}{suffix}.grad",
                               {n: g for n, g in zip(leaves, grads) if g is not None})


if __name__ == "__main__":
    record = Record()
    record_gradients(record)
    record.save("conv.safetensors")
