/* SPDX-License-Identifier: MIT
 *
 * Making stacks: names, order, shapes and start of parameters; options that make no sense.
 */
#include "tests/nn_case.h"
#include "tensor/alloc.h"

enum { I = 3, H = 4 };

/* ---- parameters ---- */

static void ck_params(const sp_params *params, int n, const char *const names[])
{
    ck_assert_int_eq(sp_params_count(params), n);
    for (int i = 0; i < n; i++) ck_assert_str_eq(sp_params_at(params, i)->name, names[i]);
}

START_TEST(parameters_stand_in_the_order_of_pytorch)
{
    static const char *const names[] = {
        "e.r.weight_ih_l0", "e.r.weight_hh_l0", "e.r.bias_ih_l0", "e.r.bias_hh_l0",
            "e.r.weight_hr_l0",
        "e.r.weight_ih_l0_reverse", "e.r.weight_hh_l0_reverse", "e.r.bias_ih_l0_reverse",
        "e.r.bias_hh_l0_reverse", "e.r.weight_hr_l0_reverse",
        "e.r.weight_ih_l1", "e.r.weight_hh_l1", "e.r.bias_ih_l1", "e.r.bias_hh_l1",
            "e.r.weight_hr_l1",
        "e.r.weight_ih_l1_reverse", "e.r.weight_hh_l1_reverse", "e.r.bias_ih_l1_reverse",
        "e.r.bias_hh_l1_reverse", "e.r.weight_hr_l1_reverse" };
    nn_case c = nn_begin();

    sp_lstm_new(sp_params_in(c.params, "e"), "r", (sp_rnn_spec){
        .input = I, .hidden = H, .proj = 2, .layers = 2, .bidirectional = true });
    ck_params(c.params, 20, names);
    no_failure(&c);
    nn_end(&c);
}
END_TEST

START_TEST(parameters_have_the_shapes_of_pytorch)
{
    static const int gates[] = { [RNN] = 1, [LSTM] = 4, [GRU] = 3 };

    for (int kind = RNN; kind <= GRU; kind++) {
        nn_case c = nn_begin();
        stack_of(c.params, kind, (sp_rnn_spec){ .input = I, .hidden = H, .layers = 2,
                                                .bidirectional = true });
        const int64_t rows = gates[kind] * H;
        const sp_shape due[] =
            { SP_SHAPE(rows, I), SP_SHAPE(rows, H), SP_SHAPE(rows), SP_SHAPE(rows) };
        for (int i =
             0; i < 4; i++) ck_assert(sp_shape_equal(sp_params_at(c.params, i)->value.shape,
                                                     due[i]));
        ck_assert(sp_shape_equal(sp_params_find(c.params, "r.weight_ih_l1")->value.shape,
                                 SP_SHAPE(rows, 2 * H)));
        nn_end(&c);
    }
}
END_TEST

START_TEST(all_parameters_begin_within_one_over_the_root_of_hidden)
{
    nn_case c = nn_begin();

    sp_lstm_new(c.params, "r", (sp_rnn_spec){ .input = 20, .hidden = 25, .proj = 10 });
    for (int i = 0; i < 5; i++) {
        const sp_tensor *x = &sp_params_at(c.params, i)->value;
        double most = 0;
        for (int64_t k = 0; k < sp_tensor_size(x); k++) most = fmax(most, fabs(sp_tensor_at(x, k)));
        ck_assert_double_le(most, 0.2);
        ck_assert_double_gt(most, 0.18);
    }
    nn_end(&c);
}
END_TEST

START_TEST(single_cells_have_no_layer_in_their_names)
{
    static const char *const names[] = { "c.weight_ih", "c.weight_hh", "c.bias_ih", "c.bias_hh" };
    nn_case c = nn_begin();

    ck_assert_ptr_nonnull(sp_lstm_cell_new(c.params, "c",
                                           (sp_rnn_spec){ .input = I, .hidden = H }));
    ck_params(c.params, 4, names);
    nn_end(&c);
}
END_TEST

