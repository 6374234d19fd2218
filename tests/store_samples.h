/* SPDX-License-Identifier: MIT
 *
 * store_samples.h - a folder to save in, and stores to save, for the tests of stores.
 */
#ifndef STORE_SAMPLES_H
#define STORE_SAMPLES_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/alloc.h"
#include "tensor/io.h"
#include "tensor/safetensors.h"
#include "tests/suite.h"

/* Of the suite; each test finds it empty. */
static char folder[3000], path[3100];

static inline void make_folder(void)
{
    const char *build = getenv("SPOOL_BUILD");

    snprintf(folder, sizeof folder, "%s/store_XXXXXX", build ? build : ".");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
}

/* Removes what is in the folder; returns how many files that were. */
static inline int empty_folder(void)
{
    int n = 0;
    char file[3500];
    DIR *dir = opendir(folder);

    ck_assert_ptr_nonnull(dir);
    for (struct dirent *d; (d = readdir(dir));) {
        if (d->d_name[0] == '.' && (!d->d_name[1] || d->d_name[1] == '.')) continue;
        snprintf(file, sizeof file, "%s/%s", folder, d->d_name);
        unlink(file);
        n++;
    }
    closedir(dir);
    return n;
}

static inline void clean(void)
{
    empty_folder();
}

static inline void remove_folder(void)
{
    empty_folder();
    rmdir(folder);
}

static inline void put_filled(sp_store *store, const char *name, sp_dtype dtype, sp_shape shape)
{
    sp_tensor *x = sp_tensor_new(dtype, shape);

    ck_assert_ptr_nonnull(x);
    for (int64_t i = 0; i < sp_tensor_size(x); i++) sp_tensor_set(x, i, (double)(i % 7) - 2.0);
    ck_assert_msg(sp_store_put_tensor(store, name, x), "%s", sp_error());
    sp_tensor_free(x);
}

/* A small store with one of everything. */
static inline sp_store *small_store(void)
{
    sp_store *store = sp_store_new();

    put_filled(store, "w", SP_F32, SP_SHAPE(2, 3));
    put_filled(store, "flags", SP_BOOL, SP_SHAPE(3));
    sp_store_put_integer(store, "step", 41);
    sp_store_put_number(store, "loss", 0.1);
    sp_store_put_text(store, "note", "a \"b\"\n");
    return store;
}

static inline bool same_stores(const sp_store *a, const sp_store *b)
{
    bool same = a->tensors.n == b->tensors.n && a->texts.n == b->texts.n;

    for (int64_t i = 0; same && i < a->tensors.n; i++)
        same = strcmp(a->tensors.row[i].name, b->tensors.row[i].name) == 0
            && sp_tensor_same(a->tensors.row[i].tensor, b->tensors.row[i].tensor);
    for (int64_t i = 0; same && i < a->texts.n; i++)
        same = strcmp(a->texts.row[i].name, b->texts.row[i].name) == 0
            && strcmp(a->texts.row[i].text, b->texts.row[i].text) == 0;
    return same;
}

/* The bytes of its file; release them with sp_release. */
static inline char *saved_bytes(const sp_store *store, int64_t *size)
{
    char *bytes;

    ck_assert_msg(sp_store_save(store, path), "%s", sp_error());
    ck_assert_msg(sp_file_read(path, 0, &bytes, size), "%s", sp_error());
    return bytes;
}

/* Run the tests of a suite; the exit status. */
static inline int run_in_folders(const char *name, const TTest *const tests[], int n)
{
    Suite *suite = suite_create(name);
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_unchecked_fixture(all, make_folder, remove_folder);
    tcase_add_checked_fixture(all, clean, NULL);
    for (int i = 0; i < n; i++) tcase_add_test(all, tests[i]);
    suite_add_tcase(suite, all);
    return run_all(suite);
}

#endif
