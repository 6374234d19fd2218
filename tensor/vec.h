/* SPDX-License-Identifier: MIT
 *
 * vec.h - the vector vocabulary (internal): one source, several instruction sets.
 *
 * A file that includes it is compiled once per instruction set, with
 * -DSP_TARGET=portable|avx2|avx512|neon and that set's flags; names made by
 * SP_ISA_NAME carry the target.  Without -DSP_TARGET it is portable.  Everything
 * here is inlined always, so that no function compiled for one set is linked into another.
 *
 * T is float, double, int32_t or int64_t; V is the vector of it that a register holds:
 *
 *   vf32 vf64 vi32 vi64   VLEN(T) elements each; vu32 and vu64 likewise, for shifts
 *   vload(p)  vstore(p, x)              any alignment
 *   vload_part(p, n)                    the first n elements, the rest 0;  0 <= n <= VLEN(T)
 *   vstore_part(p, x, n)                the first n elements; nothing behind them is touched
 *   vset(like, s)                       the scalar s in every element, a V of the type of `like`
 *   vget(x, i)                          element i
 *   vselect(m, a, b)                    m ? a : b by element; m is all ones or 0
 *   vmask_load(like, p, n)              n bools (bytes 0 or 1) as such an m
 *   vmask_store(p, m, n)                and back
 *   vany(m)                             whether any element of m is set
 *
 * and for vf32 and vf64:
 *
 *   vfma(a, b, c)                       a b + c, fused where the target has it (SP_FUSED)
 *   vsqrt(x) vabs(x)
 *   vmax(a, b) vmin(a, b)               a > b ? a : b, a < b ? a : b: b if either is NaN
 *   vfirst(x, n)                        the first n elements, then 0
 *   vsum(x)                             of the elements, halving: (x0 + x4) + (x2 + x6) ...
 *   vbits(x) vfloat(i)                  the same bits as integers, and back
 *
 * The operators + - * / - and, on integers, & | ^ ~ << >> work on vectors as they
 * stand.  == != < <= > >= give an integer vector of all ones or 0.  Both operands must be
 * vectors: write vset(x, 2) * x.
 */
#ifndef SP_VEC_H
#define SP_VEC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Every instruction set this build has kernels for, as X(name, sp_isa). */
#define SP_EACH_ISA(X) X(portable, SP_PORTABLE) SP__AVX2(X) SP__AVX512(X) SP__NEON(X)
#ifdef SP_HAVE_AVX2
#define SP__AVX2(X) X(avx2, SP_AVX2)
#else
#define SP__AVX2(X)
#endif
#ifdef SP_HAVE_AVX512
#define SP__AVX512(X) X(avx512, SP_AVX512)
#else
#define SP__AVX512(X)
#endif
#ifdef SP_HAVE_NEON
#define SP__NEON(X) X(neon, SP_NEON)
#else
#define SP__NEON(X)
#endif

/* SP_ISA_NAME(f) is f_avx2 in a file compiled for avx2. */
#ifndef SP_TARGET
#define SP_TARGET portable
#endif
#define SP_ISA_NAME(name)    SP__JOIN(name, SP_TARGET)
#define SP__JOIN(name, isa)  SP__JOIN2(name, isa)
#define SP__JOIN2(name, isa) name##_##isa

#if defined(SP_TARGET_AVX512)
#include <immintrin.h>
enum { VBYTES = 64, SP_FUSED = 1 };
#elif defined(SP_TARGET_AVX2)
#include <immintrin.h>
enum { VBYTES = 32, SP_FUSED = 1 };
#elif defined(SP_TARGET_NEON)
#include <arm_neon.h>
enum { VBYTES = 16, SP_FUSED = 1 };
#else
enum { VBYTES = 16, SP_FUSED = 0 };
#endif

#define VLEN(T) ((int)(VBYTES / sizeof(T)))

typedef float    vf32 __attribute__((vector_size(VBYTES)));
typedef double   vf64 __attribute__((vector_size(VBYTES)));
typedef int32_t  vi32 __attribute__((vector_size(VBYTES)));
typedef int64_t  vi64 __attribute__((vector_size(VBYTES)));
typedef uint32_t vu32 __attribute__((vector_size(VBYTES)));
typedef uint64_t vu64 __attribute__((vector_size(VBYTES)));

