/* SPDX-License-Identifier: MIT
 *
 * safetensors.h - what a store is made of, and its way to bytes and back
 * (internal to store.c and the safetensors*.c).
 */
#ifndef SP_SAFETENSORS_H
#define SP_SAFETENSORS_H

#include "tensor/store.h"

/* Either a tensor or a text under a name; all of it belongs to the list. */
typedef struct sp_named {
    char      *name;
    sp_tensor *tensor;
    char      *text;
} sp_named;

/* Rows in increasing bytewise order of their names, each name once. */
typedef struct sp_names {
    sp_named *row;
    int64_t   n, room;
} sp_names;

/* A text and a tensor may share a name, as they may in the file.  There is always
   a text "format": tools of PyTorch look for it. */
struct sp_store {
    sp_names tensors, texts;
};

enum { SP_HEADER_MOST = 100000000 };       /* bytes of JSON, writing and reading */

#define SP_STORE_VERSION "1"               /* what "spool.version" says */

/* The index of a name, or of the row before which it belongs, as -1 - index. */
int64_t sp__names_find(const sp_names *, const char *name);

/* Put a row at an index; the rows behind move up.  On success the row is the list's. */
bool sp__names_insert(sp_names *, int64_t at, sp_named row);

/* Empty, UTF-8 and "__metadata__" looked into; false leaves a sentence. */
bool sp__name_check(const char *name);

/* Put `where` and a colon before this thread's sentence; returns false. */
bool sp__fail_in(const char *where);

/* A name made fit for a sentence: quoted, cut where long, no control characters. */
enum { SP_NAME_TEXT = 80 };
char *sp__name_shown(const char *name, char text[SP_NAME_TEXT]);

/* A file's bytes as a new store.  NULL leaves a sentence. */
sp_store *sp__safetensors_read(const char *bytes, int64_t size);

/* Replace the file at `path` by the store. */
bool sp__safetensors_write(const sp_store *, const char *path);

/* The checksum that stands in the file; defined in safetensors_write.c.  Writes 16
   lower-case hexadecimal digits and a 0. */
enum { SP_CHECKSUM_TEXT = 17 };
void sp__store_checksum(const sp_store *, char text[SP_CHECKSUM_TEXT]);

/* An element type of the file: what it becomes, whether it is ours unchanged, and how
   n elements are turned (a false leaves a sentence). */
typedef struct sp_wire {
    const char *name;
    int64_t     size;
    sp_dtype    dtype;
    bool        ours;
    bool      (*convert)(const char *from, int64_t n, void *to);
} sp_wire;

/* In the order in which the tensors of a file stand: that of the original writer,
   which keeps every tensor aligned to its element size. */
enum { SP_N_WIRES = 13 };
extern const sp_wire sp__wires[SP_N_WIRES];

/* What the file calls one of our dtypes. */
const char *sp__wire_name(sp_dtype);

#endif
