/* SPDX-License-Identifier: MIT
 *
 * table - the list of built-in ops, each once: what the tests and the list of ops
 * (examples/list_ops.c) go through.  Nothing looks an op up here by name.
 */
#include "autograd/ops.h"

#define CORE(X)                                                                     \
    X(add) X(sub) X(mul) X(div) X(pow) X(neg)                                       \
    X(exp) X(log) X(sqrt) X(square) X(tanh) X(sigmoid) X(relu) X(abs) X(sign) X(reciprocal) \
    X(less) X(less_equal) X(greater) X(greater_equal) X(equal) X(not_equal) X(where) \
    X(clamp) X(lerp) X(cast)                                                        \
    X(sum) X(max) X(argmax)                                                         \
    X(matmul)                                                                       \
    X(reshape) X(permute) X(slice) X(broadcast) X(flip) X(detach)                   \
    X(concat) X(stack) X(add_n) X(place) X(pack)                                    \
    X(gather) X(scatter_add) X(one_hot)                                             \
    X(dropout) X(categorical)                                                       \
    X(softmax) X(log_softmax) X(logsumexp) X(cross_entropy) X(cross_entropy_slope)
#define POINTWISE(X)                                                                \
    X(rsqrt) X(expm1) X(log1p) X(sin) X(cos) X(erf) X(floor) X(round)               \
    X(gelu) X(gelu_tanh) X(silu) X(mish) X(selu) X(elu) X(leaky_relu) X(softplus)   \
    X(hard_sigmoid) X(maximum) X(minimum)
#define REDUCE(X)                                                                   \
    X(min) X(argmin) X(prod) X(cumsum) X(cumprod) X(argsort)                        \
    X(norm) X(variance) X(std) X(any) X(all)
#define SCAN(X) X(linear_scan) X(linear_scan_complex)
#define INDEX(X)                                                                    \
    X(take) X(take_along_axis) X(scatter) X(arange) X(pad) X(diagonal) X(place_diagonal) \
    X(tril) X(triu) X(unfold) X(fold)
#define PRODUCT(X)                   /* made of matmul: no records */
#define CONV(X)                                                                     \
    X(conv) X(conv_transpose) X(conv_weight) X(max_pool) X(max_pool_slope) X(max_pool_pick) \
    X(mean_pool) X(mean_pool_slope)
#define NORM(X) X(layer_norm) X(rms_norm) X(layer_norm_slope) X(group_norm) X(batch_norm)
#define CTC(X) X(ctc) X(ctc_slope)
#define RANDOM(X) X(normal) X(uniform) X(bernoulli)
#define OPS(X)                                                                      \
    CORE(X) POINTWISE(X) REDUCE(X) SCAN(X) INDEX(X) PRODUCT(X) CONV(X) NORM(X) CTC(X) RANDOM(X)

#define DECLARE(name) extern const sp_op sp__op_##name;
OPS(DECLARE)

#define ADDRESS(name) &sp__op_##name,
static const sp_op *const ops[] = { OPS(ADDRESS) };

const sp_op *sp_op_at(int i)
{
    return i >= 0 && i < (int)(sizeof ops / sizeof *ops) ? ops[i] : NULL;
}
