/* SPDX-License-Identifier: MIT
 *
 * embed - a table of vectors, read by index.
 */
#include "nn/embed.h"

#include "autograd/ops.h"
#include "nn/layer.h"

sp_embed *sp_embed_new(sp_params *params, const char *name, int64_t rows, int64_t dim)
{
    return sp_embed_new_with(params, name, rows, dim, (sp_embed_spec){ 0 });
}

static void clear_row(sp_param *p, int64_t row, int64_t dim)
{
    for (int64_t j = 0; j < dim; j++) sp_tensor_set(&p->value, row * dim + j, 0);
    sp_param_changed(p);
}

sp_embed *sp_embed_new_with(sp_params *params, const char *name, int64_t rows, int64_t dim,
                            sp_embed_spec spec)
{
    sp_params *inside = sp_params_in(params, name);
    sp_embed *e = sp_params_alloc(inside, sizeof *e);

    if (!e) return NULL;
    e->rows = rows;
    e->dim = dim;
    e->padding = spec.padding_idx == 0 ? -1 : spec.padding_idx == SP_ZERO ? 0 : spec.padding_idx;
    if (rows < 0)
        return sp_params_fail(inside, "embed %s: rows is %lld, should be 0 or more", name,
                              (long long)rows);
    if (e->padding < -1 || e->padding >= rows)
        return sp_params_fail(inside, "embed %s: padding_idx %lld is no row of %lld", name,
                              (long long)e->padding, (long long)rows);
    e->weight = sp_params_add(inside, "weight", SP_SHAPE(rows, dim),
                              spec.weight.fill ? spec.weight : sp_init_normal(0, 1));
    if (!e->weight) return NULL;
    if (e->padding >= 0) clear_row(e->weight, e->padding, dim);
    e->name = sp__layer_name(inside);
    return e->name ? e : NULL;
}

/* The padding row is looked up like any other, but lets no gradient through. */
static sp_var run(const sp_embed *e, sp_var index)
{
    sp_var y = sp_gather(sp_use(index.tape, e->weight), index);

    if (e->padding < 0 || sp_is_nothing(y)) return y;
    sp_var is_padding = sp_equal(index, sp_number(index, (double)e->padding));
    return sp_where(sp_unsqueeze(is_padding, -1), sp_detach(y), y);
}

sp_var sp_embed_run(const sp_embed *e, sp_var index)
{
    if (!e) return sp__no_layer(index.tape, "embed");
    sp_scope_enter(index.tape, e->name, -1);
    sp_var y = run(e, index);
    sp_scope_leave(index.tape);
    return y;
}
