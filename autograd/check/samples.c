/* SPDX-License-Identifier: MIT
 *
 * samples - reads an op's samples, draws their operands and lays them out in memory.
 */
#include <stdlib.h>
#include <string.h>
#include "autograd/check/parts.h"
#include "autograd/ops.h"
#include "tensor/strided.h"

/* ---- reading "2x3 3x4:i64 2:i64=7,9" ---- */

typedef struct wanted {
    sp_shape shape;
    sp_dtype dtype;
    bool floating;
    const char *given;                          /* "7,9 ..."; NULL: to be drawn */
} wanted;

static bool read_dtype(const char *text, size_t length, wanted *w)
{
    for (int d = 0; d < SP_N_DTYPES; d++) {
        const char *name = sp_dtype_name((sp_dtype)d);
        if (strlen(name) == length && memcmp(name, text, length) == 0) {
            w->dtype = (sp_dtype)d;
            w->floating = sp_is_floating(w->dtype);
            return true;
        }
    }
    return false;
}

/* One operand, up to a space or the end.  Moves *text behind it; false: it reads as nothing. */
static bool read_operand(const char **text, wanted *w)
{
    const char *at = *text;
    char *end;

    *w = (wanted){ .dtype = SP_F64, .floating = true };
    if (*at == '.') {
        at++;
    } else {
        for (bool more = true; more; at += more) {
            if (*at < '0' || *at > '9' || w->shape.rank == SP_MAX_RANK) return false;
            w->shape.dim[w->shape.rank++] = strtoll(at, &end, 10);
            at = end;
            more = *at == 'x';
        }
    }
    if (*at == ':') {
        size_t length = strcspn(++at, " =");
        if (!read_dtype(at, length, w)) return false;
        at += length;
    }
    if (*at == '=') {
        w->given = ++at;
        at += strcspn(at, " ");
    }
    if ((*at != ' ' && *at != 0) || !sp_shape_check(w->shape)) return false;
    *text = at + strspn(at, " ");
    return true;
}

/* ---- drawing ---- */

static double low(const sp_sample *s)  { return s->lo == 0 && s->hi == 0 ? -2 : s->lo; }
static double high(const sp_sample *s) { return s->lo == 0 && s->hi == 0 ? 2 : s->hi; }

/* n places in [0, 1) in random order, each at least 1/n - `slack` from the next. */
static void spread(sp_tensor *x, sp_random r, double slack)
{
    int64_t n = sp_tensor_size(x);
    double *v = x->data;

    for (int64_t i = 0; i < n; i++) v[i] = (double)i / (double)n + slack * sp_random_uniform(r, i);
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = sp_random_below(r, n + i, i + 1);
        double was = v[i];
        v[i] = v[k];
        v[k] = was;
    }
}

static bool draw_floating(const sp_trial *t, sp_tensor *x, sp_random r)
{
    double lo = low(t->sample), range = high(t->sample) - lo, *v = x->data;
    int64_t n = sp_tensor_size(x);
    double slack = n ? 1 / (double)n - .01 / range : 0;

    if (t->sample->apart) {
        if (!sp__verdict(t, slack >= 0, "%lld numbers do not lie 0.01 apart in the sample's range",
                         (long long)n)) return false;
        spread(x, r, slack);
    }
    for (int64_t i = 0; i < n; i++)
        v[i] = lo + range * (t->sample->apart ? v[i] : sp_random_uniform(r, i));
    return true;
}

static void draw_whole(const sp_trial *t, sp_tensor *x, sp_random r)
{
    int64_t lo = (int64_t)low(t->sample), n = (int64_t)high(t->sample) - lo;

    for (int64_t i = 0; i < sp_tensor_size(x); i++)
        sp_tensor_set(x, i, (double)(lo + (n > 1 ? sp_random_below(r, i, n) : 0)));
}

/* The elements that the sample gives: exactly as many as there are. */
static bool take(const sp_trial *t, sp_tensor *x, const char *given)
{
    int64_t n = 0, size = sp_tensor_size(x);
    char *end;

    for (; n < size && *given != ' '; n++) {
        double value = strtod(given, &end);
        if (end == given) break;
        sp_tensor_set(x, n, value);
        given = end + (*end == ',');
    }
    return sp__verdict(t, n == size && (*given == ' ' || *given == 0),
                       "operand %d needs %lld numbers", t->n - 1, (long long)size);
}

