/* SPDX-License-Identifier: MIT
 *
 * test_io.c - the file door: whole or not at all, whatever call fails.
 *
 * Every test runs in an empty directory of its own, which is the working directory.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tensor/alloc.h"
#include "tensor/io.h"
#include "tests/suite.h"

static char directory[256];

static void enter(void)
{
    const char *build = getenv("SPOOL_BUILD");

    snprintf(directory, sizeof directory, "%.200s/spool-io-XXXXXX", build ? build : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

/* The entries of a directory; with `remove`, they are unlinked. */
static int entries(const char *path, bool remove)
{
    DIR           *dir = opendir(path);
    struct dirent *e;
    int            n = 0;

    ck_assert_ptr_nonnull(dir);
    while ((e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (remove && unlink(e->d_name) != 0) rmdir(e->d_name);
        n++;
    }
    closedir(dir);
    return n;
}

static void leave(void)
{
    sp_io_fail(-1, false, 0);
    sp_io_watch(NULL, NULL);
    entries(".", true);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

static int descriptors(void) { return entries("/proc/self/fd", false); }

static bool save(const char *path, const char *text)
{
    int64_t        n = (int64_t)strlen(text), cut = n / 3;
    const sp_piece pieces[] = { { text, cut }, { NULL, 0 }, { text + cut, n - cut } };

    return sp_file_replace(path, 3, pieces);
}

static bool holds(const char *path, const char *text)
{
    char   *bytes;
    int64_t size;

    if (!sp_file_read(path, 0, &bytes, &size)) return false;
    bool same = size == (int64_t)strlen(text) && strcmp(bytes, text) == 0;
    sp_release(bytes);
    return same;
}

START_TEST(what_is_saved_is_read_back_with_a_0_behind)
{
    enum { SIZE = 3000000 };
    char   *data = sp_alloc(SIZE), *bytes;
    int64_t size;

    for (int i = 0; i < SIZE; i++)
        data[i] = (char)(i * 31 + i / 1000);
    ck_assert(sp_file_replace("big", 1, &(sp_piece){ data, SIZE }));
    ck_assert(sp_file_read("big", SIZE, &bytes, &size));
    ck_assert_int_eq(size, SIZE);
    ck_assert(memcmp(bytes, data, SIZE) == 0 && bytes[SIZE] == 0);
    sp_release(bytes);
    sp_release(data);

    ck_assert(sp_file_replace("empty", 0, NULL));
    ck_assert(holds("empty", ""));
    ck_assert(save("big", "now small"));
    ck_assert(holds("big", "now small"));
    ck_assert_int_eq(entries(".", false), 2);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named_with_the_reason)
{
    char   *bytes = NULL;
    int64_t size = 7;

    ck_assert(!sp_file_read("missing", 0, &bytes, &size));
    ck_assert_str_eq(sp_error(), "cannot open missing: No such file or directory");
    ck_assert(!sp_file_read("/", 0, &bytes, &size));
    ck_assert_str_eq(sp_error(), "cannot read /: Is a directory");
    ck_assert(save("ten", "0123456789"));
    ck_assert(!sp_file_read("ten", 9, &bytes, &size));
    ck_assert_str_eq(sp_error(), "cannot read ten: it is larger than 9 bytes");
    ck_assert(!sp_file_read(NULL, 0, &bytes, &size));
    ck_assert(bytes == NULL && size == 7);
}
END_TEST

START_TEST(files_that_do_not_know_their_size_are_read_to_the_end)
{
    char   *bytes;
    int64_t size;

    ck_assert(sp_file_read("/proc/self/maps", 0, &bytes, &size));
    ck_assert_int_gt(size, 0);
    ck_assert_int_eq((int64_t)strlen(bytes), size);
    sp_release(bytes);
    ck_assert(!sp_file_read("/dev/zero", 100000, &bytes, &size));
    ck_assert_ptr_nonnull(strstr(sp_error(), "larger than 100000 bytes"));
}
END_TEST

static void note(const char *call, const char *path, void *log)
{
    size_t at = strlen(log);
    bool   temp = strstr(path, ".tmp-") != NULL;

    snprintf((char *)log + at, 500 - at, "%s%s ", call, temp ? " temp" : "");
}

START_TEST(a_save_is_written_synced_renamed_and_the_directory_synced)
{
    char log[500] = "";

    if (!sp_io_fail(-1, false, 0)) return;
    ck_assert(save("model", "old"));
    sp_io_watch(note, log);
    ck_assert(save("model", "abcdef"));
    ck_assert_str_eq(log, "realpath stat open open temp fchmod temp write temp write temp "
                          "fsync temp close temp rename fsync close opendir ");
}
END_TEST

START_TEST(short_writes_and_reads_are_continued)
{
    const char *text = "a text that is long enough to be written in many small portions";

    if (!sp_io_fail(0, true, 0)) return;
    int64_t calls = sp_io_calls();
    ck_assert(save("short", text));
    ck_assert_int_gt(sp_io_calls() - calls, 15);
    ck_assert(holds("short", text));
    sp_io_fail(-1, false, 0);
    ck_assert(holds("short", text));
}
END_TEST

static const struct { int error_number; bool lasting; } faults[] = {
    { EIO, false }, { ENOSPC, false }, { EINTR, false }, { 0, false },
    { EACCES, false }, { EINVAL, false }, { EIO, true }, { EINTR, true },
};
enum { FAULTS = sizeof faults / sizeof *faults };

/* What must hold after a save of "the new" over "the old" of which call n failed. */
static void look_after(bool saved, bool lasting)
{
    bool stands = strstr(sp_error(), "sync the directory") != NULL;
    if (!saved) ck_assert_ptr_nonnull(strstr(sp_error(), "model"));
    ck_assert(holds("model", saved || stands ? "the new" : "the old"));
    if (!lasting) ck_assert_int_eq(entries(".", false), 1);
}

START_TEST(whatever_call_of_a_save_fails_the_file_is_whole)
{
    int     before = descriptors(), failures = 0;
    bool    lasting = faults[_i].lasting;
    int64_t n = 0, made = 0;

    for (; n <= made; n++) {
        entries(".", true);
        ck_assert(save("model", "the old"));
        sp_fail("nothing");
        if (!sp_io_fail(n, lasting, faults[_i].error_number)) return;
        made = -sp_io_calls();
        bool saved = save("model", "the new");
        made += sp_io_calls();
        sp_io_fail(-1, false, 0);

        look_after(saved, lasting);
        failures += !saved;
        ck_assert_int_eq(descriptors(), before);
        ck_assert(save("model", "again"));
        ck_assert(holds("model", "again"));
    }
    ck_assert_int_ge(n, 12);
    bool harmless = faults[_i].error_number == 0 || (faults[_i].error_number == EINTR && !lasting);
    ck_assert_int_eq(failures == 0, harmless);
}
END_TEST

START_TEST(whatever_call_of_a_first_save_fails_nothing_is_left)
{
    int64_t n = 0, made = 0;

    for (; n <= made; n++) {
        if (!sp_io_fail(n, false, EIO)) return;
        made = -sp_io_calls();
        bool saved = save("fresh", "text");
        made += sp_io_calls();
        sp_io_fail(-1, false, 0);
        bool stands = saved || strstr(sp_error(), "sync the directory");
        ck_assert_int_eq(entries(".", true), stands);
    }
    ck_assert_int_ge(n, 10);
}
END_TEST

START_TEST(whatever_call_of_a_reading_fails_nothing_leaks)
{
    int     before = descriptors();
    int64_t blocks = sp_alloc_count().live_blocks, size, n = 0, made = 0;
    char   *bytes;

    ck_assert(save("model", "the text"));
    for (; n <= made; n++) {
        if (!sp_io_fail(n, faults[_i].lasting, faults[_i].error_number)) return;
        made = -sp_io_calls();
        bool good = sp_file_read("model", 0, &bytes, &size);
        made += sp_io_calls();
        sp_io_fail(-1, false, 0);
        if (good) ck_assert_str_eq(bytes, "the text");
        if (good) sp_release(bytes);
        else ck_assert_ptr_nonnull(strstr(sp_error(), "model: "));
        ck_assert_int_eq(descriptors(), before);
        ck_assert_int_eq(sp_alloc_count().live_blocks, blocks);
    }
    ck_assert_int_ge(n, 5);
}
END_TEST

START_TEST(reading_without_memory_fails_and_saving_needs_none)
{
    int     before = descriptors();
    int64_t size;
    char   *bytes;
    if (!sp_alloc_fail(0, true)) return;
    ck_assert(save("model", "text"));
    ck_assert(!sp_file_read("model", 0, &bytes, &size));
    ck_assert_ptr_nonnull(strstr(sp_error(), "out of memory"));
    sp_alloc_fail(-1, false);
    ck_assert_int_eq(descriptors(), before);
}
END_TEST

static int left;

static void die_at_zero(const char *call, const char *path, void *data)
{
    (void)call, (void)path, (void)data;
    if (left-- == 0) raise(SIGKILL);
}

/* A child that is killed before its nth call; whether it was. */
static bool killed_saving(int n)
{
    int   status;
    pid_t child = fork();

    if (child == 0) {
        left = n;
        sp_io_watch(die_at_zero, NULL);
        _exit(save("model", "the new") ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

START_TEST(a_killed_save_leaves_old_or_new_and_the_next_one_tidies_up)
{
    int n = 0, leftovers = 0;

    if (!sp_io_fail(-1, false, 0)) return;
    for (bool killed = true; killed; n++) {
        ck_assert(save("model", "the old"));
        ck_assert_int_eq(entries(".", false), 1);
        killed = killed_saving(n);
        ck_assert(holds("model", "the old") || holds("model", "the new"));
        leftovers += entries(".", false) - 1;
    }
    ck_assert(holds("model", "the new"));
    ck_assert_int_ge(n, 10);
    ck_assert_int_ge(leftovers, 4);
}
END_TEST

START_TEST(only_abandoned_temporary_files_of_the_same_target_are_removed)
{
    char  dead[64], alive[64];
    pid_t child = fork();

    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
    snprintf(dead, sizeof dead, "model.tmp-%ld-0", (long)child);
    snprintf(alive, sizeof alive, "model.tmp-%ld-123456", (long)getpid());
    ck_assert(save(dead, "x") && save(alive, "x") && save("model.tmp-old", "x"));
    ck_assert(save("model.tmp-1x-2", "x") && save("my-model", "x"));

    char longer[80];
    snprintf(longer, sizeof longer, "%s.bak", dead);
    ck_assert(save(longer, "x") && save("model", "text"));
    ck_assert(!holds(dead, "x"));
    ck_assert(holds(alive, "x") && holds("model.tmp-old", "x") && holds("model.tmp-1x-2", "x"));
    ck_assert(holds("my-model", "x") && holds(longer, "x"));
}
END_TEST

START_TEST(links_stay_links_permissions_stay_and_new_files_obey_the_mask)
{
    struct stat st;

    ck_assert_int_eq(mkdir("sub", 0755), 0);
    ck_assert(save("sub/model", "old"));
    ck_assert_int_eq(chmod("sub/model", 0640), 0);
    ck_assert_int_eq(symlink("sub/model", "link"), 0);
    ck_assert(save("link", "new"));
    ck_assert(lstat("link", &st) == 0 && S_ISLNK(st.st_mode));
    ck_assert(stat("sub/model", &st) == 0 && (st.st_mode & 07777) == 0640);
    ck_assert(holds("sub/model", "new"));
    ck_assert_int_eq(entries("sub", false), 1);
    unlink("sub/model");

    umask(027);
    ck_assert(save("new", "x"));
    umask(022);
    ck_assert(stat("new", &st) == 0 && (st.st_mode & 07777) == 0640);
}
END_TEST

START_TEST(paths_that_cannot_be_saved_to_are_refused)
{
    char longest[5000];

    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    ck_assert(!save("", "x"));
    ck_assert(!sp_file_replace(NULL, 0, NULL));
    ck_assert(!save("/", "x"));
    ck_assert(!save("no/such/place", "x"));
    ck_assert_str_eq(sp_error(), "cannot save no/such/place: No such file or directory");
    ck_assert(!save(longest, "x"));
    longest[300] = 0;
    ck_assert(!save(longest, "x"));
    ck_assert_ptr_nonnull(strstr(sp_error(), "File name too long"));
    ck_assert_int_eq(entries(".", false), 0);

    ck_assert(mkdir("dir", 0755) == 0 && !save("dir", "x"));
    ck_assert(mkfifo("pipe", 0600) == 0 && !save("pipe", "x"));
    ck_assert_str_eq(sp_error(), "cannot save pipe: what is there is not a file");
    ck_assert_int_eq(entries(".", false), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, enter, leave);
    tcase_add_test(all, what_is_saved_is_read_back_with_a_0_behind);
    tcase_add_test(all, a_file_that_cannot_be_read_is_named_with_the_reason);
    tcase_add_test(all, files_that_do_not_know_their_size_are_read_to_the_end);
    tcase_add_test(all, a_save_is_written_synced_renamed_and_the_directory_synced);
    tcase_add_test(all, short_writes_and_reads_are_continued);
    tcase_add_loop_test(all, whatever_call_of_a_save_fails_the_file_is_whole, 0, FAULTS);
    tcase_add_test(all, whatever_call_of_a_first_save_fails_nothing_is_left);
    tcase_add_loop_test(all, whatever_call_of_a_reading_fails_nothing_leaks, 0, FAULTS);
    tcase_add_test(all, reading_without_memory_fails_and_saving_needs_none);
    tcase_add_test(all, a_killed_save_leaves_old_or_new_and_the_next_one_tidies_up);
    tcase_add_test(all, only_abandoned_temporary_files_of_the_same_target_are_removed);
    tcase_add_test(all, links_stay_links_permissions_stay_and_new_files_obey_the_mask);
    tcase_add_test(all, paths_that_cannot_be_saved_to_are_refused);
    suite_add_tcase(suite, all);

    return run_all(suite);
}
