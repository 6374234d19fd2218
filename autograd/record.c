/* SPDX-License-Identifier: MIT
 *
 * record - the one path of every call: check operands, infer type and shape,
 * resolve views, append a node.
 */
#include <stdarg.h>
#include <string.h>
#include "autograd/node.h"
#include "autograd/ops.h"
#include "autograd/ops/records.h"

/* A call whose operands have been looked up. */
typedef struct request {
    sp_tape      *tape;
    const sp_op  *op;
    int           n;
    const sp_var *x;
    const void   *attr;
    const double *scalar;
} request;

/* ---- sentences ---- */

char *sp__call_text(const sp_call *c, char *text, int64_t size)
{
    bool mixed = false;
    int64_t at = snprintf(text, (size_t)size, "%s", c->op->name);
    int shown = c->n > 6 ? 4 : c->n;

    for (int i = 1; i < c->n; i++) mixed |= c->dtype[i] != c->dtype[0];
    for (int i = 0; i < shown && at < size; i++) {
        char shape[SP_SHAPE_TEXT];
        at += snprintf(text + at, (size_t)(size - at), "%s%s%s", i ? " x " : ": ",
                       mixed ? sp_dtype_name(c->dtype[i]) : "", sp_shape_text(c->shape[i], shape));
    }
    if (shown < c->n && at < size)
        snprintf(text + at, (size_t)(size - at), " x ... (%d operands)", c->n);
    return text;
}

bool sp_refuse(const sp_call *c, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(c->reason, SP_ERROR_TEXT / 2, format, list);
    va_end(list);
    return false;
}

static sp_var refused(sp_tape *t, const sp_call *c)
{
    char call[SP_ERROR_TEXT / 2];
    const char *shapes = sp__call_text(c, call, sizeof call) + strlen(c->op->name);
    return sp__fail(t, "%s%s: %s", sp__called(t, c->op->name), shapes, c->reason);
}

/* ---- the rules for dtype and shape that most ops share ---- */

static bool alike(const sp_call *c)
{
    for (int i = 1; i < c->n; i++)
        if (c->dtype[i] != c->dtype[0])
            return sp_refuse(c, "dtypes %s and %s differ; convert one with sp_cast",
                             sp_dtype_name(c->dtype[0]), sp_dtype_name(c->dtype[i]));
    return true;
}

bool sp_dtype_floats(const sp_call *c, sp_dtype *y)
{
    if (!alike(c)) return false;
    if (!sp_is_floating(*y = c->dtype[0]))
        return sp_refuse(c, "it needs f32 or f64, not %s; sp_cast converts", sp_dtype_name(*y));
    return true;
}

bool sp_dtype_numbers(const sp_call *c, sp_dtype *y)
{
    if (!alike(c)) return false;
    if ((*y = c->dtype[0]) == SP_BOOL)
        return sp_refuse(c, "it needs numbers, not bool; sp_cast converts");
    return true;
}

bool sp_dtype_alike(const sp_call *c, sp_dtype *y)
{
    *y = c->dtype[0];
    return alike(c);
}

bool sp_dtype_compared(const sp_call *c, sp_dtype *y)
{
    *y = SP_BOOL;
    return alike(c);
}

static bool cannot_broadcast(const sp_call *c, sp_shape a, sp_shape b)
{
    for (int back = 1; back <= a.rank && back <= b.rank; back++) {
        int64_t m = a.dim[a.rank - back], n = b.dim[b.rank - back];
        if (m != n && m != 1 && n != 1)
            return sp_refuse(c, "sizes %lld and %lld differ on axis -%d and neither is 1",
                             (long long)m, (long long)n, back);
    }
    return sp_refuse(c, "the broadcast shape is too large");
}

bool sp_shape_broadcasts(const sp_call *c, sp_shape *y)
{
    *y = c->shape[0];
    for (int i = 1; i < c->n; i++) {
        sp_shape both;
        if (!sp_shape_broadcast(*y, c->shape[i], &both))
            return cannot_broadcast(c, *y, c->shape[i]);
        *y = both;
    }
    return true;
}

bool sp_shape_first(const sp_call *c, sp_shape *y)
{
    *y = c->shape[0];
    return true;
}

/* ---- recording ---- */

static bool operands_readable(const request *r)
{
    for (int i = 0; i < r->n; i++)
        if (!sp__readable(r->tape, r->x[i], r->op->name)) return false;
    return !r->tape->failed;
}

