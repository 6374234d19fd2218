/* SPDX-License-Identifier: MIT
 *
 * Linear, embedding, initializers, the masked mean.
 */
#include "tests/nn_case.h"

/* ---- linear ---- */

START_TEST(linear_is_a_product_and_a_bias)
{
    nn_case c = nn_begin();
    sp_linear *l = sp_linear_new(c.params, "head", 3, 2);
    const double x[] = { 1, -2, 3 };
    sp_tensor *in = sp_tensor_from(SP_F64, SP_SHAPE(3), x);
    sp_var y = sp_linear_run(l, sp_input(c.tape, in));

    ck_shape(y, SP_SHAPE(2));
    for (int i = 0; i < 2; i++) {
        double due = sp_tensor_at(&l->bias->value, i);
        for (int j = 0; j < 3; j++) due += sp_tensor_at(&l->weight->value, 3 * i + j) * x[j];
        ck_assert_double_eq_tol(sp_tensor_at(sp_value(y), i), due, 1e-15);
    }
    ck_assert_str_eq(l->name, "head");
    ck_assert_str_eq(l->weight->name, "head.weight");
    ck_assert_str_eq(l->bias->name, "head.bias");
    sp_tensor_free(in);
    nn_end(&c);
}
END_TEST

START_TEST(linear_maps_the_last_axis_of_any_rank)
{
    nn_case c = nn_begin();
    sp_linear *l = sp_linear_new(c.params, "l", 3, 2);
    sp_var x = drawn(&c, SP_SHAPE(4, 5, 3)), y = sp_linear_run(l, x);

    ck_shape(y, SP_SHAPE(4, 5, 2));
    for (int i = 0; i < 4; i++)
        ck_close(sp_select(y, 0, i), sp_linear_run(l, sp_select(x, 0, i)), 1e-15, "row");
    ck_shape(sp_linear_run(l, drawn(&c, SP_SHAPE(0, 5, 3))), SP_SHAPE(0, 5, 2));
    ck_shape(sp_linear_run(l, drawn(&c, SP_SHAPE(0, 3))), SP_SHAPE(0, 2));
    ck_shape(sp_linear_run(l, sp_transpose(drawn(&c, SP_SHAPE(3, 6)), 0, 1)), SP_SHAPE(6, 2));
    no_failure(&c);
    nn_end(&c);
}
END_TEST

START_TEST(linear_without_bias_maps_zero_to_zero)
{
    nn_case c = nn_begin();
    sp_linear *l = sp_linear_new_with(c.params, "l", 3, 2, (sp_linear_spec){ .no_bias = true });

    ck_assert_ptr_null(l->bias);
    ck_assert_int_eq(sp_params_count(c.params), 1);
    ck_all(sp_linear_run(l, sp_full(c.tape, SP_F64, SP_SHAPE(4, 3), 0)), 0);
    nn_end(&c);
}
END_TEST

START_TEST(linear_takes_initializers)
{
    nn_case c = nn_begin();
    sp_linear *l = sp_linear_new_with(c.params, "l", 3, 2,
        (sp_linear_spec){ .weight = sp_init_constant(2), .bias = sp_init_constant(-1) });

    ck_all(sp_linear_run(l, sp_full(c.tape, SP_F64, SP_SHAPE(3), 1)), 5);
    nn_end(&c);
}
END_TEST

START_TEST(linear_names_itself_where_x_does_not_fit)
{
    nn_case c = nn_begin();
    sp_linear *l = sp_linear_new(sp_params_in(c.params, "decoder"), "head", 3, 2);

    ck_assert(sp_is_nothing(sp_linear_run(l, drawn(&c, SP_SHAPE(4, 5)))));
    failed_with(&c, "linear: x is [4,5], its last size should be 3 (in decoder.head)");
    nn_end(&c);
}
END_TEST

