/* SPDX-License-Identifier: MIT
 *
 * vmath_probe.h - what vmath_probe.c offers to test_vmath.c.
 */
#ifndef SP_VMATH_PROBE_H
#define SP_VMATH_PROBE_H

#include "tensor/vec.h"

#define EACH_FUNCTION(X) X(exp) X(log) X(tanh) X(sigmoid) X(expm1) X(log1p) X(erf) X(sin) X(cos) \
                         X(round) X(floor)

#define FUNCTION_NUMBER(f) PROBE_##f,
enum { EACH_FUNCTION(FUNCTION_NUMBER) N_FUNCTIONS };

typedef void probe_fn(const void *from, void *to, int64_t n);

/* [function][0: f32, 1: f64] */
#define PROBE_TABLE(isa, number) extern probe_fn *const vmath_probe_##isa[N_FUNCTIONS][2];
SP_EACH_ISA(PROBE_TABLE)

/* Which word of vec.h does not do what it says; NULL if all do. */
#define VEC_FAILS(isa, number) const char *vec_fails_##isa(void);
SP_EACH_ISA(VEC_FAILS)

#endif