/* What a record must have to be called at all. */
static const char *lacks(const sp_op *op)
{
    int n = op->n_in < 0 ? INT32_MAX : op->n_in;

    if (op->n_scalars > SP_MAX_SCALARS) return "asks for more scalars than there may be";
    if (op->kind == SP_VIEW && !op->view) return "is a view without a rule for strides";
    if (op->kind == SP_MACRO && !op->expand) return "is a macro without an expansion";
    if (op->kind == SP_ELEMENTWISE && n > 3) return "is elementwise with more than 3 operands";
    if (op->kind == SP_ELEMENTWISE && op->random)
        return "is elementwise and draws: what it drew would depend on how its operands lie";
    if (op->n_scalars < 0 || op->attr_size < 0) return "asks for less than nothing";
    if (op->typed_by >= n && n > 0) return "is typed by an operand that it does not have";
    return NULL;
}

static bool well_formed(const request *r)
{
    const sp_op *op = r->op;

    if (lacks(op)) return sp__fail(r->tape, "%s: its record %s", op->name, lacks(op)), false;
    if (op->n_in >= 0 ? r->n != op->n_in : r->n < 1)
        return sp__fail(r->tape, "%s: takes %s%d operand%s, not %d", op->name,
                        op->n_in < 0 ? "at least " : "", op->n_in < 0 ? 1 : op->n_in,
                        op->n_in == 1 || op->n_in < 0 ? "" : "s", r->n),
               false;
    bool attr = op->attr_size == 0 || r->attr, scalars = op->n_scalars == 0 || r->scalar;
    if (!attr || !scalars)
        return sp__fail(r->tape, "%s: its %s are missing", op->name,
                        attr ? "scalars" : "attributes"),
               false;
    return true;
}

/* Shapes and dtypes of the operands; few of them lie in `near`. */
typedef struct seen { sp_shape shape[4]; sp_dtype dtype[4]; } seen;

static bool look(const request *r, seen *near, sp_call *c)
{
    sp_shape *shape = near->shape;
    sp_dtype *dtype = near->dtype;

    if (r->n > 4) {
        shape = sp__tape_alloc(r->tape, r->n * (int64_t)sizeof *shape);
        dtype = sp__tape_alloc(r->tape, r->n * (int64_t)sizeof *dtype);
        if (!shape || !dtype) return false;
    }
    for (int i = 0; i < r->n; i++) {
        shape[i] = sp__shape(r->tape, r->x[i].id);
        dtype[i] = (sp_dtype)sp__node(r->tape, r->x[i].id)->dtype;
    }
    c->shape = shape;
    c->dtype = dtype;
    return true;
}

static bool infer(const sp_call *c, sp_dtype *dtype, sp_shape *shape)
{
    *shape = SP_SCALAR;
    if (!(c->op->dtype ? c->op->dtype(c, dtype) : sp_dtype_floats(c, dtype))) return false;
    if (!(c->op->shape ? c->op->shape(c, shape) : sp_shape_broadcasts(c, shape))) return false;
    if (!sp_shape_check(*shape)) return sp_refuse(c, "%s", sp_error());
    for (int64_t d = shape->rank; d < SP_MAX_RANK; d++) shape->dim[d] = 0;
    return true;
}

static bool op_number(sp_tape *t, const sp_op *op, uint16_t *number)
{
    for (int64_t i = 0; i < t->n_ops; i++)
        if (t->ops[i] == op) return *number = (uint16_t)i, true;
    if (t->n_ops > UINT16_MAX) return sp__fail(t, "too many different ops on one tape"), false;
    if (!sp__grow(t, &t->ops, &t->op_room, t->n_ops + 1, sizeof *t->ops)) return false;
    *number = (uint16_t)t->n_ops;
    t->ops[t->n_ops++] = op;
    return true;
}

static bool keep_inputs(sp_tape *t, sp_node *node, int n, const sp_var x[])
{
    if (n <= SP_INLINE_IN) {
        node->n_in = (uint8_t)n;
        for (int i = 0; i < n; i++) node->in[i] = x[i].id;
        return true;
    }
    if (!sp__grow(t, &t->operands, &t->operand_room, t->n_operands + n, sizeof *t->operands))
        return false;
    node->n_in = SP_N_ARY;
    node->in[0] = (uint32_t)t->n_operands;
    node->in[1] = (uint32_t)n;
    for (int i = 0; i < n; i++) t->operands[t->n_operands++] = x[i].id;
    return true;
}

