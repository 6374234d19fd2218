/* SPDX-License-Identifier: MIT
 *
 * parts.h - what the forms of showing a tape share (internal).
 */
#ifndef SP_SHOW_PARTS_H
#define SP_SHOW_PARTS_H

#include "autograd/node.h"
#include "autograd/show/range.h"

typedef struct sp_page {
    const sp_tape  *t;
    sp_text        *to;
    const uint32_t *name;            /* of each node: 1 + the number of its last name; 0: none */
    sp_text         path;            /* room for one */
} sp_page;

void sp__show_text (sp_page *);
void sp__show_csv  (sp_page *);
void sp__show_dot  (sp_page *);
void sp__show_trace(sp_page *);

/* Of node id: the path of its scope, until the next call; its name, that of its parameter, or "";
   its numbers, if they are there (n is 0 otherwise, too). */
const char *sp__page_scope(sp_page *, uint32_t id);
const char *sp__page_name (const sp_page *, uint32_t id);
sp_range    sp__page_range(const sp_page *, uint32_t id);

/* The op of whose gradient node id is a part; NULL: it is none. */
const char *sp__page_gradient_of(const sp_page *, uint32_t id);

#endif
