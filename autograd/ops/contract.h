/* SPDX-License-Identifier: MIT
 *
 * contract.h - sums of products over named axes, by matmul (internal).
 */
#ifndef SP_CONTRACT_H
#define SP_CONTRACT_H

#include "autograd/ops.h"

/* A var whose axes have names, numbers below 64, each at most once. */
typedef struct sp_term {
    sp_var v;
    int    n;                          /* the rank of v */
    int    name[SP_MAX_RANK];
} sp_term;

/* Sets of names. */
#define SP_NAMED(i) ((uint64_t)1 << (i))
uint64_t sp__names(const sp_term *);

/* x summed over the axes that are not in `kept`. */
sp_term sp__term_sum(sp_term x, uint64_t kept);

/* a b, summed over what is not in `kept`.  Axes of one name have one size, or one of them has size
   1 and is repeated; no more than SP_MAX_RANK names of both are kept. */
sp_term sp__term_product(sp_term a, sp_term b, uint64_t kept);

/* x with its axes in this order. */
sp_var sp__term_as(sp_term x, const int name[]);

/* Whether all can be read; otherwise the tape has failed, or one of them is nothing.  *t: their
   tape. */
bool sp__all_readable(int n, const sp_var x[], const char *who, sp_tape **t);

#endif
