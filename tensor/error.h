/* SPDX-License-Identifier: MIT
 *
 * error.h - how a failure is told, and the marks every header uses.
 *
 * A mistake of the caller or of the world (a shape, a range, memory, a file)
 * never prints, exits or aborts: the function returns NULL or false and leaves
 * a sentence for sp_error().  A tape and a collection of parameters have a
 * sentence of their own (sp_tape_error, sp_params_error).  A bug of ours is an
 * SP_ASSERT, which stops debug and test builds and is gone from release builds.
 */
#ifndef SP_ERROR_H
#define SP_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Marks what a shared library shows; everything else is hidden. */
#define SP_API __attribute__((visibility("default")))

/* Marks a function whose arguments are checked like printf's. */
#define SP_PRINTF(text, first) __attribute__((format(printf, text, first)))

#ifdef __cplusplus
extern "C" {
#endif

/* The sentence of this thread's last failure, without a full stop; "" before
   the first one.  It stays valid until the next failure on the same thread. */
SP_API const char *sp_error(void);

/* Leave a sentence for sp_error() and return false, so that a caller can write
   `return sp_fail("...")`.  For libraries built on Spool as well. */
SP_API bool sp_fail(const char *format, ...) SP_PRINTF(1, 2);

/* The text of a failed allocation of so many bytes: "out of memory (N bytes)". */
SP_API bool sp_fail_memory(int64_t bytes);

/* Internal: remember the sentence as it stands now, apart from later failures; "" before the
   first time.  Collections of parameters do (params.h: sp_params_last_error). */
void        sp__keep_error(void);
const char *sp__kept_error(void);

/* In an options struct a field left 0 means the usual.  Where the usual is not
   zero and zero is wanted, write SP_ZERO.  It fits integers and doubles. */
#define SP_ZERO (-0x40000000)

/* What an option field says: the usual for 0, 0 for SP_ZERO, else itself. */
static inline double sp_usual(double given, double usual)
{
    return given == 0 ? usual : given == SP_ZERO ? 0 : given;
}

/* The same of whole numbers, beyond those that a double holds too. */
static inline int64_t sp_usual_whole(int64_t given, int64_t usual)
{
    return given == 0 ? usual : given == SP_ZERO ? 0 : given;
}

#ifdef SP_DEBUG
/* Prints where and what, then stops the program. */
SP_API void sp_assert_failed(const char *file, int line, const char *what);
#define SP_ASSERT(x) ((x) ? (void)0 : sp_assert_failed(__FILE__, __LINE__, #x))
#else
#define SP_ASSERT(x) ((void)sizeof(x))
#endif

#ifdef __cplusplus
}
#endif
#endif
