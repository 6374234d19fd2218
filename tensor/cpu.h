/* SPDX-License-Identifier: MIT
 *
 * cpu.h - the only questions put to the processor, and the clock.
 */
#ifndef SP_CPU_H
#define SP_CPU_H

#include "tensor/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Instruction sets for which kernels are compiled, worst first.  A build for
   another processor holds the portable ones and those that it has. */
typedef enum sp_isa { SP_PORTABLE, SP_AVX2, SP_AVX512, SP_NEON, SP_N_ISAS } sp_isa;

SP_API const char *sp_isa_name(sp_isa);               /* "portable", "avx2", "avx512", "neon" */

/* Whether this build has kernels for it and this processor can run them. */
SP_API bool sp_isa_usable(sp_isa);

/* The best usable one, or the one named by the environment variable SP_ISA if it
   is usable.  Decided once, at the first call. */
SP_API sp_isa sp_isa_best(void);

/* Make results below the smallest normal number zero on this thread (they cost a
   hundred times an ordinary product), and return what was; sp_denormals_restore
   puts that back.  Every thread that computes does so while it computes. */
SP_API unsigned sp_denormals_flush(void);
SP_API void     sp_denormals_restore(unsigned was);

/* Nanoseconds of a clock that only goes forward; where it began means nothing. */
SP_API int64_t sp_now_ns(void);

#ifdef __cplusplus
}
#endif
#endif
