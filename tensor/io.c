/* SPDX-License-Identifier: MIT
 *
 * io.c - the file door: the only calls into the system that touch files, and
 * the two things done with them, reading whole and replacing whole.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tensor/alloc.h"
#include "tensor/io.h"

/* An interrupted call is made again, but not for ever. */
enum { PATIENCE = 1000 };

typedef enum { AS_ASKED, SHORT, REFUSED } verdict;

static _Atomic int64_t calls;

int64_t sp_io_calls(void)
{
    return atomic_load(&calls);
}

#ifdef SP_DEBUG
static struct {
    int64_t left;
    int     error_number;
    bool    armed, lasting;
    void  (*watch)(const char *call, const char *path, void *data);
    void   *data;
} test;

bool sp_io_fail(int64_t n, bool from_then_on, int error_number)
{
    test.left = n;
    test.lasting = from_then_on;
    test.error_number = error_number;
    test.armed = n >= 0;
    return true;
}

void sp_io_watch(void (*watch)(const char *call, const char *path, void *data), void *data)
{
    test.watch = watch;
    test.data = data;
}

static verdict door(const char *call, const char *path)
{
    atomic_fetch_add(&calls, 1);
    if (test.watch) test.watch(call, path, test.data);
    if (!test.armed || test.left-- > 0) return AS_ASKED;
    test.armed = test.lasting;
    errno = test.error_number;
    return test.error_number ? REFUSED : SHORT;
}
#else
bool sp_io_fail(int64_t n, bool from_then_on, int error_number)
{
    (void)n, (void)from_then_on, (void)error_number;
    return false;
}

void sp_io_watch(void (*watch)(const char *call, const char *path, void *data), void *data)
{
    (void)watch, (void)data;
}

static verdict door(const char *call, const char *path)
{
    (void)call, (void)path;
    atomic_fetch_add(&calls, 1);
    return AS_ASKED;
}
#endif

/* Whether a call that gave `result` is to be made again. */
static bool again(int64_t result, int *tries)
{
    return result < 0 && errno == EINTR && ++*tries < PATIENCE;
}

/* A file that is open; the path is for sentences and watchers. */
typedef struct handle {
    int         fd;
    const char *path;
} handle;

/* What the calls that either happen or fail need to know. */
typedef struct request {
    handle       f;
    const char  *from;            /* rename */
    int          flags;           /* open */
    mode_t       mode;            /* open, fchmod */
    struct stat *st;
    char        *real;            /* realpath; PATH_MAX bytes */
} request;

static int do_open(const request *r) { return open(r->f.path, r->flags | O_CLOEXEC, r->mode); }
static int do_fsync(const request *r) { return fsync(r->f.fd); }
static int do_fstat(const request *r) { return fstat(r->f.fd, r->st); }
static int do_fchmod(const request *r) { return fchmod(r->f.fd, r->mode); }
static int do_rename(const request *r) { return rename(r->from, r->f.path); }
static int do_unlink(const request *r) { return unlink(r->f.path); }
static int do_stat(const request *r) { return stat(r->f.path, r->st); }
static int do_realpath(const request *r) { return realpath(r->f.path, r->real) ? 0 : -1; }

static int attempt(const char *call, int (*act)(const request *), const request *r)
{
    int result, tries = 0;

    do {
        result = door(call, r->f.path) == REFUSED ? -1 : act(r);
    } while (again(result, &tries));
    return result;
}

static handle open_file(const char *path, int flags, mode_t mode)
{
    request r = { .f = { -1, path }, .flags = flags, .mode = mode };
    return (handle){ attempt("open", do_open, &r), path };
}

static bool sync_file(handle f)
{
    return attempt("fsync", do_fsync, &(request){ .f = f }) == 0;
}

/* A descriptor is gone even when close fails or is interrupted: so it is always
   closed, and never twice. */
static bool close_file(handle f)
{
    bool refused = door("close", f.path) == REFUSED;
    int  why = errno;
    bool closed = close(f.fd) == 0;

    if (refused) errno = why;
    return (closed && !refused) || errno == EINTR;
}

/* What one call moves: the system takes no more than 2 GiB at once. */
static size_t portion(verdict v, int64_t n)
{
    int64_t most = n < (1 << 30) ? n : 1 << 30;
    return (size_t)(v == SHORT ? (most + 1) / 2 : most);
}

