/* SPDX-License-Identifier: MIT
 *
 * leaf - what comes onto a tape from outside: data, parameters, constants.
 */
#include <math.h>
#include <string.h>
#include "autograd/node.h"
#include "autograd/ops.h"

static const sp_op input_op = {
    .name = "input", .maths = "data", .kind = SP_LEAF, .constant = true
};
static const sp_op param_op = { .name = "param", .maths = "a parameter", .kind = SP_LEAF };
static const sp_op const_op = {
    .name = "const", .maths = "a number", .kind = SP_LEAF, .constant = true
};
static const sp_op number_op = {
    .name = "const", .maths = "a number that rules share", .kind = SP_LEAF, .constant = true
};

static sp_var append_leaf(sp_tape *t, const sp_op *op, const sp_tensor *x, sp_leaf leaf)
{
    sp_layout dense = sp_shape_layout(x->shape);
    sp_node node = { .dtype = (uint8_t)x->dtype, .slot = (uint32_t)t->n_leaves };
    sp_beside beside = { .kept = true };

    if (!sp__intern(&t->shapes, &x->shape, sizeof x->shape, &node.shape)
        || !sp__intern(&t->layouts, &dense, sizeof dense, &beside.layout)
        || !sp__intern(&t->attrs, "", 0, &node.attr))
        return sp__fail(t, "%s", sp_error());
    if (!sp__grow(t, &t->leaves, &t->leaf_room, t->n_leaves + 1, sizeof leaf))
        return sp__nothing(t);
    sp_var v = sp__append(t, op, node, beside);
    leaf.node = v.id;
    if (v.id != SP_NOTHING) t->leaves[t->n_leaves++] = leaf;
    return v;
}

/* A leaf with a copy of the data. */
static sp_var append_copy(sp_tape *t, const sp_op *op, const sp_tensor *x)
{
    int64_t bytes = sp_tensor_bytes(x);
    void *copy = sp__pool_take(&t->pool, bytes);

    if (!copy) return sp__fail(t, "%s: %s", op->name, sp_error());
    memcpy(copy, x->data, (size_t)bytes);
    sp_var v = append_leaf(t, op, x, (sp_leaf){ 0 });
    if (v.id == SP_NOTHING) {
        sp__pool_give(&t->pool, copy, bytes);
    } else {
        t->beside[v.id].data = copy;
        t->beside[v.id].owned = true;
        t->stats.live_bytes += bytes;
    }
    return v;
}

static bool usable(sp_tape *t, const sp_tensor *x, const char *who)
{
    if (!t) return sp_fail("%s: %s", who, "there is no tape"), false;
    if (!x) sp__fail(t, "%s: there is no tensor (sp_error: \"%s\")", who, sp_error());
    return !t->failed;
}

sp_var sp_input(sp_tape *t, const sp_tensor *x)
{
    return usable(t, x, "input") ? append_copy(t, &input_op, x) : sp__nothing(t);
}

sp_var sp_borrow(sp_tape *t, const sp_tensor *x)
{
    sp_leaf leaf = { .borrowed = true };

    if (!usable(t, x, "borrow")) return sp__nothing(t);
#ifdef SP_DEBUG
    leaf.hash = sp_hash(0, x->data, sp_tensor_bytes(x));
#endif
    sp_var v = append_leaf(t, &input_op, x, leaf);
    if (v.id != SP_NOTHING) t->beside[v.id].data = x->data;
    return v;
}

/* Whether a number survives in the dtype: floating ones round it, others must hold it exactly. */
static bool holds(sp_dtype dtype, double x)
{
    switch (dtype) {
    case SP_F32:  return isfinite((float)x) || !isfinite(x);
    case SP_I32:  return x >= INT32_MIN && x <= INT32_MAX && x == (double)(int32_t)x;
    case SP_I64:  return x >= -0x1p63 && x < 0x1p63 && x == (double)(int64_t)x;
    case SP_BOOL: return x == 0 || x == 1;
    default:      return true;
    }
}

bool sp__holds(sp_tape *t, sp_dtype dtype, double value)
{
    if (!t) return sp_fail("const: there is no tape"), false;
    if (t->failed) return false;
    if ((unsigned)dtype >= SP_N_DTYPES)
        sp__fail(t, "%s: there is no dtype %d", sp__called(t, "const"), (int)dtype);
    else if (!holds(dtype, value))
        sp__fail(t, "%s: %g is not a number that %s can hold", sp__called(t, "const"), value,
                 sp_dtype_name(dtype));
    return !t->failed;
}

