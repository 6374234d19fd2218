/* SPDX-License-Identifier: MIT
 *
 * node.h - the inside of a tape (internal).
 *
 * A node is 32 bytes and lies in an array; everything refers to it by index, so there is no
 * allocation per op and no recursion on depth.  What the structure of a recording is
 * stands in the node; what changes from step to step stands beside it.
 */
#ifndef SP_NODE_H
#define SP_NODE_H

#include "autograd/called.h"
#include "autograd/arena.h"
#include "autograd/intern.h"
#include "autograd/op.h"
#include "autograd/pool.h"
#include "autograd/tape.h"
#include "tensor/text.h"

enum { SP_INLINE_IN = 3, SP_N_ARY = 255, SP_ERROR_TEXT = 1024, SP_SCOPE_DEPTH = 64,
       SP_NUMBERS = 64 };
#define SP_NOTHING UINT32_MAX

typedef struct sp_node {
    uint16_t op;                     /* index in tape->ops */
    uint8_t  dtype, n_in;            /* SP_N_ARY: in[1] operands from in[0] in tape->operands */
    uint32_t in[SP_INLINE_IN];
    uint32_t shape, attr;            /* interned */
    uint32_t slot;                   /* where its scalars begin; of a leaf: its index */
    uint32_t early;                  /* 1: run as soon as its operands are there (sp_jvp) */
} sp_node;
_Static_assert(sizeof(sp_node) == 32, "two nodes fill a cache line");

/* What one node has beside its structure. */
typedef struct sp_beside {
    uint32_t   base, layout;         /* whose buffer is read, and how; its own, unless a view */
    uint32_t   scope;
    uint32_t   mark, uses, left;     /* of the evaluation under way; left: also its place in the
                                        order, while that is found */
    bool       owned;                /* data are the pool's */
    bool       kept;                 /* not to be dropped before reset */
    bool       computed;             /* was so before, even if dropped since */
    uint32_t   origin;               /* of a node recorded again: the one it repeats; 0: none */
    void      *data;                 /* NULL: not computed (yet, or any more) */
    sp_tensor *tensor;               /* what sp_value gave out */
} sp_beside;

/* A range of nodes that the sweep records again. */
typedef struct sp_region { uint32_t first, last; } sp_region;

/* A function that the gradient of node id is handed to. */
typedef struct sp_hooked { uint32_t id; sp_gradient_hook *f; void *data; } sp_hooked;

typedef struct sp_leaf {
    sp_param *param;                 /* NULL: data */
    uint64_t  version;               /* of the parameter, when it was recorded */
    uint64_t  hash;                  /* of borrowed data, in SP_DEBUG builds */
    uint32_t  hashed;                /* stamp of the evaluation that looked at them last */
    uint32_t  node;
    bool      borrowed;
} sp_leaf;

typedef struct sp_evaluation sp_evaluation;
void sp__evaluation_free(sp_evaluation *);

/* A place in the tree of scopes; survives reset. */
typedef struct sp_scope {
    uint32_t parent;
    uint32_t epoch, draws;           /* draws since the reset that made this epoch */
    uint64_t path;                   /* hash of the names and numbers from the root */
    int64_t  index;
    const char *name;
} sp_scope;

/* A named value (names.h).  The gradient is that of `made`: the node itself, but for states of
   which some rows are held (lengths); `grad` is what the last sweep noted, or SP_NOTHING. */
typedef struct sp_name {
    uint32_t    node, made, scope, grad;
    uint32_t    at;                  /* how many nodes there were when it was given */
    uint32_t    valid;               /* which samples count, step by step; SP_NOTHING: all */
    int32_t     state;               /* k: state k of a cell after a step; -1: none */
    const char *role;                /* interned */
} sp_name;

/* Nodes from `first` on were recorded by a sweep, of node `of` - 1's gradient; 0: by the user. */
typedef struct sp_stretch { uint32_t first, of; } sp_stretch;