/* At most n bytes; 0 at the end, -1 for an error. */
static int64_t read_some(handle f, char *to, int64_t n)
{
    int64_t got;
    int     tries = 0;

    do {
        verdict v = door("read", f.path);
        got = v == REFUSED ? -1 : read(f.fd, to, portion(v, n));
    } while (again(got, &tries));
    return got;
}

static bool write_all(handle f, const char *from, int64_t n)
{
    int tries = 0;

    while (n > 0) {
        verdict v = door("write", f.path);
        int64_t put = v == REFUSED ? -1 : write(f.fd, from, portion(v, n));
        if (again(put, &tries)) continue;
        if (put == 0) errno = EIO;
        if (put <= 0) return false;
        tries = 0;
        from += put;
        n -= put;
    }
    return true;
}

/* "cannot read m.safetensors: No such file or directory", by errno. */
static bool fail(const char *verb, const char *path)
{
    char why[128];

    if (strerror_r(errno, why, sizeof why) != 0) snprintf(why, sizeof why, "error %d", errno);
    return sp_fail("cannot %s %.700s: %s", verb, path, why);
}

typedef struct content {
    char   *bytes;
    int64_t size, room;
} content;

static bool grow(content *c, int64_t room)
{
    char *bytes = sp_realloc_array(c->bytes, c->size, room, 1);

    if (!bytes) return false;
    c->bytes = bytes;
    c->room = room;
    return true;
}

static bool too_large(const char *path, int64_t most)
{
    return sp_fail("cannot read %.700s: it is larger than %lld bytes", path, (long long)most);
}

/* A file's size is only its word: what is read is what counts. */
static bool read_content(handle f, int64_t most, content *c)
{
    struct stat st;
    int64_t     got = 1;

    if (attempt("fstat", do_fstat, &(request){ .f = f, .st = &st }) != 0)
        return fail("read", f.path);
    if (most && st.st_size > most) return too_large(f.path, most);
    if (!grow(c, st.st_size < INT64_MAX - 4096 ? st.st_size + 4096 : INT64_MAX)) return false;
    while (got > 0) {
        if (c->size + 1 == c->room && !grow(c, c->room * 2)) return false;
        got = read_some(f, c->bytes + c->size, c->room - 1 - c->size);
        if (got < 0) return fail("read", f.path);
        c->size += got;
        if (most && c->size > most) return too_large(f.path, most);
    }
    c->bytes[c->size] = 0;
    return true;
}

bool sp_file_read(const char *path, int64_t most, char **bytes, int64_t *size)
{
    content c = { 0 };

    if (!path) return sp_fail("cannot read a file without a name");
    handle f = open_file(path, O_RDONLY, 0);
    if (f.fd < 0) return fail("open", path);

    bool good = read_content(f, most, &c);
    close_file(f);
    if (!good) {
        sp_release(c.bytes);
        return false;
    }
    *bytes = c.bytes;
    *size = c.size;
    return true;
}

typedef struct save {
    const char *path;               /* as the caller says it */
    char        target[PATH_MAX];   /* behind links, so that a link stays one */
    char        dir[PATH_MAX];
    char        temp[PATH_MAX];
    bool        replaces;
    mode_t      mode;
} save;

static bool find_target(save *s)
{
    struct stat st;
    request     r = { .f = { -1, s->path }, .real = s->target, .st = &st };

    s->replaces = attempt("realpath", do_realpath, &r) == 0;
    s->mode = 0666;
    if (!s->replaces) {
        if (errno != ENOENT) return fail("save", s->path);
        int length = snprintf(s->target, sizeof s->target, "%s", s->path);
        errno = ENAMETOOLONG;
        return length < PATH_MAX || fail("save", s->path);
    }
    if (attempt("stat", do_stat, &r) != 0) return fail("save", s->path);
    s->mode = st.st_mode & 07777;
    return S_ISREG(st.st_mode) ||
           sp_fail("cannot save %.700s: what is there is not a file", s->path);
}

/* Where the last component of the target begins. */
static const char *base_of(const save *s)
{
    const char *slash = strrchr(s->target, '/');
    return slash ? slash + 1 : s->target;
}