static bool keep_details(const request *r, sp_node *node, sp_shape shape)
{
    sp_tape *t = r->tape;

    if (!sp__intern(&t->shapes, &shape, sizeof shape, &node->shape)
        || !sp__intern(&t->attrs, r->op->attr_size ? r->attr : "", r->op->attr_size, &node->attr))
        return sp__fail(t, "%s", sp_error()), false;
    if (!sp__grow(t, &t->scalars, &t->scalar_room, t->n_scalars + r->op->n_scalars, sizeof(double)))
        return false;
    node->slot = (uint32_t)t->n_scalars;
    for (int i = 0; i < r->op->n_scalars; i++) t->scalars[t->n_scalars++] = r->scalar[i];
    return true;
}

sp_var sp__append(sp_tape *t, const sp_op *op, sp_node node, sp_beside beside)
{
    if (t->n_nodes >= t->spec.max_nodes)
        return sp__fail(t, "%s: the tape's budget of %lld nodes is used up; reset it each step, or "
                        "raise max_nodes", op->name, (long long)t->spec.max_nodes);
    if (!op_number(t, op, &node.op)
        || !sp__grow(t, &t->node, &t->node_room, t->n_nodes + 1, sizeof node)
        || !sp__grow(t, &t->beside, &t->beside_room, t->n_nodes + 1, sizeof beside))
        return sp__nothing(t);

    uint32_t id = (uint32_t)t->n_nodes++;
    if (op->kind != SP_VIEW) beside.base = id;
    beside.scope = t->scope;
    node.early = t->early;
    t->node[id] = node;
    t->beside[id] = beside;

    sp_var v = { t, id, t->epoch };
    const bool now = t->spec.eager && !t->early && op->kind != SP_LEAF;
    if (now && !sp__run(t, 1, &v, false)) return sp__nothing(t);
    return v;
}

/* How a view reads its base; where strides cannot say it, x is packed first. */
static bool resolve(const request *r, const sp_call *c, sp_shape shape, sp_beside *beside)
{
    sp_tape *t = r->tape;
    uint32_t x = r->x[0].id;
    sp_layout from = sp__layout(t, x), to = { 0 };

    if (!r->op->view(c, &from, shape, &to)) return false;
    beside->base = t->beside[x].base;
    if (!sp__intern(&t->layouts, &to, sizeof to, &beside->layout)) sp__fail(t, "%s", sp_error());
    return true;
}

static bool dense_layout(sp_tape *t, sp_shape shape, sp_beside *beside)
{
    sp_layout dense = sp_shape_layout(shape);
    if (sp__intern(&t->layouts, &dense, sizeof dense, &beside->layout)) return true;
    return sp__fail(t, "%s", sp_error()), false;
}

static sp_var record(sp_tape *t, const sp_op *op, int n, const sp_var x[], const void *attr,
                     const double *scalar)
{
    request r = { t, op, n, x, attr, scalar };
    char reason[SP_ERROR_TEXT / 2] = "";
    sp_call c = { op, n, NULL, NULL, attr, scalar, reason };
    sp_node node = { 0 };
    sp_beside beside = { 0 };
    sp_dtype dtype = SP_F32;
    sp_shape shape;
    seen near;

    if (!operands_readable(&r) || !well_formed(&r) || !look(&r, &near, &c)) return sp__nothing(t);
    if (!infer(&c, &dtype, &shape)) return refused(t, &c);
    if (op->kind == SP_MACRO && !sp__kernel(t, op, c.dtype, dtype))
        return op->expand(n, x, attr, scalar);
    node.dtype = (uint8_t)dtype;
    if (op->kind == SP_VIEW) {
        if (!resolve(&r, &c, shape, &beside)) {
            if (sp__op(t, x[0].id) == &sp__op_pack)
                return sp__fail(t, "%s: its view rule refuses even a dense operand", op->name);
            sp_var packed = record(t, &sp__op_pack, 1, x, NULL, NULL);
            return record(t, op, 1, &packed, attr, scalar);
        }
    } else if (!dense_layout(t, shape, &beside)) {
        return sp__nothing(t);
    }
    if (t->failed || !keep_details(&r, &node, shape) || !keep_inputs(t, &node, n, x))
        return sp__nothing(t);
    return sp__append(t, op, node, beside);
}

sp_tape *sp__first_tape(int n, const sp_var x[])
{
    for (int i = 0; i < n; i++)
        if (x[i].tape) return x[i].tape;
    return NULL;
}

sp_var sp_apply(const sp_op *op, int n, const sp_var x[], const void *attr, const double *scalar)
{
    sp_tape *t = sp__first_tape(n, x);

    if (!op || !op->name) return sp__fail(t, "sp_apply: there is no op, or it has no name");
    if (!t) {
        sp_fail("%s: none of its operands is a var of a tape", op->name);
        return sp__nothing(NULL);
    }
    return record(t, op, n, x, attr, scalar);
}
