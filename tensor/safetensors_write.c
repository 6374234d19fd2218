/* SPDX-License-Identifier: MIT
 *
 * safetensors_write.c - a store as the bytes of a safetensors file.  The same
 * contents give the same bytes.  Also the checksum of a store.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "tensor/alloc.h"
#include "tensor/io.h"
#include "tensor/safetensors.h"

/* CRC-64/XZ: polynomial 42f0e1eba9ea3693, reflected, from all ones to the
   complement.  table[k][b] is the remainder of byte b followed by k zero bytes, so that eight
   bytes take one step. */
typedef struct crc64 {
    uint64_t sum, table[8][256];
} crc64;

static void crc_begin(crc64 *crc)
{
    for (uint64_t b = 0; b < 256; b++) {
        uint64_t r = b;
        for (int bit = 0; bit < 8; bit++) r = r >> 1 ^ (r & 1 ? 0xC96C5795D7870F42u : 0);
        crc->table[0][b] = r;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++) {
            uint64_t r = crc->table[k - 1][b];
            crc->table[k][b] = r >> 8 ^ crc->table[0][r & 0xFF];
        }
    crc->sum = ~UINT64_C(0);
}

static void crc_bytes(crc64 *crc, const void *bytes, int64_t n)
{
    const unsigned char *b = bytes;
    uint64_t sum = crc->sum, eight;

    for (; n >= 8; b += 8, n -= 8) {
        memcpy(&eight, b, 8);
        eight ^= sum;
        sum = 0;
        for (int k = 0; k < 8; k++) sum ^= crc->table[7 - k][eight >> 8 * k & 0xFF];
    }
    for (; n > 0; b++, n--) sum = sum >> 8 ^ crc->table[0][(sum ^ *b) & 0xFF];
    crc->sum = sum;
}

static void crc_text(crc64 *crc, const char *text)
{
    crc_bytes(crc, text, (int64_t)strlen(text) + 1);
}

/* The CRC of: the number of tensors; of each tensor in name order its name, its
   dtype in the file's words, its rank, its dimensions, its elements; of each text in name
   order its name and itself.  Numbers are 8 bytes, little-endian; names, dtypes and texts
   end with a 0 byte.  "spool.crc64" and "spool.version" are not among the texts. */
void sp__store_checksum(const sp_store *store, char text[SP_CHECKSUM_TEXT])
{
    crc64 crc;

    crc_begin(&crc);
    crc_bytes(&crc, &store->tensors.n, 8);
    for (int64_t i = 0; i < store->tensors.n; i++) {
        const sp_tensor *x = store->tensors.row[i].tensor;
        crc_text(&crc, store->tensors.row[i].name);
        crc_text(&crc, sp__wire_name(x->dtype));
        crc_bytes(&crc, &x->shape.rank, 8);
        crc_bytes(&crc, x->shape.dim, 8 * x->shape.rank);
        crc_bytes(&crc, x->data, sp_tensor_bytes(x));
    }
    for (int64_t i = 0; i < store->texts.n; i++) {
        crc_text(&crc, store->texts.row[i].name);
        crc_text(&crc, store->texts.row[i].text);
    }
    snprintf(text, SP_CHECKSUM_TEXT, "%016llx", (unsigned long long)~crc.sum);
}

/* The header while it grows.  A failure sticks. */
typedef struct page {
    char   *bytes;
    int64_t n, room;
    bool    failed;
} page;

static bool page_reserve(page *p, int64_t n)
{
    if (p->failed) return false;
    if (p->room - p->n >= n) return true;
    int64_t room = 2 * (p->n + n) + 256;
    char *bytes = sp_realloc_array(p->bytes, p->n, room, 1);
    p->failed = bytes == NULL;
    if (p->failed) return false;
    p->bytes = bytes;
    p->room = room;
    return true;
}

static void add(page *p, const char *s)
{
    int64_t n = (int64_t)strlen(s);

    if (!page_reserve(p, n)) return;
    memcpy(p->bytes + p->n, s, (size_t)n);
    p->n += n;
}

