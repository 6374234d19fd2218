/* SPDX-License-Identifier: MIT
 *
 * test_names_runs.c - names of runs in parts, behind hooks and second sweeps; odd names and long
 * ones; tapes that failed or were reset; and no memory.
 */
#include <stdlib.h>
#include "autograd/names.h"
#include "autograd/show.h"
#include "nn/trace.h"
#include "tensor/alloc.h"
#include "tests/nn_case.h"

static nn_case c;

static void begin(void) { c = nn_begin(); }
static void end(void)   { nn_end(&c); }

static void told(const char *sentence)
{
    ck_assert_msg(strstr(sp_error(), sentence) != NULL, "\"%s\" does not say \"%s\"", sp_error(),
                  sentence);
}

/* ---- runs in parts ---- */

enum { MOST = 1 << 14 };

/* All values and gradients of all names, in a row. */
typedef struct row { double x[MOST]; int n, n_names, n_grads; } row;

static void put(row *r, sp_var v)
{
    const sp_tensor *x = sp_value(v);

    ck_assert_msg(x != NULL, "%s", sp_tape_error(v.tape));
    for (int64_t i = 0; i < sp_tensor_size(x) && r->n < MOST; i++)
        r->x[r->n++] = sp_tensor_at(x, i);
}

static sp_var loss_of(int kind, sp_checkpoint checkpoint)
{
    sp_rnn *r = stack_of(c.params, kind, (sp_rnn_spec){ .input = 3, .hidden = 4, .layers = 2,
                         .bidirectional = true, .dropout = .25 });
    sp_run run = { .checkpoint = checkpoint, .lengths = INTEGERS(&c, 7, 5) };
    sp_seq seq = sp_rnn_run(r, drawn(&c, SP_SHAPE(7, 2, 3)), &run);

    return sp_add(sp_sum(sp_square(seq.y)), sp_sum(seq.last.v[0]));
}

static row *named(int kind, sp_checkpoint checkpoint, bool twice)
{
    row *r = sp_alloc_zero(sizeof *r);
    end(), begin();
    sp_var loss = loss_of(kind, checkpoint), first, g;
    const int64_t recorded = sp_stats(c.tape).nodes;

    if (twice) {
        first = sp_find(c.tape, "layer 0/step 1/h");
        ck_assert(sp_grad(loss, 1, &first, &g, NULL));
        loss = sp_sum(sp_square(g));
    }
    ck_assert(sp_backward(loss));
    r->n_names = (int)sp_names(c.tape);
    for (int i = 0; i < r->n_names; i++) {
        sp_var grad = sp_name_grad(c.tape, i);
        ck_assert_int_lt(sp_name_var(c.tape, i).id, recorded);       /* not one of the copies */
        put(r, sp_name_var(c.tape, i));
        if (!sp_is_nothing(grad)) put(r, grad), r->n_grads++;
    }
    ck_assert_int_lt(r->n, MOST);
    no_failure(&c);
    return r;
}

START_TEST(in_parts_names_have_the_same_values_and_gradients)
{
    const sp_checkpoint parts[] = { { SP_EVERY, 1 }, { SP_EVERY, 3 }, { SP_SQRT, 0 } };

    for (int kind = 0; kind < 2 * N_KINDS; kind++) {
        row *plain = named(kind / 2, (sp_checkpoint){ 0 }, kind % 2);
        ck_assert_int_gt(plain->n_grads, plain->n_names / 2);
        for (int i = 0; i < 3; i++) {
            row *again = named(kind / 2, parts[i], kind % 2);
            ck_assert_int_eq(again->n_names, plain->n_names);
            ck_assert_int_eq(again->n_grads, plain->n_grads);
            ck_assert_int_eq(again->n, plain->n);
            ck_assert_mem_eq(again->x, plain->x, sizeof plain->x);
            sp_release(again);
        }
        sp_release(plain);
    }
}
END_TEST

static sp_var third(sp_var g, void *data)
{
    (void)data;
    return sp_scale(g, 1. / 3);
}

START_TEST(a_gradient_by_name_is_what_the_hook_has_made_of_it)
{
    sp_var x = sp_const(c.tape, SP_F64, 2), y;

    sp_hook(sp_named(x, "x"), third, NULL);
    y = sp_square(x);
    ck_assert(sp_grad(y, 1, &x, &(sp_var){ 0 }, NULL));
    ck_assert_double_eq_tol(sp_item(sp_find_grad(c.tape, "x")), 4. / 3, 1e-15);
}
END_TEST