#define SP_VEC static inline __attribute__((always_inline, unused))

/* The function of a name for the type of x, or of what x points to.  The suffix is
   that of the vector, for arm_neon.h already has a vabs_f32. */
#define SP__BY_FLOAT(x, f)  _Generic((x), vf32: f##_vf32, vf64: f##_vf64)
#define SP__BY_VECTOR(x, f) \
    _Generic((x), vf32: f##_vf32, vf64: f##_vf64, vi32: f##_vi32, vi64: f##_vi64)
/* A comparison of doubles is a vector of long for gcc, of long long for clang. */
#define SP__BY_WIDTH(m, f)  _Generic((m)[0], int32_t: f##_vi32, default: f##_vi64)
#define SP__BY_POINTER(p, f)                                          \
    _Generic((p), const float *: f##_vf32, float *: f##_vf32,         \
                  const double *: f##_vf64, double *: f##_vf64,       \
                  const int32_t *: f##_vi32, int32_t *: f##_vi32,     \
                  const int64_t *: f##_vi64, int64_t *: f##_vi64)

#define vload(p)              SP__BY_POINTER(p, vload)(p)
#define vstore(p, x)          SP__BY_POINTER(p, vstore)(p, x)
#define vload_part(p, n)      SP__BY_POINTER(p, vload_part)(p, n)
#define vstore_part(p, x, n)  SP__BY_POINTER(p, vstore_part)(p, x, n)
#define vset(like, s)         SP__BY_VECTOR(like, vset)(s)
#define vget(x, i)            ((x)[i])
#define vselect(m, a, b)      SP__BY_VECTOR(a, vselect)(m, a, b)
#define vmask_load(like, p, n) SP__BY_VECTOR(like, vmask_load)(p, n)
#define vmask_store(p, m, n)  SP__BY_WIDTH(m, vmask_store)(p, m, n)
#define vany(m)               SP__BY_WIDTH(m, vany)(m)
#define vfma(a, b, c)         SP__BY_FLOAT(a, vfma)(a, b, c)
#define vsqrt(x)              SP__BY_FLOAT(x, vsqrt)(x)
#define vabs(x)               SP__BY_FLOAT(x, vabs)(x)
#define vmax(a, b)            SP__BY_FLOAT(a, vmax)(a, b)
#define vmin(a, b)            SP__BY_FLOAT(a, vmin)(a, b)
#define vfirst(x, n)          SP__BY_FLOAT(x, vfirst)(x, n)
#define vsum(x)               SP__BY_FLOAT(x, vsum)(x)
#define vbits(x)              SP__BY_FLOAT(x, vbits)(x)
#define vfloat(i)             _Generic((i), vi32: vfloat_vf32, vi64: vfloat_vf64)(i)

/* What is the same for all four types.  M is the integer vector of V's width; S is
   the type that vset takes: double for floats, so that a constant needs no suffix. */
#define SP__COMMON(T, V, M, S, t)                                                       \
    SP_VEC V    vload_##t(const T *p) { V x; memcpy(&x, p, sizeof x); return x; }       \
    SP_VEC void vstore_##t(T *p, V x) { memcpy(p, &x, sizeof x); }                      \
    SP_VEC V    vset_##t(S s) { return (T)s - (V){ 0 }; }      /* minus 0 keeps -0 */   \
    SP_VEC V    vselect_##t(M m, V a, V b) { return (V)((m & (M)a) | (~m & (M)b)); }    \
    SP_VEC M    vmask_load_##t(const void *p, int64_t n)                                \
    {                                                                                   \
        const uint8_t *b = p;                                                           \
        M              m = { 0 };                                                       \
        for (int64_t i = 0; i < n; i++) m[i] = -(b[i] != 0);                            \
        return m;                                                                       \
    }
SP__COMMON(float,   vf32, vi32, double,  vf32)
SP__COMMON(double,  vf64, vi64, double,  vf64)
SP__COMMON(int32_t, vi32, vi32, int32_t, vi32)
SP__COMMON(int64_t, vi64, vi64, int64_t, vi64)

#define SP__MASKS(T, M, t)                                                              \
    SP_VEC void vmask_store_##t(void *p, M m, int64_t n)                                \
    {                                                                                   \
        uint8_t *b = p;                                                                 \
        for (int64_t i = 0; i < n; i++) b[i] = m[i] != 0;                               \
    }                                                                                   \
    SP_VEC bool vany_##t(M m)                                                           \
    {                                                                                   \
        T any = 0;                                                                      \
        for (int i = 0; i < VLEN(T); i++) any |= m[i];                                  \
        return any != 0;                                                                \
    }
SP__MASKS(int32_t, vi32, vi32)
SP__MASKS(int64_t, vi64, vi64)

#define SP__FLOATS(T, V, M, t)                                                          \
    SP_VEC M vbits_##t(V x) { return (M)x; }                                            \
    SP_VEC V vfloat_##t(M i) { return (V)i; }                                           \
    SP_VEC V vabs_##t(V x) { return (V)((M)x & ~(M)vset_##t(-0.0)); }                   \
    SP_VEC V vmax_##t(V a, V b) { return vselect_##t(a > b, a, b); }                    \
    SP_VEC V vmin_##t(V a, V b) { return vselect_##t(a < b, a, b); }
SP__FLOATS(float,  vf32, vi32, vf32)
SP__FLOATS(double, vf64, vi64, vf64)

/* Parts, element by element: for targets without masked loads. */
#define SP__PARTS(T, V, t)                                                              \
    SP_VEC V vload_part_##t(const T *p, int64_t n)                                      \
    {                                                                                   \
        V x = { 0 };                                                                    \
        for (int64_t i = 0; i < n; i++) x[i] = p[i];                                    \
        return x;                                                                       \
    }                                                                                   \
    SP_VEC void vstore_part_##t(T *p, V x, int64_t n)                                   \
    {                                                                                   \
        for (int64_t i = 0; i < n; i++) p[i] = x[i];                                    \
    }

/* The same for floats whose vectors have no half or masked moves of their own. */
#define SP__HALVES(T, V, t)                                                             \
    SP_VEC T vsum_##t(V x)                                                              \
    {                                                                                   \
        for (int half = VLEN(T) / 2; half > 0; half /= 2)                               \
            for (int i = 0; i < half; i++) x[i] += x[i + half];                         \
        return x[0];                                                                    \
    }                                                                                   \
    SP_VEC V vfirst_##t(V x, int64_t n)                                                 \
    {                                                                                   \
        for (int64_t i = n; i < VLEN(T); i++) x[i] = 0;                                 \
        return x;                                                                       \
    }

#if defined(SP_TARGET_AVX512) || defined(SP_TARGET_AVX2)

SP_VEC float sum8(__m256 x)
{
    __m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    y = _mm_add_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_add_ss(y, _mm_shuffle_ps(y, y, 1)));
}
SP_VEC double sum4(__m256d x)
{
    __m128d y = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(y, _mm_unpackhi_pd(y, y)));
}