START_TEST(a_layer_that_could_not_be_made_quotes_the_reason)
{
    nn_case c = nn_begin();

    ck_assert_ptr_nonnull(sp_linear_new(c.params, "l", 3, 2));
    sp_linear *twice = sp_linear_new(c.params, "l", 3, 2);
    ck_assert_ptr_null(twice);
    ck_assert_ptr_null(sp_embed_new(c.params, "fine", 3, 2));
    ck_assert(sp_is_nothing(sp_linear_run(twice, drawn(&c, SP_SHAPE(1, 3)))));
    failed_with(&c, "linear: there is no layer: ");
    failed_with(&c, "l.weight");
    nn_end(&c);
}
END_TEST

/* What failed since on this thread has nothing to do with the layer. */
START_TEST(a_missing_layer_quotes_its_collection_and_no_later_failure)
{
    nn_case c = nn_begin();
    sp_rnn *none = sp_lstm_new(c.params, "dec", (sp_rnn_spec){ .input = 3 });

    sp_fail("cannot open model.safetensors");
    sp_rnn_run(none, drawn(&c, SP_SHAPE(2, 2, 3)), NULL);
    failed_with(&c, "rnn: there is no layer: lstm dec: hidden must be at least 1");
    sp_fail("cannot open model.safetensors");
    ck_assert_ptr_null(sp_carry_new(none, 2));
    ck_assert_str_eq(sp_error(), "carry: there is no layer: lstm dec: hidden must be at least 1");
    nn_end(&c);
}
END_TEST

START_TEST(layers_of_no_collection_are_null_and_say_so)
{
    nn_case c = nn_begin();

    ck_assert_ptr_null(sp_linear_new(NULL, "l", 3, 2));
    ck_assert_ptr_null(sp_embed_new(NULL, "e", 3, 2));
    ck_assert(sp_is_nothing(sp_embed_run(NULL, INTEGERS(&c, 1))));
    failed_with(&c, "embed: there is no layer: ");
    nn_end(&c);
}
END_TEST

/* ---- embedding ---- */

START_TEST(embedding_looks_rows_up)
{
    nn_case c = nn_begin();
    sp_embed *e = sp_embed_new(c.params, "e", 5, 3);
    sp_var y = sp_embed_run(e, sp_reshape(INTEGERS(&c, 4, 0, 4, 2), SP_SHAPE(2, 2)));
    const int rows[] = { 4, 0, 4, 2 };

    ck_shape(y, SP_SHAPE(2, 2, 3));
    for (int i = 0; i < 12; i++)
        ck_assert_double_eq(sp_tensor_at(sp_value(y), i),
                            sp_tensor_at(&e->weight->value, 3 * rows[i / 3] + i % 3));
    nn_end(&c);
}
END_TEST

START_TEST(a_padding_row_is_zero_and_never_trained)
{
    for (int padding = 0; padding < 2; padding++) {
        nn_case c = nn_begin();
        sp_embed *e = sp_embed_new_with(c.params, "e", 3, 2,
            (sp_embed_spec){ .padding_idx = padding ? padding : SP_ZERO });
        sp_var y = sp_embed_run(e, INTEGERS(&c, 0, 1, 2, 1, 0));

        ck_all(sp_select(y, 0, padding), 0);
        ck_assert(sp_backward(sp_sum(y)));
        for (int i = 0; i < 6; i++)
            ck_assert_double_eq(sp_tensor_at(&e->weight->grad, i),
                                i / 2 == padding ? 0 : i / 2 == 2 ? 1 : 2);
        nn_end(&c);
    }
}
END_TEST

START_TEST(a_padding_row_must_exist)
{
    nn_case c = nn_begin();

    ck_assert_ptr_null(sp_embed_new_with(c.params, "e", 3, 2, (sp_embed_spec){ .padding_idx = 3 }));
    refused_with(&c, "padding_idx 3 is no row of 3");
    nn_end(&c);
}
END_TEST

START_TEST(a_table_of_fewer_rows_than_none_is_told_so)
{
    nn_case c = nn_begin();

    ck_assert_ptr_null(sp_embed_new(c.params, "a", -2, 2));
    ck_assert_str_eq(sp_params_error(c.params), "embed a: rows is -2, should be 0 or more");
    nn_end(&c);
}
END_TEST

