/* SPDX-License-Identifier: MIT
 *
 * parts.h - what the files of the op check share (internal).
 *
 * A trial is one sample of one op with its operands drawn.  samples.c draws them and
 * lays them out on a tape, values.c, rules.c and forward.c try them,
 * slopes.c knows differences, check.c is the whole battery.
 */
#ifndef SP_CHECK_PARTS_H
#define SP_CHECK_PARTS_H

#include "autograd/check.h"
#include "autograd/tape.h"

enum { SP_MOST_OPERANDS = 16, SP_CHECK_STEP = 3 };

typedef struct sp_trial {
    const sp_op     *op;
    const sp_sample *sample;
    sp_report       *report;
    int              n;
    bool             floating;                  /* one of the operands at least is */
    sp_tensor       *x[SP_MOST_OPERANDS];       /* floating ones are f64 */
    bool             given[SP_MOST_OPERANDS];   /* its elements stand in the sample */
} sp_trial;

/* Count a check; one that is not ok is noted as "op: on "2x3": what you say".  Returns ok. */
bool sp__verdict(const sp_trial *, bool ok, const char *format, ...) SP_PRINTF(3, 4);

/* The same without a trial; the sentence is whole. */
bool sp__judge(sp_report *, bool ok, const char *format, ...) SP_PRINTF(3, 4);

/* ---- samples.c ---- */

/* Draw the operands of trial->sample.  False: noted.  Ends either way with sp__trial_end. */
bool sp__trial_begin(sp_trial *);
void sp__trial_end(sp_trial *);

/* How the operands of a call lie in their buffers. */
typedef enum sp_lying {
    SP_DENSE, SP_PERMUTED, SP_STEPPED, SP_FLIPPED, SP_SHIFTED, SP_FIRST_REPEATED, SP_LAST_REPEATED,
    SP_ALL_REPEATED, SP_MIXED,                  /* one value; each operand in another way */
    SP_N_LYINGS
} sp_lying;
const char *sp__lying_name(sp_lying);

typedef struct sp_manner {
    sp_dtype floating;                          /* that of the floating operands */
    sp_lying lying;
    bool     packed;                            /* the values that `lying` shows, but dense */
} sp_manner;

/* Operand k as it is in this manner: a dense tensor, yours. */
sp_tensor *sp__operand_values(const sp_trial *, int k, sp_manner);

/* Operand k on the tape, laid out in this manner. */
sp_var sp__operand_var(const sp_trial *, int k, sp_tape *, sp_manner);

/* The call of the trial. */
sp_var sp__trial_call(const sp_trial *, const sp_var x[]);

/* Forget what is on the tape, and be in step SP_CHECK_STEP again, so that what is drawn at
   random is the same each time. */
void sp__fresh(sp_tape *);

/* Numbers in [-1.5, -.5] and [.5, 1.5] to weigh results with.  NULL: no memory. */
sp_tensor *sp__weights(sp_shape, uint64_t stream);

/* ---- slopes.c ---- */

/* A scalar function, and where it is tried. */
typedef struct sp_slope {
    sp_function      *f;
    void             *data;
    sp_tape          *tape;
    int               n;
    sp_tensor *const *x;             /* f64; moved about and put back */
    double            h, tolerance;
    double            height;        /* the largest |f| met */
    sp_var           *vars;          /* sp__slopes_agree's own, like what follows */
    sp_tensor       **g;
} sp_slope;

/* Who hears of a failure, and how it is put. */
enum { SP_SEED = -1 };
typedef struct sp_teller {
    const sp_trial *t;               /* NULL: the function is the caller's */
    sp_report      *report;
    const char     *what;            /* "first derivative" */
    const int      *operand;         /* which operand of the op x[i] is, or SP_SEED */
} sp_teller;

/* How far apart the points of differences lie on a sample. */
double sp__difference_step(const sp_sample *);

/* The gradient of f at x, by the tape, against differences. */
bool sp__slopes_agree(sp_slope *, const sp_teller *);

/* ---- the battery ---- */
void sp__check_values(const sp_trial *);
void sp__check_rules(const sp_trial *);
void sp__check_forward(const sp_trial *);

#endif
