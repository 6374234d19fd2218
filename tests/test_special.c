/* SPDX-License-Identifier: MIT
 *
 * test_special - what every elementwise op and its slope give at NaN, infinities, zeros of both
 * signs, denormals and the ends of the range, on every instruction set, in f32 and f64.
 *
 * Where PyTorch differs the row says so.
 */
#include "tests/special.h"

/* ---- of one number ---- */

enum { N_SPECIAL = 9, TIMES = 5 };
static const char *const special[N_SPECIAL] = { "nan", "-inf", "-max", "-0", "0", "den", "tiny",
                                                "max", "inf" };

/* What it gives at each of them; slope NULL: no gradient passes.  A denormal is read as 0 where
   anything is computed, and stays where a number is only picked or its sign changed; where it is
   picked by its size (relu), it may be either. */
typedef struct row { const char *op, *y, *slope; double scalar[2]; } row;
static const row rows[] = {
    /*      op             nan  -inf -max -0   0    den  tiny max  inf */
    { .op = "neg",         "nan inf  -x   0    -0   -x   -x   -x   -inf",
                           "-1  -1   -1   -1   -1   -1   -1   -1   -1" },
    { .op = "exp",         "nan 0    0    1    1    1    1    inf  inf",
                           "nan 0    0    1    1    1    1    inf  inf" },
    { .op = "log",         "nan nan  nan  -inf -inf -inf log  log  inf",
                           "nan -0   small -inf inf inf  1/x  small 0" },
    { .op = "sqrt",        "nan nan  nan  -0   0    0    sqrt sqrt inf",
                           "nan nan  nan  -inf inf  inf  sqrt' sqrt' 0" },
    { .op = "square",      "nan inf  inf  0    0    0    0    inf  inf",
                           "nan -inf -inf -0   0    0    2x   inf  inf" },
    { .op = "tanh",        "nan -1   -1   -0   0    0    x    1    1",
                           "nan 0    0    1    1    1    1    0    0" },
    { .op = "sigmoid",     "nan 0    0    .5   .5   .5   .5   1    1",
                           "nan 0    0    .25  .25  .25  .25  0    0" },
    /* PyTorch's slope of relu at NaN is 1 */
    { .op = "relu",        "nan 0    0    -0   0    small x   x    inf",
                           "0   0    0    0    0    0    1    1    1" },
    /* PyTorch's slope of abs at NaN is 0, and its sign(NaN) */
    { .op = "abs",         "nan inf  -x   0    0    x    x    x    inf",
                           "nan -1   -1   -0   0    0    1    1    1" },
    { .op = "sign",        "nan -1   -1   -0   0    0    1    1    1" },
    { .op = "reciprocal",  "nan -0   small -inf inf inf  1/x  small 0",
                           "nan -0   -0   -inf -inf -inf -inf -0   -0" },
    { .op = "rsqrt",       "nan nan  nan  -inf inf  inf  1/sqrt 1/sqrt 0",
                           "nan nan  nan  inf  -inf -inf -inf -0   -0" },
    { .op = "expm1",       "nan -1   -1   -0   0    0    small inf inf",
                           "nan 0    0    1    1    1    1    inf  inf" },
    { .op = "log1p",       "nan nan  nan  -0   0    small x   log  inf",
                           "nan -0   small 1   1    1    1    small 0" },
    { .op = "sin",         "nan nan  sin  -0   0    small x   sin  nan",
                           "nan nan  cos  1    1    1    1    cos  nan" },
    { .op = "cos",         "nan nan  cos  1    1    1    1    cos  nan",
                           "nan nan  some 0    -0   small small some nan" },
    { .op = "erf",         "nan -1   -1   -0   0    0    small 1   1",
                           "nan 0    0    1.1283791670955126 1.1283791670955126 1.1283791670955126 "
                                         "1.1283791670955126 0 0" },
    { .op = "floor",       "nan -inf x    -0   0    0    0    x    inf" },
    { .op = "round",       "nan -inf x    -0   0    0    0    x    inf" },

    /* The limits: 0 at -inf and slopes 0 and 1, where PyTorch has NaN. */
    { .op = "gelu",        "nan -0   -0   -0   0    0    small x   inf",
                           "nan 0    0    .5   .5   .5   .5   1    1" },
    { .op = "gelu_tanh",   "nan -0   -0   -0   0    0    small x   inf",
                           "nan 0    0    .5   .5   .5   .5   1    1" },
    { .op = "silu",        "nan -0   -0   -0   0    0    small x   inf",
                           "nan -0   -0   .5   .5   .5   .5   1    1" },
    { .op = "mish",        "nan -0   -0   -0   0    0    small x   inf",
                           "nan 0    0    .6   .6   .6   .6   1    1" },
    /* PyTorch's slopes of selu, elu and leaky_relu at NaN are those above or below 0 */
    { .op = "selu",        "nan -1.7580993408473766 -1.7580993408473766 -0 0 0 small inf inf",
                           "nan 0 0 1.7580993408473766 1.7580993408473766 1.7580993408473766 "
                           "1.0507009873554805 1.0507009873554805 1.0507009873554805" },
    { .op = "elu",         "nan -.5  -.5  -0   0    0    x    x    inf",
                           "nan 0    0    .5   .5   .5   1    1    1",   { .5 } },
    { .op = "leaky_relu",  "nan -inf x/2  -0   0    0    x    x    inf",
                           ".5  .5   .5   .5   .5   .5   1    1    1",   { .5 } },
    { .op = "softplus",    "nan 0    0    .6931471805599453 .6931471805599453 .6931471805599453 "
                                         ".6931471805599453 x inf",
                           "nan 0    0    .5   .5   .5   .5   1    1",   { 1, 20 } },
    { .op = "hard_sigmoid", "nan 0   0    .5   .5   .5   .5   1    1",
                           "0   0    0    .16666666666666667 .16666666666666667 .16666666666666667 "
                                         ".16666666666666667 0    0" },
    { .op = "clamp",       "nan -1   -1   -0   0    small x   1    1",
                           "0   0    0    1    1    1    1    0    0",   { -1, 1 } },
};

