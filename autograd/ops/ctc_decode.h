/* SPDX-License-Identifier: MIT
 *
 * ctc_decode.h - what greedy decoding and the beam search share (internal).
 */
#ifndef SP_CTC_DECODE_H
#define SP_CTC_DECODE_H

#include "autograd/ops_ctc.h"

/* A decoding under way. */
typedef struct sp_decoding {
    const char      *who;            /* "ctc_beam" */
    const sp_tensor *log_probs, *lengths;
    int64_t          T, B, C, blank;
    double          *row;            /* [C]: log_probs of one step */
    sp_ctc_decoded  *result;         /* labels [B,N,T] until the end */
} sp_decoding;

/* False, with a sentence, if the operands do not fit. */
bool sp__decoding_begin(sp_decoding *, int64_t top);

/* Release what is not the result; NULL if not ok. */
sp_ctc_decoded *sp__decoding_end(sp_decoding *, bool ok);

/* Length of sequence b, or -1 with a sentence. */
int64_t sp__decoding_steps(const sp_decoding *, int64_t b);

/* Read step t of sequence b; false with a sentence if a class is NaN or +inf. */
bool sp__decoding_read(const sp_decoding *, int64_t t, int64_t b);

#endif
