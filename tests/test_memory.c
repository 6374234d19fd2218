/* SPDX-License-Identifier: MIT
 *
 * When memory or a file fails: each allocation of building a model, of three training steps, of
 * saving and of loading fails once, and from there on; each file call likewise.  Nothing
 * crashes or leaks, the reason is told, what the caller has is as it was, and doing the
 * same again gives the same bits.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tensor/alloc.h"
#include "tensor/io.h"
#include "tensor/store.h"
#include "tests/tiny_lm.h"
#include "tests/suite.h"

enum { STEPS = 3, T = 3, B = 2, VOCAB = 7 };

static sp_optim *adam(sp_params *p, const void *options)
{
    (void)options;
    return sp_adam_new(p, (sp_adam_spec){ .lr = 1e-2 });
}

static const lm_spec spec = { .vocab = VOCAB, .embed = 3, .hidden = 4, .batch = B, .layers = 2,
                              .dropout = .25, .seed = 9, .optim = adam };

static int32_t id[(STEPS + 2) * T + 1][B];

static sp_tensor window(int64_t k)
{
    sp_tensor all = { SP_I32, SP_SHAPE((STEPS + 2) * T + 1, B), id, true };
    return lm_rows(&all, k * T, T + 1);
}

static void draw_tokens(void)
{
    for (int64_t i = 0; i < ((STEPS + 2) * T + 1) * B; i++)
        id[i / B][i % B] = (int32_t)sp_random_below((sp_random){ 4, 0, 0 }, i, VOCAB);
}

static uint64_t token_bits(void) { return sp_hash(0, id, sizeof id); }

/* Every bit of a checkpoint, the optimizer's among them. */
static uint64_t all_bits(lm *m)
{
    sp_saved part[LM_MOST_PARTS];
    int n = lm_parts(m, part);
    sp_store *store = sp_store_new();
    uint64_t bits = 0;
    const char *name;

    ck_assert(store && sp_store_put(store, n, part));
    for (int64_t i = 0; (name = sp_store_name(store, i)); i++) {
        const sp_tensor *x = sp_store_tensor(store, name);
        bits = sp_hash(sp_hash(bits, name, (int64_t)strlen(name)), x->data, sp_tensor_bytes(x));
    }
    sp_store_free(store);
    return bits;
}

/* ---- failing memory ---- */

static int refusals;                     /* calls that said that there is no memory */

/* A call failed: there is memory again, and the reason was told. */
static void refused(const char *call, const char *reason)
{
    sp_alloc_fail(-1, false);
    if (!reason) reason = "no reason";
    ck_assert_msg(strstr(reason, "out of memory") != NULL, "%s: %s", call, reason);
    ck_assert_msg(++refusals < 10, "%s: it goes on failing: %s", call, reason);
}

static void build(lm *m)
{
    while (!lm_new(m, spec)) {
        const char *reason = m->params ? sp_params_error(m->params) : NULL;
        refused("building", reason ? reason : sp_error());
        lm_free(m);
    }
}

static bool no_gradients(const lm *m)
{
    for (int64_t i = 0; i < sp_params_count(m->params); i++)
        if (sp_params_at(m->params, i)->has_grad) return false;
    return true;
}

/* A tape that ran out of memory is reset and told its step again, so that it draws the same. */
static void differentiate(lm *m, const sp_tensor *tokens)
{
    uint64_t step = sp_tape_step(m->tape), bits = lm_bits(m);

    while (!sp_backward(lm_loss(m, tokens))) {
        refused("backward", sp_tape_error(m->tape));
        sp_tape_reset(m->tape);
        sp_tape_set_step(m->tape, step);
        ck_assert(lm_bits(m) == bits && no_gradients(m));
    }
}

static double step(lm *m, int64_t k)
{
    sp_tensor tokens = window(k);

    differentiate(m, &tokens);
    while (isnan(sp_clip_grad_norm(m->params, .5))) refused("clipping", sp_error());
    uint64_t bits = lm_bits(m);
    while (!sp_optim_step(m->optim)) {
        refused("optim step", sp_error());
        ck_assert(lm_bits(m) == bits);
    }
    bits = lm_bits(m);
    while (!lm_keep(m)) {
        refused("carry keep", sp_error());
        ck_assert(lm_bits(m) == bits);
    }
    double loss = sp_item(m->loss);
    ck_assert_msg(isfinite(loss), "%s", sp_tape_error(m->tape));
    sp_tape_reset(m->tape);
    return loss;
}

typedef struct result { double loss[STEPS]; uint64_t bits; int64_t calls; } result;

