/* SPDX-License-Identifier: MIT
 *
 * test_alloc.c - the memory door: what it hands out, counts, refuses and notices.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tensor/alloc.h"
#include "tests/suite.h"

START_TEST(every_block_is_aligned_to_64_bytes)
{
    for (int64_t bytes = 0; bytes < 300; bytes++) {
        void *block = sp_alloc(bytes);
        ck_assert_ptr_nonnull(block);
        ck_assert_int_eq((intptr_t)block % 64, 0);
        memset(block, 1, (size_t)bytes);
        sp_release(block);
    }
}
END_TEST

START_TEST(a_zeroed_block_is_zero_after_another_was_dirty)
{
    unsigned char *dirty = sp_alloc(1000);
    memset(dirty, 7, 1000);
    sp_release(dirty);

    unsigned char *block = sp_alloc_zero(1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(block[i], 0);
    sp_release(block);
}
END_TEST

START_TEST(negative_and_huge_sizes_are_out_of_memory)
{
    ck_assert_ptr_null(sp_alloc(-1));
    ck_assert_str_eq(sp_error(), "out of memory (-1 bytes)");
    ck_assert_ptr_null(sp_alloc(INT64_MAX));
    ck_assert_str_eq(sp_error(), "out of memory (9223372036854775807 bytes)");
    ck_assert_ptr_null(sp_alloc_zero(INT64_MAX - 100));
    ck_assert_ptr_null(sp_alloc_array(INT64_MAX / 4, 8));
    ck_assert_ptr_nonnull(strstr(sp_error(), "out of memory"));
    ck_assert_ptr_null(sp_alloc_array(-2, 8));
}
END_TEST

START_TEST(growing_keeps_what_matters)
{
    char *block = sp_strdup("abc");
    char *grown = sp_realloc_array(block, 4, 100, 10);
    ck_assert_str_eq(grown, "abc");

    char *shrunk = sp_realloc_array(grown, 1000, 2, 1);
    ck_assert(memcmp(shrunk, "ab", 2) == 0);
    ck_assert_ptr_null(sp_realloc_array(shrunk, 2, INT64_MAX, 2));
    ck_assert(memcmp(shrunk, "ab", 2) == 0);
    sp_release(shrunk);

    void *fresh = sp_realloc_array(NULL, 0, 5, 8);
    ck_assert_ptr_nonnull(fresh);
    sp_release(fresh);
    sp_release(NULL);
    ck_assert_ptr_null(sp_strdup(NULL));
}
END_TEST

START_TEST(blocks_and_bytes_are_counted)
{
    sp_alloc_stats before = sp_alloc_count();
    sp_alloc_reset_peak();

    void *a = sp_alloc(100), *b = sp_alloc_array(3, 50);
    sp_alloc_stats during = sp_alloc_count();
    ck_assert_int_eq(during.calls - before.calls, 2);
    ck_assert_int_eq(during.live_blocks - before.live_blocks, 2);
    ck_assert_int_eq(during.live_bytes - before.live_bytes, 250);

    sp_release(a);
    sp_release(b);
    sp_alloc_stats after = sp_alloc_count();
    ck_assert_int_eq(after.live_blocks, before.live_blocks);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
    ck_assert_int_eq(after.calls - before.calls, 2);
    ck_assert_int_eq(after.peak_bytes - before.live_bytes, 250);

    sp_alloc_reset_peak();
    ck_assert_int_eq(sp_alloc_count().peak_bytes, before.live_bytes);
}
END_TEST

START_TEST(exactly_the_nth_allocation_fails)
{
    for (int n = 0; n < 5; n++) {
        if (!sp_alloc_fail(n, false)) return;
        for (int i = 0; i < 7; i++) {
            void *block = sp_alloc(8);
            ck_assert_int_eq(block == NULL, i == n);
            sp_release(block);
        }
    }
    ck_assert_str_eq(sp_error(), "out of memory (8 bytes)");
}
END_TEST

START_TEST(from_the_nth_on_all_allocations_fail_until_it_ends)
{
    if (!sp_alloc_fail(2, true)) return;
    for (int i = 0; i < 7; i++) {
        void *block = i % 2 ? sp_strdup("x") : sp_alloc_zero(8);
        ck_assert_int_eq(block == NULL, i >= 2);
        sp_release(block);
    }
    sp_alloc_fail(-1, false);
    void *block = sp_alloc(8);
    ck_assert_ptr_nonnull(block);
    sp_release(block);
}
END_TEST

START_TEST(a_refused_block_is_not_counted)
{
    if (!sp_alloc_fail(0, false)) return;
    sp_alloc_stats before = sp_alloc_count();
    ck_assert_ptr_null(sp_alloc(8));
    sp_alloc_stats after = sp_alloc_count();
    ck_assert_int_eq(after.calls, before.calls);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
}
END_TEST

/* How a child that writes one byte at `at` and frees the block ends. */
static int signal_after_writing(int64_t size, int64_t at)
{
    int   status = 0;
    pid_t child = fork();

    if (child == 0) {
        close(STDERR_FILENO);
        char *volatile block = sp_alloc(size);
        block[at] ^= 1;
        sp_release(block);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

START_TEST(writing_outside_a_block_is_noticed_when_it_is_freed)
{
    if (!sp_alloc_fail(-1, false)) return;
    ck_assert_int_eq(signal_after_writing(100, 99), 0);
    ck_assert_int_eq(signal_after_writing(100, -1), SIGABRT);
    ck_assert_int_eq(signal_after_writing(0, -50), SIGABRT);
    ck_assert_int_ne(signal_after_writing(128, 128), 0);     /* a sanitizer's exit, or ours */
    ck_assert_int_ne(signal_after_writing(100, 130), 0);
}
END_TEST

START_TEST(fresh_memory_is_garbage)
{
    if (!sp_alloc_fail(-1, false)) return;
    unsigned char *block = sp_alloc(64);
    for (int i = 0; i < 64; i++)
        ck_assert_int_ne(block[i], 0);
    sp_release(block);
}
END_TEST

static void *allocate_much(void *unused)
{
    for (int i = 0; i < 2000; i++)
        sp_release(sp_alloc(i));
    sp_fail("thread %d", 7);
    return unused;
}

START_TEST(threads_count_together_and_fail_apart)
{
    sp_alloc_stats before = sp_alloc_count();
    pthread_t      thread[3];

    sp_fail("mine");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, allocate_much, NULL), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    ck_assert_int_eq(sp_alloc_count().calls - before.calls, 6000);
    ck_assert_int_eq(sp_alloc_count().live_bytes, before.live_bytes);
    ck_assert_str_eq(sp_error(), "mine");
}
END_TEST

START_TEST(a_sentence_may_quote_the_last_one_and_is_cut_when_long)
{
    ck_assert(!sp_fail("b"));
    sp_fail("a: %s", sp_error());
    ck_assert_str_eq(sp_error(), "a: b");

    sp_fail("%2000d", 1);
    ck_assert_uint_eq(strlen(sp_error()), 1023);
}
END_TEST

START_TEST(an_option_of_zero_means_the_usual)
{
    ck_assert_double_eq(sp_usual(0, 0.9), 0.9);
    ck_assert_double_eq(sp_usual(0.5, 0.9), 0.5);
    ck_assert_double_eq(sp_usual(SP_ZERO, 0.9), 0);
    ck_assert_int_eq(sp_usual_whole(0, -100), -100);
    ck_assert_int_eq(sp_usual_whole(SP_ZERO, -100), 0);
    ck_assert_int_eq(sp_usual_whole(INT64_MAX, -100), INT64_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alloc");
    TCase *all = tcase_create("all");

    tcase_add_test(all, every_block_is_aligned_to_64_bytes);
    tcase_add_test(all, a_zeroed_block_is_zero_after_another_was_dirty);
    tcase_add_test(all, negative_and_huge_sizes_are_out_of_memory);
    tcase_add_test(all, growing_keeps_what_matters);
    tcase_add_test(all, blocks_and_bytes_are_counted);
    tcase_add_test(all, exactly_the_nth_allocation_fails);
    tcase_add_test(all, from_the_nth_on_all_allocations_fail_until_it_ends);
    tcase_add_test(all, a_refused_block_is_not_counted);
    tcase_add_test(all, writing_outside_a_block_is_noticed_when_it_is_freed);
    tcase_add_test(all, fresh_memory_is_garbage);
    tcase_add_test(all, threads_count_together_and_fail_apart);
    tcase_add_test(all, a_sentence_may_quote_the_last_one_and_is_cut_when_long);
    tcase_add_test(all, an_option_of_zero_means_the_usual);
    suite_add_tcase(suite, all);

    return run_all(suite);
}
