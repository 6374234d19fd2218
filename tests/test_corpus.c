/* SPDX-License-Identifier: MIT
 *
 * A byte language model on Shakespeare, from PyTorch's weights and in its order: the first
 * losses are PyTorch's, and ten epochs end where its ten epochs ended.  The text is looked for in
 * $SPOOL_DATA/tinyshakespeare; the ten epochs take minutes and run only with SPOOL_LONG set.
 */
#include <check.h>
#include <time.h>
#include "tensor/alloc.h"
#include "tensor/io.h"
#include "tensor/store.h"
#include "tests/tiny_lm.h"
#include "tests/suite.h"

enum { VOCAB = 256, WIDTH = 128, T = 50, B = 50, EPOCHS = 10, FIRST = 100 };

static sp_store  *golden;
static sp_tensor *train_rows, *test_rows;      /* [n,B] of i32: B streams side by side */
static lm model;

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static sp_optim *adam(sp_params *p, const void *options)
{
    (void)options;
    return sp_adam_new(p, (sp_adam_spec){ .lr = 2e-3 });
}

/* ---- weights that are a function of their name (golden/README.md) ---- */

static uint64_t mixed(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

static uint64_t fnv(const char *s)
{
    uint64_t h = 0xCBF29CE484222325;

    while (*s) h = (h ^ (uint8_t)*s++) * 0x100000001B3;
    return h;
}

static void begin_as_recorded(sp_param *p)
{
    double k = strcmp(p->name, "embed.weight") ? 1 / sqrt(WIDTH) : 1;
    uint64_t f = fnv(p->name);
    float *w = p->value.data;
    char name[64];

    for (int64_t i = 0; i < sp_tensor_size(&p->value); i++) {
        uint64_t u = mixed(f + (uint64_t)(i + 1) * 0x9E3779B97F4A7C15) >> 11;
        w[i] = (float)(k * (2 * (double)u * 0x1p-53 - 1));
    }
    sp_param_changed(p);
    snprintf(name, sizeof name, "first.%s", p->name);
    const sp_tensor *first = sp_store_tensor(golden, name);
    ck_assert_msg(first != NULL, "%s", sp_error());
    for (int i = 0; i < 4; i++) ck_assert(w[i] == (float)sp_tensor_at(first, i));
}

/* ---- the text ---- */

/* Stream b is the b-th of B equal pieces. */
static sp_tensor *streams(const char *text, int64_t n)
{
    int64_t m = n / B;
    sp_tensor *rows = sp_tensor_new(SP_I32, SP_SHAPE(m, B));

    for (int64_t i = 0; rows && i < m; i++)
        for (int64_t b = 0; b < B; b++)
            ((int32_t *)rows->data)[i * B + b] = (uint8_t)text[b * m + i];
    return rows;
}

static void read_text(const char *folder)
{
    char path[1024], *text;
    int64_t n;

    snprintf(path, sizeof path, "%s/tinyshakespeare/input.txt", folder);
    ck_assert_msg(sp_file_read(path, 0, &text, &n), "%s", sp_error());
    int64_t cut = n * 9 / 10;
    train_rows = streams(text, cut);
    test_rows = streams(text + cut, n - cut);
    sp_release(text);
    ck_assert(train_rows && test_rows);
}

static void begin(void)
{
    const char *source = getenv("SPOOL_SOURCE");
    char path[1024];

    snprintf(path, sizeof path, "%s/tests/golden/shakespeare.safetensors", source ? source : ".");
    golden = sp_store_load(path);
    ck_assert_msg(golden != NULL, "%s", sp_error());
    read_text(getenv("SPOOL_DATA"));
    ck_assert(lm_new(&model, (lm_spec){ .vocab = VOCAB, .embed = WIDTH, .hidden = WIDTH, .batch = B,
                                        .layers = 2, .rnn_name = "lstm", .head_name = "head",
                                        .optim = adam }));
    for (int64_t i = 0; i < sp_params_count(model.params); i++)
        begin_as_recorded(sp_params_at(model.params, i));
}

static void end(void)
{
    lm_free(&model);
    sp_tensor_free(train_rows);
    sp_tensor_free(test_rows);
    sp_store_free(golden);
}

/* ---- training ---- */

static int64_t count_windows(const sp_tensor *rows) { return (rows->shape.dim[0] - 1) / T; }

static double step(int64_t k)
{
    sp_tensor window = lm_rows(train_rows, k * T, T + 1);

    if (k == 0) sp_carry_reset(model.carry[0], NULL);
    return lm_step(&model, &window, 1, NULL);
}

/* The mean loss over the rest of the text, from a zero state. */
static double validation(void)
{
    int64_t n = count_windows(test_rows);
    double sum = 0;

    sp_carry_reset(model.carry[0], NULL);
    sp_tape_train(model.tape, false);
    for (int64_t k = 0; k < n; k++) {
        sp_tensor window = lm_rows(test_rows, k * T, T + 1);
        sum += sp_item(lm_loss(&model, &window));
        ck_assert(lm_keep(&model));
        sp_tape_reset(model.tape);
    }
    return sum / (double)n;
}

START_TEST(the_first_hundred_losses_are_those_of_pytorch)
{
    const sp_tensor *want = sp_store_tensor(golden, "losses");
    double worst = 0, began = seconds();

    for (int64_t k = 0; k < FIRST; k++) {
        double loss = step(k), due = sp_tensor_at(want, k);
        ck_assert_msg(fabs(loss - due) <= 1e-3 * due, "step %d: the loss is %.7f, PyTorch's %.7f",
                      (int)k, loss, due);
        worst = fmax(worst, fabs(loss - due) / due);
    }
    printf("%d losses within %.1e of PyTorch's, %.1f s\n", FIRST, worst, seconds() - began);
}
END_TEST

START_TEST(ten_epochs_end_where_those_of_pytorch_end)
{
    int64_t n = count_windows(train_rows);
    double due, began = seconds(), loss = NAN;

    ck_assert(n == 401 && sp_store_number(golden, "validation", &due));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (int64_t k = 0; k < n; k++) loss = step(k);
        printf("epoch %d of %d: loss %.4f, %.0f s\n", epoch + 1, EPOCHS, loss, seconds() - began);
        fflush(stdout);
        ck_assert(isfinite(loss));
    }
    double nats = validation();
    printf("validation: %.4f nats per byte (PyTorch %.4f), %.0f s\n", nats, due, seconds() - began);
    ck_assert_msg(fabs(nats - due) <= .02, "%.4f nats are not within 0.02 of %.4f", nats, due);
    ck_assert_msg(nats <= 1.68, "%.4f nats are more than 1.68", nats);
}
END_TEST

int main(void)
{
    if (!getenv("SPOOL_DATA")) {
        puts("skipped: the text is looked for in the folder named by SPOOL_DATA");
        return 77;
    }
    Suite *s = suite_create("corpus");
    TCase *t = tcase_create("shakespeare");
    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 1500);
    tcase_add_test(t, the_first_hundred_losses_are_those_of_pytorch);
    if (getenv("SPOOL_LONG")) tcase_add_test(t, ten_epochs_end_where_those_of_pytorch_end);
    suite_add_tcase(s, t);

    return run_all(s);
}
