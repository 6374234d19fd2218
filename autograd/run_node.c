/* SPDX-License-Identifier: MIT
 *
 * run_node - one node: finds its operands, packs what its kernel cannot read, calls it.
 */
#include <stdarg.h>
#include <string.h>
#include "autograd/ops/records.h"
#include "autograd/run.h"
#include "tensor/strided.h"

/* ---- operands ---- */

bool sp__unchanged(sp_tape *t, uint32_t base, uint32_t reader)
{
    sp_leaf *leaf = &t->leaves[t->node[base].slot];
    char text[SP_ERROR_TEXT / 2];

    if (!leaf->param) {
#ifdef SP_DEBUG
        const bool looked = !leaf->borrowed || leaf->hashed == t->stamp;
        leaf->hashed = t->stamp;
        if (!looked && sp_hash(0, t->beside[base].data, sp__bytes(t, base)) != leaf->hash)
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
    o->data = data ? data + layout.offset * sp_dtype_size(o->dtype) : NULL;
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

/* Room for n operands of a node. */
static bool make_room(sp_evaluation *r, int64_t n)
{
    return sp__grow(r->t, &r->x, &r->x_room, n, sizeof *r->x)
        && sp__grow(r->t, &r->packed, &r->packed_room, n, sizeof *r->packed)
        && sp__grow(r->t, &r->shape, &r->shape_room, n, sizeof *r->shape)
        && sp__grow(r->t, &r->dtype, &r->dtype_room, n, sizeof *r->dtype);
}

static const double *scalars_of(const sp_tape *t, uint32_t id)
{
    return sp__op(t, id)->n_scalars > 0 ? &t->scalars[t->node[id].slot] : NULL;
}

/* Node id's call, as the rules of the record see it. */
static bool describe(sp_evaluation *r, uint32_t id, sp_call *c)
{
    sp_tape *t = r->t;
    const uint32_t *in;
    int n = sp__inputs(t, id, &in);

    if (!make_room(r, n)) return false;
    for (int i = 0; i < n; i++) {
        r->shape[i] = sp__shape(t, in[i]);
        r->dtype[i] = (sp_dtype)t->node[in[i]].dtype;
    }
    *c = (sp_call){ sp__op(t, id), n, r->shape, r->dtype, sp__attr(t, id),
                    scalars_of(t, id), r->fault };
    return true;
}

static bool must_pack(const sp_op *op, const sp_operand *o)
{
    return op->kind != SP_ELEMENTWISE && !op->strided && !is_dense(o);
}

/* A dense copy of operand i in a block of the pool. */
static bool pack(sp_evaluation *r, int i)
{
    sp_operand *o = &r->x[i];
    sp_layout dense = sp_shape_layout(o->shape);

    if (!(r->packed[i] = sp__pool_take(&r->t->pool, operand_bytes(o)))) return false;
    sp__copy_strided(o->shape, sp_dtype_size(o->dtype), r->packed[i], dense.stride, o->data,
                     o->stride);
    o->data = r->packed[i];
    memcpy(o->stride, dense.stride, sizeof o->stride);
    return true;
}

/* A sum runs the products that it absorbs one after the other. */
static int64_t absorbed_scratch(sp_evaluation *r, uint32_t sum)
{
    const uint32_t *in;
    int n = sp__inputs(r->t, sum, &in);
    int64_t most = 0;

    for (int i = 0; i < n; i++) {
        if (!sp__absorbs(r->t, sum, in[i]) || sp__op(r->t, in[i])->kind == SP_PLACE) continue;
        int64_t bytes = sp__scratch_bytes(r, in[i]);
        if (bytes > most) most = bytes;
    }
    return most;
}

/* Whether node id's result has no elements and its operands nothing that could be at fault: an
   index must lie within its range even where nothing comes of it. */
static bool nothing_to_do(const sp_tape *t, uint32_t id)
{
    const uint32_t *in;
    int n = sp__inputs(t, id, &in);

    if (sp_shape_size(sp__shape(t, id)) > 0) return false;
    for (int i = 0; i < n; i++)
        if (!sp_is_floating((sp_dtype)t->node[in[i]].dtype) && sp_shape_size(sp__shape(t, in[i])))
            return false;
    return true;
}

static int64_t work_of(sp_evaluation *r, uint32_t id)
{
    const sp_op *op = sp__op(r->t, id);
    sp_call c;
    return op->work && describe(r, id, &c) ? op->work(&c) : 0;
}

int64_t sp__scratch_bytes(sp_evaluation *r, uint32_t id)
{
    const sp_op *op = sp__op(r->t, id);
    const uint32_t *in;
    int n = sp__inputs(r->t, id, &in);
    int64_t bytes = 0;
    sp_operand o;

    if (op->kind == SP_SUM) return absorbed_scratch(r, id);
    if (nothing_to_do(r->t, id)) return 0;
    for (int i = 0; i < n; i++) {
        sp__operand(r->t, in[i], &o);
        if (must_pack(op, &o)) bytes += operand_bytes(&o);
    }
    int64_t work = work_of(r, id);
    return work <= INT64_MAX - bytes ? bytes + work : INT64_MAX;
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

/* The tape fails: "op: why". */
static bool failed(sp_tape *t, uint32_t id, const char *why)
{
    char text[SP_ERROR_TEXT];

    snprintf(text, sizeof text, "%s: %.900s", sp__op(t, id)->name, why);
    return sp__fail_scoped(t, t->beside[id].scope, text), false;
}

/* The tape fails: "op: [2,3] x [4]: what the kernel said". */
static bool fault_of(sp_evaluation *r, uint32_t id)
{
    char call[SP_ERROR_TEXT / 2], text[SP_ERROR_TEXT];
    sp_call c;

    if (!describe(r, id, &c)) return false;
    snprintf(text, sizeof text, "%s: %s", sp__call_text(&c, call, sizeof call), r->fault);
    return sp__fail_scoped(r->t, r->t->beside[id].scope, text), false;
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
    int64_t work = work_of(r, id);

    if (t->failed) return false;
    a->fault = r->fault;
    r->fault[0] = 0;
    if (!kernel) {
        sp_fault(a, "it has no kernel for this dtype");
    } else if (op->kind == SP_ELEMENTWISE || op->kind == SP_SUM) {
        if (!sp__each(a, kernel)) return failed(t, id, sp_error());
    } else {
        if (work > 0 && !(a->work = sp__pool_take(&t->pool, work)))
            return failed(t, id, sp_error());
        kernel(a);
        if (work > 0) sp__pool_give(&t->pool, a->work, work);
    }
    return r->fault[0] ? fault_of(r, id) : true;
}

/* The step's high half goes into the key, so that no two steps draw alike. */
static sp_args args_of(const sp_tape *t, uint32_t id, int n, const sp_operand *x, sp_operand y)
{
    uint64_t seed = t->spec.seed ^ (t->step >> 32) * 0x9e3779b97f4a7c15u;
    return (sp_args){ .n = n, .x = x, .y = y, .attr = sp__attr(t, id),
                      .scalar = scalars_of(t, id),
                      .random = { seed, 0, (uint32_t)t->step } };
}

/* Find operand i of node id and bring it into the form its kernel wants. */
static bool prepare(sp_evaluation *r, uint32_t id, uint32_t in, int i, sp_shape y)
{
    const sp_op *op = sp__op(r->t, id);

    if (!operand_of(r->t, in, id, &r->x[i])) return false;
    if (op->kind == SP_ELEMENTWISE) broadcast_to(&r->x[i], y);
    return !must_pack(op, &r->x[i]) || pack(r, i) || failed(r->t, id, sp_error());
}

/* Node id into y: its operands, its kernel. */
static bool run_into(sp_evaluation *r, uint32_t id, sp_operand y, bool add)
{
    const uint32_t *in;
    int n = sp__inputs(r->t, id, &in);
    bool ok = true;

    if (nothing_to_do(r->t, id)) return true;
    if (!make_room(r, n)) return false;
    memset(r->packed, 0, (size_t)n * sizeof *r->packed);
    for (int i = 0; ok && i < n; i++) ok = prepare(r, id, in[i], i, y.shape);
    if (ok) {
        sp_args a = args_of(r->t, id, n, r->x, y);
        a.add = add;
        ok = call_kernel(r, id, &a);
    }
    for (int i = 0; i < n; i++)
        if (r->packed[i]) sp__pool_give(&r->t->pool, r->packed[i], operand_bytes(&r->x[i]));
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
    for (int i = r->in_place; i < n; i++)
        if (!add_one(r, id, in[i], y, i == 0)) return false;
    return true;
}
