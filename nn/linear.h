/* SPDX-License-Identifier: MIT
 *
 * linear.h - an affine map of the last axis.
 */
#ifndef SP_LINEAR_H
#define SP_LINEAR_H

#include "autograd/tape.h"
#include "nn/init.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Owned by its collection.  Read the fields freely. */
typedef struct sp_linear {
    const char *name;
    int64_t     in, out;
    sp_param   *weight;          /* name.weight [out,in] */
    sp_param   *bias;            /* name.bias [out]; NULL without */
} sp_linear;

typedef struct sp_linear_spec {
    bool    no_bias;
    sp_init weight, bias;        /* usual U(-1/sqrt(in), 1/sqrt(in)) for both */
} sp_linear_spec;

/* NULL: the collection has failed, for a reason that sp_params_error tells. */
SP_API sp_linear *sp_linear_new     (sp_params *, const char *name, int64_t in, int64_t out);
SP_API sp_linear *sp_linear_new_with(sp_params *, const char *name, int64_t in, int64_t out,
                                     sp_linear_spec);

/* y = x W^T + b;  x [...,in] of one axis or more, y [...,out]. */
SP_API sp_var sp_linear_run(const sp_linear *, sp_var x);

#ifdef __cplusplus
}
#endif
#endif
