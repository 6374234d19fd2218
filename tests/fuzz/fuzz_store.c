/* SPDX-License-Identifier: MIT
 *
 * fuzz_store.c - any bytes as a safetensors file, for libFuzzer.  Not part of the build:
 *
 *   clang -std=gnu11 -DSP_DEBUG -g -O1 -I. -fsanitize=fuzzer,address,undefined
 *         tests/fuzz/fuzz_store.c tensor/store.c tensor/safetensors*.c tensor/json.c
 *         tensor/tensor.c tensor/shape.c tensor/alloc.c tensor/io.c tensor/error.c
 *         -lm -o fuzz_store
 *   ./fuzz_store -max_len=1024 -max_total_time=60 CORPUS tests/golden
 *
 * The first byte chooses whether an allocation fails, and which.  What is read must not take
 * more memory than 16 times the bytes and 1 MiB, and nothing may be left of it.
 */
#include <stdlib.h>
#include <string.h>

#include "tensor/alloc.h"
#include "tensor/safetensors.h"

/* A store that was accepted can be walked, and names come in order, each once. */
static void walk(const sp_store *store)
{
    const char *name, *last = "";

    for (int64_t i = 0; (name = sp_store_name(store, i)); last = name, i++) {
        const sp_tensor *x = sp_store_tensor(store, name);
        if (strcmp(last, name) >= 0 || !x || !sp_shape_check(x->shape)) abort();
        for (int64_t k = 0; k < sp_tensor_size(x); k++)
            if (x->dtype == SP_BOOL && ((const unsigned char *)x->data)[k] > 1) abort();
    }
    if (!sp_store_text(store, "format")) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) return 0;
    sp_alloc_stats before = sp_alloc_count();
    sp_alloc_reset_peak();
    sp_alloc_fail(bytes[0] < 64 ? bytes[0] / 2 : -1, bytes[0] % 2);
    sp_store *store = sp_store_parse(bytes + 1, (int64_t)size - 1);
    sp_alloc_fail(-1, false);
    if (store) walk(store);
    else if (!sp_error()[0]) abort();
    sp_store_free(store);
    if (sp_alloc_count().live_blocks != before.live_blocks) abort();
    if (sp_alloc_count().peak_bytes - before.live_bytes > 16 * (int64_t)size + (1 << 20)) abort();
    return 0;
}
