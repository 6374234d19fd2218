/* SPDX-License-Identifier: MIT
 *
 * show.h - a recording as text, table, picture or timeline.
 *
 * Nothing is computed for it: of values that are not there, no range is shown.  What the user
 * recorded and what gradients added are both on the tape; show it before sp_grad or
 * sp_backward for the forward part alone.  A tape that has failed can be shown as well.
 */
#ifndef SP_SHOW_H
#define SP_SHOW_H

#include "autograd/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sp_show {
    SP_SHOW_TEXT,       /* a line per node: its op, dtype, shape, operands, scope, name, range */
    SP_SHOW_CSV,        /* a row per node, with a header */
    SP_SHOW_DOT,        /* Graphviz: a node per op, a box per scope; so steps stand side by side,
                           and the parameters that they share outside of them */
    SP_SHOW_TRACE,      /* JSON for chrome://tracing and Perfetto, of a tape made with .trace: when
                           each node was computed (forward, backward, again), the bytes alive */
    SP_N_SHOWS
} sp_show;

/* The text is yours (sp_release).  NULL after a failure; sp_error() says why, the tape has
   not failed. */
SP_API char *sp_tape_show(const sp_tape *, sp_show);

/* The same into a file, which is replaced whole or not at all. */
SP_API bool sp_tape_write(const sp_tape *, sp_show, const char *path);

#ifdef __cplusplus
}
#endif
#endif
