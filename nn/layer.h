/* SPDX-License-Identifier: MIT
 *
 * layer.h - what layers share (internal).
 */
#ifndef SP_LAYER_H
#define SP_LAYER_H

#include "autograd/tape.h"

/* Fail the tape, as there is no layer of this kind: why, its collection has told. */
sp_var sp__no_layer(sp_tape *, const char *kind);

/* The same where there is no tape: sp_error() is "carry: there is no layer: ...".  False. */
bool sp__no_layer_for(const char *who, const char *what);

/* y = x W^T + b;  x [n,in], W [out,in], b [out] or NULL */
sp_var sp__affine(sp_var x, sp_param *w, sp_param *b);

/* The whole name of the layer that is made in this collection: its prefix without the dot. */
const char *sp__layer_name(sp_params *inside);

/* Shapes behind one another: [T,B] and [C,H] give [T,B,C,H].  At most 6 axes in all. */
sp_shape sp__shape_behind(sp_shape lead, sp_shape s);

/* A shape behind letters, for sentences: "T,B" and [64] give "[T,B,64]".  Returns text. */
char *sp__shape_named(const char *lead, sp_shape s, char text[SP_SHAPE_TEXT]);

#endif
