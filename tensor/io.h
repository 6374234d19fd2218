/* SPDX-License-Identifier: MIT
 *
 * io.h - the file door.  Nothing else in Spool opens, writes or renames a file.
 *
 * Every call can be made to fail on purpose in SP_DEBUG builds.  Interrupted
 * and short reads and writes are continued.
 */
#ifndef SP_IO_H
#define SP_IO_H

#include "tensor/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A whole file in memory (release it with sp_release), a 0 byte behind its end.
   Fails with a sentence that names the file and the reason; a directory, a file
   larger than `most` bytes (0: no limit) or a missing one is such a reason. */
SP_API bool sp_file_read(const char *path, int64_t most, char **bytes, int64_t *size);

/* One piece of a file to be written. */
typedef struct sp_piece {
    const void *bytes;
    int64_t     size;
} sp_piece;

/* Replace a file whole or not at all: the pieces go to a temporary file in the
   same directory, which is fsynced, renamed onto `path`, and the directory
   fsynced.  After any failure the old file is as it was and no temporary file
   is left, with one exception, which has a sentence of its own: if only the last step,
   the fsync of the directory, fails, the new file stands.  A link stays a link and
   permissions stay.  Temporary files that a killed process left behind are removed by
   the next successful save to the same path. */
SP_API bool sp_file_replace(const char *path, int n, const sp_piece pieces[]);

/* For tests, SP_DEBUG builds only (false otherwise).  Of the calls into the
   system that follow, the nth (from 0) fails with `error_number`; an error number of 0
   makes it a short read or write instead.  n < 0 ends it. */
SP_API bool    sp_io_fail(int64_t n, bool from_then_on, int error_number);
SP_API int64_t sp_io_calls(void);          /* calls into the system so far */

/* For tests, SP_DEBUG builds only: called before every call into the system with
   its name ("open", "write", "fsync", "rename", "unlink", "close", "read", ...)
   and its path or "".  NULL ends it. */
SP_API void sp_io_watch(void (*watch)(const char *call, const char *path, void *data), void *data);

#ifdef __cplusplus
}
#endif
#endif
