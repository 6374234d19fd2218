/* SPDX-License-Identifier: MIT
 *
 * layer - what layers share.
 */
#include "nn/layer.h"

#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"

bool sp__no_layer_for(const char *who, const char *what)
{
    const char *why = sp_params_last_error();

    return sp_fail("%s: there is no %s%s%s", who, what, *why ? ": " : "", why);
}

sp_var sp__no_layer(sp_tape *tape, const char *kind)
{
    sp__no_layer_for(kind, "layer");
    return sp_tape_fail(tape, "%s", sp_error());
}

sp_var sp__affine(sp_var x, sp_param *w, sp_param *b)
{
    sp_var y = sp_matmul_t(x, false, sp_use(x.tape, w), true);

    return b ? sp_add(y, sp_use(x.tape, b)) : y;
}

const char *sp__layer_name(sp_params *inside)
{
    const char *prefix = sp_params_prefix(inside);
    const size_t length = strlen(prefix);

    return sp_params_text(inside, "%.*s", length ? (int)length - 1 : 0, prefix);
}

sp_shape sp__shape_behind(sp_shape lead, sp_shape s)
{
    SP_ASSERT(lead.rank + s.rank <= SP_MAX_RANK);
    for (int64_t k = 0; k < s.rank; k++) lead.dim[lead.rank + k] = s.dim[k];
    lead.rank += s.rank;
    return lead;
}

char *sp__shape_named(const char *lead, sp_shape s, char text[SP_SHAPE_TEXT])
{
    char sizes[SP_SHAPE_TEXT];

    sp_shape_text(s, sizes);
    snprintf(text, SP_SHAPE_TEXT, "[%.20s%s%.130s", lead, s.rank ? "," : "", sizes + 1);
    return text;
}