/* Build, train, free; allocation n fails. */
static result run(int64_t n, bool lasting)
{
    int64_t blocks = sp_alloc_count().live_blocks, calls = sp_alloc_count().calls;
    result r;
    lm m;

    refusals = 0;
    sp_alloc_fail(n, lasting);
    build(&m);
    for (int k = 0; k < STEPS; k++) r.loss[k] = step(&m, k);
    sp_alloc_fail(-1, false);
    r.calls = sp_alloc_count().calls - calls;
    r.bits = all_bits(&m);
    lm_free(&m);
    ck_assert_msg(sp_alloc_count().live_blocks == blocks, "allocation %d: %d blocks have leaked",
                  (int)n, (int)(sp_alloc_count().live_blocks - blocks));
    return r;
}

static bool can_fail(void) { return sp_alloc_fail(-1, false); }   /* not a release build */

START_TEST(any_allocation_of_building_and_training_may_fail)
{
    if (!can_fail()) return;
    result whole = run(-1, false);
    uint64_t tokens = token_bits();

    ck_assert(refusals == 0);
    for (int64_t n = 0; n < whole.calls; n++) {
        result r = run(n, _i);
        ck_assert_msg(refusals == 1, "allocation %d: %d calls failed", (int)n, refusals);
        ck_assert_msg(r.bits == whole.bits && !memcmp(r.loss, whole.loss, sizeof r.loss),
                      "allocation %d: other bits after it", (int)n);
        ck_assert(token_bits() == tokens);
    }
    run(whole.calls, _i);
    ck_assert(refusals == 0);
    printf("%d allocations of building and %d steps failed%s\n", (int)whole.calls, STEPS,
           _i ? ", and all that followed" : "");
}
END_TEST

/* ---- files ---- */

static char folder[1024], path[1100];

static void begin_folder(void)
{
    const char *build_dir = getenv("SPOOL_BUILD");

    draw_tokens();
    snprintf(folder, sizeof folder, "%s/memory-%ld", build_dir ? build_dir : ".", (long)getpid());
    snprintf(path, sizeof path, "%s/model", folder);
    ck_assert(mkdir(folder, 0700) == 0);
}

/* How many files a folder has; for /proc/self/fd, how many are open. */
static int entries(const char *name)
{
    DIR *d = opendir(name);
    int n = 0;

    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n - 2;
}

static void end_folder(void)
{
    DIR *d = opendir(folder);
    char name[2048];

    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        unlink(name);
    }
    if (d) closedir(d);
    rmdir(folder);
}

static uint64_t file_bits(void)
{
    char *bytes;
    int64_t n;

    ck_assert_msg(sp_file_read(path, 0, &bytes, &n), "%s", sp_error());
    uint64_t bits = sp_hash(0, bytes, n);
    sp_release(bytes);
    return bits;
}

/* A model after two steps, and the file of the one before. */
typedef struct pair {
    lm       m;
    uint64_t old_bits, new_bits, old_file, new_file;
    char    *old;
    int64_t  size;
} pair;

static void begin_pair(pair *p)
{
    build(&p->m);
    step(&p->m, 0);
    ck_assert_msg(lm_save(&p->m, path), "%s", sp_error());
    ck_assert(sp_file_read(path, 0, &p->old, &p->size));
    p->old_file = file_bits();
    p->old_bits = all_bits(&p->m);
    step(&p->m, 1);
    ck_assert(lm_save(&p->m, path));
    p->new_file = file_bits();
    p->new_bits = all_bits(&p->m);
    ck_assert(p->old_file != p->new_file && p->old_bits != p->new_bits);
}

static void end_pair(pair *p)
{
    sp_release(p->old);
    lm_free(&p->m);
}

static void write_old(const pair *p, const char *to)
{
    FILE *f = fopen(to, "wb");

    ck_assert(f && fwrite(p->old, 1, (size_t)p->size, f) == (size_t)p->size && !fclose(f));
}

typedef struct fault { const char *what; int error_number; bool memory, lasting; } fault;

static const fault faults[] = {
    { "memory, once", 0, true, false }, { "memory, from there on", 0, true, true },
    { "I/O error, once", EIO, false, false }, { "I/O error, from there on", EIO, false, true },
    { "full disk, once", ENOSPC, false, false },
    { "full disk, from there on", ENOSPC, false, true },
    { "interrupted, once", EINTR, false, false },
    { "short, once", 0, false, false }, { "short, from there on", 0, false, true },
};
enum { N_FAULTS = sizeof faults / sizeof *faults };

static void arm(const fault *f, int64_t n)
{
    if (f->memory) sp_alloc_fail(n, f->lasting);
    else sp_io_fail(n, f->lasting, f->error_number);
}

