/* SPDX-License-Identifier: MIT
 *
 * names.h - values and gradients found by name.
 *
 * A name is a role in the scope in which it was given.  Its path is the scopes from the outermost
 * in, each with its number if it has one, and the role, joined by '/':
 *
 *     encoder.lstm/layer 0/step 3/h
 *     encoder.lstm/layer 0/reverse/step 3/i          its input gate
 *     encoder.lstm/layer 0/start/h                  the state before the first step
 *
 * Layers that unroll name the states after every step ("h", "c"; sp_cell.state_name of a cell of
 * your own), the built-in cells their gates and candidates: LSTM "i" "f" "g" "o", GRU "r" "z" "n".
 * In a row whose step does not count (lengths, masks) a state is the one held, its gradient 0.
 *
 * A path may be shortened from the left, at a '/' and not at a dot ("step 3/h"), as long as only
 * one path ends so.  Where the same path was named several times (a layer that ran twice), it means
 * the last; "#1" behind it means the first, "#2" the second.
 */
#ifndef SP_NAMES_H
#define SP_NAMES_H

#include "autograd/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Name v in the scope that is open now.  Returns v.  A value may have several names. */
SP_API sp_var sp_named(sp_var v, const char *role);

/* The value of this name.  Not found: nothing, and sp_error() says so with the nearest names; the
   tape has not failed.  A value that was dropped is computed again when it is read, which
   after an optimizer step is too late: read it before, or sp_keep it before sp_backward. */
SP_API sp_var sp_find(sp_tape *, const char *path);

/* The gradient by it, of the last sp_grad, sp_vjp or sp_backward that passed through it.  Like any
   gradient it is an ordinary var; sp_tape_spec.keep keeps its value. */
SP_API sp_var sp_find_grad(sp_tape *, const char *path);

/* All names since reset, in the order in which they were given: number 0 to sp_names - 1.  The path
   goes to text like snprintf's; returns its whole length. */
SP_API int64_t sp_names(const sp_tape *);
SP_API int64_t sp_name_path(const sp_tape *, int64_t number, char *text, int64_t size);
SP_API sp_var  sp_name_var (sp_tape *, int64_t number);
SP_API sp_var  sp_name_grad(sp_tape *, int64_t number);    /* nothing if there is none */

#ifdef __cplusplus
}
#endif
#endif
