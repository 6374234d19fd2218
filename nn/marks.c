/* SPDX-License-Identifier: MIT
 *
 * marks - lengths, masks and resets as bools of [T,B].
 */
#include "nn/step.h"

#include "autograd/ops.h"

static bool refuse(const char *what, sp_var v, const char *should, const char *of)
{
    char has[SP_SHAPE_TEXT];

    sp_tape_fail(v.tape, "unroll: %s is %s of %s, should be %s%s", what,
                 sp_shape_text(sp_var_shape(v), has), sp_dtype_name(sp_var_dtype(v)), should, of);
    return false;
}

/* A var that is nothing: if its tape has not failed yet (it is of another epoch), now it has. */
static bool handed_on(sp_var v)
{
    sp_detach(v);
    return false;
}

/* A mask or reset as bool; {0} where not given. */
static bool as_bool(const char *what, sp_var v, sp_shape time_batch, sp_var *out)
{
    char should[SP_SHAPE_TEXT];

    *out = v;
    if (!sp_is_given(v)) return true;
    if (sp_is_nothing(v)) return handed_on(v);
    if (!sp_shape_equal(sp_var_shape(v), time_batch))
        return refuse(what, v, sp_shape_text(time_batch, should), "");
    if (sp_var_dtype(v) != SP_BOOL) *out = sp_cast(v, SP_BOOL);
    return !sp_is_nothing(*out);
}

static bool lengths_in_range(sp_var lengths, int64_t T, int64_t B)
{
    const int32_t *narrow = sp_leaf_data(lengths);
    const int64_t *wide = sp_leaf_data(lengths);

    for (int64_t b = 0; wide && b < B; b++) {
        int64_t n = sp_var_dtype(lengths) == SP_I32 ? narrow[b] : wide[b];
        if (n >= 0 && n <= T) continue;
        sp_tape_fail(lengths.tape, "unroll: the length of row %lld is %lld, should be 0 to %lld",
                     (long long)b, (long long)n, (long long)T);
        return false;
    }
    return true;
}

/* 0, 1, ..., T-1 as a column. */
static sp_var times(sp_tape *tape, sp_dtype dtype, int64_t T)
{
    sp_tensor *t = sp_tensor_new(dtype, SP_SHAPE(T, 1));

    for (int64_t i = 0; t && i < T; i++) sp_tensor_set(t, i, (double)i);
    sp_var v = sp_input(tape, t);
    sp_tensor_free(t);
    return v;
}

/* t < length, as [T,B]. */
static bool within(sp_var lengths, int64_t T, int64_t B, sp_var *out)
{
    *out = lengths;
    if (!sp_is_given(lengths)) return true;
    if (sp_is_nothing(lengths)) return handed_on(lengths);

    char should[SP_SHAPE_TEXT];
    sp_dtype dtype = sp_var_dtype(lengths);
    if (!sp_shape_equal(sp_var_shape(lengths), SP_SHAPE(B)) || (dtype != SP_I32 && dtype != SP_I64))
        return refuse("lengths", lengths, sp_shape_text(SP_SHAPE(B), should), " of i32 or i64");
    if (!lengths_in_range(lengths, T, B)) return false;
    *out = sp_less(times(lengths.tape, dtype, T), lengths);
    return !sp_is_nothing(*out);
}

/* For bools, mul is "and". */
static sp_var both(sp_var a, sp_var b)
{
    return !sp_is_given(a) ? b : !sp_is_given(b) ? a : sp_mul(a, b);
}

bool sp__marks(sp_marks *m, sp_var x, const sp_run *run)
{
    const int64_t T = sp_var_dim(x, 0), B = sp_var_dim(x, 1);
    sp_var mask, reset, length;

    *m = (sp_marks){ 0 };
    if (!as_bool("mask", run->mask, SP_SHAPE(T, B), &mask)
        || !as_bool("reset", run->reset, SP_SHAPE(T, B), &reset)
        || !within(run->lengths, T, B, &length))
        return false;
    m->valid = both(mask, length);
    if (sp_is_given(reset)) m->cut = both(reset, m->valid);
    return !(sp_is_given(m->cut) && sp_is_nothing(m->cut))
        && !(sp_is_given(m->valid) && sp_is_nothing(m->valid));
}
