/* SPDX-License-Identifier: MIT
 *
 * run_node - one node: finds its operands, packs what its kernel cannot read, calls it.
 */
#include <string.h>
#include "autograd/ops/records.h"
#include "autograd/run.h"
#include "tensor/strided.h"

/* ---- operands ---- */

bool sp__unchanged(sp_tape *t, uint32_t base, uint32_t reader)
{
    const sp_leaf *leaf = &t->leaves[t->node[base].slot];
    char text[SP_ERROR_TEXT / 2];

    if (!leaf->param) {
#ifdef SP_DEBUG
        if (leaf->borrowed && sp_hash(0, t->beside[base].data, sp__bytes(t, base)) != leaf->hash)
            return sp__fail(t, "%s: borrowed data changed after sp_borrow",
                            sp__op(t, reader)->name),
                   false;
#endif
        return true;
    }
    if (leaf->version == leaf->param->version) return true;
    snprintf(text, sizeof text,
             "%s: the parameter %s changed (an optimizer step, a load) after it was "
             "recorded and before it was read",
             sp__op(t, reader)->name, leaf->param->name);
    return sp__fail_scoped(t, t->beside[reader].scope, text), false;
}

void sp__operand(const sp_tape *t, uint32_t id, sp_operand *o)
{
    uint32_t base = t->beside[id].base;
    sp_layout layout = sp__layout(t, id);
    bool leaf = sp__op(t, base)->kind == SP_LEAF;
    const sp_param *p = leaf ? t->leaves[t->node[base].slot].param : NULL;
    char *data = p ? p->value.data : t->beside[base].data;

    o->dtype = (sp_dtype)t->node[id].dtype;
    o->shape = sp__shape(t, id);
    o->data = data + layout.offset * sp_dtype_size(o->dtype);
    memcpy(o->stride, layout.stride, sizeof o->stride);
}

static bool operand_of(sp_tape *t, uint32_t id, uint32_t reader, sp_operand *o)
{
    uint32_t base = t->beside[id].base;

    if (sp__op(t, base)->kind == SP_LEAF && !sp__unchanged(t, base, reader)) return false;
    sp__operand(t, id, o);
    return true;
}

/* Where node id's own value lies: dense. */
static sp_operand result_of(const sp_tape *t, uint32_t id)
{
    sp_operand y = { t->beside[id].data, (sp_dtype)t->node[id].dtype, sp__shape(t, id), { 0 } };
    sp_layout dense = sp_shape_layout(y.shape);

    memcpy(y.stride, dense.stride, sizeof y.stride);
    return y;
}

static void broadcast_to(sp_operand *o, sp_shape shape)
{
    sp_layout layout = { 0 };

    memcpy(layout.stride, o->stride, sizeof layout.stride);
    layout = sp_layout_broadcast(o->shape, &layout, shape);
    memcpy(o->stride, layout.stride, sizeof o->stride);
    o->shape = shape;
}

static bool is_dense(const sp_operand *o)
{
    sp_layout layout = { 0 };
    memcpy(layout.stride, o->stride, sizeof layout.stride);
    return sp_layout_is_dense(o->shape, &layout);
}

static int64_t operand_bytes(const sp_operand *o)
{
    return sp_shape_size(o->shape) * sp_dtype_size(o->dtype);
}

/* A dense copy of an operand in a block of the pool, which is noted in *block. */
static bool pack(sp_tape *t, sp_operand *o, void **block)
{
    sp_layout dense = sp_shape_layout(o->shape);

    if (!(*block = sp__pool_take(&t->pool, operand_bytes(o)))) return false;
    sp__copy_strided(o->shape, sp_dtype_size(o->dtype), *block, dense.stride, o->data, o->stride);
    o->data = *block;
    memcpy(o->stride, dense.stride, sizeof o->stride);
    return true;
}

/* ---- calling a kernel ---- */

static sp_kernel *kernel_for(const sp_op *op, sp_isa isa, sp_dtype dtype)
{
    for (int i = (int)isa; i > SP_PORTABLE; i = i == SP_NEON ? SP_PORTABLE : i - 1)
        if (op->kernels[i][dtype]) return op->kernels[i][dtype];
    return op->kernels[SP_PORTABLE][dtype];
}

sp_kernel *sp__kernel(const sp_tape *t, const sp_op *op, const sp_dtype x[], sp_dtype y)
{
    return kernel_for(op, t->isa, op->typed_by < 0 ? y : x[op->typed_by]);
}

static sp_kernel *kernel_of(const sp_tape *t, const sp_op *op, const sp_args *a)
{
    return kernel_for(op, t->isa, op->typed_by < 0 ? a->y.dtype : a->x[op->typed_by].dtype);
}

/* What a rule of the record sees of a call whose operands are at hand. */
typedef struct described { sp_shape shape[4]; sp_dtype dtype[4]; } described;

static sp_call describe(const sp_op *op, const sp_args *a, described *d)
{
    int n = a->n < 4 ? a->n : 4;

    for (int i = 0; i < n; i++) d->shape[i] = a->x[i].shape, d->dtype[i] = a->x[i].dtype;
    return (sp_call){ op, n, d->shape, d->dtype, a->attr, a->scalar, NULL };
}

