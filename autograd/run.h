/* SPDX-License-Identifier: MIT
 *
 * run.h - one evaluation under way (internal).
 */
#ifndef SP_RUN_H
#define SP_RUN_H

#include "autograd/node.h"

struct sp_evaluation {
    sp_tape    *t;
    bool        drop;
    bool        in_place;            /* the node being run has its first operand's buffer */
    uint32_t   *todo;                /* a stack while marking, then the nodes in order */
    int64_t     n_todo, todo_room, n_needed;
    uint32_t    low, high;           /* the needed nodes lie in [low, high), and
                                        the places of all (order.c) */
    bool        early;               /* some of them are early (node.h) */
    uint32_t    latest;              /* place of the node being ordered; where each place */
    uint32_t   *first, *sorted;      /*   begins, and the nodes in order */
    int64_t     first_room, sorted_room;
    int64_t     bytes;
    sp_operand *x;                   /* of the node being run: operands, the blocks of those */
    void      **packed;              /*   that had to be packed, and for its rules */
    sp_shape   *shape;               /*   their shapes and dtypes */
    sp_dtype   *dtype;
    int64_t     x_room, packed_room, shape_room, dtype_room;
    char        fault[SP_ERROR_TEXT / 2];   /* what the kernel said */
};

/* Whether node `sum` takes its operand x (a product or a placed region) straight from x's
   own operands. */
bool sp__absorbs(const sp_tape *, uint32_t sum, uint32_t x);

typedef bool sp_reader(sp_evaluation *, uint32_t base);
/* Call `read` for every buffer that computing node id reads, until it returns false. */
bool sp__each_read(sp_evaluation *, uint32_t id, sp_reader *read);

/* Whether the evaluation under way computes node id. */
bool sp__is_needed(const sp_tape *, uint32_t id);

/* Bring the needed nodes, in record order, into the order in which they run: where early ones
   stand beside what they read.  False: the tape failed. */
bool sp__order(sp_evaluation *);

/* The bytes that running node id will need beside its result; its operands lie where they
   will, with data or not yet. */
int64_t sp__scratch_bytes(sp_evaluation *, uint32_t id);

/* ---- watch.c ---- */
/* Whether the value that node id has got is no anomaly; else the tape has failed. */
bool sp__sound(sp_evaluation *, uint32_t id);
void sp__note_event(sp_tape *, sp_event);

/* ---- run_node.c ---- */
/* Compute node id into its buffer; its operands are there.  False: the tape failed. */
bool sp__run_node(sp_evaluation *, uint32_t id);

#endif