/* What the rule of node `from` gave to a parameter's leaf. */
typedef struct sp_part { uint32_t leaf, from, g; } sp_part;

/* A node was computed. */
typedef struct sp_event {
    int64_t  began, took, live;      /* nanoseconds; bytes alive when it was done */
    uint32_t node;
    bool     again;
} sp_event;

struct sp_tape {
    sp_tape_spec spec;
    sp_isa       isa;
    bool         training;
    bool         early;              /* what is recorded now is early, and waits in eager mode;
                                        sweeps record no region again */
    uint64_t     step;
    uint32_t     epoch;

    const char *called;              /* a function made of ops is recording them; see SP_CALLED */
    int         calls;
    bool        failed, telling;     /* telling: on_error is being called */
    char        error[SP_ERROR_TEXT];

    sp_node   *node;                 /* n_nodes of them */
    sp_beside *beside;
    int64_t    n_nodes, node_room, beside_room;
    uint32_t  *operands;             /* of n-ary nodes */
    int64_t    n_operands, operand_room;
    double    *scalars;
    int64_t    n_scalars, scalar_room;
    sp_leaf   *leaves;
    int64_t    n_leaves, leaf_room;
    uint32_t  *pinned;               /* by sp_keep, not yet computed */
    int64_t    n_pinned, pinned_room;

    sp_stretch *stretches;
    int64_t     n_stretches, stretch_room;
    bool        probing;             /* between sp__probe_begin and its end (show/steps.h) */
    bool        hookless;            /* sweeps call no hooks */
    sp_part    *parts;               /* what came to parameters while probing */
    int64_t     n_parts, part_room;
    uint32_t    sweeping;            /* 1 + the node whose gradient is being recorded */
    sp_event   *events;              /* if the spec asks for them */
    int64_t     n_events, event_room;
    sp_name   *names;
    int64_t    n_names, name_room;

    const sp_op **ops;
    int64_t       n_ops, op_room;
    sp_interner   shapes, layouts, attrs, scope_keys, roles;
    sp_scope     *scopes;
    int64_t       n_scopes, scope_room;
    uint32_t      scope;             /* where we are; 0 is the root */
    int           overflow;          /* scopes entered after memory ran out */

    uint32_t      number[SP_NUMBERS];   /* sp__shared_number: by hash, if they are still that */

    uint32_t     *used;              /* leaf node of each parameter: open addressing by pointer */
    int64_t       n_used, used_room;

    sp_region    *regions;           /* in the order in which they were left */
    int64_t       n_regions, region_room;
    uint32_t     *entered;           /* where regions that are not left yet begin */
    int64_t       n_entered, entered_room;

    sp_hooked    *hooks;             /* by node, then in order of attachment */
    int64_t       n_hooks, hook_room;

    sp_evaluation *evaluation;       /* run.h; made by the first */
    sp_pool       pool;              /* values */
    sp_arena      arena;             /* whatever lives until reset */
    uint32_t      stamp;             /* of the last evaluation */
    sp_tape_stats stats;
};

/* ---- tape.c ---- */
/* Note a failure (with the scope) and return nothing; the first one stays. */
sp_var sp__fail(sp_tape *, const char *format, ...) SP_PRINTF(2, 3);
sp_var sp__fail_scoped(sp_tape *, uint32_t scope, const char *sentence);
/* Grow *array, of room *room, to hold `need` elements; false: no memory, tape failed. */
bool   sp__grow(sp_tape *, void *array, int64_t *room, int64_t need, int64_t size);
/* Memory until reset.  NULL: tape failed. */
void  *sp__tape_alloc(sp_tape *, int64_t bytes);
/* Give what holds the value of a node back to the pool; the node still points there. */
void   sp__forget_value(sp_tape *, uint32_t id);

/* ---- leaf.c ---- */
/* Whether the dtype can hold the number (sp_const); otherwise the tape has failed. */
bool   sp__holds(sp_tape *, sp_dtype, double);
/* sp_const, but equal ones may be one leaf: for what nobody can ask a gradient by. */
sp_var sp__shared_number(sp_tape *, sp_dtype, double);

