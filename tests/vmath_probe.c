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
