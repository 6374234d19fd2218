/* SPDX-License-Identifier: MIT
 *
 * test_show.c - recordings as text, CSV, DOT and JSON are read back by readers of these.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/names.h"
#include "autograd/ops.h"
#include "autograd/show.h"
#include "tensor/alloc.h"
#include "tensor/json.h"
#include "tests/suite.h"

#define ODD "a \"b\\\n\xc3\xa9,c"      /* a name with all that needs quoting */

static sp_tape *t;

static void begin(void) { t = sp_tape_new(&(sp_tape_spec){ .trace = true }); }
static void end(void)   { sp_tape_free(t); ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

/* h_t = tanh(2 h_{t-1}), three steps, and its gradient by h_0. */
static sp_var record(bool gradient)
{
    sp_var x = sp_const(t, SP_F64, .5), h = x, g;

    sp_scope_enter(t, "rnn", -1);
    for (int i = 0; i < 3; i++) {
        sp_scope_enter(t, "step", i);
        h = sp_named(sp_tanh(sp_scale(h, 2)), i == 1 ? ODD : "h");
        sp_scope_leave(t);
    }
    sp_scope_leave(t);
    if (gradient) ck_assert(sp_grad(h, 1, &x, &g, NULL) && sp_eval(1, &g));
    return h;
}

static char *shown(sp_show form)
{
    char *text = sp_tape_show(t, form);
    ck_assert_msg(text != NULL, "%s", sp_error());
    return text;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)); text += strlen(what)) n++;
    return n;
}

START_TEST(the_text_has_a_line_per_node)
{
    record(false);
    char *text = shown(SP_SHOW_TEXT);
    ck_assert_int_eq(count(text, "\n"), (int)sp_stats(t).nodes);
    ck_assert_ptr_nonnull(strstr(text,
                                 "     3  tanh           f64 []  <- 2  in rnn/step 0  is h\n"));
    ck_assert_ptr_nonnull(strstr(text, "     0  const          f64 []  [0.5, 0.5]\n"));
    ck_assert_ptr_nonnull(strstr(text, "is a \"b\\\\\\n\xc3\xa9,c\n"));
    sp_release(text);
}
END_TEST

START_TEST(values_that_are_there_have_a_range)
{
    sp_var y = sp_named(sp_log(sp_shift(record(false), -1)), "y");

    ck_assert(sp_eval(1, &y));
    char *text = shown(SP_SHOW_TEXT);
    ck_assert_ptr_nonnull(strstr(text, "  is y  1 nan\n"));
    sp_release(text);
}
END_TEST

START_TEST(the_table_has_a_row_of_fourteen_fields_per_node)
{
    record(true);
    char *text = shown(SP_SHOW_CSV);
    int fields = 1, rows = 0;
    bool quoted = false;

    for (const char *c = text; *c; c++) {
        if (*c == '"') quoted = !quoted;
        if (*c == ',' && !quoted) fields++;
        if (*c != '\n' || quoted) continue;
        ck_assert_int_eq(fields, 14);
        fields = 1, rows++;
    }
    ck_assert_int_eq(rows, 1 + (int)sp_stats(t).nodes);
    ck_assert_ptr_nonnull(strstr(text, ",rnn/step 1,\"a \"\"b\\\n\xc3\xa9,c\",,8,"));
    ck_assert_ptr_nonnull(strstr(text, ",rnn/step 2,,tanh,8,"));
    sp_release(text);
}
END_TEST

START_TEST(the_graph_has_a_cluster_per_step_and_an_edge_per_operand)
{
    record(false);
    char *text = shown(SP_SHOW_DOT), label[40];
    int open = 0;

    for (int i = 0; i < 3; i++) {
        snprintf(label, sizeof label, "{\nlabel=\"step %d\";\n", i);
        ck_assert_int_eq(count(text, label), 1);
    }
    ck_assert_int_eq(count(text, "label=\"rnn\";"), 1);
    ck_assert_int_eq(count(text, " -> "), 3 * 3);             /* mul of two, tanh of one */
    for (const char *c = text; *c; c++) {
        open += (*c == '{') - (*c == '}');
        ck_assert_int_ge(open, 0);
    }
    ck_assert_int_eq(open, 0);
    ck_assert_ptr_nonnull(strstr(text, "[label=\"a \\\"b\\\\\\n\xc3\xa9,c = tanh\\n[]\"]"));
    sp_release(text);
}
END_TEST

