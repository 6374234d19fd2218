/* SPDX-License-Identifier: MIT
 *
 * weights - the parameters that all built-in cells have.
 */
#include <math.h>

#include "nn/init.h"
#include "nn/rnn_parts.h"

sp_param *sp__weight_new(sp_params *params, const sp_rnn_part *part, const char *name,
                         sp_shape shape)
{
    const double k = 1 / sqrt((double)part->spec->hidden);
    const char *whole = sp_params_text(params, "%s%s", name, part->suffix);

    return whole ? sp_params_add(params, whole, shape, sp_init_uniform(-k, k)) : NULL;
}

bool sp__weights_new(sp_weights *w, sp_params *params, const sp_rnn_part *part, int gates,
                     int64_t h)
{
    int64_t rows;

    if (!sp_size_mul(gates, part->spec->hidden, &rows))
        return sp_params_fail(params, "%shidden is %lld: %d gate blocks of it are too large",
                              sp_params_prefix(params), (long long)part->spec->hidden, gates);
    w->w_ih = sp__weight_new(params, part, "weight_ih", SP_SHAPE(rows, part->input));
    w->w_hh = sp__weight_new(params, part, "weight_hh", SP_SHAPE(rows, h));
    if (!part->spec->no_bias) {
        w->b_ih = sp__weight_new(params, part, "bias_ih", SP_SHAPE(rows));
        w->b_hh = sp__weight_new(params, part, "bias_hh", SP_SHAPE(rows));
    }
    return !sp_params_error(params);
}
