/* SPDX-License-Identifier: MIT
 *
 * embed.h - a table of vectors, read by index.
 */
#ifndef SP_EMBED_H
#define SP_EMBED_H

#include "autograd/tape.h"
#include "nn/init.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Owned by its collection.  Read the fields freely. */
typedef struct sp_embed {
    const char *name;
    int64_t     rows, dim;
    int64_t     padding;         /* the row that is never trained; -1: none */
    sp_param   *weight;          /* name.weight [rows,dim] */
} sp_embed;

typedef struct sp_embed_spec {
    int64_t padding_idx;         /* a row that begins as zeros and gets no gradient through lookups;
                                    usual none; SP_ZERO: row 0 */
    sp_init weight;              /* usual N(0,1) */
} sp_embed_spec;

/* NULL: the collection has failed, for a reason that sp_params_error tells. */
SP_API sp_embed *sp_embed_new     (sp_params *, const char *name, int64_t rows, int64_t dim);
SP_API sp_embed *sp_embed_new_with(sp_params *, const char *name, int64_t rows, int64_t dim,
                                   sp_embed_spec);

/* y[i..., :] = weight[index[i...], :];  index [...] of i32 or i64, y [...,dim].  An index
   out of range is an error when it is evaluated. */
SP_API sp_var sp_embed_run(const sp_embed *, sp_var index);

#ifdef __cplusplus
}
#endif
#endif
