/* SPDX-License-Identifier: MIT
 *
 * tape.h - records calls of ops, computes what is asked for, differentiates.
 *
 * Nothing is computed until asked: ops (ops.h) check their operands and record.
 * sp_eval, sp_item, sp_value and sp_export compute, and keep every value that they
 * materialized until reset; sp_eval_only keeps what it is asked for, sp_backward the
 * loss, and both what sp_keep pinned.  A value that was dropped and is asked for later
 * is computed again.
 *
 * The first failure sticks: the op returns a var that is nothing, later calls hand it on,
 * evaluations return false, and sp_tape_error says what it was.  So nested
 * calls need no checks, and one check at the end of a step is enough.
 *
 * A tape belongs to one thread.  It owns every result until sp_tape_reset.
 */
#ifndef SP_TAPE_H
#define SP_TAPE_H

#include "autograd/op.h"
#include "autograd/params.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What counts as an anomaly: after every node of f32 or f64 that is computed, eager or not, its
   value is looked through, and the first bad one fails the tape with its op, place, scope and the
   ranges of what it was made from:
     anomaly: log: [3] gave -inf at [2], from [0, 4.5] (in lstm layer 0, step 3)
   A value is reported even where a later `where` would mask it; nets that mask by infinities
   ask for SP_ANOMALY_NAN.  A sum of products names the product that is to blame. */
typedef enum sp_anomaly { SP_ANOMALY_NONE, SP_ANOMALY_NAN_INF, SP_ANOMALY_NAN } sp_anomaly;

/* Zero means the usual everywhere. */
typedef struct sp_tape_spec {
    uint64_t seed;              /* of dropout and sampling */
    int      threads;           /* at most so many compute; results never depend on it.
                                   This version computes on the calling thread */
    bool     eager;             /* run each op as it is recorded: the debugger's mode; also
                                   SP_EAGER=1.  Of what sp_jvp records, what its result needs */
    bool     keep;              /* sp_backward keeps all values until reset */
    int64_t  max_nodes;         /* budget of recorded nodes; usual and most 64 million */
    int64_t  max_bytes;         /* budget of bytes alive in an evaluation; usual no limit */
    bool     portable;          /* use the portable kernels only: the oracle of tests */
    sp_isa   isa;               /* force an instruction set (not SP_PORTABLE: say .portable);
                                   usual the best */
    sp_anomaly anomaly;         /* a NaN or an infinity that an op makes is a failure */
    bool     trace;             /* note when each node was computed, for SP_SHOW_TRACE (show.h) */
    void   (*on_error)(const char *sentence, void *data);   /* called at the moment of failure;
                                   it must not free the tape, and a reset in it does nothing */
    void    *on_error_data;
} sp_tape_spec;

/* NULL: usual.  Yours.  Returns NULL if there is no memory or the instruction set is
   not usable; a NULL tape reads as out of memory everywhere. */
SP_API sp_tape    *sp_tape_new(const sp_tape_spec *);
SP_API void        sp_tape_free(sp_tape *);

/* Forget all recordings and any failure; keep the memory for the next step; advance the step
   counter.  Vars from before are caught by their epoch. */
SP_API void        sp_tape_reset(sp_tape *);

/* The first failure since reset, as a sentence such as
     matmul: [32,128] x [64,512]: inner sizes 128 and 64 differ (in decoder.lstm layer 1, step 3)
   NULL: no failure. */
SP_API const char *sp_tape_error(const sp_tape *);

/* Make the tape fail for a reason of your own (a layer whose input does not fit);
   the scope is added.  Returns nothing.  The first failure stays. */
SP_API sp_var      sp_tape_fail(sp_tape *, const char *format, ...) SP_PRINTF(2, 3);

/* Training (the default) or evaluation; read when an op is recorded (dropout). */
SP_API void        sp_tape_train(sp_tape *, bool);
SP_API bool        sp_tape_training(const sp_tape *);

/* The step that random numbers are a function of; sp_tape_reset adds one. */
SP_API uint64_t    sp_tape_step(const sp_tape *);
SP_API void        sp_tape_set_step(sp_tape *, uint64_t);   /* before anything is recorded */

/* Seed and step, for checkpoints: "tape.seed", "tape.step". */
SP_API sp_saved    sp_tape_saved(sp_tape *);

/* What has happened since the tape was made. */
typedef struct sp_tape_stats {
    int64_t nodes;              /* on the tape now */
    int64_t evaluations;        /* runs of the executor that computed something */
    int64_t computed;           /* nodes computed */
    int64_t recomputed;         /* of these, computed before and dropped */
    int64_t live_bytes, peak_bytes;    /* of values; max_bytes counts an op's scratch as well */
    int64_t allocations;        /* blocks that the tape took from the system */
} sp_tape_stats;
SP_API sp_tape_stats sp_stats(const sp_tape *);

/* The same as a line of text, like snprintf. */
SP_API int sp_stats_text(const sp_tape *, char *text, int64_t size);

/* ---- vars ---- */

SP_API bool     sp_is_nothing(sp_var);       /* a failed call's result, {0}, or of a reset tape */
SP_API bool     sp_is_given(sp_var);         /* not {0}: an option was set, even if to nothing */
SP_API sp_shape sp_var_shape(sp_var);        /* of nothing: SP_SCALAR */
SP_API sp_dtype sp_var_dtype(sp_var);        /* of nothing: SP_F32 */
SP_API int64_t  sp_var_dim(sp_var, int axis);   /* size along an axis, -1 the last; 0 if none */

/* ---- leaves ---- */