START_TEST(graphviz_draws_the_graph)
{
    const char *build = getenv("SPOOL_BUILD");
    char path[512], command[1200];

    if (!build || system("command -v dot >/dev/null 2>&1") != 0) return;     /* not installed */
    record(true);
    snprintf(path, sizeof path, "%s/shown.dot", build);
    ck_assert_msg(sp_tape_write(t, SP_SHOW_DOT, path), "%s", sp_error());
    snprintf(command, sizeof command, "dot -Tsvg '%s' -o '%s.svg'", path, path);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

/* ---- the timeline ---- */

typedef struct timeline { int complete, counters, backward, again; double latest; } timeline;

static void read_args(sp_json *j)
{
    ck_assert(sp__json_need(j, '{'));
    do {
        ck_assert_ptr_nonnull(sp__json_text(j));
        ck_assert(sp__json_need(j, ':') && sp__json_skip(j));
    } while (sp__json_take(j, ','));
    ck_assert(sp__json_need(j, '}'));
}

static void read_event(sp_json *j, timeline *seen)
{
    char key[20], text[40] = "", kind[4] = "";

    ck_assert(sp__json_need(j, '{'));
    do {
        const char *said = sp__json_text(j);
        ck_assert_ptr_nonnull(said);
        snprintf(key, sizeof key, "%s", said);
        ck_assert(sp__json_need(j, ':'));
        if (strcmp(key, "args") == 0) {
            read_args(j);
        } else if (strcmp(key, "ts") == 0) {
            seen->latest = strtod(j->at, NULL);
            ck_assert(sp__json_skip(j));
        } else if (strcmp(key, "cat") == 0 || strcmp(key, "ph") == 0) {
            ck_assert_ptr_nonnull(said = sp__json_text(j));
            if (*key == 'c') snprintf(text, sizeof text, "%s", said);
            else snprintf(kind, sizeof kind, "%s", said);
        } else {
            ck_assert_msg(sp__json_skip(j), "%s", sp_error());
        }
    } while (sp__json_take(j, ','));
    ck_assert(sp__json_need(j, '}'));
    seen->complete += *kind == 'X';
    seen->counters += *kind == 'C';
    seen->backward += strcmp(text, "backward") == 0;
    seen->again += strcmp(text, "recomputed") == 0;
}

static timeline read_back(const char *text)
{
    timeline seen = { 0 };
    int64_t n = (int64_t)strlen(text);
    char *room = sp_alloc(n);
    sp_json j = { text, text, text + n, room };

    ck_assert(sp__json_need(&j, '{'));
    ck_assert_str_eq(sp__json_text(&j), "displayTimeUnit");
    ck_assert(sp__json_need(&j, ':') && sp__json_skip(&j) && sp__json_need(&j, ','));
    ck_assert_str_eq(sp__json_text(&j), "traceEvents");
    ck_assert(sp__json_need(&j, ':') && sp__json_need(&j, '['));
    do read_event(&j, &seen);
    while (sp__json_take(&j, ','));
    ck_assert(sp__json_need(&j, ']') && sp__json_need(&j, '}') && sp__json_end(&j));
    sp_release(room);
    return seen;
}

START_TEST(the_timeline_is_json_with_an_event_per_computed_node)
{
    sp_var h = record(true);
    char *text = shown(SP_SHOW_TRACE);
    timeline seen = read_back(text);

    ck_assert_int_eq(seen.complete, (int)sp_stats(t).computed);
    ck_assert_int_eq(seen.counters, seen.complete);
    ck_assert_int_eq(seen.complete - seen.backward, 6);   /* three steps of mul and tanh */
    ck_assert_int_eq(seen.again, 0);
    ck_assert_double_gt(seen.latest, 0);
    sp_release(text);
    sp_tape_reset(t);
    (void)h;
    text = shown(SP_SHOW_TRACE);
    ck_assert_int_eq(read_back(text).complete, 0);
    sp_release(text);
}
END_TEST

START_TEST(what_was_dropped_is_shown_as_computed_again)
{
    sp_var a = sp_exp(sp_const(t, SP_F64, 1)), b = sp_exp(a);

    ck_assert(sp_eval_only(1, &b));
    ck_assert(sp_eval(1, &a));
    char *text = shown(SP_SHOW_TRACE);
    ck_assert_int_eq(read_back(text).again, 1);
    sp_release(text);
}
END_TEST

START_TEST(what_cannot_be_shown_is_told)
{
    sp_tape *other = sp_tape_new(NULL);

    ck_assert_ptr_null(sp_tape_show(other, SP_SHOW_TRACE));
    ck_assert_str_eq(sp_error(), "sp_tape_show: nothing was timed; make the tape with .trace");
    ck_assert_ptr_null(sp_tape_show(NULL, SP_SHOW_TEXT));
    ck_assert_ptr_null(sp_tape_show(other, SP_N_SHOWS));
    ck_assert(!sp_tape_write(other, SP_SHOW_TEXT, NULL));
    ck_assert(!sp_tape_write(other, SP_SHOW_TEXT, "/nowhere/at/all"));
    ck_assert_ptr_null(sp_tape_error(other));
    sp_tape_free(other);
}
END_TEST

START_TEST(a_name_that_is_no_utf8_is_shown_with_the_sign_for_that)
{
    sp_named(sp_const(t, SP_F64, 1), "x\xff\x01");
    char *dot = shown(SP_SHOW_DOT), *text = shown(SP_SHOW_TEXT);

    ck_assert_ptr_nonnull(strstr(dot, "x\xef\xbf\xbd  = const"));
    ck_assert_ptr_nonnull(strstr(text, "is x\xef\xbf\xbd\\x01 "));
    sp_release(text);
    sp_release(dot);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("show");

    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, the_text_has_a_line_per_node);
    tcase_add_test(c, values_that_are_there_have_a_range);
    tcase_add_test(c, the_table_has_a_row_of_fourteen_fields_per_node);
    tcase_add_test(c, the_graph_has_a_cluster_per_step_and_an_edge_per_operand);
    tcase_add_test(c, graphviz_draws_the_graph);
    tcase_add_test(c, the_timeline_is_json_with_an_event_per_computed_node);
    tcase_add_test(c, what_was_dropped_is_shown_as_computed_again);
    tcase_add_test(c, what_cannot_be_shown_is_told);
    tcase_add_test(c, a_name_that_is_no_utf8_is_shown_with_the_sign_for_that);
    Suite *s = suite_create("show");
    suite_add_tcase(s, c);
    return run_all(s);
}