static void add_byte(page *p, char c)
{
    if (page_reserve(p, 1)) p->bytes[p->n++] = c;
}

static void add_integer(page *p, int64_t n)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%lld", (long long)n);
    add(p, digits);
}

static void add_quoted(page *p, const char *s)
{
    char escaped[8];

    add_byte(p, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') add_byte(p, '\\');
        if ((unsigned char)*s >= 0x20) {
            add_byte(p, *s);
        } else {
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*s);
            add(p, escaped);
        }
    }
    add_byte(p, '"');
}

static void add_pair(page *p, const char *name, const char *text)
{
    add_quoted(p, name);
    add_byte(p, ':');
    add_quoted(p, text);
}

static void add_metadata(page *p, const sp_store *store)
{
    char checksum[SP_CHECKSUM_TEXT];

    sp__store_checksum(store, checksum);
    add(p, "\"__metadata__\":{");
    for (int64_t i = 0; i < store->texts.n; i++) {
        add_pair(p, store->texts.row[i].name, store->texts.row[i].text);
        add_byte(p, ',');
    }
    add_pair(p, "spool.crc64", checksum);
    add_byte(p, ',');
    add_pair(p, "spool.version", SP_STORE_VERSION);
    add_byte(p, '}');
}

/* Returns where the tensor's bytes end. */
static int64_t add_tensor(page *p, const sp_named *row, int64_t begin)
{
    const sp_tensor *x = row->tensor;
    int64_t end = begin + sp_tensor_bytes(x);

    add_byte(p, ',');
    add_quoted(p, row->name);
    add(p, ":{\"dtype\":\"");
    add(p, sp__wire_name(x->dtype));
    add(p, "\",\"shape\":[");
    for (int64_t i = 0; i < x->shape.rank; i++) {
        if (i > 0) add_byte(p, ',');
        add_integer(p, x->shape.dim[i]);
    }
    add(p, "],\"data_offsets\":[");
    add_integer(p, begin);
    add_byte(p, ',');
    add_integer(p, end);
    add(p, "]}");
    return end;
}

/* The header with its length before it, and the tensors' bytes as pieces behind it. */
static bool lay_out(const sp_store *store, page *p, sp_piece *pieces)
{
    int64_t end = 0, n = 1;

    add(p, "12345678{");
    add_metadata(p, store);
    for (int w = 0; w < SP_N_WIRES; w++)
        for (int64_t i = 0; i < store->tensors.n; i++) {
            const sp_named *row = &store->tensors.row[i];
            if (!sp__wires[w].ours || row->tensor->dtype != sp__wires[w].dtype) continue;
            end = add_tensor(p, row, end);
            pieces[n++] = (sp_piece){ row->tensor->data, sp_tensor_bytes(row->tensor) };
        }
    add_byte(p, '}');
    while (!p->failed && p->n % 8) add_byte(p, ' ');
    if (p->failed) return false;

    int64_t length = p->n - 8;
    if (length > SP_HEADER_MOST)
        return sp_fail("the names need a header of %lld bytes; %d is the most",
                       (long long)length, SP_HEADER_MOST);
    memcpy(p->bytes, &length, 8);
    pieces[0] = (sp_piece){ p->bytes, p->n };
    return true;
}

bool sp__safetensors_write(const sp_store *store, const char *path)
{
    page p = { 0 };

    if (store->tensors.n >= INT_MAX) return sp_fail("%s: too many tensors", path);
    sp_piece *pieces = sp_alloc_array(store->tensors.n + 1, sizeof *pieces);
    if (!pieces) return sp__fail_in(path);
    bool ok = lay_out(store, &p, pieces) || sp__fail_in(path);
    ok = ok && sp_file_replace(path, (int)store->tensors.n + 1, pieces);
    sp_release(p.bytes);
    sp_release(pieces);
    return ok;
}
