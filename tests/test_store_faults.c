/* SPDX-License-Identifier: MIT
 *
 * Stores when things go wrong: damage is found, and no failure of memory, of the
 * disk or of the process leaves anything but the old contents or the new.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/faults.h"
#include "tests/store_samples.h"

START_TEST(no_flipped_bit_gives_other_contents)
{
    sp_store *store = small_store();
    int64_t size, n_accepted = 0;
    char *bytes = saved_bytes(store, &size);

    for (int64_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        sp_store *back = sp_store_parse(bytes, size);
        ck_assert_msg(!back || same_stores(store, back), "bit %lld", (long long)bit);
        n_accepted += back != NULL;
        sp_store_free(back);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    /* Nothing in this file has two spellings: \u000a stands in decimal digits. */
    ck_assert_int_le(n_accepted, 1);
    sp_release(bytes);
    sp_store_free(store);
}
END_TEST

START_TEST(every_cut_file_is_refused)
{
    sp_store *store = small_store();
    int64_t size;
    char *bytes = saved_bytes(store, &size);

    for (int64_t n = 0; n < size; n++) {
        char *cut = malloc((size_t)n + 1);      /* a sanitizer sees where it ends */
        memcpy(cut, bytes, (size_t)n);
        ck_assert_msg(!sp_store_parse(cut, n), "%lld bytes", (long long)n);
        free(cut);
    }
    sp_release(bytes);
    sp_store_free(store);
}
END_TEST

START_TEST(a_refusal_names_the_file)
{
    char start[3200];
    sp_piece piece = { "\3\0\0\0\0\0\0\0{ }x", 12 };

    ck_assert(sp_file_replace(path, 1, &piece));
    ck_assert_ptr_null(sp_store_load(path));
    snprintf(start, sizeof start, "%s: the tensors take 0 bytes, but 1", path);
    ck_assert_msg(strncmp(sp_error(), start, 900 < strlen(start) ? 900 : strlen(start)) == 0,
                  "%s", sp_error());
    ck_assert_ptr_null(sp_store_load(folder));
    ck_assert_ptr_null(sp_store_load("no/such/file"));
    ck_assert_ptr_nonnull(strstr(sp_error(), "no/such/file"));
    sp_store *store = sp_store_new();
    ck_assert(!sp_store_save(store, "no/such/file"));
    ck_assert_ptr_nonnull(strstr(sp_error(), "no/such/file"));
    sp_store_free(store);
}
END_TEST

/* One thing that allocates; false: it failed. */
static bool build(void)
{
    sp_store *store = sp_store_new();
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(2));
    bool ok = store && x && sp_store_put_tensor(store, "x", x) && sp_store_put_tensor(store, "x", x)
           && sp_store_put_number(store, "y", 1) && sp_store_put_text(store, "z", "text");

    for (int i = 0; ok && i < 20; i++)
        ok = sp_store_put_integer(store, (char[]){ (char)('a' + i), 0 }, i);
    sp_tensor_free(x);
    sp_store_free(store);
    return ok;
}

static sp_store *given;

static bool save(void) { return sp_store_save(given, path); }

static bool load(void)
{
    sp_store *store = sp_store_load(path);
    bool ok = store && same_stores(store, given);

    ck_assert(ok || !store);
    sp_store_free(store);
    return ok;
}

START_TEST(any_failing_allocation_is_survived)
{
    given = small_store();
    for (int lasting = 0; lasting < 2; lasting++) {
        fails_cleanly(build, lasting);
        fails_cleanly(save, lasting);
        fails_cleanly(load, lasting);
    }
    sp_store_free(given);
}
END_TEST

START_TEST(a_put_without_memory_changes_nothing)
{
    given = small_store();
    sp_store *same = small_store();
    bool done = false;

    for (int64_t n = 0; !done && sp_alloc_fail(n, false); n++) {
        done = sp_store_put_number(given, "loss", 0.2);
        sp_alloc_fail(-1, false);
        ck_assert(done || same_stores(given, same));
    }
    sp_store_free(given);
    sp_store_free(same);
}
END_TEST

/* Call n of a save over an old file fails: the file is the old one, or the new one if only
   what comes after the rename failed, and nothing else is left in the folder. */
static bool save_fails_cleanly(int64_t n, bool lasting, int error_number, const sp_store *old)
{
    ck_assert(sp_store_save(old, path));
    int64_t live = sp_alloc_count().live_blocks;
    sp_io_fail(n, lasting, error_number);
    bool ok = sp_store_save(given, path);
    sp_io_fail(-1, false, 0);
    ck_assert_int_eq(sp_alloc_count().live_blocks, live);

    sp_store *back = sp_store_load(path);
    ck_assert_msg(back, "call %lld, %s: %s", (long long)n, strerror(error_number), sp_error());
    ck_assert(ok ? same_stores(back, given) : same_stores(back, old) || same_stores(back, given));
    sp_store_free(back);
    return ok;
}