static void disarm(void)
{
    sp_alloc_fail(-1, false);
    sp_io_fail(-1, false, 0);
}

static int64_t points(const fault *f) { return f->memory ? sp_alloc_count().calls : sp_io_calls(); }

static bool harmless(const fault *f)
{
    return !f->memory && (f->error_number == 0 || f->error_number == EINTR);
}

static void told(const fault *f)
{
    const char *due = f->memory ? "out of memory" : path;
    ck_assert_msg(strstr(sp_error(), due) != NULL, "%s: %s", f->what, sp_error());
}

typedef bool file_call(lm *, const char *);

typedef bool file_call(lm *, const char *);

/* One try with point n failing; *more: there may be points beyond it. */
static bool succeeds(const fault *f, int64_t n, file_call *call, lm *m, bool *more)
{
    int open = entries("/proc/self/fd");

    sp_fail("no reason");
    int64_t before = points(f);
    arm(f, n);
    bool ok = call(m, path);
    *more = points(f) - before >= n;
    disarm();
    if (!ok) told(f);
    ck_assert(entries("/proc/self/fd") == open);
    return ok;
}

/* If only the last step fails, the fsync of the folder, the new file stands. */
static bool stands(void) { return strstr(sp_error(), "sync the directory") != NULL; }

START_TEST(any_point_of_a_save_may_fail)
{
    const fault *f = &faults[_i];
    int64_t blocks = sp_alloc_count().live_blocks, n = 0;
    bool more = can_fail();
    int failed = 0;
    pair p;

    if (!more) return;
    begin_pair(&p);
    for (; more; n++) {
        write_old(&p, path);
        int64_t live = sp_alloc_count().live_blocks;
        bool ok = succeeds(f, n, lm_save, &p.m, &more);
        ck_assert_msg(sp_alloc_count().live_blocks == live, "%s, point %d leaks", f->what, (int)n);
        ck_assert_msg(file_bits() == (ok || stands() ? p.new_file : p.old_file), "%s, point %d: %s",
                      f->what, (int)n, sp_error());
        ck_assert(all_bits(&p.m) == p.new_bits);
        failed += !ok;
        ck_assert(ok || lm_save(&p.m, path));
        ck_assert(file_bits() == p.new_file);
        if (!f->lasting) ck_assert(entries(folder) == 1);    /* else its removal failed as well */
    }
    ck_assert_msg((failed == 0) == harmless(f) && n > 10, "%s: %d failed", f->what, failed);
    printf("save: %s: %d of %d points failed\n", f->what, failed, (int)n);
    end_pair(&p);
    ck_assert(sp_alloc_count().live_blocks == blocks);
}
END_TEST

START_TEST(any_point_of_a_load_may_fail)
{
    const fault *f = &faults[_i];
    int64_t blocks = sp_alloc_count().live_blocks, n = 0;
    bool more = can_fail();
    int failed = 0;
    char older[1200];
    pair p;

    if (!more) return;
    begin_pair(&p);
    snprintf(older, sizeof older, "%s-older", path);
    write_old(&p, older);
    for (; more; n++) {
        ck_assert(lm_load(&p.m, older) && all_bits(&p.m) == p.old_bits);
        bool ok = succeeds(f, n, lm_load, &p.m, &more);
        ck_assert_msg(all_bits(&p.m) == (ok ? p.new_bits : p.old_bits), "%s, point %d: %s", f->what,
                      (int)n, sp_error());
        failed += !ok;
        ck_assert(ok || (lm_load(&p.m, path) && all_bits(&p.m) == p.new_bits));
        ck_assert(file_bits() == p.new_file);
    }
    ck_assert_msg((failed == 0) == harmless(f) && n > 3, "%s: %d failed", f->what, failed);
    printf("load: %s: %d of %d points failed\n", f->what, failed, (int)n);
    end_pair(&p);
    ck_assert(sp_alloc_count().live_blocks == blocks);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("memory");
    TCase *training = tcase_create("training"), *files = tcase_create("files");

    tcase_add_checked_fixture(training, draw_tokens, NULL);
    tcase_set_timeout(training, 120);
    tcase_add_loop_test(training, any_allocation_of_building_and_training_may_fail, 0, 2);
    suite_add_tcase(s, training);
    tcase_add_checked_fixture(files, begin_folder, end_folder);
    tcase_set_timeout(files, 120);
    tcase_add_loop_test(files, any_point_of_a_save_may_fail, 0, N_FAULTS);
    tcase_add_loop_test(files, any_point_of_a_load_may_fail, 0, N_FAULTS);
    suite_add_tcase(s, files);

    return run_all(s);
}
