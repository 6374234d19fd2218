/* SPDX-License-Identifier: MIT
 *
 * params.h - named, trainable tensors and the collection that owns them.
 *
 * A collection owns parameters and the layers built on them, names, saves and loads
 * them, and fixes their dtype.  Values lie in one slab, gradients in another, at
 * equal offsets (64-byte aligned, padding zero).
 *
 * The first failure of a collection sticks (sp_params_error): what is built after it is NULL.
 */
#ifndef SP_PARAMS_H
#define SP_PARAMS_H

#include "tensor/random.h"
#include "tensor/store.h"
#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_params sp_params;

/* Read the fields freely; only the functions below write them. */
typedef struct sp_param {
    const char *name;            /* whole, dotted: "encoder.rnn.weight_ih_l0" */
    sp_tensor   value, grad;     /* lie in the slabs: their data move when the collection grows */
    bool        has_grad;        /* grad counts: not used up, not dropped */
    bool        trainable;
    uint64_t    version;         /* grows with every change of the value */
    int64_t     offset;          /* in the slabs, in elements */
    int64_t     index;           /* in the collection */
    sp_params  *params;          /* the root collection */
} sp_param;

/* How a parameter begins: fill(x, random, a, b).  A zeroed sp_init is zeros.
   nn/init.h has the recipes.  `random` is keyed by seed and name, so the order of layers
   does not matter. */
typedef struct sp_init {
    bool (*fill)(sp_tensor *x, sp_random, double a, double b);
    double a, b;
} sp_init;

/* An empty collection of f32 parameters, yours.  NULL: no memory. */
SP_API sp_params  *sp_params_new(uint64_t seed);

/* Frees its parameters and layers.  NULL is allowed; so is what sp_params_in gave: nothing
   happens. */
SP_API void        sp_params_free(sp_params *);

/* The same collection, under a prefix: names built through it begin with "encoder.".
   Owned by the collection.  After a failure it is `params` as it was passed, which refuses
   whatever is built on it. */
SP_API sp_params  *sp_params_in(sp_params *, const char *name);

/* The prefix with its last dot, "encoder."; "" without one. */
SP_API const char *sp_params_prefix(const sp_params *);

/* Fix the dtype (SP_F32, SP_F64) before the first parameter; afterwards it is an error. */
SP_API bool        sp_params_dtype(sp_params *, sp_dtype);
SP_API sp_dtype    sp_params_dtype_of(const sp_params *);

/* The first failure, as a sentence; NULL: none.  A NULL collection is out of memory. */
SP_API const char *sp_params_error(const sp_params *);

/* The sentence of the collection that failed last on this thread, whatever else has failed
   since; "" if none has.  What a layer says that finds itself to be NULL. */
SP_API const char *sp_params_last_error(void);

/* Make it fail, for layers of your own; returns NULL.  The first failure stays. */
SP_API void       *sp_params_fail(sp_params *, const char *format, ...) SP_PRINTF(2, 3);

/* Zeroed memory that lives as long as the collection: for layers and cells. */
SP_API void       *sp_params_alloc(sp_params *, int64_t bytes);

/* A copy of a text that lives as long as the collection; printf-like. */
SP_API const char *sp_params_text(sp_params *, const char *format, ...) SP_PRINTF(2, 3);

/* A new parameter.  NULL after a failure: an empty name, one that is taken, a bad shape, no
   memory. */
SP_API sp_param   *sp_params_add(sp_params *, const char *name, sp_shape, sp_init);

/* Count, and the i-th in order of making; NULL past the end.  Over the whole collection,
   whichever prefix is passed. */
SP_API int64_t     sp_params_count(const sp_params *);
SP_API sp_param   *sp_params_at(const sp_params *, int64_t i);
SP_API sp_param   *sp_params_find(const sp_params *, const char *name);  /* whole name, or NULL */
SP_API int64_t     sp_params_size(const sp_params *);                    /* numbers in all */

/* Names match a pattern of letters, '*' (anything) and '?' (one character).
   Trainable or frozen: returns how many match.  A frozen parameter gets no gradient. */
SP_API int64_t     sp_params_train (sp_params *, const char *pattern);
SP_API int64_t     sp_params_freeze(sp_params *, const char *pattern);
SP_API bool        sp_params_match (const char *name, const char *pattern);

/* Gradients count as absent again: the next sp_backward stores instead of adding. */
SP_API void        sp_params_drop_grads(sp_params *);

/* Change a value from outside: copies, checks dtype and shape, raises the version. */
SP_API bool        sp_param_set(sp_param *, const sp_tensor *);

/* Say that the value was written through its data pointer (an update rule of your own). */
SP_API void        sp_param_changed(sp_param *);

/* Weights as a safetensors file that PyTorch reads.  Loading is strict: missing, unexpected or
   misshapen names are an error that lists them, and then nothing changes.  f32 and f64 convert
   to the collection's dtype. */
SP_API bool        sp_params_save(const sp_params *, const char *path);
SP_API bool        sp_params_load(sp_params *, const char *path);

/* The collection as a part of a checkpoint; other names in the store are ignored. */
SP_API sp_saved    sp_params_saved(sp_params *);

#ifdef __cplusplus
}
#endif
#endif