/* Data.  sp_input copies the tensor.  sp_borrow does not: it must stay and not change
   until reset (SP_DEBUG builds check that it did not, once in each evaluation that reads it). */
SP_API sp_var sp_input (sp_tape *, const sp_tensor *);
SP_API sp_var sp_borrow(sp_tape *, const sp_tensor *);

/* A parameter: one leaf per parameter, version and tape.  If the parameter changes (an
   optimizer step, a load) before the leaf is read, evaluation fails and names it.  Reset the
   tape before freeing a collection that it used.  A sum reads the operands of the products that it
   adds up, also of those that have been computed for their own sake. */
SP_API sp_var sp_use(sp_tape *, sp_param *);

/* A number as a scalar of the dtype, which must be able to hold it: whole ones exactly, floating
   ones rounded, if it is within their range, infinite or NaN.  sp_full broadcasts it to a shape
   without storing it. */
SP_API sp_var sp_const(sp_tape *, sp_dtype, double);
SP_API sp_var sp_full (sp_tape *, sp_dtype, sp_shape, double);

/* For a data leaf (sp_input, sp_borrow): its elements, dense.  NULL otherwise. */
SP_API const void *sp_leaf_data(sp_var);

/* ---- values ---- */

SP_API bool   sp_eval(int n, const sp_var v[]);

/* The same, keeping only these (and what sp_keep pinned): each other value goes once nothing in
   this evaluation needs it any more. */
SP_API bool   sp_eval_only(int n, const sp_var v[]);
SP_API double sp_item(sp_var);  /* the value of a var with one element; NaN after a failure */
SP_API const sp_tensor *sp_value(sp_var);    /* the tape's, until reset; NULL after a failure */
SP_API sp_tensor       *sp_export(sp_var);   /* a copy, yours; NULL after a failure.  Where only
                                                the copy has no memory, sp_error() says so
                                                and the tape has not failed */

/* Have the next evaluation compute it, and keep it until reset.  Returns its argument. */
SP_API sp_var sp_keep(sp_var);

/* ---- gradients ---- */

typedef struct sp_grad_spec {
    sp_var        seed;         /* dL/dy, of y's shape; usual 1, and then y must have one element */
    int           n_stop;       /* vars behind which the sweep does not go */
    const sp_var *stop;
} sp_grad_spec;

/* Record out[i] = dy/dwrt[i] for each i, as ordinary vars: nothing is computed, and they can be
   differentiated again.  A wrt that y does not depend on gets a zero without storage.
   False after a failure; then every out[i] is nothing. */
SP_API bool sp_grad(sp_var y, int n, const sp_var wrt[], sp_var out[], const sp_grad_spec *);

/* Compute dloss/dp for every trainable parameter p that this tape used and add
   it to p->grad (store it, if p has no gradient).  The loss must have one element, and depend on
   a trainable parameter; it is kept.
   False after a failure; then no gradient has changed. */
SP_API bool sp_backward(sp_var loss);

/* A function that is handed gradients: called while a sweep records, with dL/dv whole and as an
   ordinary var (nothing is computed yet).  It returns that, or another of its shape and dtype
   that goes on in its place, made by ops. */
typedef sp_var sp_gradient_hook(sp_var g, void *data);

/* Attach a hook to v, until reset.  Every sweep that comes by v calls it, one of a higher order
   too, but not one that asks for nothing at v or behind it, and of derivatives.h only sp_vjp's.
   Several are called in order of attachment, each with what the one before gave; so to read is
   to return g (sp_keep(g) and look after sp_backward), to clip is to return sp_clamp(g, -c, c).
   Returns its argument. */
SP_API sp_var sp_hook(sp_var v, sp_gradient_hook *, void *data);

/* ---- regions ---- */

/* Values recorded between enter and leave are not kept for a gradient: when the sweep of sp_grad or
   sp_backward comes to a region, it records the region again, from what was there before it, behind
   the gradient that has arrived.  So an evaluation that drops what nobody reads any more
   (sp_backward) holds the parts of one region at a time, and computes them twice.  The
   gradients are the same bits; derivatives of a higher order are sums in another order, and so
   differ by rounding.  Regions nest (like scopes) and then are recorded again at each level.
   Worthwhile where little leaves a region: the state after k steps.

   A region that is not left yet takes no part in a sweep; reset forgets all, entered or left.
   Leaving what was not entered is a failure of the tape.  Values that are there already
   (sp_eval, sp_item, `eager`) are not computed twice, and on a tape with `keep` regions mean
   nothing.  In sweeps of a higher order a value recorded again is the value that it repeats. */
SP_API void sp_region_enter(sp_tape *);
SP_API void sp_region_leave(sp_tape *);

/* The bytes of all values recorded since the tape had `first` nodes (sp_stats): what keeping them
   would take at most. */
SP_API int64_t sp_recorded_bytes(const sp_tape *, int64_t first);

/* ---- scopes ---- */

/* Name what is recorded until the matching leave: a layer ("lstm"), a numbered
   part ("step", 3).  index < 0: a name alone.  Scopes are remembered for the life of the tape:
   number steps within a recording, not batches or epochs.  Errors say where, and the stream
   of random numbers is a hash of the scope's path and the count of draws in it. */
SP_API void sp_scope_enter(sp_tape *, const char *name, int64_t index);
SP_API void sp_scope_leave(sp_tape *);

/* A stream for an op that draws: never the same twice between resets, and
   the same in every step at the same place. */
SP_API uint64_t sp_stream(sp_tape *);

#ifdef __cplusplus
}
#endif
#endif