static void next_word(const char **text, char word[32])
{
    *text += strspn(*text, " ");
    size_t n = strcspn(*text, " ");
    ck_assert(n > 0 && n < 32);
    memcpy(word, *text, n);
    word[n] = 0;
    *text += n;
}

/* All of them, several times over, so that whole vectors and the rest of a row are met. */
static sp_var specials(const on *o)
{
    sp_tensor *t = sp_tensor_new(o->dtype, SP_SHAPE(TIMES * N_SPECIAL));

    for (int i = 0; i < TIMES * N_SPECIAL; i++)
        sp_tensor_set(t, i, operand_word(special[i % N_SPECIAL], o->dtype));
    sp_var x = sp_input(o->tape, t);
    sp_tensor_free(t);
    return x;
}

static void holds(const on *o, const char *what, const row *r, sp_var v, const char *words)
{
    const sp_tensor *y = sp_value(v);
    char word[32];

    ck_assert_msg(y != NULL, "%s", sp_tape_error(o->tape));
    for (int k = 0; k < N_SPECIAL; k++) {
        next_word(&words, word);
        for (int i = k; i < TIMES * N_SPECIAL; i += N_SPECIAL) {
            double x = operand_word(special[k], o->dtype), got = sp_tensor_at(y, i);
            ck_assert_msg(is_word(got, word, x, o->dtype), "%s of %s at %s is %g, not %s (%s, %d)",
                          what, r->op, special[k], got, word, o->where, i);
        }
    }
}

START_TEST(functions_of_one_number_give_at_the_ends_what_the_table_says)
{
    EACH_TAPE(o)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const row *r = &rows[i];
            const sp_op *op = op_named(r->op);
            sp_var x = specials(&o), y = sp_apply(op, 1, &x, NULL, r->scalar), g;

            holds(&o, "the value", r, y, r->y);
            ck_assert_msg(!r->slope == op->constant, "%s: a slope or none", r->op);
            if (r->slope) {
                ck_assert(sp_grad(sp_sum(y), 1, &x, &g, NULL));
                holds(&o, "the slope", r, g, r->slope);
            }
            sp_tape_reset(o.tape);
        }
}
END_TEST

/* ---- of several ---- */