/* ---- odd names ---- */

START_TEST(a_number_does_not_choose_between_paths)
{
    for (int layer = 0; layer < 2; layer++) {
        sp_scope_enter(c.tape, "layer", layer);
        sp_named(sp_const(c.tape, SP_F64, layer), "h");
        sp_scope_leave(c.tape);
    }
    for (const char *path = "h#1"; path; path = path[2] == '1' ? "h#2" : NULL) {
        ck_assert(sp_is_nothing(sp_find(c.tape, path)));
        told("several names end in \"h");
        told("as \"layer 0/h\" and \"layer 1/h\" do");
    }
    ck_assert_double_eq(sp_item(sp_find(c.tape, "layer 1/h#1")), 1);
}
END_TEST

START_TEST(names_of_any_length_and_kind_are_found_by_their_paths)
{
    enum { LONG = 5000 };
    char a[LONG + 1], b[LONG + 1], *path = malloc(2 * LONG + 10);
    const char *odd[] = { "\"", "\n", "/", "#", "#1", "a/b", "\\", "\xc3\xa9\xe2\x82\xac", "\xff",
                          "a b 3", "%s%n", "{}|<>", "'", "\t", ",", a, b };

    memset(a, 'x', LONG), a[LONG] = 0;
    memcpy(b, a, sizeof b), b[LONG - 1] = 'y';
    for (int i = 0; i < 17; i++)
        for (int k = 0; k < 17; k++) {
            sp_scope_enter(c.tape, odd[i], k % 2 ? k : -1);
            sp_named(sp_const(c.tape, SP_F64, 100 * i + k), odd[k]);
            sp_scope_leave(c.tape);
        }
    for (int64_t i = 0; i < sp_names(c.tape); i++) {
        const int64_t n = sp_name_path(c.tape, i, path, 2 * LONG + 10);
        ck_assert_int_eq(n, (int64_t)strlen(path));
        sp_var v = sp_find(c.tape, path);
        ck_assert_msg(!sp_is_nothing(v), "%s", sp_error());
        ck_assert_double_eq(sp_item(v), 100. * (double)(i / 17) + (double)(i % 17));
    }
    free(path);
    no_failure(&c);
}
END_TEST

START_TEST(empty_names_and_none_are_told_or_harmless)
{
    sp_scope_enter(c.tape, NULL, -1);
    sp_scope_enter(c.tape, "", 3);
    sp_var x = sp_named(sp_const(c.tape, SP_F64, 5), "x");
    sp_scope_leave(c.tape), sp_scope_leave(c.tape);
    ck_assert_double_eq(sp_item(sp_find(c.tape, "/ 3/x")), 5);
    for (int form = 0; form < SP_SHOW_TRACE; form++) {
        char *text = sp_tape_show(c.tape, (sp_show)form);
        ck_assert_ptr_nonnull(text);
        sp_release(text);
    }
    ck_assert(sp_is_nothing(sp_named(x, NULL)));
    failed_with(&c, "sp_named: the name is empty");
}
END_TEST

START_TEST(a_tape_that_failed_is_still_looked_at_and_a_reset_one_is_not)
{
    sp_var x = sp_named(sp_const(c.tape, SP_F64, 5), "x");

    ck_assert(sp_item(x) == 5);
    sp_tape_fail(c.tape, "broken");
    ck_assert(sp_is_nothing(sp_named(x, "y")));
    ck_assert_int_eq(sp_names(c.tape), 1);
    ck_assert_int_eq(sp_find(c.tape, "x").id, x.id);
    ck_assert(sp_is_nothing(sp_find_grad(c.tape, "x")));
    for (int form = 0; form < SP_SHOW_TRACE; form++) {
        char *text = sp_tape_show(c.tape, (sp_show)form);
        ck_assert_ptr_nonnull(text);
        sp_release(text);
    }
    failed_with(&c, "broken");
    sp_tape_reset(c.tape);
    ck_assert_int_eq(sp_names(c.tape), 0);
    ck_assert(sp_is_nothing(sp_named(x, "z")));
    failed_with(&c, "sp_named: its operand was recorded before sp_tape_reset");
    ck_assert_int_eq(sp_names(c.tape), 0);
}
END_TEST

/* ---- no memory ---- */

