/* SPDX-License-Identifier: MIT
 *
 * norm_kernel - the kernels of layer, group, batch and RMS norm.
 *
 * The mean first, then the sums of what differs from it, and of its squares: so neither a large
 * mean nor its rounding costs digits.
 * Blocks of 64 vectors are summed in T, blocks in f64, in order.
 */
#include <math.h>
#include "autograd/ops/norm.h"

/* Sums of x - m and of its squares. */
typedef struct sums { double d, dd; } sums;

#define STRETCH(T, type)                                                            \
    static sums sums_##type(const T *x, int64_t n, T mean)                          \
    {                                                                               \
        v##type m = vset((v##type){ 0 }, (double)mean);                             \
        sums s = { 0, 0 };                                                          \
        int64_t i = 0, whole = n - n % VLEN(T);                                     \
        while (i < whole) {                                                         \
            v##type sum = { 0 }, squares = { 0 };                                   \
            int64_t end = whole - i < 64 * VLEN(T) ? whole : i + 64 * VLEN(T);      \
            for (; i < end; i += VLEN(T)) {                                         \
                v##type d = vload(x + i) - m;                                       \
                sum += d;                                                           \
                squares = vfma(d, d, squares);                                      \
            }                                                                       \
            s.d += (double)vsum(sum);                                               \
            s.dd += (double)vsum(squares);                                          \
        }                                                                           \
        for (; i < n; i++) {                                                        \
            double d = (double)(x[i] - mean);                                       \
            s.d += d;                                                               \
            s.dd += d * d;                                                          \
        }                                                                           \
        return s;                                                                   \
    }                                                                               \
    static double product_##type(const T *x, const T *g, int64_t n, T mean)         \
    {                                                                               \
        v##type m = vset((v##type){ 0 }, (double)mean);                             \
        double sum = 0;                                                             \
        int64_t i = 0, whole = n - n % VLEN(T);                                     \
        while (i < whole) {                                                         \
            v##type part = { 0 };                                                   \
            int64_t end = whole - i < 64 * VLEN(T) ? whole : i + 64 * VLEN(T);      \
            for (; i < end; i += VLEN(T)) part = vfma(vload(x + i) - m, vload(g + i), part); \
            sum += (double)vsum(part);                                              \
        }                                                                           \
        for (; i < n; i++) sum += (double)((x[i] - mean) * g[i]);                   \
        return sum;                                                                 \
    }                                                                               \
    /* y = (x - mean) a + b */                                                      \
    static void scaled_##type(const T *x, T *y, int64_t n, T mean, T a, T b)        \
    {                                                                               \
        v##type m = vset((v##type){ 0 }, (double)mean), va = vset(m, (double)a);    \
        v##type vb = vset(m, (double)b);                                            \
        int64_t i = 0;                                                              \
        if (n == 1) { *y = vget(vfma(vset(m, (double)*x) - m, va, vb), 0); return; }\
        for (; i + VLEN(T) <= n; i += VLEN(T)) vstore(y + i, vfma(vload(x + i) - m, va, vb)); \
        if (i < n) vstore_part(y + i, vfma(vload_part(x + i, n - i) - m, va, vb), n - i); \
    }                                                                               \
    /* y = y gamma + beta, one of each for each element */                          \
    static void affine_##type(T *y, int64_t n, const T *gamma, const T *beta)       \
    {                                                                               \
        const v##type zero = { 0 };                                                 \
        int64_t i = 0, left = n % VLEN(T);                                          \
        for (; i < n - left; i += VLEN(T)) {                                        \
            v##type b = beta ? vload(beta + i) : zero;                              \
            vstore(y + i, vfma(vload(y + i), vload(gamma + i), b));                 \
        }                                                                           \
        v##type b = beta ? vload_part(beta + i, left) : zero;                       \
        vstore_part(y + i, vfma(vload_part(y + i, left), vload_part(gamma + i, left), b), left);\
    }
STRETCH(float, f32)
STRETCH(double, f64)

/* What a group has in common: its mean (0 if raw), rounded and the rest, and one over its
   deviation. */