/* op, operands, the value and the slope by each operand (those of bool have none). */
typedef struct case_of { const char *op, *x, *y; } case_of;
static const case_of cases[] = {
    { "add", "nan 1",   "nan 1 1" },   { "add", "inf -inf", "nan 1 1" },
    { "add", "inf 1",   "inf 1 1" },   { "add", "-0 -0", "-0 1 1" },
    { "add", "0 -0",    "0 1 1" },     { "add", "max max", "inf 1 1" },
    { "add", "den den", "0 1 1" },     { "add", "-max -max", "-inf 1 1" },
    { "sub", "1 nan",   "nan 1 -1" },  { "sub", "inf inf", "nan 1 -1" },
    { "sub", "inf -inf", "inf 1 -1" }, { "sub", "0 0", "0 1 -1" },
    { "sub", "-0 0",    "-0 1 -1" },   { "sub", "den den", "0 1 -1" },
    { "mul", "nan 0",   "nan 0 nan" }, { "mul", "inf 0", "nan 0 inf" },
    { "mul", "inf -inf", "-inf -inf inf" }, { "mul", "-1 0", "-0 0 -1" },
    { "mul", "max 2",   "inf 2 max" }, { "mul", "den 1", "0 1 0" },
    { "mul", "tiny .5", "0 .5 tiny" },
    { "div", "nan 1",   "nan 1 nan" }, { "div", "1 nan", "nan nan nan" },
    { "div", "0 0",     "nan inf nan" }, { "div", "inf inf", "nan 0 nan" },
    { "div", "1 0",     "inf inf -inf" }, { "div", "1 -0", "-inf -inf -inf" },
    { "div", "1 inf",   "0 0 -0" },    { "div", "inf 0", "inf inf -inf" },
    { "div", "0 inf",   "0 0 -0" },    { "div", "1 den", "inf inf -inf" },
    { "div", "den 1",   "0 1 -0" },

    /* x^0 is 1 and 1^y is 1, even of NaN.  By y no slope where x <= 0: PyTorch has infinities
       and NaN there. */
    { "pow", "nan 1",   "nan 1 0" },   { "pow", "nan 0", "1 0 0" },
    { "pow", "1 nan",   "1 nan 0" }, { "pow", "inf 0", "1 0 inf" },
    { "pow", "0 0",     "1 0 0" },     { "pow", "0 1", "0 1 0" },
    { "pow", "0 2",     "0 0 0" },     { "pow", "0 .5", "0 inf 0" },
    { "pow", "0 -1",    "inf -inf 0" }, { "pow", "-0 -1", "-inf -inf 0" },
    { "pow", "0 inf",   "0 nan 0" },   { "pow", "-8 .5", "nan nan 0" },
    { "pow", "-2 2",    "4 -4 0" },    { "pow", "-2 3", "-8 12 0" },
    { "pow", "-inf 3",  "-inf inf 0" }, { "pow", "inf 2", "inf inf inf" },
    { "pow", "inf -1",  "0 -0 nan" },  { "pow", "2 inf", "inf inf inf" },
    { "pow", "-1 inf",  "1 inf 0" },   { "pow", "2 max", "inf inf inf" },

    { "maximum", "nan 1",  "nan 1 1" }, { "maximum", "1 nan", "nan 1 1" },
    { "maximum", "inf inf", "inf .5 .5" }, { "maximum", "-inf 1", "1 0 1" },
    { "maximum", "-0 0",   "0 .5 .5" }, { "maximum", "inf 1", "inf 1 0" },
    { "maximum", "1 1",    "1 .5 .5" },
    { "minimum", "nan 1",  "nan 1 1" }, { "minimum", "1 nan", "nan 1 1" },
    { "minimum", "-inf -inf", "-inf .5 .5" }, { "minimum", "inf 1", "1 0 1" },
    { "minimum", "0 0",    "0 .5 .5" }, { "minimum", "-inf 1", "-inf 1 0" },

    { "less",          "nan 1", "0" }, { "less",          "-inf inf", "1" },
    { "less",          "-0 0",  "0" }, { "less",          "inf inf",  "0" },
    { "less",          "0 tiny", "1" }, { "less",         "0 den",    "0" },
    { "less_equal",    "nan nan", "0" }, { "less_equal",  "inf inf",  "1" },
    { "greater",       "nan 1", "0" }, { "greater",       "1 nan",    "0" },
    { "greater",       "inf max", "1" },
    { "greater_equal", "nan nan", "0" }, { "greater_equal", "-0 0",   "1" },
    { "equal",         "nan nan", "0" }, { "equal",       "0 -0",     "1" },
    { "equal",         "inf inf", "1" }, { "equal",       "0 den",    "1" },
    { "not_equal",     "nan nan", "1" }, { "not_equal",   "0 -0",     "0" },

    /* The branch not taken does no harm, whatever it holds. */
    { "where", "1 2 nan", "2 1 0" },   { "where", "0 nan 2", "2 0 1" },
    { "where", "1 nan 2", "nan 1 0" }, { "where", "0 inf -0", "-0 0 1" },
    { "where", "1 den 2", "den 1 0" },

    /* a + w (b - a): an infinite end is NaN from the start on. */
    { "lerp", "nan 1 .5",  "nan .5 .5 nan" }, { "lerp", "1 2 nan", "nan nan nan 1" },
    { "lerp", "1 inf .5",  "inf .5 .5 inf" }, { "lerp", "1 inf 0", "nan 1 0 inf" },
    { "lerp", "inf 1 .5",  "nan .5 .5 -inf" }, { "lerp", "0 1 0", "0 1 0 1" },
};

