/* SPDX-License-Identifier: MIT
 *
 * plain_sums.h - sums of products by plain loops over all indices, for tests of products.
 */
#ifndef PLAIN_SUMS_H
#define PLAIN_SUMS_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"

static sp_tape *tape;

static void begin(void) { tape = sp_tape_new(NULL); }
static void end(void)   { sp_tape_free(tape); }

enum { MOST = 8 };

static sp_shape read_shape(const char **at)
{
    sp_shape s = SP_SCALAR;
    char *stop;

    if (**at == '.') *at += 1;
    else do {
        s.dim[s.rank++] = strtoll(*at, &stop, 10);
        *at = stop;
    } while (*(*at)++ == 'x');
    if (s.rank) --*at;
    while (**at == ' ') ++*at;
    return s;
}

/* The operands, filled with numbers in [-1, 1].  Returns how many. */
static int make(const char *in, sp_tensor *x[])
{
    int n = 0;

    while (*in) {
        x[n] = sp_tensor_new(SP_F64, read_shape(&in));
        sp_tensor_uniform(x[n], (sp_random){ 3, (uint64_t)n, 0 }, -1, 1);
        n++;
    }
    return n;
}

static void release(int n, sp_tensor *x[])
{
    for (int k = 0; k < n; k++) sp_tensor_free(x[k]);
}

/* The sum of products, index by index, as the plain spec says. */
typedef struct loop {
    const char *part[MOST + 1];            /* the names of each operand, and of the result */
    int         n, length[MOST + 1];
    int64_t     size[128], at[128];
} loop;

static loop loop_of(const char *plain, int n, sp_tensor *const x[])
{
    loop l = { .n = n };

    for (int k = 0; k <= n; k++) {
        l.part[k] = plain;
        l.length[k] = (int)strcspn(plain, ",-");
        for (int i = 0; k < n && i < l.length[k]; i++)
            l.size[(int)plain[i]] = x[k]->shape.dim[i];
        plain += l.length[k] + (k + 1 < n ? 1 : 2);
    }
    return l;
}

static int64_t place(const loop *l, int k)
{
    int64_t at = 0;

    for (int i = 0; i < l->length[k]; i++)
        at = at * l->size[(int)l->part[k][i]] + l->at[(int)l->part[k][i]];
    return at;
}

static bool next(loop *l)
{
    for (int c = 'A'; c <= 'z'; c++) {
        if (l->size[c] == 0) continue;
        if (++l->at[c] < l->size[c]) return true;
        l->at[c] = 0;
    }
    return false;
}

static inline sp_tensor *by_loops(const char *plain, int n, sp_tensor *const x[])
{
    loop l = loop_of(plain, n, x);
    sp_shape shape = SP_SCALAR;
    bool empty = false;

    for (int i = 0; i < l.length[n]; i++)
        shape.dim[shape.rank++] = l.size[(int)l.part[n][i]];
    for (int k = 0; k < n; k++) empty |= sp_tensor_size(x[k]) == 0;
    sp_tensor *y = sp_tensor_new(SP_F64, shape);
    do {
        double product = 1;
        for (int k = 0; k < n && !empty; k++) product *= sp_tensor_at(x[k], place(&l, k));
        if (!empty) ((double *)y->data)[place(&l, n)] += product;
    } while (!empty && next(&l));
    return y;
}

static void agrees(const char *what, sp_var v, const sp_tensor *want)
{
    const sp_tensor *y = sp_value(v);

    ck_assert_msg(y != NULL, "%s: %s", what, sp_tape_error(tape));
    ck_assert_msg(sp_shape_equal(y->shape, want->shape), "%s: the shapes differ", what);
    for (int64_t i = 0; i < sp_tensor_size(want); i++)
        ck_assert_msg(fabs(sp_tensor_at(y, i) - sp_tensor_at(want, i)) < 1e-13,
                      "%s: element %d is %g, not %g", what, (int)i, sp_tensor_at(y, i),
                      sp_tensor_at(want, i));
}

static void says(sp_var v, const char *sentence)
{
    ck_assert(sp_is_nothing(v));
    ck_assert_msg(strstr(sp_tape_error(tape), sentence), "it says: %s", sp_tape_error(tape));
    sp_tape_reset(tape);
}

static sp_var ones(sp_shape shape) { return sp_full(tape, SP_F64, shape, 1); }

#endif