static bool draw(sp_trial *t, const wanted *w)
{
    const char *in = t->sample->in;
    sp_random r = { sp_hash(0, in, (int64_t)strlen(in)), (uint64_t)t->n, 0 };
    sp_tensor *x = sp_tensor_new(w->floating ? SP_F64 : w->dtype, w->shape);

    if (!x) return sp__verdict(t, false, "%s", sp_error());
    t->given[t->n] = w->given;
    t->x[t->n++] = x;
    t->floating |= w->floating;
    if (w->given) return take(t, x, w->given);
    if (w->floating) return draw_floating(t, x, r);
    draw_whole(t, x, r);
    return true;
}

bool sp__trial_begin(sp_trial *t)
{
    const char *at = t->sample->in;
    wanted w;

    while (*at) {
        if (!sp__verdict(t, t->n < SP_MOST_OPERANDS, "a sample has at most %d operands",
                         SP_MOST_OPERANDS))
            return false;
        if (!read_operand(&at, &w))
            return sp__verdict(t, false, "\"%s\" is no shape such as 2x3, . or 4:i64", at);
        if (!draw(t, &w)) return false;
    }
    return true;
}

void sp__trial_end(sp_trial *t)
{
    for (int k = 0; k < t->n; k++) sp_tensor_free(t->x[k]);
    t->n = 0;
}

sp_tensor *sp__weights(sp_shape shape, uint64_t stream)
{
    sp_tensor *w = sp_tensor_new(SP_F64, shape);
    sp_random r = { 77, stream, 0 };

    for (int64_t i = 0; i < sp_tensor_size(w); i++) {
        double u = sp_random_uniform(r, i);
        ((double *)w->data)[i] = u < .5 ? u - 1.5 : u;
    }
    return w;
}

/* ---- laying out ---- */

const char *sp__lying_name(sp_lying lying)
{
    static const char *const names[SP_N_LYINGS] = {
        "dense",
        "permuted",
        "stepped",
        "flipped",
        "shifted by one element",
        "broadcast along the first axis",
        "broadcast along the last axis",
        "broadcast from one value",
        "each lying in another way",
    };
    return names[lying];
}

/* A buffer of its own shape, and how it is read. */
typedef struct buffer { sp_shape base; sp_layout at; } buffer;

/* Whether axis d is repeated: the first or last that can be, or all. */
static bool repeats(sp_shape shape, sp_lying lying, int d)
{
    int step = lying == SP_FIRST_REPEATED ? -1 : 1;

    if (lying < SP_FIRST_REPEATED || lying > SP_ALL_REPEATED || shape.dim[d] <= 1) return false;
    for (int k = d + step; lying != SP_ALL_REPEATED && k >= 0 && k < shape.rank; k += step)
        if (shape.dim[k] > 1) return false;
    return true;
}

/* One index of each axis that is repeated. */
static buffer repeated(sp_shape shape, sp_lying lying)
{
    buffer b = { .base = shape };

    for (int d = 0; d < shape.rank; d++)
        if (repeats(shape, lying, d)) b.base.dim[d] = 1;
    b.at = sp_shape_layout(b.base);
    for (int d = 0; d < shape.rank; d++)
        if (repeats(shape, lying, d)) b.at.stride[d] = 0;
    return b;
}

static buffer reversed(sp_shape shape)
{
    buffer b = { .base = shape };
    int rank = (int)shape.rank;

    for (int d = 0; d < rank; d++) b.base.dim[d] = shape.dim[rank - 1 - d];
    sp_layout dense = sp_shape_layout(b.base);
    for (int d = 0; d < rank; d++) b.at.stride[d] = dense.stride[rank - 1 - d];
    return b;
}

static buffer stepped(sp_shape shape)
{
    buffer b = { .base = shape.rank ? shape : SP_SHAPE(3) };

    for (int d = 0; d < shape.rank; d++) b.base.dim[d] = 2 * shape.dim[d] + 1;
    b.at = sp_shape_layout(b.base);
    if (shape.rank == 0) return (buffer){ b.base, { .offset = 1 } };
    for (int d = 0; d < shape.rank; d++) b.at.offset += b.at.stride[d], b.at.stride[d] *= 2;
    return b;
}