static void holds_one(const on *o, const case_of *c, sp_var v, const char **words)
{
    char word[32];

    next_word(words, word);
    const sp_tensor *y = sp_value(v);
    ck_assert_msg(y != NULL, "%s", sp_tape_error(o->tape));
    for (int i = 0; i < TIMES; i++) {
        double got = sp_tensor_at(y, i);
        ck_assert_msg(is_word(got, word, 0, o->dtype), "%s of %s: %g where %s is due (%s: %s)",
                      c->op, c->x, got, word, c->y, o->where);
    }
}

static sp_var repeated(const on *o, const sp_op *op, int k, const char **words)
{
    char word[32];
    sp_dtype dtype = k < op->typed_by ? SP_BOOL : o->dtype;

    next_word(words, word);
    return sp_full(o->tape, dtype, SP_SHAPE(TIMES), operand_word(word, dtype));
}

START_TEST(functions_of_several_numbers_give_what_the_table_says)
{
    EACH_TAPE(o)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const case_of *c = &cases[i];
            const sp_op *op = op_named(c->op);
            const char *in = c->x, *out = c->y;
            sp_var x[3], g;
            for (int k = 0; k < op->n_in; k++) x[k] = repeated(&o, op, k, &in);
            sp_var y = sp_apply(op, op->n_in, x, NULL, NULL);
            holds_one(&o, c, y, &out);
            for (int k = op->typed_by; !op->constant && k < op->n_in; k++) {
                ck_assert(sp_grad(sp_sum(y), 1, &x[k], &g, NULL));
                holds_one(&o, c, g, &out);
            }
            sp_tape_reset(o.tape);
        }
}
END_TEST

/* ---- derivatives of derivatives ---- */

static sp_var five(const on *o, double x) { return sp_full(o->tape, o->dtype, SP_SHAPE(TIMES), x); }

static sp_var slope_by(sp_var y, sp_var x)
{
    sp_var g;
    ck_assert(sp_grad(sp_sum(y), 1, &x, &g, NULL));
    return g;
}

static void is_at(const on *o, sp_var v, double due, const char *what)
{
    const sp_tensor *y = sp_value(v);
    double near = o->dtype == SP_F32 ? 1e-5 : 1e-12;

    ck_assert_msg(y != NULL, "%s", sp_tape_error(o->tape));
    for (int i = 0; i < TIMES; i++) {
        double got = sp_tensor_at(y, i);
        ck_assert_msg(isnan(due) ? isnan(got) : fabs(got - due) <= near * fabs(due),
                      "%s: %g where %g is due (%s)", what, got, due, o->where);
    }
}

START_TEST(a_power_is_differentiated_again_where_x_or_y_is_0)
{
    const double due[][4] = { { 0, 0, 0, 0 }, { 1, 0, 0, 0 }, { 0, 2, 0, 0 }, { 0, 0, 6, 0 } };

    EACH_TAPE(o) {
        sp_var a = five(&o, 2), b = five(&o, 0), y = sp_pow(a, b);
        is_at(&o, slope_by(slope_by(y, a), b), .5, "by x, then by y, at y = 0");
        is_at(&o, slope_by(slope_by(y, b), a), .5, "by y, then by x, at y = 0");
        for (int p = 0; p < 4; p++) {
            sp_var x = five(&o, 0), by_x = sp_pow(x, five(&o, p));
            for (int k = 0; k < 4; k++) is_at(&o, by_x = slope_by(by_x, x), due[p][k], "at x = 0");
        }
        a = five(&o, 0), y = sp_pow(a, b);
        is_at(&o, slope_by(slope_by(y, a), b), 0, "by x, then by y, at 0^0");
        is_at(&o, slope_by(slope_by(y, b), a), 0, "by y, then by x, at 0^0");
    }
}
END_TEST

