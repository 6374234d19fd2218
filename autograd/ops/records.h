/* SPDX-License-Identifier: MIT
 *
 * records.h - how built-in op files are written (internal).
 *
 * A file in this folder that has vector kernels is compiled once per instruction set.  Its
 * kernels are emitted each time, named by KERNEL; what is between #ifdef SP_RECORDS and
 * #endif (records, rules, the public functions) only once.  table.c lists the records.
 */
#ifndef SP_RECORDS_H
#define SP_RECORDS_H

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/vec.h"

#if !defined(SP_TARGET_AVX2) && !defined(SP_TARGET_AVX512) && !defined(SP_TARGET_NEON)
#define SP_RECORDS 1
#endif

/* KERNEL(tanh, f32) names this target's kernel: sp__tanh_f32_avx2. */
#define KERNEL(op, type) SP_ISA_NAME(sp__##op##_##type)

/* SP_DECLARE(tanh) declares the f32 and f64 kernels of all targets; SP_KERNELS(tanh)
   is the table of them for the record. */
#define SP_DECLARE(op) SP__D(op, portable) SP__D_AVX2(op) SP__D_AVX512(op) SP__D_NEON(op)
#define SP_KERNELS(op) \
    { SP__K(op, portable, SP_PORTABLE), SP__K_AVX2(op) SP__K_AVX512(op) SP__K_NEON(op) }

#define SP__D(op, isa) sp_kernel sp__##op##_f32_##isa, sp__##op##_f64_##isa;
#define SP__K(op, isa, ISA) \
    [ISA] = { [SP_F32] = sp__##op##_f32_##isa, [SP_F64] = sp__##op##_f64_##isa }
#ifdef SP_HAVE_AVX2
#define SP__D_AVX2(op) SP__D(op, avx2)
#define SP__K_AVX2(op) SP__K(op, avx2, SP_AVX2),
#else
#define SP__D_AVX2(op)
#define SP__K_AVX2(op)
#endif
#ifdef SP_HAVE_AVX512
#define SP__D_AVX512(op) SP__D(op, avx512)
#define SP__K_AVX512(op) SP__K(op, avx512, SP_AVX512),
#else
#define SP__D_AVX512(op)
#define SP__K_AVX512(op)
#endif
#ifdef SP_HAVE_NEON
#define SP__D_NEON(op) SP__D(op, neon)
#define SP__K_NEON(op) SP__K(op, neon, SP_NEON),
#else
#define SP__D_NEON(op)
#define SP__K_NEON(op)
#endif

/* Vector i of an operand that has stride 1 or 0. */
#define SP_AT(p, d, i)         ((d) ? vload((p) + (i)) : vset(vload_part(p, 1), *(p)))
#define SP_PART(p, d, i, n)    ((d) ? vload_part((p) + (i), n) : vset(vload_part(p, 1), *(p)))

/* The slot of a placed region, shared with the executor. */
typedef struct sp_place_attr { int64_t axis, start, step, size; } sp_place_attr;

/* Reductions see [outer, n, inner]: `count` axes from `first` on are reduced together.
   keep: they stay, with size 1. */
typedef struct sp_reduce_attr { int64_t first, count, keep; } sp_reduce_attr;
typedef struct sp_reduced { int64_t outer, n, inner; } sp_reduced;
sp_reduced sp__reduced(sp_shape x, const sp_reduce_attr *);
bool sp__reduce_shape(const sp_call *, sp_shape *y);

/* Apply a reduction over any set of axes: one node for each run of neighbors, the last first. */
sp_var sp__reduce(const sp_op *, sp_var x, sp_axes, bool keep);

/* Records that other files of autograd record by themselves. */
extern const sp_op sp__op_pack, sp__op_add_n, sp__op_broadcast;

#endif
