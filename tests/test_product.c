/* SPDX-License-Identifier: MIT
 *
 * test_product.c - products of any rank: values against plain loops, gradients against
 * differences, mistakes.
 */
#include "autograd/check.h"
#include "tests/plain_sums.h"
#include "tests/suite.h"

/* The product, the shapes of its operands, and what is summed. */
typedef struct row { const char *name, *in, *plain; } row;

static const row products[] = {
    { "matmul", "4 4", "k,k->" }, { "matmul", "4 4x5", "k,kn->n" },
    { "matmul", "3x4 4", "mk,k->m" }, { "matmul", "4 2x4x5", "k,bkn->bn" },
    { "matmul", "2x3x4 4", "bmk,k->bm" }, { "matmul", "3x4 4x5", "mk,kn->mn" },
    { "matmul", "0 0x2", "k,kn->n" }, { "dot", "4 4", "k,k->" },
    { "dot", "2x3x4 3x4", "abk,bk->ab" }, { "dot", "2x1x4 4", "abk,k->ab" },
    { "dot", "1x2x1x1x2x3 2x1x1x2x3", "abcdek,bcdek->abcde" }, { "dot", "2x0 2x0", "bk,bk->b" },
    { "outer", "2 3", "i,j->ij" }, { "outer", "4x2 4x3", "bi,bj->bij" },
    { "outer", "2x1x3 4x2", "abi,cj->acij" }, { "outer", "0 3", "i,j->ij" },
};
enum { N_PRODUCTS = sizeof products / sizeof *products };

static sp_var named(sp_tape *t, int n, const sp_var x[], void *name)
{
    (void)t, (void)n;
    if (strcmp(name, "dot") == 0) return sp_dot(x[0], x[1]);
    return strcmp(name, "outer") == 0 ? sp_outer(x[0], x[1]) : sp_matmul(x[0], x[1]);
}

static sp_var summed(sp_tape *t, int n, const sp_var x[], void *name)
{
    return sp_sum(sp_square(named(t, n, x, name)));
}

START_TEST(products_of_any_rank_are_those_of_plain_loops)
{
    void *name = (void *)(uintptr_t)products[_i].name;
    sp_tensor *x[MOST];
    int n = make(products[_i].in, x);
    sp_tensor *want = by_loops(products[_i].plain, n, x);
    sp_report report = { 0 };

    agrees(name, named(tape, n, (sp_var[]){ sp_input(tape, x[0]), sp_input(tape, x[1]) }, name),
           want);
    ck_assert_msg(sp_check_function(summed, name, n, x, true, 1e-6, &report), "%s", report.first);
    sp_tensor_free(want);
    release(n, x);
}
END_TEST

START_TEST(tensordot_pairs_the_axes_it_is_given)
{
    sp_tensor *x[MOST];
    int n = make("2x3x4 4x5x2", x);
    sp_var a = sp_input(tape, x[0]), b = sp_input(tape, x[1]);
    sp_tensor *one = by_loops("ijk,klm->ijlm", 2, x), *two = by_loops("ijk,kli->jl", 2, x);

    agrees("one", sp_tensordot(a, b, SP_AXES(-1), SP_AXES(0)), one);
    agrees("two", sp_tensordot(a, b, SP_AXES(0, 2), SP_AXES(2, 0)), two);
    ck_assert_int_eq(sp_var_shape(sp_tensordot(a, b, (sp_axes){ 0 }, (sp_axes){ 0 })).rank, 6);
    sp_tensor_free(one);
    sp_tensor_free(two);
    release(n, x);
}
END_TEST

START_TEST(products_that_cannot_be_are_told)
{
    sp_var whole = sp_full(tape, SP_I64, SP_SHAPE(2), 1), six;
    int64_t nodes = sp_stats(tape).nodes + 2;

    sp_matmul(ones(SP_SHAPE(2)), whole);
    ck_assert_int_eq(sp_stats(tape).nodes, nodes);
    says(sp_outer(ones(SP_SHAPE(2)), whole), "matmul: [2] x [2]: dtypes f64 and i64; both must be");
    six = ones(SP_SHAPE(1, 1, 1, 1, 1, 2));
    says(sp_outer(six, six), "its result would have more than 6 axes");
    says(sp_outer(ones(SP_SHAPE(2, 3)), ones(SP_SHAPE(4, 3))),
         "outer: [2,3] x [4,3]: the leading axes do not broadcast");
    says(sp_dot(ones(SP_SHAPE(2, 3)), ones(SP_SHAPE(4, 3))),
         "dot: [2,3] x [4,3]: the leading axes do not broadcast");
    says(sp_matmul(ones(SP_SHAPE(3)), ones(SP_SHAPE(4, 5))),
         "matmul: [3] x [4,5]: inner sizes 3 and 4 differ");
    says(sp_matmul(ones(SP_SHAPE(2, 3)), ones(SP_SHAPE(2))),
         "matmul: [2,3] x [2]: inner sizes 3 and 2 differ");
    says(sp_dot(ones(SP_SHAPE(2, 3)), ones(SP_SHAPE(2))),
         "dot: [2,3] x [2]: inner sizes 3 and 2 differ");
    says(sp_dot(ones(SP_SCALAR), ones(SP_SHAPE(2))), "dot: [] x [2]: a scalar has no last axis");
    says(sp_outer(ones(SP_SHAPE(2)), ones(SP_SCALAR)),
         "outer: [2] x []: a scalar has no last axis");
    says(sp_tensordot(ones(SP_SHAPE(2, 3)), ones(SP_SHAPE(4)), SP_AXES(1), SP_AXES(0)),
         "tensordot: [2,3] x [4]: axis 1 of size 3 meets axis 0 of size 4");
    says(sp_tensordot(ones(SP_SHAPE(2, 3)), ones(SP_SHAPE(4)), SP_AXES(1, 0), SP_AXES(0)),
         "tensordot: [2,3] x [4]: 2 axes of one cannot meet 1 of the other");
    says(sp_tensordot(ones(SP_SHAPE(2, 3)), ones(SP_SHAPE(4)), SP_AXES(2), SP_AXES(0)),
         "tensordot: [2,3] x [4]: there is no axis 2 in rank 2");
    says(sp_tensordot(ones(SP_SHAPE(2, 2)), ones(SP_SHAPE(2, 2)), SP_AXES(0, -2), SP_AXES(0, 1)),
         "tensordot: [2,2] x [2,2]: an axis is named twice");
    says(sp_tensordot(ones(SP_SHAPE(2, 2)), ones(SP_SHAPE(2, 2)), SP_AXES(0, 1), SP_AXES(0, 0)),
         "tensordot: [2,2] x [2,2]: an axis is named twice");
    sp_shape four = SP_SHAPE(1, 1, 1, 1);
    says(sp_tensordot(ones(four), ones(four), (sp_axes){ 0 }, (sp_axes){ 0 }),
         "its result would have 8 axes, more than 6");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("product");
    TCase *tc = tcase_create("product");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(tc, products_of_any_rank_are_those_of_plain_loops, 0, N_PRODUCTS);
    tcase_add_test(tc, tensordot_pairs_the_axes_it_is_given);
    tcase_add_test(tc, products_that_cannot_be_are_told);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