static buffer buffer_of(sp_shape shape, sp_lying lying)
{
    buffer b = repeated(shape, lying);

    if (lying == SP_PERMUTED) return reversed(shape);
    if (lying == SP_STEPPED) return stepped(shape);
    if (lying == SP_FLIPPED && sp_shape_size(shape) > 0) {
        b.at.offset = sp_shape_size(shape) - 1;
        for (int d = 0; d < shape.rank; d++) b.at.stride[d] = -b.at.stride[d];
    }
    if (lying == SP_SHIFTED) b.base = SP_SHAPE(sp_shape_size(shape) + 1), b.at.offset = 1;
    return b;
}

/* x of the buffer's base, by views. */
static sp_var view_of(sp_var v, sp_shape shape, sp_lying lying)
{
    sp_axes backwards = { (int)shape.rank, { 0 } };

    for (int d = 0; d < shape.rank; d++) backwards.axis[d] = (int)shape.rank - 1 - d;
    if (lying == SP_PERMUTED) return sp_permute(v, backwards);
    if (lying == SP_STEPPED && shape.rank == 0) return sp_select(v, 0, 1);
    if (lying == SP_SHIFTED) return sp_reshape(sp_slice(v, 0, 1, sp_shape_size(shape)), shape);
    for (int d = 0; d < shape.rank && lying == SP_STEPPED; d++)
        v = sp_slice_step(v, d, 1, shape.dim[d], 2);
    for (int d = 0; d < shape.rank && lying == SP_FLIPPED; d++) v = sp_flip(v, d);
    return sp_shape_equal(sp_var_shape(v), shape) ? v : sp_broadcast(v, shape);
}

static sp_lying lying_of(int k, sp_lying lying)
{
    return lying == SP_MIXED ? (sp_lying)(1 + k % SP_SHIFTED) : lying;
}

/* NULL: no memory. */
static sp_tensor *converted(const sp_tensor *x, sp_dtype floating)
{
    if (!sp_is_floating(x->dtype) || floating == SP_F64) return sp_tensor_copy(x);
    sp_tensor *y = sp_tensor_new(floating, x->shape);
    for (int64_t i = 0; i < sp_tensor_size(y); i++) sp_tensor_set(y, i, sp_tensor_at(x, i));
    return y;
}

/* The buffer with x in it; what x does not fill is NaN, -1 or true, so that reading it shows. */
static sp_tensor *filled(const sp_tensor *x, const buffer *b)
{
    sp_tensor *base = sp_tensor_new(x->dtype, b->base);
    int64_t size = sp_dtype_size(x->dtype);
    sp_layout dense = sp_shape_layout(x->shape);

    if (!base) return NULL;
    memset(base->data, x->dtype == SP_BOOL ? 1 : 0xff, (size_t)sp_tensor_bytes(base));
    sp__copy_strided(x->shape, size, (char *)base->data + b->at.offset * size, b->at.stride,
                     x->data, dense.stride);
    return base;
}

/* Operand k in its buffer, which is *b. */
static sp_tensor *laid_out(const sp_trial *t, int k, sp_manner how, buffer *b)
{
    sp_tensor *x = converted(t->x[k], how.floating);

    *b = buffer_of(t->x[k]->shape, lying_of(k, how.lying));
    sp_tensor *base = x ? filled(x, b) : NULL;
    sp_tensor_free(x);
    return base;
}

sp_tensor *sp__operand_values(const sp_trial *t, int k, sp_manner how)
{
    buffer b;
    sp_tensor *base = laid_out(t, k, how, &b), *x = NULL;
    sp_layout dense = sp_shape_layout(t->x[k]->shape);

    if (base) x = sp_tensor_new(base->dtype, t->x[k]->shape);
    if (x) {
        int64_t size = sp_dtype_size(x->dtype);
        sp__copy_strided(x->shape, size, x->data, dense.stride,
                         (char *)base->data + b.at.offset * size, b.at.stride);
    }
    sp_tensor_free(base);
    return x;
}

sp_var sp__operand_var(const sp_trial *t, int k, sp_tape *tape, sp_manner how)
{
    buffer b;
    sp_tensor *x = how.packed ? sp__operand_values(t, k, how) : laid_out(t, k, how, &b);
    sp_var v = sp_input(tape, x);

    sp_tensor_free(x);
    return how.packed ? v : view_of(v, t->x[k]->shape, lying_of(k, how.lying));
}

sp_var sp__trial_call(const sp_trial *t, const sp_var x[])
{
    return sp_apply(t->op, t->n, x, t->sample->attr, t->sample->scalar);
}

void sp__fresh(sp_tape *tape)
{
    sp_tape_reset(tape);
    sp_tape_set_step(tape, SP_CHECK_STEP);
}
