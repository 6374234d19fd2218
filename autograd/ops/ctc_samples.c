/* SPDX-License-Identifier: MIT
 *
 * ctc_samples - what the loss of connectionist temporal classification and its slope are tried on,
 * and how they are computed another way: prefix by prefix in probabilities, no states and no
 * logarithms; the slope as what is left of the probability when a step is forced to a class.
 */
#include <math.h>
#include "autograd/ops/ctc.h"
#include "tensor/shape.h"

static const ctc_attr usual = { 0, 0, 0 }, logits = { 0, 0, 1 }, zero = { 0, 1, 0 },
                      zero_logits = { 0, 1, 1 }, last = { 3, 0, 0 }, outside = { 4, 0, 0 },
                      below = { -1, 0, 0 };

/* Three targets: repeated labels; short ones; no label at all. */
#define THREE "6x3x4 3x3:i64=1,1,2,3,1,2,-9,0,1 3:i64=6,4,5 3:i64=3,2,0"
/* As many steps as it needs, twice; too few; none; some to spare. */
#define EDGES "4x5x4 5x3:i32=1,1,3,1,2,3,2,2,2,1,1,1,3,1,2 5:i32=3,3,4,0,4 5:i64=2,3,3,0,2"

const sp_sample sp__ctc_samples[] = {
    { .in = THREE, .attr = &usual }, { .in = THREE, .attr = &logits },
    { .in = "5x1x4 1x3:i32=0,2,1 1:i32=5 1:i32=3", .attr = &last },
    { .in = "9x2x3 2x4:i64=1,2,1,2,2,2,1,1 2:i64=9,7 2:i32=4,3", .attr = &usual },
    { .in = "9x2x3 2x4:i64=1,2,1,2,2,2,1,1 2:i64=9,7 2:i32=4,3", .attr = &logits },
    { .in = "12x1x21 1x5:i64=3,3,20,1,7 1:i64=12 1:i64=5", .attr = &logits },
    { .in = "1x2x4 2x1:i64=1,3 2:i64=1,1 2:i64=1,0", .attr = &usual },
    { .in = "3x2x1 2x0:i64 2:i64=3,2 2:i64=0,0", .attr = &usual, .no_slope = true },
    { .in = EDGES, .attr = &zero }, { .in = EDGES, .attr = &zero_logits },
    { .in = EDGES, .attr = &usual, .no_slope = true },
    { .in = EDGES, .attr = &logits, .no_slope = true },
    { .in = "0x2x4 2x3:i64=1,2,3,1,2,3 2:i64=0,0 2:i64=0,2", .attr = &usual, .no_slope = true },
    { .in = "0x2x4 2x3:i64=1,2,3,1,2,3 2:i64=0,0 2:i64=0,2", .attr = &zero },
    { .in = "5x0x4 0x3:i64 0:i64 0:i64", .attr = &usual },
    { .in = "0x0x4 0x0:i64 0:i64 0:i64", .attr = &logits },
    { .in = "5x2x4 2x2:i64=1,1,1,0 2:i64=5,5 2:i64=2,2", .attr = &usual,
      .fails = "label 0 at position [1,1] is the blank" },
    { .in = "5x2x4 2x2:i32=1,4,1,1 2:i64=5,5 2:i64=2,2", .attr = &usual,
      .fails = "label 4 at position [0,1] is outside [0,4)" },
    { .in = "5x2x4 2x2:i32=1,1,-1,1 2:i64=5,5 2:i64=2,2", .attr = &usual,
      .fails = "label -1 at position [1,0] is outside [0,4)" },
    { .in = "5x2x4 2x2:i32=1,1,1,1 2:i64=5,6 2:i64=2,2", .attr = &usual,
      .fails = "input length 6 at position 1 is outside [0,5]" },
    { .in = "5x2x4 2x2:i32=1,1,1,1 2:i64=-1,5 2:i64=2,2", .attr = &usual,
      .fails = "input length -1 at position 0 is outside [0,5]" },
    { .in = "5x2x4 2x2:i32=1,1,1,1 2:i64=5,5 2:i32=2,3", .attr = &usual,
      .fails = "target length 3 at position 1 is outside [0,2]" },
    { .in = "5x2x4 2x2:i64 2:i64 2:i64", 1, 2, &outside, .fails = "blank 4 is outside [0,4)" },
    { .in = "5x2x4 2x2:i64 2:i64 2:i64", 1, 2, &below, .fails = "blank -1 is outside [0,4)" },
    { .in = "5x2x0 2x2:i64 2:i64 2:i64", 1, 2, &usual, .fails = "blank 0 is outside [0,0)" },
    { .in = "5x4 4x2:i64 4:i64 4:i64", 1, 2, &usual, .fails = "log-probs must be [T,B,C]" },
    { .in = "5x2x4 3x2:i64 2:i64 2:i64", 1, 2, &usual, .fails = "need targets [B,S], here [2,S]" },
    { .in = "5x2x4 4:i64 2:i64 2:i64", 1, 2, &usual, .fails = "need targets [B,S], here [2,S]" },
    { .in = "5x2x4 2x2:i64 3:i64 2:i64", 1, 2, &usual,
      .fails = "input lengths must be [B], here [2]" },
    { .in = "5x2x4 2x2:i64 2:i64 2x1:i64", 1, 2, &usual,
      .fails = "target lengths must be [B], here [2]" },
    { .in = "5x2x4:i64 2x2:i64 2:i64 2:i64", 1, 2, &usual,
      .fails = "log-probs must be f32 or f64, not i64" },
    { .in = "5x2x4 2x2 2:i64 2:i64", 1, 2, &usual, .fails = "targets must be i32 or i64, not f" },
    { .in = "5x2x4 2x2:i64 2:bool 2:i64", 1, 2, &usual,
      .fails = "input lengths must be i32 or i64, not bool" },
    { .in = "5x2x4 2x2:i64 2:i64 2", 1, 2, &usual,
      .fails = "target lengths must be i32 or i64, not f" }, { 0 },
};

