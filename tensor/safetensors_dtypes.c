/* SPDX-License-Identifier: MIT
 *
 * safetensors_dtypes.c - the element types of a safetensors file, and how each
 * becomes one of ours.
 */
#include <string.h>

#include "tensor/safetensors.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian");

/* Elements in the file need not be aligned, so they are copied out one by one. */
#define CONVERT(name, FROM, TO, value)                                               \
    static bool name(const char *from, int64_t n, void *to)                          \
    {                                                                                \
        TO *y = to;                                                                  \
        FROM x;                                                                      \
        for (int64_t i = 0; i < n; i++) {                                            \
            memcpy(&x, from + i * (int64_t)sizeof x, sizeof x);                      \
            y[i] = (value);                                                          \
        }                                                                            \
        return true;                                                                 \
    }

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 1 sign, 5 exponent and 10 mantissa bits.  Below the normal numbers it is m 2^-24,
   which f32 holds as a normal number. */
static float half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 0x3FF;

    if (e == 31) return from_bits(sign | 0x7F800000u | m << 13);
    if (e > 0)   return from_bits(sign | (e + 112) << 23 | m << 13);
    return (sign ? -1.0f : 1.0f) * (float)m * 0x1p-24f;
}

CONVERT(f16_to_f32,  uint16_t, float,   half(x))
CONVERT(bf16_to_f32, uint16_t, float,   from_bits((uint32_t)x << 16))
CONVERT(u8_to_i32,   uint8_t,  int32_t, x)
CONVERT(i8_to_i32,   int8_t,   int32_t, x)
CONVERT(i16_to_i32,  int16_t,  int32_t, x)
CONVERT(u16_to_i32,  uint16_t, int32_t, x)
CONVERT(u32_to_i64,  uint32_t, int64_t, x)

static bool four_bytes(const char *from, int64_t n, void *to)
{
    memcpy(to, from, (size_t)(4 * n));
    return true;
}

static bool eight_bytes(const char *from, int64_t n, void *to)
{
    memcpy(to, from, (size_t)(8 * n));
    return true;
}

static bool u64_to_i64(const char *from, int64_t n, void *to)
{
    const int64_t *y = to;

    eight_bytes(from, n, to);
    for (int64_t i = 0; i < n; i++)
        if (y[i] < 0)
            return sp_fail("element %lld is %llu, which i64 cannot hold", (long long)i,
                           (unsigned long long)y[i]);
    return true;
}

static bool to_bool(const char *from, int64_t n, void *to)
{
    for (int64_t i = 0; i < n; i++)
        if (from[i] != 0 && from[i] != 1)
            return sp_fail("element %lld is %d, neither 0 nor 1", (long long)i,
                           (unsigned char)from[i]);
    memcpy(to, from, (size_t)n);
    return true;
}

const sp_wire sp__wires[SP_N_WIRES] = {
    { "U64",  8, SP_I64,  false, u64_to_i64  },
    { "I64",  8, SP_I64,  true,  eight_bytes },
    { "F64",  8, SP_F64,  true,  eight_bytes },
    { "F32",  4, SP_F32,  true,  four_bytes  },
    { "U32",  4, SP_I64,  false, u32_to_i64  },
    { "I32",  4, SP_I32,  true,  four_bytes  },
    { "BF16", 2, SP_F32,  false, bf16_to_f32 },
    { "F16",  2, SP_F32,  false, f16_to_f32  },
    { "U16",  2, SP_I32,  false, u16_to_i32  },
    { "I16",  2, SP_I32,  false, i16_to_i32  },
    { "I8",   1, SP_I32,  false, i8_to_i32   },
    { "U8",   1, SP_I32,  false, u8_to_i32   },
    { "BOOL", 1, SP_BOOL, true,  to_bool     },
};

const char *sp__wire_name(sp_dtype d)
{
    const sp_wire *w = sp__wires;

    while (!w->ours || w->dtype != d) w++;
    return w->name;
}
