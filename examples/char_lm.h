/* SPDX-License-Identifier: MIT
 *
 * char_lm.h - what surrounds the language model: its options, its text, its loss curve, and
 * the count model it is compared with.  Of Spool it knows only tensors and files.
 */
#ifndef CHAR_LM_H
#define CHAR_LM_H

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <spool.h>

typedef struct options {
    const char *text, *save, *resume, *svg, *load, *prompt;
    int64_t     layers, hidden, steps, seed, length;
    double      seconds, temperature;
} options;

/* Say what is wrong; false, for `return complain(...)`. */
__attribute__((format(printf, 1, 2)))
static bool complain(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    fputs("char_lm: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return false;
}

static void usage(FILE *to)
{
    fputs("char_lm train  --text F [--layers N --hidden N --steps N --seconds S --seed N\n"
          "                         --save F --resume F --svg F]\n"
          "char_lm sample --load F [--prompt S --length N --temperature X --seed N]\n"
          "char_lm bigram --text F\n", to);
}

/* ---- options ---- */

enum { MOST_LAYERS = 64, MOST_HIDDEN = 65536 };
#define MOST 1e15                    /* doubles hold all whole numbers up to here */

typedef struct option {
    const char  *name;
    const char **text;
    int64_t     *whole;
    double      *number;
    double       low, high;
    bool         above;              /* low itself is too low */
} option;

static bool read_value(const option *o, const char *value)
{
    char *end = NULL;

    if (o->text) return *o->text = value, true;
    double x = strtod(value, &end);
    bool number = end != value && !*end && x <= o->high && (o->above ? x > o->low : x >= o->low);
    if (!number || (o->whole && x != (double)(int64_t)x))
        return complain("%s takes a %snumber %s %g up to %.0f, not \"%s\"", o->name,
                        o->whole ? "whole " : "", o->above ? "above" : "from", o->low, o->high,
                        value);
    if (o->whole) *o->whole = (int64_t)x;
    else *o->number = x;
    return true;
}

static bool read_options(options *o, int n, char *argv[])
{
    const option known[] = {
        { "--text", .text = &o->text },       { "--save", .text = &o->save },
        { "--resume", .text = &o->resume },   { "--svg", .text = &o->svg },
        { "--load", .text = &o->load },       { "--prompt", .text = &o->prompt },
        { "--layers", .whole = &o->layers, .low = 1, .high = MOST_LAYERS },
        { "--hidden", .whole = &o->hidden, .low = 1, .high = MOST_HIDDEN },
        { "--steps", .whole = &o->steps, .low = 1, .high = MOST },
        { "--seconds", .number = &o->seconds, .above = true, .high = MOST },
        { "--seed", .whole = &o->seed, .high = MOST },
        { "--length", .whole = &o->length, .high = MOST },
        { "--temperature", .number = &o->temperature, .high = MOST },
    };
    size_t count = sizeof known / sizeof *known;

    for (int i = 0; i < n; i += 2) {
        size_t k = 0;
        while (k < count && strcmp(argv[i], known[k].name) != 0) k++;
        if (k == count) return complain("there is no option %s", argv[i]);
        if (i + 1 == n) return complain("%s takes a value", argv[i]);
        if (!read_value(&known[k], argv[i + 1])) return false;
    }
    return true;
}

/* Whether a file can be made where `path` says, tried with a file beside it that is removed
   again: hours of training must not end in a path that cannot be written. */
static bool may_save(const char *path)
{
    char real[PATH_MAX], probe[PATH_MAX + 16];
    struct stat there;
    int file = -1;

    if (!*path) return complain("cannot save to a file without a name");
    bool exists = realpath(path, real) != NULL;
    if (exists && stat(real, &there) == 0 && !S_ISREG(there.st_mode))
        return complain("cannot save %s: what is there is not a file", path);
    if (exists || errno == ENOENT) {
        snprintf(probe, sizeof probe, "%.4095s.tmp-try-XXXXXX", exists ? real : path);
        file = mkstemp(probe);
    }
    if (file < 0) return complain("cannot save %s: %s", path, strerror(errno));
    close(file);
    unlink(probe);
    return true;
}

/* ---- the text, read in streams ---- */

/* The shortest text has one stream of one window in its validating tenth. */
enum { WINDOW = 50, STREAMS = 50, SHORTEST = 10 * (WINDOW + 1) };

static bool read_text(const char *path, int64_t least, char **text, int64_t *size)
{
    if (!sp_file_read(path, 0, text, size)) return complain("%s", sp_error());
    if (*size >= least) return true;
    complain("%s is too short: it has %lld of the %lld bytes needed (a tenth is for validation)",
             path, (long long)*size, (long long)least);
    sp_release(*text);
    return false;
}

typedef struct streams {
    const unsigned char *text;
    int64_t count, length, at;       /* how many, how long each, how far all are */
    sp_tensor *x, *y;                /* a window and what follows each of its bytes: [T,B] */
} streams;

static bool streams_new(streams *s, const char *text, int64_t size)
{
    *s = (streams){ .text = (const unsigned char *)text, .count = STREAMS };
    while (s->count > 1 && size / s->count < 2 * WINDOW) s->count /= 2;
    s->length = size / s->count;
    s->x = sp_tensor_new(SP_I32, SP_SHAPE(WINDOW, s->count));
    s->y = sp_tensor_new(SP_I32, SP_SHAPE(WINDOW, s->count));
    return (s->x && s->y) || complain("%s", sp_error());
}

static void streams_free(streams *s)
{
    sp_tensor_free(s->x);
    sp_tensor_free(s->y);
}

/* The next window of all streams; at their end, from the beginning.  Says whether it began anew. */
static bool next_window(streams *s)
{
    bool anew = s->at + WINDOW + 1 > s->length;
    int32_t *x = sp_tensor_data(s->x), *y = sp_tensor_data(s->y);

    if (anew) s->at = 0;
    for (int64_t t = 0; t < WINDOW; t++)
        for (int64_t b = 0; b < s->count; b++) {
            const unsigned char *here = s->text + b * s->length + s->at + t;
            x[t * s->count + b] = here[0];
            y[t * s->count + b] = here[1];
        }
    s->at += WINDOW;
    return anew;
}

/* ---- the loss curve ---- */

/* At most 512 points; when they are full, neighbors are averaged and each stands for
   twice as many steps. */
enum { POINTS = 512 };
typedef struct curve {
    int64_t n, per;                  /* points; steps that each stands for */
    int64_t pending;                 /* steps in the sum that is not a point yet */
    double  sum, bits[POINTS];
} curve;

static void curve_add(curve *c, double bits)
{
    if (c->per == 0) c->per = 1;
    if (c->n == POINTS) {
        for (int64_t i = 0; i < POINTS / 2; i++)
            c->bits[i] = (c->bits[2 * i] + c->bits[2 * i + 1]) / 2;
        c->n /= 2;
        c->per *= 2;
    }
    c->sum += bits;
    if (++c->pending < c->per) return;
    c->bits[c->n++] = c->sum / (double)c->per;
    c->sum = 0;
    c->pending = 0;
}

/* The whole curve as one f64 tensor, and back: per, pending, sum, points. */
static sp_tensor *curve_tensor(const curve *c)
{
    sp_tensor *x = sp_tensor_new(SP_F64, SP_SHAPE(3 + c->n));

    if (!x) return NULL;
    double *p = sp_tensor_data(x);
    p[0] = (double)c->per, p[1] = (double)c->pending, p[2] = c->sum;
    memcpy(p + 3, c->bits, (size_t)c->n * sizeof *p);
    return x;
}

static void curve_take(curve *c, const sp_tensor *x)
{
    int64_t n = sp_tensor_size(x) - 3;

    if (x->dtype != SP_F64 || n < 0 || n > POINTS) return;
    const double *p = sp_tensor_data(x);
    *c = (curve){ .n = n, .per = (int64_t)p[0], .pending = (int64_t)p[1], .sum = p[2] };
    memcpy(c->bits, p + 3, (size_t)n * sizeof *p);
}

/* A text that grows in a buffer of fixed size; what does not fit is cut. */
typedef struct page { char text[65536]; int used; } page;

__attribute__((format(printf, 2, 3)))
static void put(page *p, const char *format, ...)
{
    va_list list;
    int room = (int)sizeof p->text - p->used;

    va_start(list, format);
    int n = vsnprintf(p->text + p->used, (size_t)room, format, list);
    va_end(list);
    p->used += n < room ? n : room - 1;
}

static void put_axes(page *p, double low, double high, double steps)
{
    put(p, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"400\" "
           "font-family=\"sans-serif\" "
           "font-size=\"12\">\n<rect width=\"720\" height=\"400\" fill=\"white\"/>\n");
    for (int i = 0; i <= 4; i++) {
        double x = 60 + i * 160, y = 350 - i * 80;
        put(p,
            "<path d=\"M60 %.0fH700\" stroke=\"#ddd\"/><text x=\"52\" y=\"%.0f\" "
            "text-anchor=\"end\">%.2f</text>\n",
            y, y + 4, low + (high - low) * i / 4);
        put(p, "<text x=\"%.0f\" y=\"368\" text-anchor=\"middle\">%.0f</text>\n", x, steps * i / 4);
    }
    put(p, "<text x=\"380\" y=\"390\" text-anchor=\"middle\">steps</text>\n"
        "<text x=\"60\" y=\"20\">training loss, bits per byte</text>\n");
}

static bool curve_draw(const curve *c, const char *path)
{
    static page p;
    double low = HUGE_VAL, high = -HUGE_VAL;

    p.used = 0;
    for (int64_t i = 0; i < c->n; i++) {
        if (c->bits[i] < low) low = c->bits[i];
        if (c->bits[i] > high) high = c->bits[i];
    }
    if (!(low < high)) low = c->n ? low - 1 : 0, high = low + 2;
    put_axes(&p, low, high, (double)(c->n * c->per));
    put(&p, "<polyline fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\" points=\"");
    for (int64_t i = 0; i < c->n; i++)
        put(&p, "%.1f,%.1f ", 60 + 640 * (double)(i + 1) / (double)c->n,
            350 - 320 * (c->bits[i] - low) / (high - low));
    put(&p, "\"/>\n</svg>\n");
    sp_piece piece = { p.text, p.used };
    return sp_file_replace(path, 1, &piece) ? true : complain("%s", sp_error());
}

/* ---- the model that counts ---- */

/* Mean bits per byte of text[from..end) under counts of pairs in text[0..from); from > 0. */
static double bigram_bits(const unsigned char *text, int64_t from, int64_t end)
{
    static double pair[256][256], first[256], byte[256];
    double bits = 0;

    for (int64_t i = 0; i + 1 < from; i++) pair[text[i]][text[i + 1]]++, first[text[i]]++;
    for (int64_t i = 0; i < from; i++) byte[text[i]]++;
    for (int64_t i = from; i < end; i++) {
        int a = text[i - 1], b = text[i];
        double alone = (byte[b] + 1) / ((double)from + 256);
        bits -= log2((pair[a][b] + alone) / (first[a] + 1));
    }
    return bits / (double)(end - from);
}

#endif