enum { MOST_LABELS = 15 };                      /* of a sample */

typedef struct forced { int64_t t, c; } forced; /* in step t only class c; t < 0: free */

static double probability(const sp_args *a, int64_t b, int64_t t, int64_t class, forced f)
{
    int64_t B = a->x[0].shape.dim[1], C = a->x[0].shape.dim[2];
    const double *row = (const double *)a->x[0].data + (t * B + b) * C;
    double sum = 0;

    if (t == f.t && class != f.c) return 0;
    if (!((const ctc_attr *)a->attr)->from_logits) return exp(row[class]);
    for (int64_t k = 0; k < C; k++) sum += exp(row[k] - row[class]);
    return 1 / sum;
}

/* p(target b).  labelled[u], blank[u]: of all paths so far that give the first u labels and
   whose last step is label u, or the blank. */
static double likelihood(const sp_args *a, int64_t b, forced f)
{
    int64_t S = a->x[1].shape.dim[1], steps = ((const int64_t *)a->x[2].data)[b];
    int64_t labels = ((const int64_t *)a->x[3].data)[b];
    const int64_t *label = (const int64_t *)a->x[1].data + b * S;
    double labelled[MOST_LABELS + 1] = { 0 }, blank[MOST_LABELS + 1] = { 1 };

    for (int64_t t = 0; t < steps; t++)
        for (int64_t u = labels; u >= 0; u--) {
            double p = probability(a, b, t, ((const ctc_attr *)a->attr)->blank, f);
            double all = labelled[u] + blank[u], come = 0;
            if (u > 0) come = blank[u - 1];
            if (u > 1 && label[u - 1] != label[u - 2]) come += labelled[u - 1];
            if (u > 0) labelled[u] = (labelled[u] + come)
                                   * probability(a, b, t, label[u - 1], f);
            blank[u] = all * p;
        }
    return labelled[labels] + blank[labels];
}

void sp__ctc_reference(const sp_args *a)
{
    for (int64_t b = 0; b < a->y.shape.dim[0]; b++) {
        double p = likelihood(a, b, (forced){ -1, 0 });
        bool none = p == 0 && ((const ctc_attr *)a->attr)->zero_infinity;
        ((double *)a->y.data)[b] = none ? 0 : -log(p);
    }
}

void sp__ctc_slope_reference(const sp_args *a)
{
    int64_t B = a->y.shape.dim[1], C = a->y.shape.dim[2];

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        int64_t c = i % C, b = i / C % B, t = i / C / B;
        double all = likelihood(a, b, (forced){ -1, 0 }), y = 0;
        if (all > 0 && t < ((const int64_t *)a->x[2].data)[b]) {
            y = -likelihood(a, b, (forced){ t, c }) / all;
            if (((const ctc_attr *)a->attr)->from_logits)
                y += probability(a, b, t, c, (forced){ -1, 0 });
        }
        ((double *)a->y.data)[i] = y;
    }
}