/* ---- initializers ---- */

static const sp_tensor *filled(nn_case *c, const char *name, sp_shape shape, sp_init init)
{
    sp_param *p = sp_params_add(c->params, name, shape, init);

    ck_assert_msg(p != NULL, "%s", sp_params_error(c->params));
    return &p->value;
}

static double mean(const sp_tensor *x, int power)
{
    double sum = 0;

    for (int64_t i = 0; i < sp_tensor_size(x); i++) sum += pow(sp_tensor_at(x, i), power);
    return sum / (double)sp_tensor_size(x);
}

static double largest(const sp_tensor *x)
{
    double most = 0;

    for (int64_t i = 0; i < sp_tensor_size(x); i++) most = fmax(most, fabs(sp_tensor_at(x, i)));
    return most;
}

/* Of a weight [512,256]: the deviation, and the bound, 0 if there is none. */
START_TEST(recipes_have_the_published_spread)
{
    const struct { sp_init init; double deviation, bound; } recipes[] = {
        { sp_init_uniform(-0.3, 0.3),    0.3 / sqrt(3),        0.3 },
        { sp_init_normal(0, 0.7),        0.7,                  0 },
        { sp_init_xavier_uniform(2),     2 * sqrt(2. / 768),   2 * sqrt(6. / 768) },
        { sp_init_xavier_normal(1),      sqrt(2. / 768),       0 },
        { sp_init_kaiming_uniform(1),    sqrt(1. / 256),       sqrt(3. / 256) },
        { sp_init_kaiming_normal(2),     2 * sqrt(1. / 256),   0 },
        { sp_init_lecun_normal(),        sqrt(1. / 256),       2 * sqrt(1. / 256) / .8796 },
    };
    nn_case c = nn_begin();

    for (int i = 0; i < 7; i++) {
        const char name[] = { (char)('a' + i), 0 };
        const sp_tensor *x = filled(&c, name, SP_SHAPE(512, 256), recipes[i].init);
        double n = (double)sp_tensor_size(x), s = recipes[i].deviation;
        ck_assert_double_lt(fabs(mean(x, 1)), 5 * s / sqrt(n));
        ck_assert_double_lt(fabs(mean(x, 2) / (s * s) - 1), 5 * sqrt(2 / n));
        if (recipes[i].bound > 0) ck_assert_double_le(largest(x), recipes[i].bound);
        if (recipes[i].bound > 0) ck_assert_double_gt(largest(x), 0.95 * recipes[i].bound);
    }
    nn_end(&c);
}
END_TEST

START_TEST(further_axes_count_as_fan)
{
    nn_case c = nn_begin();
    const sp_tensor *x = filled(&c, "x", SP_SHAPE(8, 4, 3, 5), sp_init_kaiming_uniform(1));

    ck_assert_double_le(largest(x), sqrt(3. / 60));
    ck_assert_double_gt(largest(x), 0.95 * sqrt(3. / 60));
    nn_end(&c);
}
END_TEST

START_TEST(orthogonal_rows_or_columns_are_orthonormal)
{
    const sp_shape shapes[] = { SP_SHAPE(3, 7), SP_SHAPE(7, 3), SP_SHAPE(5, 5), SP_SHAPE(2, 3, 4) };
    const char *names[] = { "a", "b", "c", "d" };
    nn_case c = nn_begin();

    for (int s = 0; s < 4; s++) {
        const sp_tensor *x = filled(&c, names[s], shapes[s], sp_init_orthogonal(2));
        int64_t rows = shapes[s].dim[0], columns = sp_tensor_size(x) / rows;
        bool by_row = rows <= columns;
        int64_t n = by_row ? rows : columns, length = by_row ? columns : rows;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                double dot = 0;
                for (int64_t k = 0; k < length; k++)
                    dot += by_row
                        ? sp_tensor_at(x, i * columns + k) * sp_tensor_at(x, j * columns + k)
                                  : sp_tensor_at(x, k * columns + i) * sp_tensor_at(x,
                                                                                    k * columns
                                                                                        + j);
                ck_assert_double_eq_tol(dot, i == j ? 4 : 0, 1e-13);
            }
    }
    nn_end(&c);
}
END_TEST