static void find_directory(save *s)
{
    int length = (int)(base_of(s) - s->target);

    snprintf(s->dir, sizeof s->dir, "%.*s", length ? length : 1, length ? s->target : ".");
}

/* A name that no one else has; a killed process of our number may have left one. */
static handle open_temporary(save *s)
{
    static atomic_uint number;
    handle             f;

    for (int tries = 0; tries < PATIENCE; tries++) {
        int length = snprintf(s->temp, sizeof s->temp, "%s.tmp-%ld-%u", s->target, (long)getpid(),
                              atomic_fetch_add(&number, 1));
        errno = ENAMETOOLONG;
        if (length >= PATH_MAX) break;
        f = open_file(s->temp, O_WRONLY | O_CREAT | O_EXCL, s->mode & 0777);
        if (f.fd >= 0 || errno != EEXIST) return f;
    }
    return (handle){ -1, s->temp };
}

static bool write_pieces(handle f, int n, const sp_piece pieces[])
{
    for (int i = 0; i < n; i++)
        if (!write_all(f, pieces[i].bytes, pieces[i].size)) return false;
    return true;
}

/* Written, synced and closed; otherwise errno says why not. */
static bool write_temporary(const save *s, handle f, int n, const sp_piece pieces[])
{
    request keep = { .f = f, .mode = s->mode };
    bool    good = (!s->replaces || attempt("fchmod", do_fchmod, &keep) == 0) &&
                write_pieces(f, n, pieces) && sync_file(f);
    int  why = errno;
    bool closed = close_file(f);

    if (!good) errno = why;
    return good && closed;
}

static bool put_in_place(save *s, int n, const sp_piece pieces[])
{
    handle  f = open_temporary(s);
    request move = { .f = { -1, s->target }, .from = s->temp };

    if (f.fd < 0) return fail("save", s->path);
    if (write_temporary(s, f, n, pieces) && attempt("rename", do_rename, &move) == 0) return true;
    fail("save", s->path);
    attempt("unlink", do_unlink, &(request){ .f = { -1, s->temp } });
    return false;
}

/* Some file systems cannot sync a directory, and say so. */
static bool sync_directory(const save *s, handle dir)
{
    if (dir.fd < 0 || sync_file(dir) || errno == EINVAL || errno == EBADF) return true;
    return fail("sync the directory of the saved", s->path);
}

/* `<base>.tmp-<pid>-<number>` of a process that is no more. */
static bool is_abandoned(const char *name, const char *base)
{
    size_t length = strlen(base);
    long   pid = 0;
    int    end = 0;

    if (strncmp(name, base, length) != 0) return false;
    sscanf(name + length, ".tmp-%9ld-%*9u%n", &pid, &end);
    return end > 0 && !name[length + (size_t)end] && pid > 0 && kill((pid_t)pid, 0) != 0 &&
           errno == ESRCH;
}

/* A courtesy: the save has succeeded, so failures here are not told. */
static void remove_abandoned(save *s)
{
    DIR           *dir = door("opendir", s->dir) == REFUSED ? NULL : opendir(s->dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL) {
        if (!is_abandoned(entry->d_name, base_of(s))) continue;
        int length = snprintf(s->temp, sizeof s->temp, "%s/%s", s->dir, entry->d_name);
        if (length < PATH_MAX) attempt("unlink", do_unlink, &(request){ .f = { -1, s->temp } });
    }
    if (dir) closedir(dir);
}

bool sp_file_replace(const char *path, int n, const sp_piece pieces[])
{
    save s = { .path = path };

    if (!path || !*path) return sp_fail("cannot save to a file without a name");
    if (!find_target(&s)) return false;
    find_directory(&s);

    /* Opened first, while a failure still harms nothing.  A directory that may be
       written but not read cannot be synced. */
    handle dir = open_file(s.dir, O_RDONLY | O_DIRECTORY, 0);
    if (dir.fd < 0 && errno != EACCES) return fail("save", path);

    bool good = put_in_place(&s, n, pieces) && sync_directory(&s, dir);
    if (dir.fd >= 0) close_file(dir);
    if (good) remove_abandoned(&s);
    return good;
}