START_TEST(the_slope_of_elu_and_selu_keeps_its_digits_far_on_the_left)
{
    EACH_TAPE(o)
        for (double at = -25; at <= -10; at += 2.5) {
            sp_var x = five(&o, at);
            is_at(&o, slope_by(sp_elu(x, .5), x), .5 * exp(at), "elu");
            is_at(&o, slope_by(sp_selu(x), x), 1.7580993408473766 * exp(at), "selu");
        }
}
END_TEST

START_TEST(the_second_slope_of_smooth_activations_is_nan_at_nan_and_0_far_away)
{
    sp_var (*const f[])(sp_var) = { sp_gelu, sp_gelu_tanh, sp_silu, sp_mish };

    EACH_TAPE(o)
        for (int i = 0; i < 4; i++)
            for (int k = -1; k <= 1; k++) {
                sp_var x = five(&o, k ? k * (double)INFINITY : (double)NAN);
                is_at(&o, slope_by(slope_by(f[i](x), x), x), k ? 0 : (double)NAN, "twice");
            }
}
END_TEST

/* ---- floating to integer ---- */

START_TEST(to_bool_zeros_and_denormals_are_false_and_nan_is_true)
{
    EACH_TAPE(o) {
        const sp_tensor *y = sp_value(sp_cast(specials(&o), SP_BOOL));
        for (int i = 0; i < N_SPECIAL; i++) {
            double x = operand_word(special[i], o.dtype);
            ck_assert_msg(sp_tensor_at(y, i) == !(fabs(x) < tiny_of(o.dtype)), "%s: %s is %g",
                          o.where, special[i], sp_tensor_at(y, i));
        }
    }
}
END_TEST

START_TEST(to_integers_what_does_not_fit_becomes_the_nearest_and_nan_0)
{
    const double least[] = { INT32_MIN, (double)INT64_MIN }, most[] = { INT32_MAX, 0x1p63 };
    const sp_dtype whole[] = { SP_I32, SP_I64 };

    EACH_TAPE(o)
        for (int k = 0; k < 2; k++) {
            const sp_tensor *y = sp_value(sp_cast(specials(&o), whole[k]));
            for (int i = 0; i < N_SPECIAL; i++) {
                double x = operand_word(special[i], o.dtype);
                double due = x < -1 ? least[k] : x > 1 ? most[k] : 0;
                ck_assert_msg(sp_tensor_at(y, i) == due, "%s: %s becomes %.17g", o.where,
                              special[i], sp_tensor_at(y, i));
            }
        }
}
END_TEST

START_TEST(every_elementwise_op_of_floating_numbers_is_in_a_table)
{
    const sp_op *op;

    for (int i = 0; (op = sp_op_at(i)); i++) {
        bool found = op->kind != SP_ELEMENTWISE || strcmp(op->name, "cast") == 0;
        for (size_t k = 0; !found && k < sizeof rows / sizeof *rows; k++)
            found = strcmp(rows[k].op, op->name) == 0;
        for (size_t k = 0; !found && k < sizeof cases / sizeof *cases; k++)
            found = strcmp(cases[k].op, op->name) == 0;
        ck_assert_msg(found, "no row: %s", op->name);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("special");
    TCase *all = tcase_create("all");

    tcase_add_test(all, functions_of_one_number_give_at_the_ends_what_the_table_says);
    tcase_add_test(all, functions_of_several_numbers_give_what_the_table_says);
    tcase_add_test(all, a_power_is_differentiated_again_where_x_or_y_is_0);
    tcase_add_test(all, the_slope_of_elu_and_selu_keeps_its_digits_far_on_the_left);
    tcase_add_test(all, the_second_slope_of_smooth_activations_is_nan_at_nan_and_0_far_away);
    tcase_add_test(all, to_bool_zeros_and_denormals_are_false_and_nan_is_true);
    tcase_add_test(all, to_integers_what_does_not_fit_becomes_the_nearest_and_nan_0);
    tcase_add_test(all, every_elementwise_op_of_floating_numbers_is_in_a_table);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