START_TEST(a_recipe_that_needs_fans_refuses_a_vector)
{
    nn_case c = nn_begin();

    ck_assert_ptr_null(sp_params_add(c.params, "b", SP_SHAPE(3), sp_init_xavier_uniform(1)));
    refused_with(&c, "a weight of shape [3] has no fans");
    nn_end(&c);
}
END_TEST

START_TEST(empty_weights_can_be_filled)
{
    const sp_init recipes[] =
        { sp_init_constant(1), sp_init_xavier_uniform(1), sp_init_xavier_normal(1),
                                sp_init_kaiming_uniform(1), sp_init_kaiming_normal(1),
                                sp_init_lecun_normal(), sp_init_orthogonal(1) };
    nn_case c = nn_begin();

    for (int i = 0; i < 7; i++) {
        const char name[] = { (char)('a' + i), 0 };
        filled(&c, name, SP_SHAPE(0, 0), recipes[i]);
    }
    nn_end(&c);
}
END_TEST

/* ---- the masked mean ---- */

START_TEST(the_masked_mean_counts_only_what_is_set)
{
    nn_case c = nn_begin();
    const double v[] = { 1, NAN, 3, 5, NAN, NAN };
    sp_tensor *x = sp_tensor_from(SP_F64, SP_SHAPE(3, 2), v);
    sp_var loss = sp_input(c.tape, x), g;
    sp_var mask = sp_reshape(INTEGERS(&c, 1, 0, 1, 2, 0, 0), SP_SHAPE(3, 2));
    sp_var y = sp_masked_mean(loss, mask);

    ck_assert_double_eq(sp_item(y), 3);
    ck_assert(sp_grad(y, 1, &loss, &g, NULL));
    for (int i = 0; i < 6; i++)
        ck_assert_double_eq(sp_tensor_at(sp_value(g), i), isnan(v[i]) ? 0 : 1. / 3);
    sp_tensor_free(x);
    nn_end(&c);
}
END_TEST

START_TEST(the_masked_mean_of_nothing_is_zero)
{
    nn_case c = nn_begin();
    sp_var no_mask = sp_full(c.tape, SP_BOOL, SP_SHAPE(2, 2), 0);
    sp_var none = sp_masked_mean(drawn(&c, SP_SHAPE(2, 2)), no_mask);

    ck_assert_double_eq(sp_item(none), 0);
    nn_end(&c);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("nn");

    tcase_add_test(t, linear_is_a_product_and_a_bias);
    tcase_add_test(t, linear_maps_the_last_axis_of_any_rank);
    tcase_add_test(t, linear_without_bias_maps_zero_to_zero);
    tcase_add_test(t, linear_takes_initializers);
    tcase_add_test(t, linear_names_itself_where_x_does_not_fit);
    tcase_add_test(t, a_layer_that_could_not_be_made_quotes_the_reason);
    tcase_add_test(t, layers_of_no_collection_are_null_and_say_so);
    tcase_add_test(t, embedding_looks_rows_up);
    tcase_add_test(t, a_padding_row_is_zero_and_never_trained);
    tcase_add_test(t, a_padding_row_must_exist);
    tcase_add_test(t, a_table_of_fewer_rows_than_none_is_told_so);
    tcase_add_test(t, a_missing_layer_quotes_its_collection_and_no_later_failure);
    tcase_add_test(t, recipes_have_the_published_spread);
    tcase_add_test(t, further_axes_count_as_fan);
    tcase_add_test(t, orthogonal_rows_or_columns_are_orthonormal);
    tcase_add_test(t, a_recipe_that_needs_fans_refuses_a_vector);
    tcase_add_test(t, empty_weights_can_be_filled);
    tcase_add_test(t, the_masked_mean_counts_only_what_is_set);
    tcase_add_test(t, the_masked_mean_of_nothing_is_zero);
    return run_suite("nn", t);
}
