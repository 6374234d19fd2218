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

/* A table of plain C kernels alone: op_float and op_double of the file. */
#define PLAIN_KERNELS(op) { [SP_PORTABLE] = { [SP_F32] = op##_float, [SP_F64] = op##_double } }

/* The vector kernels, and beside the portable ones plain ones for integers and bool:
   op_int32_t, op_int64_t and op_uint8_t of the file. */
#define WITH_WHOLE(op)                                                              \
    { [SP_PORTABLE] = { sp__##op##_f32_portable, sp__##op##_f64_portable,           \
                        op##_int32_t, op##_int64_t, op##_uint8_t },                 \
      SP__K_AVX2(op) SP__K_AVX512(op) SP__K_NEON(op) }

/* Vector i of an operand that has stride 1 or 0. */
#define SP_AT(p, d, i)         ((d) ? vload((p) + (i)) : vset(vload_part(p, 1), *(p)))
#define SP_PART(p, d, i, n)    ((d) ? vload_part((p) + (i), n) : vset(vload_part(p, 1), *(p)))

/* The attributes of place; the executor reads them too. */
typedef struct sp_place_attr { int64_t axis, start, step, size; } sp_place_attr;

/* What an op draws: its attributes begin with the stream. */
static inline sp_random sp__random_of(const sp_args *a)
{
    sp_random r = a->random;
    memcpy(&r.stream, a->attr, sizeof r.stream);
    return r;
}

/* Reductions see [outer, n, inner]: `count` axes from `first` on are reduced together.
   keep: they stay, with size 1. */
typedef struct sp_reduce_attr { int64_t first, count, keep; } sp_reduce_attr;
typedef struct sp_reduced { int64_t outer, n, inner; } sp_reduced;
sp_reduced sp__reduced(sp_shape x, const sp_reduce_attr *);
bool sp__reduce_shape(const sp_call *, sp_shape *y);

/* The axes that went, and x's shape with 1 for each. */
sp_axes  sp__axes_of(const sp_reduce_attr *);
sp_shape sp__kept(sp_shape x, const sp_reduce_attr *);

/* The kernel of a reduction, from the file's OP_row_TYPE (of n numbers side by side) and
   OP_columns_TYPE (of n rows of `inner` numbers, a vector or the part of one at a time). */
#define REDUCTION(OP, T, type)                                                      \
    sp_kernel KERNEL(OP, type);                                                     \
    void KERNEL(OP, type)(const sp_args *a)                                         \
    {                                                                               \
        sp_reduced r = sp__reduced(a->x[0].shape, a->attr);                         \
        const T *x = a->x[0].data;                                                  \
        T *y = a->y.data;                                                           \
        for (int64_t o = 0; o < r.outer; o++, x += r.n * r.inner, y += r.inner) {   \
            if (r.inner == 1) *y = OP##_row_##type(x, r.n, a);                      \
            else for (int64_t j = 0; j < r.inner; j += VLEN(T)) {                   \
                int64_t part = r.inner - j < VLEN(T) ? r.inner - j : VLEN(T);       \
                vstore_part(y + j, OP##_columns_##type(x + j, r.n, r.inner, part, a), part); \
            }                                                                       \
        }                                                                           \
    }

/* Apply a reduction over any set of axes: one node for each run of neighbors, the last first. */
sp_var sp__reduce(const sp_op *, sp_var x, sp_axes, bool keep);

/* The same by one node, for what cannot be had one axis after the other: axes that lie apart are
   brought together.  *attr is the first part of the op's attributes, and is filled in. */
sp_var sp__reduce_together(const sp_op *, sp_var x, sp_axes, bool keep, sp_reduce_attr *attr);

/* Records that other files of autograd record by themselves. */
extern const sp_op sp__op_pack, sp__op_add_n, sp__op_broadcast;

#endif