static sp_var append_number(sp_tape *t, const sp_op *op, sp_dtype dtype, double value)
{
    double room;
    sp_tensor scalar = { dtype, SP_SCALAR, &room, true };

    sp_tensor_set(&scalar, 0, value);
    return append_copy(t, op, &scalar);
}

sp_var sp_const(sp_tape *t, sp_dtype dtype, double value)
{
    return sp__holds(t, dtype, value) ? append_number(t, &const_op, dtype, value) : sp__nothing(t);
}

/* A place in the table may hold a node that is no more: then its number is another's, or none. */
static bool is_number(const sp_tape *t, uint32_t id, sp_dtype dtype, double value)
{
    double room;
    sp_tensor scalar = { dtype, SP_SCALAR, &room, true };

    if (id >= t->n_nodes || sp__op(t, id) != &number_op || t->node[id].dtype != dtype) return false;
    sp_tensor_set(&scalar, 0, value);
    return memcmp(t->beside[id].data, &room, (size_t)sp_dtype_size(dtype)) == 0;
}

sp_var sp__shared_number(sp_tape *t, sp_dtype dtype, double value)
{
    uint32_t *place = &t->number[sp_hash(dtype, &value, sizeof value) % SP_NUMBERS];

    if (!sp__holds(t, dtype, value)) return sp__nothing(t);
    if (!is_number(t, *place, dtype, value)) {
        sp_var made = append_number(t, &number_op, dtype, value);
        if (made.id == SP_NOTHING) return made;
        *place = made.id;
    }
    return (sp_var){ t, *place, t->epoch };
}

sp_var sp_full(sp_tape *t, sp_dtype dtype, sp_shape shape, double value)
{
    return SP_CALLED_ON(t, "full", sp_broadcast(sp_const(t, dtype, value), shape));
}

const void *sp_leaf_data(sp_var v)
{
    if (sp_is_nothing(v) || sp__op(v.tape, v.id) != &input_op) return NULL;
    return v.tape->beside[v.id].data;
}

/* ---- parameters ---- */

/* Where the leaf of p stands, or would stand, in the table. */
static uint32_t *used_slot(sp_tape *t, const sp_param *p)
{
    uint64_t mask = (uint64_t)t->used_room - 1;

    for (uint64_t i = sp_hash(0, &p, sizeof p) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &t->used[i];
        if (*slot == SP_NOTHING || t->leaves[t->node[*slot].slot].param == p) return slot;
    }
}

static bool used_room(sp_tape *t)
{
    if (2 * (t->n_used + 1) <= t->used_room) return true;

    int64_t was = t->used_room, room = was ? 2 * was : 64;
    uint32_t *old = t->used, *fresh = sp_alloc_array(room, sizeof *fresh);
    if (!fresh) return sp__fail(t, "%s", sp_error()), false;
    memset(fresh, 0xff, (size_t)room * sizeof *fresh);
    t->used = fresh;
    t->used_room = room;
    for (int64_t i = 0; i < was; i++)
        if (old[i] != SP_NOTHING) *used_slot(t, t->leaves[t->node[old[i]].slot].param) = old[i];
    sp_release(old);
    return true;
}

sp_var sp_use(sp_tape *t, sp_param *p)
{
    if (!t) return sp_fail("use: there is no tape"), sp__nothing(t);
    if (!p)
        return sp__fail(t, "use: there is no parameter: %s",
                        *sp_params_last_error() ? sp_params_last_error() : "it is NULL");
    if (t->failed || !used_room(t)) return sp__nothing(t);

    uint32_t *slot = used_slot(t, p);
    if (*slot != SP_NOTHING && t->leaves[t->node[*slot].slot].version == p->version)
        return (sp_var){ t, *slot, t->epoch };
    sp_var v = append_leaf(t, &param_op, &p->value, (sp_leaf){ .param = p, .version = p->version });
    if (v.id != SP_NOTHING) {
        t->n_used += *slot == SP_NOTHING;
        *slot = v.id;
    }
    return v;
}
