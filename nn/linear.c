/* SPDX-License-Identifier: MIT
 *
 * linear - an affine map of the last axis.
 */
#include "nn/linear.h"

#include <math.h>

#include "autograd/ops.h"
#include "nn/layer.h"

sp_linear *sp_linear_new(sp_params *params, const char *name, int64_t in, int64_t out)
{
    return sp_linear_new_with(params, name, in, out, (sp_linear_spec){ 0 });
}

sp_linear *sp_linear_new_with(sp_params *params, const char *name, int64_t in, int64_t out,
                              sp_linear_spec spec)
{
    const double bound = in > 0 ? 1 / sqrt((double)in) : 0;
    const sp_init usual = sp_init_uniform(-bound, bound);
    sp_params *inside = sp_params_in(params, name);
    sp_linear *l = sp_params_alloc(inside, sizeof *l);

    if (!l) return NULL;
    l->in = in;
    l->out = out;
    l->weight = sp_params_add(inside, "weight", SP_SHAPE(out, in),
                              spec.weight.fill ? spec.weight : usual);
    if (!spec.no_bias)
        l->bias = sp_params_add(inside, "bias", SP_SHAPE(out), spec.bias.fill ? spec.bias : usual);
    if (sp_params_error(inside)) return NULL;
    l->name = sp__layer_name(inside);
    return l->name ? l : NULL;
}

/* All leading axes become one: one product, however many there are. */
static sp_var flat(const sp_linear *l, sp_var x)
{
    sp_shape s = sp_var_shape(x);
    int64_t rows = 1;

    for (int k = 0; k < s.rank - 1; k++) rows *= s.dim[k];
    x = sp__affine(sp_reshape(x, SP_SHAPE(rows, l->in)), l->weight, l->bias);
    s.dim[s.rank - 1] = l->out;
    return sp_reshape(x, s);
}

static sp_var run(const sp_linear *l, sp_var x)
{
    char text[SP_SHAPE_TEXT];

    if (!sp_is_nothing(x) && (sp_var_shape(x).rank == 0 || sp_var_dim(x, -1) != l->in))
        return sp_tape_fail(x.tape, "linear: x is %s, its last size should be %lld",
                            sp_shape_text(sp_var_shape(x), text), (long long)l->in);
    if (sp_is_nothing(x) || sp_var_shape(x).rank == 2) return sp__affine(x, l->weight, l->bias);
    return flat(l, x);
}

sp_var sp_linear_run(const sp_linear *l, sp_var x)
{
    if (!l) return sp__no_layer(x.tape, "linear");
    sp_scope_enter(x.tape, l->name, -1);
    sp_var y = run(l, x);
    sp_scope_leave(x.tape);
    return y;
}
