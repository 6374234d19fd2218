/* SPDX-License-Identifier: MIT
 *
 * random.c - Philox 4x32-10 and what is drawn from it.
 */
#include <math.h>
#include "tensor/random.h"

__extension__ typedef unsigned __int128 u128;

/* One round: two 32 x 32 -> 64 bit products whose halves change places. */
static void mix(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    uint64_t p = (uint64_t)0xD2511F53 * c[0];
    uint64_t q = (uint64_t)0xCD9E8D57 * c[2];

    c[0] = (uint32_t)(q >> 32) ^ c[1] ^ k0;
    c[1] = (uint32_t)q;
    c[2] = (uint32_t)(p >> 32) ^ c[3] ^ k1;
    c[3] = (uint32_t)p;
}

void sp_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = { counter[0], counter[1], counter[2], counter[3] };
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        mix(c, k0, k1);
        k0 += 0x9E3779B9;             /* the golden ratio */
        k1 += 0xBB67AE85;             /* sqrt(3) - 1 */
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

uint64_t sp_hash(uint64_t start, const void *bytes, int64_t size)
{
    const unsigned char *b = bytes;
    uint64_t             h = start ? start : 0xCBF29CE484222325;

    for (int64_t i = 0; i < size; i++)
        h = (h ^ b[i]) * 0x100000001B3;
    return h;
}

/* Only 32 bits of the counter number the blocks.  The bits above them, which no
   ordinary tensor has, go to another stream. */
void sp__random_block(sp_random r, int64_t number, uint32_t out[4])
{
    uint64_t block = (uint64_t)number;
    uint64_t stream = r.stream + (block >> 32) * 0x9E3779B97F4A7C15;
    uint32_t counter[4] = { (uint32_t)block, r.step, (uint32_t)stream, (uint32_t)(stream >> 32) };
    uint32_t key[2] = { (uint32_t)r.seed, (uint32_t)(r.seed >> 32) };

    sp_philox(counter, key, out);
}

static uint64_t pair(const uint32_t w[4], int i)
{
    return (uint64_t)w[2 * i + 1] << 32 | w[2 * i];
}

static double unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

uint32_t sp_random_u32(sp_random r, int64_t element)
{
    uint32_t w[4];

    sp__random_block(r, element >> 2, w);
    return w[element & 3];
}

/* 64 bits for an element: half a block. */
static uint64_t random_u64(sp_random r, int64_t element)
{
    uint32_t w[4];

    sp__random_block(r, element >> 1, w);
    return pair(w, element & 1);
}

double sp_random_uniform(sp_random r, int64_t element)
{
    return unit(random_u64(r, element));
}

/* Box and Muller: of u, v uniform in (0, 1] and [0, 1), the cosine and the sine of
       sqrt(-2 ln u) (cos, sin)(2 pi v)
   are independent normals; elements 2i and 2i + 1. */
double sp_random_normal(sp_random r, int64_t element)
{
    uint32_t w[4];

    sp__random_block(r, element >> 1, w);
    double radius = sqrt(-2 * log(1 - unit(pair(w, 0))));
    double angle = 0x1.921fb54442d18p+2 * unit(pair(w, 1));
    return radius * (element & 1 ? sin(angle) : cos(angle));
}

/* The high half of a product of 64 by 64 bits: an n-th of the range for each. */
int64_t sp_random_below(sp_random r, int64_t element, int64_t n)
{
    SP_ASSERT(n > 0);
    return n > 0 ? (int64_t)((u128)random_u64(r, element) * (uint64_t)n >> 64) : 0;
}

static bool can_fill(const sp_tensor *x, const char *who)
{
    if (!x) return sp_fail("%s: no tensor", who);
    if (!sp_is_floating(x->dtype))
        return sp_fail("%s: a tensor of %s; f32 or f64 is needed", who, sp_dtype_name(x->dtype));
    return true;
}

static void store(sp_tensor *x, int64_t i, double v)
{
    if (x->dtype == SP_F32) ((float *)x->data)[i] = (float)v;
    else ((double *)x->data)[i] = v;
}

/* Rounding can reach hi, which is excluded; the number before it in the dtype is not. */
static double below(double hi, sp_dtype dtype)
{
    if (dtype == SP_F64) return nextafter(hi, -INFINITY);

    float h = (float)hi;
    return (double)((double)h < hi ? h : nextafterf(h, -INFINITY));
}

bool sp_tensor_uniform(sp_tensor *x, sp_random r, double lo, double hi)
{
    if (!can_fill(x, "sp_tensor_uniform")) return false;
    if (!(lo <= hi) || !isfinite(hi - lo))
        return sp_fail("sp_tensor_uniform: no range from %g to %g", lo, hi);

    int64_t n = sp_tensor_size(x);
    double  most = lo < hi ? below(hi, x->dtype) : hi;
    for (int64_t i = 0; i < n; i++) {
        double v = lo + (hi - lo) * sp_random_uniform(r, i);
        store(x, i, v < most ? v : most);
    }
    return true;
}

bool sp_tensor_normal(sp_tensor *x, sp_random r, double mean, double std)
{
    if (!can_fill(x, "sp_tensor_normal")) return false;
    if (!(std >= 0) || !isfinite(mean + std))
        return sp_fail("sp_tensor_normal: no mean %g with deviation %g", mean, std);

    int64_t n = sp_tensor_size(x);
    for (int64_t i = 0; i < n; i++)
        store(x, i, mean + std * sp_random_normal(r, i));
    return true;
}
