/* SPDX-License-Identifier: MIT
 *
 * vmath_probe.c - the functions of vmath.h on arrays, compiled once per instruction set
 * for test_vmath.c, as vmath_probe_<isa>[function][dtype].
 */
#include "tests/vmath_probe.h"
#include "tensor/vmath.h"

#define LOOP(f, T, t)                                                       \
    static void on_##f##_##t(const void *from, void *to, int64_t n)         \
    {                                                                       \
        const T *x = from;                                                  \
        T       *y = to;                                                    \
        for (int64_t i = 0; i < n; i += VLEN(T)) {                          \
            int64_t rest = n - i < VLEN(T) ? n - i : VLEN(T);               \
            vstore_part(y + i, v##f(vload_part(x + i, rest)), rest);        \
        }                                                                   \
    }
#define LOOPS(f) LOOP(f, float, f32) LOOP(f, double, f64)
#define ROW(f) [PROBE_##f] = { on_##f##_f32, on_##f##_f64 },

EACH_FUNCTION(LOOPS)
probe_fn *const SP_ISA_NAME(vmath_probe)[N_FUNCTIONS][2] = { EACH_FUNCTION(ROW) };

/* The vocabulary itself, element by element: the first promise that fails, or NULL. */
#define FAILS(what, condition) if (condition) return what
#define VOCABULARY(T, V, t)                                                             \
    static const char *vocabulary_##t(int n)                                            \
    {                                                                                   \
        enum { N = VLEN(T) };                                                           \
        T       a[N], b[N], c[N + 1], sum = 0;                                          \
        uint8_t mask[N + 8];                                                            \
        for (int i = 0; i < N; i++) a[i] = (T)(i * i - 7), b[i] = (T)(9 - 2 * i), sum += a[i]; \
        V x = vload_part(a, n), y = vload(b);                                           \
        FAILS("vany", vany(y > vset(y, 9)) || !vany(y == vset(y, 11 - 2 * N)));         \
        FAILS("vsum", vsum(vload(a)) != sum);                                           \
        memset(c, 0x55, sizeof c), memset(mask, 0x55, sizeof mask);                     \
        vstore_part(c, vselect(y > x, y, -vabs(x)), n);                                 \
        vmask_store(mask, y > x, n);                                                    \
        V m = vselect(vmask_load(x, mask, n), vmax(x, y), vset(x, 0.5));                \
        for (int i = 0; i < N; i++) {                                                   \
            T from = i < n ? a[i] : 0;                                                  \
            T high = from > 0 ? -from : from;                                           \
            FAILS("vload_part", vget(x, i) != from);                                    \
            FAILS("vselect", i < n && c[i] != (b[i] > from ? b[i] : high));             \
            FAILS("vmask_store", i < n && mask[i] != (b[i] > from));                    \
            FAILS("vmask_load", vget(m, i) != (i < n && b[i] > from ? b[i] : (T)0.5));  \
            FAILS("vmin", vget(vmin(x, y), i) != (from < b[i] ? from : b[i]));          \
            FAILS("vsqrt", vget(vsqrt(y * y), i) != vget(vabs(y), i));                  \
            FAILS("vfma", vget(vfma(x, y, y), i) != from * b[i] + b[i]);                \
        }                                                                               \
        FAILS("vmask_store", mask[n] != 0x55);                                          \
        memset(mask, 0x55, sizeof mask);                                                \
        FAILS("vstore_part", memcmp(c + n, mask, sizeof(T)) != 0);                      \
        return NULL;                                                                    \
    }
VOCABULARY(float,  vf32, f32)
VOCABULARY(double, vf64, f64)

const char *SP_ISA_NAME(vec_fails)(void)
{
    const char *what = NULL;

    for (int n = 0; n <= VLEN(float) && !what; n++) what = vocabulary_f32(n);
    for (int n = 0; n <= VLEN(double) && !what; n++) what = vocabulary_f64(n);
    return what;
}