START_TEST(cells_of_ones_own_have_names_of_their_own)
{
    static const char *const names[] = { "r.l0.xf.weight", "r.l0.xf.bias" };
    nn_case c = nn_begin();

    stack_of(c.params, MGU,
             (sp_rnn_spec){ .input = I, .hidden = H, .layers = 2, .bidirectional = true });
    for (int i = 0; i < 2; i++) ck_assert_str_eq(sp_params_at(c.params, i)->name, names[i]);
    ck_assert_int_eq(sp_params_count(c.params), 32);
    ck_assert_ptr_nonnull(sp_params_find(c.params, "r.l1_reverse.hn.bias"));
    nn_end(&c);
}
END_TEST

/* ---- refusals ---- */

typedef struct mistake { int kind; sp_rnn_spec spec; const char *says; } mistake;

static const mistake mistakes[] = {
    { RNN,  { .hidden = 4 },                                  "rnn r: input must be at least 1" },
    { GRU,  { .input = 3 },                                   "gru r: hidden must be at least 1" },
    { LSTM, { .input = 3, .hidden = 4, .proj = 4 },
      "lstm r: proj must be 0 to hidden - 1" },
    { GRU,  { .input = 3, .hidden = 4, .proj = 2 },
      "gru r: proj is an option of the LSTM" },
    { LSTM, { .input = 3, .hidden = 4, .activation = sp_relu },
      "lstm r: activation is an option of the RNN" },
    { LSTM, { .input = 3, .hidden = 4, .layers = -1 },        "layers must be at least 1" },
    { MGU,  { .input = 3, .hidden = 4, .dropout = 1.5 },      "dropout must be 0 to 1" },
    { RNN,  { .input = 3, .hidden = 4, .dropout = NAN },      "dropout must be 0 to 1" },
    { GRU,  { .input = 3, .hidden = 4, .layers = INT32_MAX, .bidirectional = true },
      "so many layers cannot be counted" },
    { LSTM, { .input = 3, .hidden = INT64_MAX / 2 },
      "r.hidden is 4611686018427387903: 4 gate blocks of it are too large" },
};

START_TEST(options_that_make_no_sense_are_told_so)
{
    nn_case c = nn_begin();

    ck_assert_ptr_null(stack_of(c.params, mistakes[_i].kind, mistakes[_i].spec));
    refused_with(&c, mistakes[_i].says);
    nn_end(&c);
}
END_TEST

START_TEST(a_layer_called_as_its_kind_is_named_once)
{
    nn_case c = nn_begin();

    ck_assert_ptr_null(sp_lstm_new(c.params, "lstm", (sp_rnn_spec){ .input = 3 }));
    ck_assert_str_eq(sp_params_error(c.params), "lstm: hidden must be at least 1");
    nn_end(&c);
    c = nn_begin();
    ck_assert_ptr_null(sp_gru_cell_new(c.params, "gru", (sp_rnn_spec){ .input = 3 }));
    ck_assert_str_eq(sp_params_error(c.params), "gru cell: hidden must be at least 1");
    nn_end(&c);
}
END_TEST

static sp_cell *still_make(sp_params *params, const sp_rnn_part *part)
{
    sp_cell *cell = echo_make(params, part);

    if (cell) cell->step = NULL;
    return cell;
}

static sp_cell *nameless_make(sp_params *params, const sp_rnn_part *part)
{
    sp_cell *cell = echo_make(params, part);

    if (cell) cell->kind = NULL;
    return cell;
}

START_TEST(a_stack_needs_a_maker_and_a_name_and_usable_cells)
{
    static const struct { sp_cell_maker *make; const char *name, *says; } bad[] = {
        { NULL, "a", "a: there is no maker of cells" },
        { echo_make, NULL, "a name is empty" },
        { still_make, "a", "the cell echo of layer 0 does not stack: it has no step" },
        { nameless_make, "a", "the cell cell of layer 0 does not stack: it has no kind" },
    };

    for (int i = 0; i < 4; i++) {
        nn_case c = nn_begin();
        const sp_rnn_spec spec = { .input = I };
        ck_assert_ptr_null(sp_rnn_new_of(c.params, bad[i].name, bad[i].make, spec));
        refused_with(&c, bad[i].says);
        nn_end(&c);
    }
}
END_TEST

static sp_cell *none_make(sp_params *params, const sp_rnn_part *part)
{
    return part->layer < 1 ? echo_make(params, part) : NULL;
}

static sp_cell *growing_make(sp_params *params, const sp_rnn_part *part)
{
    sp_cell *cell = echo_make(params, part);

    if (cell) cell->state[0].dim[0] += part->layer;
    return cell;
}

