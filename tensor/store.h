/* SPDX-License-Identifier: MIT
 *
 * store.h - named tensors, numbers and texts, and their file.
 *
 * A store is what a checkpoint is made of.  Its file is a safetensors file
 * (huggingface/safetensors) that PyTorch's tools read: tensors under their names,
 * texts as metadata, numbers as tensors of shape [].  Ours also carries a checksum
 * in its metadata ("spool.crc64", with "spool.version"), so that a flipped bit is found.
 *
 * Reading is strict: the header is at most 100,000,000 bytes, valid UTF-8 JSON
 * that begins with '{', without duplicate keys; tensors tile the data without
 * hole or overlap, in bounds, each exactly as long as its shape and dtype say; and the
 * file ends with the last.  No byte is allocated on the word of a size that the file
 * does not back.  A file of another dtype than ours: F16 and BF16 become f32; U8,
 * I8, I16, U16 become i32; U32 becomes i64; U64 becomes i64 if its values fit;
 * anything else is refused with its name.
 */
#ifndef SP_STORE_H
#define SP_STORE_H

#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_store sp_store;

/* An empty store, yours.  NULL: no memory. */
SP_API sp_store *sp_store_new(void);
SP_API void      sp_store_free(sp_store *);

/* Put a copy under a name, replacing what had it; a text and a tensor may share
   one.  False: no memory, a NULL argument, or a name or text that is not UTF-8, a name
   that is empty or "__metadata__", or a text named "spool.crc64" or "spool.version".
   A store has a text "format" from the start: "pt", for the tools of PyTorch. */
SP_API bool sp_store_put_tensor(sp_store *, const char *name, const sp_tensor *);
SP_API bool sp_store_put_number(sp_store *, const char *name, double);      /* f64 []; exact */
SP_API bool sp_store_put_integer(sp_store *, const char *name, int64_t);    /* i64 [] */
SP_API bool sp_store_put_text(sp_store *, const char *name, const char *);  /* metadata */

/* What stands under a name.  The store keeps the tensor and the text.  A missing
   name, or one of another kind, fails with a sentence: NULL, or false with
   the out-argument untouched. */
SP_API const sp_tensor *sp_store_tensor(const sp_store *, const char *name);
SP_API bool             sp_store_number(const sp_store *, const char *name, double *);
SP_API bool             sp_store_integer(const sp_store *, const char *name, int64_t *);
SP_API const char      *sp_store_text(const sp_store *, const char *name);
SP_API bool             sp_store_has(const sp_store *, const char *name);   /* tensor or number */

/* The i-th tensor's name, in name order; NULL past the end. */
SP_API const char *sp_store_name(const sp_store *, int64_t i);

/* The file.  Saving replaces it whole or not at all (io.h: sp_file_replace), and
   the same contents give the same bytes.  Loading gives a store, yours. */
SP_API bool      sp_store_save(const sp_store *, const char *path);
SP_API sp_store *sp_store_load(const char *path);

/* The format as a pure function of bytes, for tests and fuzzing. */
SP_API sp_store *sp_store_parse(const void *bytes, int64_t size);

/* Something that can be kept in a store: a collection of parameters, an
   optimizer, a carried state, a tape's counter.  sp_params_saved and its like make one. */
typedef struct sp_saved {
    void *it;
    bool (*put)  (const void *it, sp_store *);
    bool (*check)(const void *it, const sp_store *);   /* whether take would succeed */
    void (*take) (void *it, const sp_store *);         /* after check said yes; cannot fail */
} sp_saved;

/* Put all parts; false at the first that fails. */
SP_API bool sp_store_put(sp_store *, int n, const sp_saved parts[]);

/* Check all parts, then take all: either everything changes or nothing does. */
SP_API bool sp_store_take(const sp_store *, int n, const sp_saved parts[]);

#ifdef __cplusplus
}
#endif
#endif