#define MOMENTS(T, type)                                                            \
    typedef struct moments_##type { T mean, rest, inverse; } moments_##type;        \
    /* From the sums about m of n elements. */                                      \
    static moments_##type moments_##type##_of(T m, sums s, double n, bool raw, double eps) \
    {                                                                               \
        double rest = raw ? 0 : s.d / n;                                            \
        return (moments_##type){ m, (T)rest, (T)(1 / sqrt(s.dd / n - rest * rest + eps)) }; \
    }                                                                               \
    static moments_##type row_moments_##type(const T *x, int64_t n, bool raw, double eps) \
    {                                                                               \
        T mean = raw ? 0 : (T)(sums_##type(x, n, 0).d / (double)n);                 \
        return moments_##type##_of(mean, sums_##type(x, n, mean), (double)n, raw, eps); \
    }                                                                               \
    /* The normalized x times gamma plus beta. */                                   \
    static void row_##type(const T *x, T *y, int64_t n, moments_##type m, T gamma, T beta) \
    {                                                                               \
        T a = m.inverse * gamma;                                                    \
        scaled_##type(x, y, n, m.mean, a, beta - m.rest * a);                       \
    }
MOMENTS(float, f32)
MOMENTS(double, f64)

#define OPERAND(T, a, k) ((a)->n > (k) ? (const T *)(a)->x[k].data : NULL)

#define ROWS(op, T, type, raw)                                                      \
    sp_kernel KERNEL(op, type);                                                     \
    void KERNEL(op, type)(const sp_args *a)                                         \
    {                                                                               \
        sp_normed s = sp__last_axes(a->x[0].shape, ((const sp_norm_attr *)a->attr)->count); \
        const T *x = a->x[0].data, *gamma = OPERAND(T, a, 1), *beta = OPERAND(T, a, 2); \
        T *y = a->y.data;                                                           \
        int64_t n = s.channels;                                                     \
        for (int64_t i = 0; i < s.outer; i++, x += n, y += n) {                     \
            moments_##type m = row_moments_##type(x, n, raw, a->scalar[0]);         \
            row_##type(x, y, n, m, 1, 0);                                           \
            if (gamma) affine_##type(y, n, gamma, beta);                            \
        }                                                                           \
    }
ROWS(layer_norm, float, f32, false)
ROWS(layer_norm, double, f64, false)
ROWS(rms_norm, float, f32, true)
ROWS(rms_norm, double, f64, true)

/* inverse (g - mean g - xn mean(g xn)),  xn = (x - mean) inverse */
#define SLOPE(T, type)                                                              \
    sp_kernel KERNEL(layer_norm_slope, type);                                       \
    void KERNEL(layer_norm_slope, type)(const sp_args *a)                           \
    {                                                                               \
        const sp_norm_attr *at = a->attr;                                           \
        int64_t n = sp__last_axes(a->x[0].shape, at->count).channels;               \
        int64_t size = sp_shape_size(a->x[0].shape);                                \
        const T *x = a->x[0].data, *g = a->x[1].data;                               \
        T *y = a->y.data;                                                           \
        for (const T *end = x + size; x < end; x += n, g += n, y += n) {            \
            moments_##type m = row_moments_##type(x, n, at->raw, a->scalar[0]);     \
            T mean = m.mean, rest = m.rest, inverse = m.inverse;                    \
            double all = sums_##type(g, n, 0).d;                                    \
            double along = product_##type(x, g, n, mean) - (double)rest * all;      \
            T by = at->raw ? 0 : (T)(all / (double)n);                              \
            T c = (T)(along / (double)n) * inverse * inverse;                       \
            for (int64_t i = 0; i < n; i++)                                         \
                y[i] = inverse * ((g[i] - by) - ((x[i] - mean) - rest) * c);        \
        }                                                                           \
    }
SLOPE(float, f32)
SLOPE(double, f64)

#define GROUPS(T, type)                                                             \
    sp_kernel KERNEL(group_norm, type);                                             \
    void KERNEL(group_norm, type)(const sp_args *a)                                 \
    {                                                                               \
        sp_normed s = sp__by_channel(a->x[0].shape);                                \
        int64_t groups = ((const sp_norm_attr *)a->attr)->count;                    \
        int64_t channels = s.channels / groups, n = channels * s.inner;             \
        const T *x = a->x[0].data, *gamma = OPERAND(T, a, 1), *beta = OPERAND(T, a, 2); \
        T *y = a->y.data;                                                           \
        for (int64_t i = 0; i < s.outer * groups; i++, x += n, y += n) {            \
            moments_##type m = row_moments_##type(x, n, false, a->scalar[0]);       \
            for (int64_t k = 0; k < channels; k++) {                                \
                int64_t c = i % groups * channels + k;                              \
                row_##type(x + k * s.inner, y + k * s.inner, s.inner, m,            \
                           gamma ? gamma[c] : 1, beta ? beta[c] : 0);               \
            }                                                                       \
        }                                                                           \
    }
GROUPS(float, f32)
GROUPS(double, f64)

/* In work, for each channel: the mean, the sums about it, the moments. */
#define BATCH(T, type)                                                              \
    static void channel_sums_##type(const T *x, sp_normed s, const double *mean, sums *sum) \
    {                                                                               \
        for (int64_t c = 0; c < s.channels; c++) sum[c] = (sums){ 0, 0 };           \
        for (int64_t i = 0; i < s.outer; i++)                                       \
            for (int64_t c = 0; c < s.channels; c++, x += s.inner) {                \
                sums part = sums_##type(x, s.inner, mean ? (T)mean[c] : 0);         \
                sum[c].d += part.d;                                                 \
                sum[c].dd += part.dd;                                               \
            }                                                                       \
    }                                                                               \
    sp_kernel KERNEL(batch_norm, type);                                             \
    void KERNEL(batch_norm, type)(const sp_args *a)                                 \
    {                                                                               \
        sp_normed s = sp__by_channel(a->x[0].shape);                                \
        const T *x = a->x[0].data, *gamma = OPERAND(T, a, 1), *beta = OPERAND(T, a, 2); \
        T *y = a->y.data;                                                           \
        double n = (double)(s.outer * s.inner), *mean = a->work;                    \
        sums *sum = (sums *)(mean + s.channels);                                    \
        moments_##type *m = (moments_##type *)(sum + s.channels);                   \
        channel_sums_##type(x, s, NULL, sum);                                       \
        for (int64_t c = 0; c < s.channels; c++) mean[c] = sum[c].d / n;            \
        channel_sums_##type(x, s, mean, sum);                                       \
        for (int64_t c = 0; c < s.channels; c++)                                    \
            m[c] = moments_##type##_of((T)mean[c], sum[c], n, false, a->scalar[0]); \
        for (int64_t i = 0; i < s.outer; i++)                                       \
            for (int64_t c = 0; c < s.channels; c++, x += s.inner, y += s.inner)    \
                row_##type(x, y, s.inner, m[c], gamma ? gamma[c] : 1, beta ? beta[c] : 0); \
    }
BATCH(float, f32)
BATCH(double, f64)