static bool name_and_find(void)
{
    char name[90];

    memset(name, 'n', 80), name[80] = 0;
    for (int i = 0; i < 70; i++) {
        sp_scope_enter(c.tape, name, i);
        sp_named(sp_const(c.tape, SP_F64, i), name + i);
        sp_scope_leave(c.tape);
    }
    bool ok = !sp_is_nothing(sp_find(c.tape, name + 9));
    ok = ok && sp_name_path(c.tape, 3, name, sizeof name) > 80;
    return ok && !sp_tape_error(c.tape);
}

static bool miss(void)
{
    sp_named(sp_const(c.tape, SP_F64, 1), "x");
    sp_find(c.tape, "y");
    return strstr(sp_error(), "nothing is named \"y\"; near it are \"x\"") != NULL;
}

static bool write_all(void)
{
    char path[] = "/tmp/spool_names_XXXXXX";
    const int file = mkstemp(path);
    bool ok = file >= 0;
    FILE *opened = ok ? fdopen(file, "w") : NULL;

    if (opened) fclose(opened);
    sp_scope_enter(c.tape, "s", 1);
    sp_named(sp_tanh(sp_const(c.tape, SP_F64, 1)), "x");
    sp_scope_leave(c.tape);
    for (int form = 0; ok && form < SP_SHOW_TRACE; form++)
        ok = sp_tape_write(c.tape, (sp_show)form, path);
    remove(path);
    return ok && !sp_tape_error(c.tape);
}

static sp_rnn *layer;

static bool trace_run(void)
{
    sp_seq seq = sp_rnn_run(layer, sp_full(c.tape, SP_F64, SP_SHAPE(3, 1, 2), .5),
                            &(sp_run){ .checkpoint = { SP_EVERY, 2 } });
    sp_trace *r = sp_trace_new(sp_sum(seq.y), &(sp_trace_spec){ .iterations = 2 });
    char *text = r ? sp_trace_csv(r) : NULL;
    bool ok = text != NULL;

    sp_trace_free(r);
    sp_release(text);
    return ok;
}

/* Every allocation of `act` fails once: it is told, nothing is lost, and with memory all is well
   again.  The tape is fresh each time, so all rooms are made anew. */
static void fails_everywhere(bool (*act)(void))
{
    int64_t n = 0;

    for (bool ok = false; !ok; n++) {
        const int64_t blocks = sp_alloc_count().live_blocks;
        sp_tape *kept = c.tape;
        c.tape = sp_tape_new(NULL);
        c.draws = 0;
        if (!sp_alloc_fail(-1, false)) {
            sp_tape_free(c.tape), c.tape = kept;
            return;
        }
        sp_fail("-");
        sp_alloc_fail(n, false);
        ok = act();
        const bool out = sp_alloc_fail(-1, false);
        ck_assert(out && (ok || strcmp(sp_error(), "-") != 0));
        if (!ok) ck_assert_msg(strstr(sp_error(), "memory") || strstr(sp_error(), "nothing is")
                               || sp_tape_error(c.tape), "%lld: %s", (long long)n, sp_error());
        sp_tape_reset(c.tape);
        ck_assert_msg(act(), "after failure %lld: %s", (long long)n, sp_error());
        sp_tape_free(c.tape);
        c.tape = kept;
        ck_assert_int_eq(sp_alloc_count().live_blocks, blocks);
        ck_assert_int_lt(n, 5000);
    }
    ck_assert_int_gt(n, 5);
}

START_TEST(without_memory_names_are_told_and_nothing_is_lost)
{
    layer = sp_lstm_new(c.params, "r", (sp_rnn_spec){ .input = 2, .hidden = 2 });
    fails_everywhere(name_and_find);
    fails_everywhere(miss);
    fails_everywhere(write_all);
    fails_everywhere(trace_run);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("names_runs");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, in_parts_names_have_the_same_values_and_gradients);
    tcase_add_test(t, a_gradient_by_name_is_what_the_hook_has_made_of_it);
    tcase_add_test(t, a_number_does_not_choose_between_paths);
    tcase_add_test(t, names_of_any_length_and_kind_are_found_by_their_paths);
    tcase_add_test(t, empty_names_and_none_are_told_or_harmless);
    tcase_add_test(t, a_tape_that_failed_is_still_looked_at_and_a_reset_one_is_not);
    tcase_add_test(t, without_memory_names_are_told_and_nothing_is_lost);
    return run_suite("names_runs", t);
}
