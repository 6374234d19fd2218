/* SPDX-License-Identifier: MIT
 *
 * ctc_decode - labellings read off log-probs: what comes in and goes out, and the greedy way.
 */
#include "autograd/ops/ctc_decode.h"

#include <math.h>
#include <string.h>
#include "tensor/alloc.h"

/* ---- in ---- */

static bool fits(const sp_decoding *d)
{
    const sp_tensor *x = d->log_probs, *n = d->lengths;
    char text[SP_SHAPE_TEXT];

    if (!x) return sp_fail("%s: there are no log-probs", d->who);
    if (!sp_is_floating(x->dtype) || x->shape.rank != 3)
        return sp_fail("%s: log-probs must be [T,B,C] of f32 or f64, not %s%s", d->who,
                       sp_dtype_name(x->dtype), sp_shape_text(x->shape, text));
    if (n && ((n->dtype != SP_I32 && n->dtype != SP_I64)
              || !sp_shape_equal(n->shape, SP_SHAPE(x->shape.dim[1]))))
        return sp_fail("%s: lengths must be [%lld] of i32 or i64, not %s%s", d->who,
                       (long long)x->shape.dim[1], sp_dtype_name(n->dtype),
                       sp_shape_text(n->shape, text));
    if (d->blank >= 0 && d->blank < x->shape.dim[2]) return true;
    return sp_fail("%s: the blank %lld is outside [0,%lld)", d->who, (long long)d->blank,
                   (long long)x->shape.dim[2]);
}

bool sp__decoding_begin(sp_decoding *d, int64_t top)
{
    if (!fits(d)) return false;
    d->T = d->log_probs->shape.dim[0];
    d->B = d->log_probs->shape.dim[1];
    d->C = d->log_probs->shape.dim[2];
    d->row = sp_alloc_array(d->C, sizeof *d->row);
    d->result = sp_alloc_zero(sizeof *d->result);
    if (!d->row || !d->result) return false;
    d->result->labels = sp_tensor_new(SP_I64, SP_SHAPE(d->B, top, d->T));
    d->result->lengths = sp_tensor_new(SP_I64, SP_SHAPE(d->B, top));
    d->result->scores = sp_tensor_new(SP_F64, SP_SHAPE(d->B, top));
    if (!d->result->labels || !d->result->lengths || !d->result->scores) return false;
    sp_tensor_fill(d->result->labels, -1);
    sp_tensor_fill(d->result->lengths, -1);
    sp_tensor_fill(d->result->scores, -(double)INFINITY);
    return true;
}

int64_t sp__decoding_steps(const sp_decoding *d, int64_t b)
{
    int64_t steps = d->T;

    if (d->lengths && d->lengths->dtype == SP_I64) steps = ((int64_t *)d->lengths->data)[b];
    if (d->lengths && d->lengths->dtype == SP_I32) steps = ((int32_t *)d->lengths->data)[b];
    if (steps >= 0 && steps <= d->T) return steps;
    sp_fail("%s: length %lld at position %lld is outside [0,%lld]", d->who, (long long)steps,
            (long long)b, (long long)d->T);
    return -1;
}

bool sp__decoding_read(const sp_decoding *d, int64_t t, int64_t b)
{
    for (int64_t c = 0; c < d->C; c++) {
        d->row[c] = sp_tensor_at(d->log_probs, (t * d->B + b) * d->C + c);
        if (!(d->row[c] < (double)INFINITY))
            return sp_fail("%s: the log-prob at [%lld,%lld,%lld] is %g", d->who, (long long)t,
                           (long long)b, (long long)c, d->row[c]);
    }
    return true;
}

/* ---- out ---- */

/* The labels without the columns that no labelling reaches. */
static bool trim(sp_ctc_decoded *r)
{
    sp_shape shape = r->labels->shape;
    int64_t T = shape.dim[2], L = 0, *from = r->labels->data;

    for (int64_t i = 0; i < sp_tensor_size(r->lengths); i++)
        if (((int64_t *)r->lengths->data)[i] > L) L = ((int64_t *)r->lengths->data)[i];
    shape.dim[2] = L;
    sp_tensor *labels = sp_tensor_new(SP_I64, shape);
    if (!labels) return false;
    for (int64_t i = 0; i < sp_tensor_size(r->lengths) && L > 0; i++)
        memcpy((int64_t *)labels->data + i * L, from + i * T, (size_t)L * sizeof *from);
    sp_tensor_free(r->labels);
    r->labels = labels;
    return true;
}

sp_ctc_decoded *sp__decoding_end(sp_decoding *d, bool ok)
{
    sp_release(d->row);
    if (ok && trim(d->result)) return d->result;
    sp_ctc_decoded_free(d->result);
    return NULL;
}

void sp_ctc_decoded_free(sp_ctc_decoded *d)
{
    if (!d) return;
    sp_tensor_free(d->labels);
    sp_tensor_free(d->lengths);
    sp_tensor_free(d->scores);
    sp_release(d);
}

/* ---- the greedy way ---- */

static bool best_path(const sp_decoding *d, int64_t b)
{
    int64_t steps = sp__decoding_steps(d, b), n = 0, last = d->blank;
    int64_t *label = (int64_t *)d->result->labels->data + b * d->T;
    double score = 0;

    if (steps < 0) return false;
    for (int64_t t = 0; t < steps; t++) {
        int64_t best = 0;
        if (!sp__decoding_read(d, t, b)) return false;
        for (int64_t c = 1; c < d->C; c++) if (d->row[c] > d->row[best]) best = c;
        if (best != d->blank && best != last) label[n++] = best;
        last = best;
        score += d->row[best];
    }
    ((int64_t *)d->result->lengths->data)[b] = n;
    ((double *)d->result->scores->data)[b] = score;
    return true;
}

sp_ctc_decoded *sp_ctc_greedy(const sp_tensor *log_probs, const sp_tensor *lengths, int64_t blank)
{
    sp_decoding d = { .who = "ctc_greedy", .log_probs = log_probs, .lengths = lengths,
                      .blank = blank };
    bool ok = sp__decoding_begin(&d, 1);

    for (int64_t b = 0; ok && b < d.B; b++) ok = best_path(&d, b);
    return sp__decoding_end(&d, ok);
}