#endif

#if defined(SP_TARGET_AVX512)

SP_VEC vf32 vfma_vf32(vf32 a, vf32 b, vf32 c) { return _mm512_fmadd_ps(a, b, c); }
SP_VEC vf64 vfma_vf64(vf64 a, vf64 b, vf64 c) { return _mm512_fmadd_pd(a, b, c); }
SP_VEC vf32 vsqrt_vf32(vf32 x) { return _mm512_sqrt_ps(x); }
SP_VEC vf64 vsqrt_vf64(vf64 x) { return _mm512_sqrt_pd(x); }

SP_VEC __mmask16 first16(int64_t n) { return (__mmask16)((1u << n) - 1); }
SP_VEC __mmask8  first8(int64_t n) { return (__mmask8)((1u << n) - 1); }

SP_VEC float vsum_vf32(vf32 x)
{
    return sum8(_mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1)));
}
SP_VEC double vsum_vf64(vf64 x)
{
    return sum4(_mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd(x, 1)));
}
SP_VEC vf32 vfirst_vf32(vf32 x, int64_t n) { return _mm512_maskz_mov_ps(first16(n), x); }
SP_VEC vf64 vfirst_vf64(vf64 x, int64_t n) { return _mm512_maskz_mov_pd(first8(n), x); }

