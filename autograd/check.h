/* SPDX-License-Identifier: MIT
 *
 * check.h - try an op on everything its record promises.
 */
#ifndef SP_CHECK_H
#define SP_CHECK_H

#include "autograd/op.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_report {
    int  checks, failures;
    char first[1024];              /* the first failure, as a sentence; "" if none */
    void (*tell)(const char *sentence, void *data);   /* set it to hear of every failure */
    void *data;
} sp_report;

/* Run the whole battery on an op, built in or your own; true if nothing failed.
 *
 * For each sample of its record, and for variants of it (operands permuted, sliced with a
 * step, broadcast, misaligned, empty): values of every kernel, on every usable instruction
 * set, against the reference; equal bits when run twice; first derivatives against 4-point
 * differences in f64 (relative error at most 1e-6); second derivatives likewise, or the
 * sentence that there are none (.first_only); the jvp against differences and, by
 * <J v, u> = <v, J' u> to 1e-10, against the vjp; for a macro, values and gradients against
 * its expansion; samples that must be refused are, with their sentence, and leave the tape
 * without new nodes.  An op without samples or reference fails.
 *
 * Fill *report with zeros first, or set `tell`; NULL is allowed.  Takes well under a second
 * for small samples. */
SP_API bool sp_check_op(const sp_op *, sp_report *report);

/* One directional check of a scalar function of n f64 vars, for layers and cells: the
   gradient and, with `second`, the gradient of its gradient, against 4-point differences,
   element by element for x[i] up to 200 elements, by one random direction beyond.
   f builds the function on the tape; relative error at most `tolerance`.  False fills
   `report->first`. */
typedef sp_var sp_function(sp_tape *, int n, const sp_var x[], void *data);
SP_API bool sp_check_function(sp_function *f, void *data, int n, sp_tensor *const x[],
                              bool second, double tolerance, sp_report *report);

#ifdef __cplusplus
}
#endif
#endif
