/* SPDX-License-Identifier: MIT
 *
 * test_einsum.c - einsum: values against plain loops over all indices, gradients against
 * differences, mistakes.
 */
#include "autograd/check.h"
#include "tests/plain_sums.h"
#include "tests/suite.h"

/* The spec, the shapes of its operands, and the same with every index spelled out. */
typedef struct row { const char *spec, *in, *plain; } row;

static const row rows[] = {
    { "i->i", "4", "i->i" },
    { "i->", "4", "i->" },
    { "ij->ji", "2x3", "ij->ji" },
    { "ij->", "2x3", "ij->" },
    { "ij->j", "2x3", "ij->j" },
    { "ijk->kij", "2x3x4", "ijk->kij" },
    { "ijk->ki", "2x3x4", "ijk->ki" },
    { "ba", "2x3", "ba->ab" },
    { "bA", "2x3", "bA->Ab" },
    { "ii->i", "3x3", "ii->i" },
    { "ii->", "3x3", "ii->" },
    { "ii", "3x3", "ii->" },
    { "iij->ji", "3x3x2", "iij->ji" },
    { "iji->j", "3x2x3", "iji->j" },
    { "iiii->i", "3x3x3x3", "iiii->i" },
    { "ijij->ij", "2x3x2x3", "ijij->ij" },
    { "i,i->", "4 4", "i,i->" },
    { "i,i->i", "4 4", "i,i->i" },
    { "i,j->ij", "2 3", "i,j->ij" },
    { "i,j->ji", "2 3", "i,j->ji" },
    { "i,j->", "2 3", "i,j->" },
    { "i,j->j", "2 3", "i,j->j" },
    { ",->", ". .", ",->" },
    { ",i->i", ". 3", ",i->i" },
    { "i,->", "3 .", "i,->" },
    { "ij,jk->ik", "2x3 3x4", "ij,jk->ik" },
    { "ij,jk", "2x3 3x4", "ij,jk->ik" },
    { "ij,jk->ki", "2x3 3x4", "ij,jk->ki" },
    { "ji,kj->ik", "3x2 4x3", "ji,kj->ik" },
    { "ij,ij->", "2x3 2x3", "ij,ij->" },
    { "ij,ji->", "2x3 3x2", "ij,ji->" },
    { "ij,j->i", "2x3 3", "ij,j->i" },
    { "i,ij->j", "2 2x3", "i,ij->j" },
    { " i j , j k -> i k ", "2x3 3x4", "ij,jk->ik" },
    { "bij,bjk->bik", "2x3x4 2x4x5", "bij,bjk->bik" },
    { "bij,bkj->bik", "2x3x4 2x5x4", "bij,bkj->bik" },
    { "bij,jk->bik", "2x3x4 4x5", "bij,jk->bik" },
    { "bij,bjk->ik", "2x3x4 2x4x5", "bij,bjk->ik" },
    { "bqhd,bkhd->bhqk", "2x3x2x4 2x5x2x4", "bqhd,bkhd->bhqk" },
    { "bhqk,bkhd->bqhd", "2x2x3x5 2x5x2x4", "bhqk,bkhd->bqhd" },
    { "abcd,acbd->abd", "2x3x2x3 2x2x3x3", "abcd,acbd->abd" },
    { "abcdei,abcdei->abcde", "2x1x2x1x2x3 2x1x2x1x2x3", "abcdei,abcdei->abcde" },
    { "abcde,abcde->abcde", "2x1x2x1x3 2x1x2x1x3", "abcde,abcde->abcde" },
    { "ijk,jil->kl", "2x3x4 3x2x5", "ijk,jil->kl" },
    { "abc,cd,def->abef", "2x3x2 2x4 4x2x3", "abc,cd,def->abef" },
    { "ij,jk,kl,lm->im", "2x3 3x4 4x2 2x3", "ij,jk,kl,lm->im" },
    { "i,ij,j->", "2 2x3 3", "i,ij,j->" },
    { "i,i,i,i,i->i", "3 3 3 3 3", "i,i,i,i,i->i" },
    { "ij,ik,il->jkl", "2x3 2x4 2x5", "ij,ik,il->jkl" },
    { "bn,anm,bm->ba", "2x3 4x3x5 2x5", "bn,anm,bm->ba" },
    { "iij,jk->ik", "3x3x2 2x4", "iij,jk->ik" },
    { "ij,kk->ij", "2x3 2x2", "ij,kk->ij" },
    { "...", "2x3", "ab->ab" },
    { "...->", ".", "->" },
    { "...ij->...ji", "2x3x4", "aij->aji" },
    { "i...->...", "2x3x4", "iab->ab" },
    { "...i,i", "2x3x4 4", "abi,i->ab" },
    { "...ij,...jk->...ik", "2x3x4 4x5", "aij,jk->aik" },
    { "...ij,...jk->...ik", "5x2x3x4 2x4x5", "baij,ajk->baik" },
    { "...ij,...jk->...ik", "1x2x3 4x3x2", "aij,bjk->bik" },
    { "...ij,...jk", "2x1x2x3 4x3x2", "abij,cjk->acik" },
    { "i...,i...->...", "2x3x4 2x4", "iab,ib->ab" },
    { "...,...", "2x1 3", "ab,c->ac" },
    { "a...b,b...a->...", "2x3x4 4x3x2", "aib,bia->i" },
    { "ij,jk->ik", "2x1 3x4", "ij,lk->ik" },
    { "ij,ij->ij", "1x3 2x1", "aj,ib->ij" },
    { "i,i,i->i", "1 1 3", "a,b,i->i" },
    { "i,ii->i", "3 1x1", "i,ab->i" },
    { "ii,i->", "1x1 3", "ab,i->" },
    { "ij,ij->", "1x3 4x3", "aj,ij->" },
    { "ij,jk->ik", "2x1 0x4", "ia,jk->ik" },
    { "ij,jk->ik", "0x3 3x4", "ij,jk->ik" },
    { "ij,jk->ik", "2x0 0x4", "ij,jk->ik" },
    { "ij->", "0x3", "ij->" },
    { "ij->j", "0x3", "ij->j" },
    { "ii->", "0x0", "ii->" },
    { "...ij,...jk->...ik", "0x2x3 1x3x4", "aij,bjk->aik" },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static sp_var sum_of(const char *spec, int n, sp_tensor *const x[])
{
    sp_var v[MOST];

    for (int k = 0; k < n; k++) v[k] = sp_input(tape, x[k]);
    return sp_einsum(spec, n, v);
}

START_TEST(einsum_sums_what_plain_loops_sum)
{
    sp_tensor *x[MOST];
    int n = make(rows[_i].in, x);
    sp_tensor *want = by_loops(rows[_i].plain, n, x);

    agrees(rows[_i].spec, sum_of(rows[_i].spec, n, x), want);
    sp_tensor_free(want);
    release(n, x);
}
END_TEST

/* Weighted, so that no slope is alike. */
static sp_var weighted(sp_tape *t, int n, const sp_var x[], void *spec)
{
    sp_var y = sp_einsum(spec, n, x);
    int64_t size = sp_shape_size(sp_var_shape(y));
    sp_var w = sp_arange(t, SP_F64, .5, size, .25);

    return sp_sum(sp_mul(sp_square(y), sp_reshape(w, sp_var_shape(y))));
}

START_TEST(its_gradients_are_those_of_differences_twice)
{
    sp_tensor *x[MOST];
    int n = make(rows[_i].in, x);
    sp_report report = { 0 };

    ck_assert_msg(sp_check_function(weighted, (void *)(uintptr_t)rows[_i].spec, n, x, true, 1e-6,
                                    &report),
                  "%s: %s", rows[_i].spec, report.first);
    release(n, x);
}
END_TEST

START_TEST(operands_that_lie_otherwise_give_the_same)
{
    sp_tensor *x[MOST];
    int n = make("4x3x2 5x4x2", x);
    sp_var a = sp_permute(sp_input(tape, x[0]), SP_AXES(2, 1, 0));      /* 2x3x4 */
    sp_var b = sp_flip(sp_permute(sp_input(tape, x[1]), SP_AXES(2, 1, 0)), 1);
    sp_tensor *dense[] = { sp_export(a), sp_export(b) };
    sp_tensor *want = by_loops("bij,bjk->kib", 2, dense);

    agrees("strided", sp_einsum("bij,bjk->kib", SP_VARS(a, b)), want);
    sp_tensor_free(want);
    release(2, dense);
    release(n, x);
}
END_TEST

START_TEST(a_product_of_matrices_records_one_node)
{
    sp_tensor *x[MOST];
    int n = make("2x3x4 2x4x5", x);
    sp_var a = sp_input(tape, x[0]), b = sp_input(tape, x[1]);
    int64_t before = sp_stats(tape).nodes;

    sp_einsum("bij,bjk->bik", SP_VARS(a, b));
    ck_assert_int_eq(sp_stats(tape).nodes, before + 1);
    sp_einsum("...ij->...ij", 1, &a);
    ck_assert_int_eq(sp_stats(tape).nodes, before + 1);
    release(n, x);
}
END_TEST

/* ---- mistakes ---- */

static const struct { const char *spec, *in, *sentence; } mistakes[] = {
    { "ij,jk->ik", "2x3 4x5",
      "einsum: \"ij,jk->ik\": [2,3] x [4,5]: index j is 3 in operand 0 and 4 in operand 1" },
    { "ij,jk,ki->", "2x1 3x4 5x2", "index k is 4 in operand 1 and 5 in operand 2" },
    { "...i,...i", "2x3 4x3", "axis -1 of ... is 2 in operand 0 and 4 in operand 1" },
    { "ii->i", "2x3", "index i is 2 and 3 in operand 0" },
    { "ii->i", "1x3", "index i is 1 and 3 in operand 0" },
    { "i,ii->i", "3 1x3", "index i is 1 and 3 in operand 1" },
    { "ij,jk->ik", "2x3", "it names more operands than the 1 there are" },
    { "ij->ij", "2x3 3x4", "it names only 1 of the 2 operands" },
    { "", "2 3", "operand 0 has rank 1, \"\" is for rank 0" },
    { "ij,jk->ik", "2x3 3", "operand 1 has rank 1, \"jk\" is for rank 2" },
    { "i,j->ij", "2x3 3", "operand 0 has rank 2, \"i\" is for rank 1" },
    { "ij...->i", "2", "operand 0 has rank 1, \"ij...\" is for rank 2 or more" },
    { "ij->iz", "2x3", "index z of the result is in no operand" },
    { "ij->ii", "2x3", "index i stands twice in the result" },
    { "...i->i", "2x3", "its result has no \"...\", for 1 axes of operands" },
    { "...i...->i", "2x3", "\"...\" stands twice in one place" },
    { "i1->i", "2x3", "'1' is no index: letters are" },
    { "i.->i", "2x3", "'.' is no index: letters are" },
    { "ij-ji", "2x3", "'-' is no index: letters are" },
    { "ij->j,i", "2x3", "the result goes on with \",i\"" },
    { "ij->j->i", "2x3", "the result goes on with \"->i\"" },
    { "abcdefg->a", "2", "more than 6 indices in one place" },
    { "abcd,efgh", "1x1x1x1 1x1x1x1", "its result has more than 6 axes" },
    { "abcd,ef...->...abcdef", "1x1x1x1 1x1x1", "its result has more than 6 axes" },
    { "abcd,efgh,abcd,efgh->", "1x1x1x1 1x1x1x1 1x1x1x1 1x1x1x1",
      "[1,1,1,1] x [1,1,1,1] x [1,1,1,1] x [1,1,1,1]: "
      "the product up to operand 1 has 8 axes, more than 6" },
};
enum { N_MISTAKES = sizeof mistakes / sizeof *mistakes };

START_TEST(a_mistake_is_told_with_the_text_and_the_shapes)
{
    sp_tensor *x[MOST];
    int n = make(mistakes[_i].in, x);
    sp_var v = sum_of(mistakes[_i].spec, n, x);

    ck_assert_msg(sp_is_nothing(v), "%s", mistakes[_i].spec);
    ck_assert_int_eq(sp_stats(tape).nodes, n);
    ck_assert_msg(strstr(sp_tape_error(tape), mistakes[_i].sentence), "%s: it says: %s",
                  mistakes[_i].spec, sp_tape_error(tape));
    release(n, x);
}
END_TEST

START_TEST(operands_that_cannot_be_are_told)
{
    sp_var whole = sp_full(tape, SP_I64, SP_SHAPE(3), 1), x, none = { 0 };

    says(sp_einsum("i,i", SP_VARS(ones(SP_SHAPE(3)), whole)), "operand 1 is i64, it needs f32 or");
    says(sp_einsum("i,i", SP_VARS(ones(SP_SHAPE(3)), sp_full(tape, SP_F32, SP_SHAPE(3), 1))),
         "operand 1 is f32, it needs f32 or f64 like the others");
    x = ones(SP_SHAPE(3));
    sp_tape_reset(tape);
    says(sp_einsum("i,i", SP_VARS(ones(SP_SHAPE(3)), x)), "einsum: its operand was recorded");
    says(sp_einsum("i,i", SP_VARS(ones(SP_SHAPE(3)), none)), "einsum: an operand is no var");
    says(sp_einsum(NULL, SP_VARS(ones(SP_SHAPE(3)))), "there is no text");
    sp_tape *other = sp_tape_new(NULL);
    says(sp_einsum("i,i", SP_VARS(ones(SP_SHAPE(3)), sp_full(other, SP_F64, SP_SHAPE(3), 1))),
         "einsum: its operands are on different tapes");
    sp_tape_free(other);
    ck_assert(sp_is_nothing(sp_einsum("", 0, NULL)));
    x = sp_tape_fail(tape, "first");
    ck_assert(sp_is_nothing(sp_einsum("i,z->q", SP_VARS(x, none))));
    ck_assert_str_eq(sp_tape_error(tape), "first");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("einsum");
    TCase *tc = tcase_create("einsum");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(tc, einsum_sums_what_plain_loops_sum, 0, N_ROWS);
    tcase_add_loop_test(tc, its_gradients_are_those_of_differences_twice, 0, N_ROWS);
    tcase_add_test(tc, operands_that_lie_otherwise_give_the_same);
    tcase_add_test(tc, a_product_of_matrices_records_one_node);
    tcase_add_loop_test(tc, a_mistake_is_told_with_the_text_and_the_shapes, 0, N_MISTAKES);
    tcase_add_test(tc, operands_that_cannot_be_are_told);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