SP_VEC vf32 vload_part_vf32(const float *p, int64_t n)
{
    return _mm512_maskz_loadu_ps(first16(n), p);
}
SP_VEC vf64 vload_part_vf64(const double *p, int64_t n)
{
    return _mm512_maskz_loadu_pd(first8(n), p);
}
SP_VEC vi32 vload_part_vi32(const int32_t *p, int64_t n)
{
    return (vi32)_mm512_maskz_loadu_epi32(first16(n), p);
}
SP_VEC vi64 vload_part_vi64(const int64_t *p, int64_t n)
{
    return (vi64)_mm512_maskz_loadu_epi64(first8(n), p);
}
SP_VEC void vstore_part_vf32(float *p, vf32 x, int64_t n)
{
    _mm512_mask_storeu_ps(p, first16(n), x);
}
SP_VEC void vstore_part_vf64(double *p, vf64 x, int64_t n)
{
    _mm512_mask_storeu_pd(p, first8(n), x);
}
SP_VEC void vstore_part_vi32(int32_t *p, vi32 x, int64_t n)
{
    _mm512_mask_storeu_epi32(p, first16(n), (__m512i)x);
}
SP_VEC void vstore_part_vi64(int64_t *p, vi64 x, int64_t n)
{
    _mm512_mask_storeu_epi64(p, first8(n), (__m512i)x);
}

#elif defined(SP_TARGET_AVX2)

SP_VEC vf32 vfma_vf32(vf32 a, vf32 b, vf32 c) { return _mm256_fmadd_ps(a, b, c); }
SP_VEC vf64 vfma_vf64(vf64 a, vf64 b, vf64 c) { return _mm256_fmadd_pd(a, b, c); }
SP_VEC vf32 vsqrt_vf32(vf32 x) { return _mm256_sqrt_ps(x); }
SP_VEC vf64 vsqrt_vf64(vf64 x) { return _mm256_sqrt_pd(x); }

SP_VEC __m256i first8(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
SP_VEC __m256i first4(int64_t n)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}

SP_VEC float  vsum_vf32(vf32 x) { return sum8(x); }
SP_VEC double vsum_vf64(vf64 x) { return sum4(x); }
SP_VEC vf32 vfirst_vf32(vf32 x, int64_t n) { return (vf32)((vi32)x & (vi32)first8(n)); }
SP_VEC vf64 vfirst_vf64(vf64 x, int64_t n) { return (vf64)((vi64)x & (vi64)first4(n)); }

SP_VEC vf32 vload_part_vf32(const float *p, int64_t n)  { return _mm256_maskload_ps(p, first8(n)); }
SP_VEC vf64 vload_part_vf64(const double *p, int64_t n) { return _mm256_maskload_pd(p, first4(n)); }
SP_VEC void vstore_part_vf32(float *p, vf32 x, int64_t n)  { _mm256_maskstore_ps(p, first8(n), x); }
SP_VEC void vstore_part_vf64(double *p, vf64 x, int64_t n) { _mm256_maskstore_pd(p, first4(n), x); }
SP__PARTS(int32_t, vi32, vi32)
SP__PARTS(int64_t, vi64, vi64)

#else

#ifdef SP_TARGET_NEON
SP_VEC vf32 vfma_vf32(vf32 a, vf32 b, vf32 c) { return vfmaq_f32(c, a, b); }
SP_VEC vf64 vfma_vf64(vf64 a, vf64 b, vf64 c) { return vfmaq_f64(c, a, b); }
#else
SP_VEC vf32 vfma_vf32(vf32 a, vf32 b, vf32 c) { return a * b + c; }
SP_VEC vf64 vfma_vf64(vf64 a, vf64 b, vf64 c) { return a * b + c; }
#endif

SP_VEC vf32 vsqrt_vf32(vf32 x)
{
    for (int i = 0; i < VLEN(float); i++) x[i] = __builtin_sqrtf(x[i]);
    return x;
}
SP_VEC vf64 vsqrt_vf64(vf64 x)
{
    for (int i = 0; i < VLEN(double); i++) x[i] = __builtin_sqrt(x[i]);
    return x;
}
SP__HALVES(float,  vf32, vf32)
SP__HALVES(double, vf64, vf64)
SP__PARTS(float,   vf32, vf32)
SP__PARTS(double,  vf64, vf64)
SP__PARTS(int32_t, vi32, vi32)
SP__PARTS(int64_t, vi64, vi64)

#endif

#undef SP__COMMON
#undef SP__MASKS
#undef SP__FLOATS
#undef SP__HALVES
#undef SP__PARTS
#endif
