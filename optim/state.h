/* SPDX-License-Identifier: MIT
 *
 * state.h - the inside of an optimizer (internal to optim.c and optim_saved.c).
 */
#ifndef SP_STATE_H
#define SP_STATE_H

#include "optim/rule.h"

/* One kind of state of all parameters, each at its offset in the slabs of the collection. */
typedef struct sp_slab {
    char   *data;                    /* NULL: no parameter wants it */
    int64_t n;                       /* elements */
} sp_slab;

typedef struct sp_group {
    char         *pattern;
    sp_group_spec spec;
} sp_group;

struct sp_optim {
    sp_params     *params;
    const sp_rule *rule;
    sp_options     options;          /* before the groups */
    sp_group      *group;
    int64_t        n_groups;
    int64_t       *t;                /* steps that each of the first n parameters has made */
    int64_t        n;
    sp_slab        slab[SP_MAX_SLABS];
    char          *text;             /* room for the longest name in a checkpoint */
    int64_t        text_room;
};

/* The options of the parameter of this name. */
sp_options sp__options_of(const sp_optim *, const char *name);

/* Have counts, wanted slabs and room for names for all parameters, the new part zero; false:
   no memory, and what was there is as it was. */
bool sp__optim_cover(sp_optim *);

/* Where the k-th state of a covered parameter lies; NULL: there is no such slab. */
void *sp__optim_state(const sp_optim *, const sp_param *, int k);

#endif
