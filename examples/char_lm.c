/* SPDX-License-Identifier: MIT
 *
 * char_lm - a language model on bytes: an embedding, LSTM layers and a linear head.
 *
 *   char_lm train  --text F [--layers N --hidden N --steps N --seconds S --seed N
 *                            --save F --resume F --svg F]
 *   char_lm sample --load F [--prompt S --length N --temperature X --seed N]
 *   char_lm bigram --text F
 *
 * A temperature of 0 (below 1e-6) takes the likeliest byte.
 *
 * Training cuts the text into 50 streams that are read side by side, 50 bytes at a time; the
 * state crosses from window to window, the graph does not (truncated BPTT).  The last
 * tenth of the text is never trained on.  Ctrl-C ends the training and saves.
 */
#include <signal.h>
#include <time.h>
#include "char_lm.h"

static volatile sig_atomic_t interrupted;
static void interrupt(int number) { (void)number, interrupted = 1; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the model ---- */

enum { BYTES = 256 };

typedef struct model {
    sp_params *params;
    sp_embed  *embed;
    sp_rnn    *lstm;
    sp_linear *head;
    sp_carry  *carry;
    sp_tape   *tape;
} model;

static bool model_new(model *m, const options *o, int64_t batch)
{
    m->params = sp_params_new((uint64_t)o->seed);
    m->embed = sp_embed_new(m->params, "embed", BYTES, o->hidden);
    m->lstm = sp_lstm_new(m->params, "lstm", (sp_rnn_spec){ .input = o->hidden, .hidden = o->hidden,
                             .layers = (int)o->layers });
    m->head = sp_linear_new(m->params, "head", o->hidden, BYTES);
    m->carry = sp_carry_new(m->lstm, batch);
    m->tape = sp_tape_new(&(sp_tape_spec){ .seed = (uint64_t)o->seed });
    if (m->carry && m->tape && !sp_params_error(m->params)) return true;
    return complain("%s", sp_params_error(m->params) ? sp_params_error(m->params) : sp_error());
}

static void model_free(model *m)
{
    sp_tape_free(m->tape);
    sp_carry_free(m->carry);
    sp_params_free(m->params);
}

/* The logits of the byte that follows each byte of x [T,B]. */
static sp_var logits_of(model *m, const sp_tensor *x, sp_seq *seq)
{
    sp_var e = sp_embed_run(m->embed, sp_input(m->tape, x));
    *seq = sp_rnn_run(m->lstm, e, &(sp_run){ .carry = m->carry });
    return sp_linear_run(m->head, seq->y);
}

/* ---- training ---- */

typedef struct training {
    model    m;
    sp_optim *adam;
    streams   train, valid;
    uint64_t  fingerprint;           /* of the text */
    int64_t   steps;                 /* since the start, resumed ones included */
    double    before;                /* seconds of the runs that this one resumes */
    curve     loss;
} training;

/* One window: the mean loss per byte, in nats; NaN after a failure. */
static double train_step(training *t)
{
    model *m = &t->m;
    sp_seq seq;

    if (next_window(&t->train)) sp_carry_reset(m->carry, NULL);
    sp_var logits = logits_of(m, t->train.x, &seq);
    sp_var loss = sp_cross_entropy(logits, sp_input(m->tape, t->train.y));
    bool ok = sp_backward(loss);
    double value = sp_item(loss);
    if (ok) {
        sp_clip_grad_norm(m->params, 1);
        ok = sp_optim_step(t->adam) && sp_carry_keep(m->carry, &seq);
    }
    if (!ok) complain("%s", sp_tape_error(m->tape) ? sp_tape_error(m->tape) : sp_error());
    else if (isnan(value)) complain("the loss of step %lld is not a number", (long long)t->steps);
    sp_tape_reset(m->tape);
    t->steps++;
    return ok ? value : NAN;
}

/* Mean nats per byte on the text that is not trained on, from a state of zeros. */
static double validate(training *t)
{
    model m = t->m;
    double sum = 0;
    int64_t n = 0;

    m.carry = sp_carry_new(m.lstm, t->valid.count);
    m.tape = sp_tape_new(NULL);
    sp_tape_train(m.tape, false);
    for (t->valid.at = 0; m.carry && !next_window(&t->valid); n++) {
        sp_seq seq;
        sp_var loss =
            sp_cross_entropy(logits_of(&m, t->valid.x, &seq), sp_input(m.tape, t->valid.y));
        sum += sp_item(loss);
        if (!sp_carry_keep(m.carry, &seq)) sum = NAN;
        sp_tape_reset(m.tape);
    }
    sp_tape_free(m.tape);
    sp_carry_free(m.carry);
    return sum / (double)n;
}

static void show(const training *t, const options *o, double nats, double seconds, int64_t done)
{
    static const char *end;
    double rate = (double)done / seconds, left = (double)(o->steps - t->steps) / rate;

    if (!end) end = isatty(STDERR_FILENO) ? "\r" : "\n";
    if (o->seconds > 0 && (o->steps == 0 || o->seconds - seconds < left))
        left = o->seconds - seconds;
    fprintf(stderr,
            "step %lld  loss %.3f nats  %.3f bits per byte  %.0f bytes/s  %.0f s left   %s",
            (long long)t->steps, nats, nats / log(2), rate * (double)(t->train.count * WINDOW),
            left > 0 ? left : 0, end);
}

/* Train until the steps or the seconds are used up, or Ctrl-C. */
static bool train_until(training *t, const options *o)
{
    double start = now(), shown = start, average = NAN;
    int64_t first = t->steps;

    while (!interrupted && (o->steps == 0 || t->steps < o->steps)) {
        double seconds = now() - start;
        if (o->seconds > 0 && seconds >= o->seconds) break;
        double loss = train_step(t);
        if (isnan(loss)) return false;
        average = isnan(average) ? loss : average + 0.05 * (loss - average);
        curve_add(&t->loss, loss / log(2));
        if (now() - shown > 1.5 || t->steps == first + 1) {
            show(t, o, average, now() - start, t->steps - first);
            shown = now();
        }
    }
    t->before += now() - start;
    if (isatty(STDERR_FILENO)) fputc('\n', stderr);
    return true;
}

/* ---- checkpoints ---- */

static int parts_of(training *t, sp_saved parts[])
{
    int n = 0;

    parts[n++] = sp_params_saved(t->m.params);
    parts[n++] = sp_optim_saved(t->adam);
    parts[n++] = sp_tape_saved(t->m.tape);
    parts[n++] = sp_carry_saved(t->m.carry);
    return n;
}

static bool save(training *t, const options *o)
{
    sp_store *s = sp_store_new();
    sp_saved parts[4];
    sp_tensor *points = curve_tensor(&t->loss);
    bool ok = s && points && sp_store_put(s, parts_of(t, parts), parts)
              && sp_store_put_integer(s, "lm.layers", o->layers)
              && sp_store_put_integer(s, "lm.hidden", o->hidden)
              && sp_store_put_integer(s, "lm.seed", o->seed)
              && sp_store_put_integer(s, "lm.steps", t->steps)
              && sp_store_put_integer(s, "lm.cursor", t->train.at)
              && sp_store_put_number(s, "lm.seconds", t->before)
              && sp_store_put_integer(s, "lm.text", (int64_t)t->fingerprint)
              && sp_store_put_tensor(s, "lm.curve", points)
              && sp_store_put_text(s, "program", "char_lm") && sp_store_save(s, o->save);

    sp_tensor_free(points);
    sp_store_free(s);
    return ok ? true : complain("%s", sp_error());
}

/* What shapes the model comes from the file; options that say otherwise are a mistake. */
static sp_store *load(const char *path, options *o)
{
    sp_store *s = sp_store_load(path);
    int64_t layers, hidden, seed;

    if (!s || !sp_store_integer(s, "lm.layers", &layers)
        || !sp_store_integer(s, "lm.hidden", &hidden) || !sp_store_integer(s, "lm.seed", &seed)) {
        complain("%s", sp_error());
    } else if (layers < 1 || layers > MOST_LAYERS || hidden < 1 || hidden > MOST_HIDDEN) {
        complain("%s holds %lld layers of %lld, out of range", path, (long long)layers,
                 (long long)hidden);
    } else if ((o->layers && o->layers != layers) || (o->hidden && o->hidden != hidden)) {
        complain("%s holds %lld layers of %lld, not what --layers and --hidden say", path,
                 (long long)layers, (long long)hidden);
    } else {
        o->layers = layers, o->hidden = hidden;
        if (o->seed < 0) o->seed = seed;
        return s;
    }
    sp_store_free(s);
    return NULL;
}

static bool restore(training *t, const sp_store *s)
{
    sp_saved parts[4];
    int64_t text = 0, cursor = 0, steps = 0;
    double seconds = 0;
    const sp_tensor *points = sp_store_tensor(s, "lm.curve");

    if (!points || !sp_store_integer(s, "lm.text", &text)
        || !sp_store_integer(s, "lm.cursor", &cursor) || !sp_store_integer(s, "lm.steps", &steps)
        || !sp_store_number(s, "lm.seconds", &seconds))
        return complain("%s", sp_error());
    if ((uint64_t)text != t->fingerprint)
        return complain("the checkpoint was trained on another text");
    if (cursor < 0 || cursor > t->train.length)
        return complain("the checkpoint's cursor lies outside the text");
    if (!sp_store_take(s, parts_of(t, parts), parts)) return complain("%s", sp_error());
    t->train.at = cursor, t->steps = steps, t->before = seconds;
    curve_take(&t->loss, points);
    return true;
}

/* ---- the commands ---- */

static int finish(training *t, const options *o)
{
    bool ok = true;

    if (o->save) ok = save(t, o);
    if (interrupted && !o->save) complain("stopped; without --save nothing is kept");
    else if (interrupted && ok) complain("stopped; --resume %s goes on from here", o->save);
    if (o->svg) ok = curve_draw(&t->loss, o->svg) && ok;
    double nats = validate(t);
    if (isnan(nats)) ok = complain("the validation failed");
    fflush(stderr);
    printf("validation: %.4f nats per byte after %lld steps, %.0f s\n", nats, (long long)t->steps,
           t->before);
    return ok ? 0 : 1;
}

static int train_on(const char *text, int64_t size, options *o)
{
    training t = { .fingerprint = sp_hash(0, text, size) };
    sp_store *from = o->resume ? load(o->resume, o) : NULL;
    int64_t split = size - size / 10;
    int code = 1;

    if (!o->layers) o->layers = 1;
    if (!o->hidden) o->hidden = 256;
    if (o->seed < 0) o->seed = 0;
    if (!o->steps && !(o->seconds > 0)) o->seconds = 60;
    bool ok = (!o->resume || from) && streams_new(&t.train, text, split)
              && streams_new(&t.valid, text + split, size - split)
              && model_new(&t.m, o, t.train.count);
    if (ok) {
        t.adam = sp_adam_new(t.m.params, (sp_adam_spec){ .lr = 2e-3 });
        if (!t.adam) ok = complain("%s", sp_error());
        if (ok && from) ok = restore(&t, from);
        if (ok && train_until(&t, o)) code = finish(&t, o);
    }
    sp_store_free(from);
    sp_optim_free(t.adam);
    model_free(&t.m);
    streams_free(&t.train);
    streams_free(&t.valid);
    return code;
}

static int train(options *o)
{
    char *text;
    int64_t size;

    if (!o->text) return complain("train needs --text"), 1;
    if ((o->save && !may_save(o->save)) || (o->svg && !may_save(o->svg))) return 1;
    if (!read_text(o->text, SHORTEST, &text, &size)) return 1;
    signal(SIGINT, interrupt);
    int code = train_on(text, size, o);
    sp_release(text);
    return code;
}

/* Feed the bytes of x [T,1] and draw what follows; -1 after a failure. */
static int draw(model *m, const sp_tensor *x, double temperature)
{
    sp_seq seq;
    sp_var last = sp_select(logits_of(m, x, &seq), 0, -1);
    sp_var choice =
        temperature >= 1e-6 ? sp_categorical(sp_scale(last, 1 / temperature)) : sp_argmax(last, -1);
    double byte = sp_item(choice);
    bool ok = !isnan(byte) && sp_carry_keep(m->carry, &seq);

    if (!ok) complain("%s", sp_tape_error(m->tape) ? sp_tape_error(m->tape) : sp_error());
    sp_tape_reset(m->tape);
    return ok ? (int)byte : -1;
}

static bool write_sample(model *m, const options *o)
{
    const char *prompt = o->prompt && *o->prompt ? o->prompt : "\n";
    sp_tensor *x = sp_tensor_new(SP_I32, SP_SHAPE((int64_t)strlen(prompt), 1));
    sp_tensor *one = sp_tensor_new(SP_I32, SP_SHAPE(1, 1));
    int byte = x && one ? 0 : -1;

    for (int64_t i = 0; i < sp_tensor_size(x); i++) sp_tensor_set(x, i, (unsigned char)prompt[i]);
    sp_tape_train(m->tape, false);
    fputs(o->prompt ? o->prompt : "", stdout);
    for (int64_t i = 0; byte >= 0 && i < o->length; i++) {
        if ((byte = draw(m, i ? one : x, o->temperature)) < 0) break;
        putchar(byte);
        sp_tensor_set(one, 0, byte);
    }
    putchar('\n');
    sp_tensor_free(x);
    sp_tensor_free(one);
    return byte >= 0;
}

static int sample(options *o)
{
    model m = { 0 };
    int code = 1;

    if (!o->load) return complain("sample needs --load"), 1;
    sp_store *from = load(o->load, o);
    if (!from) return 1;
    if (model_new(&m, o, 1)) {
        sp_saved params = sp_params_saved(m.params);
        if (!sp_store_take(from, 1, &params)) complain("%s", sp_error());
        else if (write_sample(&m, o)) code = 0;
    }
    model_free(&m);
    sp_store_free(from);
    return code;
}

/* What a model reaches that counts pairs of bytes: P(b|a) = (n(ab) + P(b)) / (n(a) + 1). */
static int bigram(options *o)
{
    char *text;
    int64_t size;

    if (!o->text) return complain("bigram needs --text"), 1;
    if (!read_text(o->text, 10, &text, &size)) return 1;
    int64_t split = size - size / 10;
    double bits = bigram_bits((const unsigned char *)text, split, size);
    printf("bigram: %.4f bits per byte\n", bits);
    sp_release(text);
    return 0;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* The exit code, unless what was printed did not arrive. */
static int written(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    return complain("the output cannot be written"), 1;
}

int main(int n, char *argv[])
{
    static const struct { const char *name; int (*run)(options *); } commands[] = {
        { "train", train }, { "sample", sample }, { "bigram", bigram },
    };
    options o = { .seed = -1, .length = 200, .temperature = 1 };

    if (n < 2) return usage(stderr), 1;
    if (asks_for_help(argv[1]) || (n == 3 && asks_for_help(argv[2]))) return usage(stdout), 0;
    if (!read_options(&o, n - 2, argv + 2)) return 1;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0) return written(commands[i].run(&o));
    complain("there is no command %s", argv[1]);
    return usage(stderr), 1;
}