START_TEST(cells_that_do_not_stack_are_told_so)
{
    nn_case c = nn_begin();
    sp_rnn_spec spec = { .input = I, .layers = 2 };

    ck_assert_ptr_null(sp_rnn_new_of(c.params, "r", growing_make, spec));
    refused_with(&c,
                 "r: the cell echo of layer 1 does not stack: its states differ");
    nn_end(&c);
    c = nn_begin();
    ck_assert_ptr_null(sp_rnn_new_of(c.params, "r", none_make, spec));
    refused_with(&c, "r: there is no cell for layer 1");
    nn_end(&c);
}
END_TEST

static void no_start(const sp_cell *cell, sp_tape *tape, int64_t batch, sp_state *state)
{
    (void)cell, (void)tape, (void)batch;
    state->n = 1;
}

START_TEST(a_start_that_sets_nothing_is_told_so)
{
    nn_case c = nn_begin();
    sp_cell cell = { .kind = "odd", .input = SP_SHAPE(I), .output = SP_SHAPE(I), .n_states = 1,
                     .state = { SP_SHAPE(I) }, .step = echo_step, .start = no_start };

    sp_cell_start(&cell, c.tape, 2, SP_F64);
    failed_with(&c, "odd: start left no state 0");
    nn_end(&c);
}
END_TEST

/* ---- no collection, no memory ---- */

START_TEST(without_a_collection_every_layer_is_null)
{
    const sp_rnn_spec spec = { .input = I, .hidden = H };

    for (int kind = 0; kind < N_KINDS; kind++) ck_assert_ptr_null(stack_of(NULL, kind, spec));
    ck_assert_ptr_null(sp_rnn_cell_new(NULL, "c", spec));
    ck_assert_ptr_null(sp_lstm_cell_new(NULL, "c", spec));
    ck_assert_ptr_null(sp_gru_cell_new(NULL, "c", spec));
}
END_TEST

/* A model of every kind of layer; true if nothing failed. */
static bool model(sp_params *params)
{
    const sp_rnn_spec spec = { .input = I, .hidden = H, .layers = 2, .bidirectional = true };
    bool all = sp_embed_new(params, "e", 5, I) && sp_linear_new(params, "l", I, 2)
            && stack_of(sp_params_in(params, "a"), LSTM, spec)
            && stack_of(sp_params_in(params, "b"), LEARNED, spec)
            && sp_gru_cell_new(params, "c", spec);

    return all && !sp_params_error(params);
}

START_TEST(memory_that_fails_while_making_is_told_and_leaves_nothing_behind)
{
    bool done = !sp_alloc_fail(-1, false);
    const int64_t blocks = sp_alloc_count().live_blocks;

    for (int64_t n = 0; !done; n++) {
        sp_alloc_fail(n, _i);
        sp_params *params = sp_params_new(1);
        done = model(params);
        sp_alloc_fail(-1, false);
        if (!done) ck_assert_ptr_nonnull(strstr(sp_params_error(params), "out of memory"));
        sp_params_free(params);
        ck_assert_int_eq(sp_alloc_count().live_blocks, blocks);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("rnn_new");

    tcase_add_test(t, parameters_stand_in_the_order_of_pytorch);
    tcase_add_test(t, parameters_have_the_shapes_of_pytorch);
    tcase_add_test(t, all_parameters_begin_within_one_over_the_root_of_hidden);
    tcase_add_test(t, single_cells_have_no_layer_in_their_names);
    tcase_add_test(t, cells_of_ones_own_have_names_of_their_own);
    tcase_add_loop_test(t, options_that_make_no_sense_are_told_so, 0,
                        sizeof mistakes / sizeof *mistakes);
    tcase_add_test(t, a_layer_called_as_its_kind_is_named_once);
    tcase_add_test(t, a_stack_needs_a_maker_and_a_name_and_usable_cells);
    tcase_add_test(t, cells_that_do_not_stack_are_told_so);
    tcase_add_test(t, a_start_that_sets_nothing_is_told_so);
    tcase_add_test(t, without_a_collection_every_layer_is_null);
    tcase_add_loop_test(t, memory_that_fails_while_making_is_told_and_leaves_nothing_behind, 0, 2);
    return run_suite("rnn_new", t);
}