START_TEST(a_failing_call_while_saving_keeps_the_old_file)
{
    static const int errors[] = { EIO, ENOSPC, EINTR, 0 };
    sp_store *old = sp_store_new();
    given = small_store();

    if (!sp_io_fail(-1, false, 0)) return;
    ck_assert(sp_store_save(given, path));
    int64_t before = sp_io_calls();
    ck_assert(sp_store_save(given, path));
    int64_t n_calls = sp_io_calls() - before;
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++)
        for (int64_t n = 0; n < n_calls; n++) {
            bool ok = save_fails_cleanly(n, false, errors[e], old);
            ck_assert(ok || errors[e] == EIO || errors[e] == ENOSPC);
            ck_assert_msg(empty_folder() == 1, "call %lld error %d", (long long)n, errors[e]);
            if (errors[e] == EIO) save_fails_cleanly(n, true, EIO, old);
            empty_folder();                 /* where even unlink failed, a file may be left */
        }
    sp_store_free(given);
    sp_store_free(old);
}
END_TEST

START_TEST(a_failing_call_while_loading_is_an_error_or_harmless)
{
    static const int errors[] = { EIO, EINTR, 0 };
    given = small_store();

    ck_assert(sp_store_save(given, path));
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++)
        for (int64_t n = 0; n < 10 && sp_io_fail(n, false, errors[e]); n++) {
            int64_t live = sp_alloc_count().live_blocks;
            bool ok = load();
            sp_io_fail(-1, false, 0);
            ck_assert(ok || errors[e] == EIO);
            ck_assert_int_eq(sp_alloc_count().live_blocks, live);
            ck_assert(load());
        }
    sp_store_free(given);
}
END_TEST

/* A letter for each kind of call of a save, repeated ones once. */
static void note_call(const char *call, const char *file, void *data)
{
    char *log = data, *end = log + strlen(log);
    const char *letter = strcmp(call, "write") == 0 ? "w" : strcmp(call, "fsync") == 0 ? "s"
                       : strcmp(call, "rename") == 0 ? "r" : NULL;

    (void)file;
    bool again = letter && end > log && end[-1] == *letter;
    if (letter && !again && end - log < 50) strcpy(end, letter);
}

START_TEST(the_file_is_synced_before_it_is_renamed_and_the_folder_after)
{
    char log[64] = "";
    given = small_store();

    if (!sp_io_fail(-1, false, 0)) return;
    sp_io_watch(note_call, log);
    ck_assert(sp_store_save(given, path));
    sp_io_watch(NULL, NULL);
    ck_assert_str_eq(log, "wsrs");
    sp_store_free(given);
}
END_TEST

enum { N_KILLS = 300, N_BIG = 20000 };

static sp_store *big_store(int64_t step)
{
    sp_store *store = sp_store_new();

    put_filled(store, "w", SP_F32, SP_SHAPE(N_BIG));
    sp_tensor_fill(store->tensors.row[0].tensor, (double)step);
    sp_store_put_integer(store, "step", step);
    return store;
}

static void save_for_ever(int64_t step)
{
    for (;; step++) {
        sp_store *store = big_store(step);
        if (!sp_store_save(store, path)) _exit(1);
        sp_store_free(store);
    }
}

/* Kill a child that saves, after so many microseconds; returns the step that the file has. */
static int64_t kill_a_saver(int64_t step, long microseconds)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) save_for_ever(step);
    nanosleep(&(struct timespec){ .tv_nsec = 1000 * microseconds }, NULL);
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFSIGNALED(status));

    sp_store *back = sp_store_load(path);
    ck_assert_msg(back, "%s", sp_error());
    ck_assert(sp_store_integer(back, "step", &step));
    sp_store *whole = big_store(step);
    ck_assert(same_stores(back, whole));
    sp_store_free(whole);
    sp_store_free(back);
    return step;
}

START_TEST(a_kill_while_saving_leaves_the_old_file_or_the_new)
{
    uint64_t random = 1;
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    given = big_store(0);
    ck_assert(sp_store_save(given, path));
    sp_store_free(given);
    for (int64_t i = 0, step = 0; i < N_KILLS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t reached = kill_a_saver(step + 1, (long)(random >> 33) % 12000);
        ck_assert_int_ge(reached, step);
        step = reached;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - start.tv_sec > 15) break;          /* a slow disk: fewer kills */
    }
    given = small_store();
    ck_assert(sp_store_save(given, path));
    ck_assert_msg(empty_folder() == 1, "a killed process's temporary file stayed");
    sp_store_free(given);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_flipped_bit_gives_other_contents,
        every_cut_file_is_refused,
        a_refusal_names_the_file,
        any_failing_allocation_is_survived,
        a_put_without_memory_changes_nothing,
        a_failing_call_while_saving_keeps_the_old_file,
        a_failing_call_while_loading_is_an_error_or_harmless,
        the_file_is_synced_before_it_is_renamed_and_the_folder_after,
        a_kill_while_saving_leaves_the_old_file_or_the_new,
    };

    return run_in_folders("store_faults", tests, sizeof tests / sizeof *tests);
}
