/* SPDX-License-Identifier: MIT
 *
 * cpu.c - which instruction set is used, how denormals are treated, what time it is.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tensor/cpu.h"

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

static bool always(void) { return true; }
static bool never(void) { return false; }

#if SP_HAVE_AVX2
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
#define has_avx2 never
#endif

#if SP_HAVE_AVX512
static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
#else
#define has_avx512 never
#endif

/* Every 64-bit Arm has it. */
#if SP_HAVE_NEON
#define has_neon always
#else
#define has_neon never
#endif

static const struct {
    const char *name;
    bool (*usable)(void);
} isas[SP_N_ISAS] = {
    [SP_PORTABLE] = { "portable", always },
    [SP_AVX2] = { "avx2", has_avx2 },
    [SP_AVX512] = { "avx512", has_avx512 },
    [SP_NEON] = { "neon", has_neon },
};

const char *sp_isa_name(sp_isa isa)
{
    return (unsigned)isa < SP_N_ISAS ? isas[isa].name : "none";
}

bool sp_isa_usable(sp_isa isa)
{
    return (unsigned)isa < SP_N_ISAS && isas[isa].usable();
}

static sp_isa choose(void)
{
    const char *wish = getenv("SP_ISA");
    sp_isa      best = SP_PORTABLE;

    for (sp_isa isa = SP_PORTABLE; isa < SP_N_ISAS; isa++) {
        if (!isas[isa].usable()) continue;
        if (wish && strcmp(wish, isas[isa].name) == 0) return isa;
        best = isa;
    }
    return best;
}

/* Two threads that come first together may both choose; the first to say so decides. */
sp_isa sp_isa_best(void)
{
    static atomic_int chosen = -1;
    int               isa = atomic_load(&chosen);

    if (isa >= 0) return (sp_isa)isa;

    int mine = (int)choose();
    return (sp_isa)(atomic_compare_exchange_strong(&chosen, &isa, mine) ? mine : isa);
}

#if defined(__x86_64__) || defined(__SSE2__)
enum { FLUSH = 0x8040 };              /* results (FTZ) and operands (DAZ) */

static unsigned mode(void) { return _mm_getcsr(); }
static void     set_mode(unsigned m) { _mm_setcsr(m); }
#elif defined(__aarch64__)
enum { FLUSH = 1 << 24 };             /* FZ */

static unsigned mode(void)
{
    uint64_t m;
    __asm__ volatile("mrs %0, fpcr" : "=r"(m));
    return (unsigned)m;
}

static void set_mode(unsigned m)
{
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)m));
}
#else
enum { FLUSH = 0 };

static unsigned mode(void) { return 0; }
static void     set_mode(unsigned m) { (void)m; }
#endif

unsigned sp_denormals_flush(void)
{
    unsigned was = mode();

    set_mode(was | FLUSH);
    return was & FLUSH;
}

void sp_denormals_restore(unsigned was)
{
    set_mode((mode() & ~(unsigned)FLUSH) | was);
}

int64_t sp_now_ns(void)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
