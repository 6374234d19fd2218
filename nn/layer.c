/* SPDX-License-Identifier: MIT
 *
 * layer - what layers share.
 */
#include "nn/layer.h"

#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"

sp_var sp__no_layer(sp_tape *tape, const char *kind)
{
    return sp_tape_fail(tape, "%s: there is no layer: %s", kind, sp_error());
}

sp_var sp__affine(sp_var x, sp_param *w, sp_param *b)
{
    sp_var y = sp_matmul_t(x, false, sp_use(x.tape, w), true);

    return b ? sp_add(y, sp_use(x.tape, b)) : y;
}

const char *sp__layer_name(sp_params *params, const sp_param *p)
{
    const char *dot = strrchr(p->name, '.');

    return sp_params_text(params, "%.*s", (int)(dot ? dot - p->name : 0), p->name);
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
