/* SPDX-License-Identifier: MIT
 *
 * random.h - random numbers as a pure function of (seed, stream, step, element).
 *
 * Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC'11).  The key is the seed; the counter's four words are the block, the step and
 * the stream (64 bits).  Element i is word i % 4 of block i / 4, or, where it takes
 * 64 bits (all but sp_random_u32), half i % 2 of block i / 2.  Nothing is stored: the
 * same four numbers give the same bits on every machine, in any order, on any number of
 * threads.
 */
#ifndef SP_RANDOM_H
#define SP_RANDOM_H

#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_random {
    uint64_t seed;
    uint64_t stream;          /* who draws: a hash of a name or a scope */
    uint32_t step;            /* when */
} sp_random;

/* The bare function: four words from a 128-bit counter and a 64-bit key. */
SP_API void sp_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A hash of bytes for streams (FNV-1a, 64 bit), continued from `start`; 0 begins. */
SP_API uint64_t sp_hash(uint64_t start, const void *bytes, int64_t size);

/* The four words of a block at once (internal): elements 4 block to 4 block + 3 of
   sp_random_u32. */
void sp__random_block(sp_random, int64_t block, uint32_t out[4]);

SP_API uint32_t sp_random_u32(sp_random, int64_t element);
SP_API double   sp_random_uniform(sp_random, int64_t element);       /* [0, 1), 53 bits */
SP_API double   sp_random_normal (sp_random, int64_t element);       /* N(0, 1), Box-Muller */
SP_API int64_t  sp_random_below  (sp_random, int64_t element, int64_t n);  /* 0..n-1 */

/* Fill a tensor: element i from the number at element i.  Floating tensors only. */
SP_API bool sp_tensor_uniform(sp_tensor *, sp_random, double lo, double hi);
SP_API bool sp_tensor_normal (sp_tensor *, sp_random, double mean, double std);

#ifdef __cplusplus
}
#endif
#endif