/* ---- region.c ---- */
/* Record the nodes of [first, last) again, in their order, where stand[id] (0: id itself) has the
   value of node id; stand takes the copies.  False: the tape failed. */
bool sp__record_again(sp_tape *, uint32_t first, uint32_t last, uint32_t stand[]);

/* ---- record.c ---- */
/* Append a node as it stands; the shape and layout must be interned. */
sp_var sp__append(sp_tape *, const sp_op *, sp_node, sp_beside);
/* "matmul: [2,3] x [4,5]" */
char  *sp__call_text(const sp_call *, char *text, int64_t size);

/* ---- run.c ---- */
/* Compute these nodes and what they need.  drop: values that nobody needs any more go. */
bool sp__run(sp_tape *, int n, const sp_var v[], bool drop);

/* ---- steps.c ---- */
void sp__note_part(sp_tape *, sp_part);

/* ---- watch.c ---- */
/* From now on, nodes are recorded for the gradient of node of - 1; 0: for themselves. */
void     sp__sweep_at(sp_tape *, uint32_t of);
/* The node of whose gradient id is a part; SP_NOTHING: it is none. */
uint32_t sp__gradient_of(const sp_tape *, uint32_t id);

/* ---- run_node.c ---- */
/* The kernel that runs an op on operands of these dtypes; NULL: none. */
sp_kernel *sp__kernel(const sp_tape *, const sp_op *, const sp_dtype x[], sp_dtype y);

/* How node id is read; data are NULL where its value has not been computed. */
void sp__operand(const sp_tape *, uint32_t id, sp_operand *);

/* Whether a leaf, read by node `reader`, is still what was recorded; otherwise the tape fails. */
bool sp__unchanged(sp_tape *, uint32_t leaf, uint32_t reader);

/* ---- each.c ---- */
/* Run an elementwise kernel over operands of any strides; x are already broadcast to y's shape. */
bool sp__each(const sp_args *, sp_kernel *);

/* ---- names.c ---- */
/* "lstm/layer 0/step 3/h"; role may be NULL. */
void   sp__put_path(sp_text *, const sp_tape *, uint32_t scope, const char *role);

/* Whether the first n bytes of `path` are that path, or the end of it from a part's begin on. */
typedef enum sp_fit { SP_FITS_NOT, SP_FITS_END, SP_FITS } sp_fit;
sp_fit sp__path_fit(const sp_tape *, uint32_t scope, const char *role, const char *path, int64_t n);

/* ---- accessors ---- */
static inline sp_node *sp__node(const sp_tape *t, uint32_t id) { return &t->node[id]; }
static inline const sp_op *sp__op(const sp_tape *t, uint32_t id) { return t->ops[t->node[id].op]; }
static inline sp_shape sp__shape(const sp_tape *t, uint32_t id)
{
    return *(const sp_shape *)sp__interned(&t->shapes, t->node[id].shape);
}
static inline sp_layout sp__layout(const sp_tape *t, uint32_t id)
{
    return *(const sp_layout *)sp__interned(&t->layouts, t->beside[id].layout);
}
static inline const void *sp__attr(const sp_tape *t, uint32_t id)
{
    return sp__interned(&t->attrs, t->node[id].attr);
}
static inline int sp__inputs(const sp_tape *t, uint32_t id, const uint32_t **in)
{
    const sp_node *node = &t->node[id];
    bool n_ary = node->n_in == SP_N_ARY;
    *in = n_ary ? &t->operands[node->in[0]] : node->in;
    return n_ary ? (int)node->in[1] : node->n_in;
}
static inline int64_t sp__bytes(const sp_tape *t, uint32_t id)
{
    return sp_shape_size(sp__shape(t, id)) * sp_dtype_size((sp_dtype)t->node[id].dtype);
}

#endif
