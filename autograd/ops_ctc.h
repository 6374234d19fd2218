/* SPDX-License-Identifier: MIT
 *
 * ops_ctc.h - connectionist temporal classification: loss and decoding (part of ops.h).
 *
 * A path gives each of T steps a class, one of which is the blank; its labelling is what is left
 * after runs of a class are merged and blanks dropped.  The probability of a labelling is
 * the sum over all its paths (Graves et al., 2006).
 */
#ifndef SP_OPS_CTC_H
#define SP_OPS_CTC_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_ctc_spec {
    sp_reduction reduction;       /* SP_MEAN: each loss over max(its target length, 1), then the
                                     mean of the batch (of none: NaN) */
    int64_t      blank;           /* usual 0 */
    bool         zero_infinity;   /* a loss of +inf becomes 0 */
    bool         from_logits;     /* the first operand holds logits: log_softmax is taken inside */
} sp_ctc_spec;

/* The loss -log sum over all paths of e^(sum over t of log_probs[t,b,path[t]]).
 *
 * log_probs [T,B,C]; targets [B,S], ids in [0,C) other than the blank; lengths [B] of both.
 * Ids and lengths are i32 or i64.  What lies behind a length is not read, NaN or not.
 *
 * The gradient is the true one: log_probs are free variables, so it is minus the share that class
 * c has in step t among all paths (PyTorch's has e^log_probs added, which is right only
 * behind log_softmax).  With from_logits it is softmax minus that share, in one pass.
 *
 * A target that no path of so few steps gives, or only paths of probability 0, has the loss +inf;
 * nothing can make it likelier in the first order, and its gradient is 0.  No step and no label:
 * loss 0.  NaN in a class that the target (or the blank) names gives NaN. */
SP_API sp_var sp_ctc(sp_var log_probs, sp_var targets, sp_var input_lengths, sp_var target_lengths,
                     sp_ctc_spec);

/* ---- decoding: of tensors and not on a tape; it has no gradient ---- */

/* Labellings of each of B sequences, N of them, the best first.  Yours: sp_ctc_decoded_free. */
typedef struct sp_ctc_decoded {
    sp_tensor *labels;            /* [B,N,L] i64, -1 behind the end; L: of the longest */
    sp_tensor *lengths;           /* [B,N] i64; -1 where there is no other labelling */
    sp_tensor *scores;            /* [B,N] f64: log probabilities; -inf where there is none */
} sp_ctc_decoded;
SP_API void sp_ctc_decoded_free(sp_ctc_decoded *);      /* NULL is allowed */

/* The labelling of the best path (N = 1; of equal classes the first); the score is that path's.
   log_probs [T,B,C] of f32 or f64, lengths [B] of i32 or i64 (NULL: all T).  NULL after a
   failure: sp_error() says which shape, length or NaN it was. */
SP_API sp_ctc_decoded *sp_ctc_greedy(const sp_tensor *log_probs, const sp_tensor *lengths,
                                     int64_t blank);

typedef struct sp_ctc_beam_spec {
    int64_t blank;                /* usual 0 */
    int64_t width;                /* prefixes kept in each step; usual 100 */
    int64_t top;                  /* N; usual 1, at most the width */
} sp_ctc_beam_spec;

/* The most probable labellings, found by extending prefixes (Hannun et al., 2014).  A score is
   the log of the sum over those paths whose prefixes were never dropped; with a width of all
   prefixes it is the probability of the labelling. */
SP_API sp_ctc_decoded *sp_ctc_beam(const sp_tensor *log_probs, const sp_tensor *lengths,
                                   sp_ctc_beam_spec);

#ifdef __cplusplus
}
#endif
#endif