static bool fault_of(sp_tape *t, uint32_t id, const sp_args *a)
{
    char call[SP_ERROR_TEXT / 2], text[SP_ERROR_TEXT];
    described d;
    sp_call c = describe(sp__op(t, id), a, &d);

    snprintf(text, sizeof text, "%s: %s", sp__call_text(&c, call, sizeof call), a->fault);
    return sp__fail_scoped(t, t->beside[id].scope, text), false;
}

void sp_fault(const sp_args *a, const char *format, ...)
{
    va_list list;

    if (a->fault[0]) return;
    va_start(list, format);
    vsnprintf(a->fault, SP_ERROR_TEXT / 2, format, list);
    va_end(list);
}

static bool call_kernel(sp_evaluation *r, uint32_t id, sp_args *a)
{
    sp_tape *t = r->t;
    const sp_op *op = sp__op(t, id);
    sp_kernel *kernel = kernel_of(t, op, a);
    described d;
    sp_call c = describe(op, a, &d);
    int64_t work = op->work ? op->work(&c) : 0;
    bool ok = true;

    a->fault = r->fault;
    r->fault[0] = 0;
    if (!kernel) {
        sp_fault(a, "it has no kernel for this dtype");
    } else if (op->kind == SP_ELEMENTWISE || op->kind == SP_SUM) {
        ok = sp__each(a, kernel);
    } else if (work > 0 && !(a->work = sp__pool_take(&t->pool, work))) {
        ok = false;
    } else {
        kernel(a);
        if (work > 0) sp__pool_give(&t->pool, a->work, work);
    }
    if (!ok) return sp__fail_scoped(t, t->beside[id].scope, sp_error()), false;
    return r->fault[0] ? fault_of(t, id, a) : true;
}

static sp_args args_of(const sp_tape *t, uint32_t id, int n, const sp_operand *x, sp_operand y)
{
    return (sp_args){ .n = n, .x = x, .y = y, .attr = sp__attr(t, id),
                      .scalar = &t->scalars[t->node[id].slot],
                      .random = { t->spec.seed, 0, (uint32_t)t->step } };
}

/* Operands of node id, packed or broadcast as its kernel wants them; then the kernel. */
static bool run_into(sp_evaluation *r, uint32_t id, sp_operand y, bool add)
{
    sp_tape *t = r->t;
    const sp_op *op = sp__op(t, id);
    const uint32_t *in;
    int n = sp__inputs(t, id, &in);
    void *packed[4] = { 0 };
    bool ok = sp__grow(t, &r->x, &r->x_room, n, sizeof *r->x);

    for (int i = 0; ok && i < n; i++) {
        ok = operand_of(t, in[i], id, &r->x[i]);
        if (!ok) break;
        if (op->kind == SP_ELEMENTWISE) broadcast_to(&r->x[i], y.shape);
        else if (!op->strided && !is_dense(&r->x[i])) {
            SP_ASSERT(i < 4);
            ok = pack(t, &r->x[i], &packed[i]);
            if (!ok) sp__fail(t, "%s", sp_error());
        }
    }
    if (ok) {
        sp_args a = args_of(t, id, n, r->x, y);
        a.add = add;
        ok = call_kernel(r, id, &a);
    }
    for (int i = 0; i < 4 && i < n; i++)
        if (packed[i]) sp__pool_give(&t->pool, packed[i], operand_bytes(&r->x[i]));
    return ok;
}

/* ---- sums ---- */

/* y = y + x for regions of any strides, by the sum's own kernel. */
static bool accumulate(sp_evaluation *r, uint32_t sum, sp_operand y, sp_operand x)
{
    sp_operand both[] = { y, x };
    sp_args a = args_of(r->t, sum, 2, both, y);
    return call_kernel(r, sum, &a);
}

static sp_operand region_of(sp_operand y, const sp_place_attr *p, int64_t count)
{
    y.data = (char *)y.data + p->start * y.stride[p->axis] * sp_dtype_size(y.dtype);
    y.stride[p->axis] *= p->step;
    y.shape.dim[p->axis] = count;
    return y;
}

/* Add operand x of a sum to y, or store it if it is the first. */
static bool add_one(sp_evaluation *r, uint32_t sum, uint32_t x, sp_operand y, bool first)
{
    sp_tape *t = r->t;
    sp_operand o;

    if (sp__op(t, x)->kind == SP_CONTRACT) return run_into(r, x, y, !first);
    if (sp__op(t, x)->kind == SP_PLACE) {
        if (first) memset(y.data, 0, (size_t)operand_bytes(&y));
        const sp_place_attr *p = sp__attr(t, x);
        if (!operand_of(t, t->node[x].in[0], sum, &o)) return false;
        return accumulate(r, sum, region_of(y, p, o.shape.dim[p->axis]), o);
    }
    if (!operand_of(t, x, sum, &o)) return false;
    if (!first) return accumulate(r, sum, y, o);
    sp__copy_strided(y.shape, sp_dtype_size(y.dtype), y.data, y.stride, o.data, o.stride);
    return true;
}

bool sp__run_node(sp_evaluation *r, uint32_t id)
{
    sp_tape *t = r->t;
    sp_operand y = result_of(t, id);
    const uint32_t *in;

    if (sp__op(t, id)->kind != SP_SUM) return run_into(r, id, y, false);
    int n = sp__inputs(t, id, &in);
    for (int i = 0; i < n; i++)
        if (!add_one(r, id, in[i], y, i == 0)) return false;
    return true;
}
