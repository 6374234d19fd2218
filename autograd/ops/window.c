/* SPDX-License-Identifier: MIT
 *
 * window - the numbers of a sliding window, checked and counted.
 */
#include "autograd/ops/window.h"
#include "autograd/ops.h"

int64_t sp__window_entry(const int64_t option[SP_WINDOW_AXES], int d, int64_t usual)
{
    while (d > 0 && !option[d]) d--;
    return sp_usual_whole(option[d], usual);
}

bool sp__window_check(const sp_call *c, const sp_window *w)
{
    const struct { const char *what; const int64_t *value; int64_t least; } rows[] = {
        { "stride", w->stride, 1 }, { "dilation", w->dilation, 1 },
        { "padding", w->before, 0 }, { "padding behind", w->after, 0 },
    };

    if (w->axes < 1 || w->axes > SP_WINDOW_AXES)
        return sp_refuse(c, "a window has 1 to %d axes, not %lld", SP_WINDOW_AXES,
                         (long long)w->axes);
    for (int k = 0; k < c->n; k++)
        if (c->shape[k].rank != w->axes + 2)
            return sp_refuse(c, "over %lld spatial axes its operands need rank %lld, not %lld",
                             (long long)w->axes, (long long)w->axes + 2,
                             (long long)c->shape[k].rank);
    for (int i = 0; i < SP_COUNT(int, 0, 0, 0, 0); i++)
        for (int d = 0; d < w->axes; d++)
            if (rows[i].value[d] < rows[i].least || rows[i].value[d] > INT32_MAX)
                return sp_refuse(c, "its %s along spatial axis %d is %lld, not within [%lld,%d]",
                                 rows[i].what, d, (long long)rows[i].value[d],
                                 (long long)rows[i].least, INT32_MAX);
    return true;
}

/* The paddings are below 2^31 and the elements below 2^60, so their sum fits.  Rounded up, one
   window may be longer than all there is, by less than a stride; none begins behind x. */
bool sp__window_positions(const sp_call *c, const sp_window *w, int d, int64_t elements,
                          int64_t taps, bool ceil, int64_t *y)
{
    int64_t padded = elements + w->before[d] + w->after[d], extra = ceil ? w->stride[d] - 1 : 0;
    int64_t span;

    if (taps < 1)
        return sp_refuse(c, "its window has %lld taps along spatial axis %d", (long long)taps, d);
    if (!sp_size_mul(taps - 1, w->dilation[d], &span) || span - padded >= extra)
        return sp_refuse(c, "its window of %lld taps, dilation %lld, is longer than the %lld "
                         "elements, padding included, of spatial axis %d", (long long)taps,
                         (long long)w->dilation[d], (long long)padded, d);
    *y = (padded - span - 1 + extra) / w->stride[d] + 1;
    if (ceil && (*y - 1) * w->stride[d] >= elements + w->before[d]) --*y;
    return true;
}

sp_windows sp__windows(const sp_window *w, sp_shape x, sp_shape y, const int64_t taps[])
{
    sp_windows s = { .n_x = 1, .n_y = 1, .n_taps = 1 };

    for (int i = 0; i < SP_WINDOW_AXES; i++) {
        int d = i - SP_WINDOW_AXES + (int)w->axes;
        s.x[i] = d < 0 ? 1 : x.dim[d + 2];
        s.y[i] = d < 0 ? 1 : y.dim[d + 2];
        s.taps[i] = d < 0 ? 1 : taps[d];
        s.stride[i] = d < 0 ? 1 : w->stride[d];
        s.dilation[i] = d < 0 ? 1 : w->dilation[d];
        s.before[i] = d < 0 ? 0 : w->before[d];
        s.n_x *= s.x[i], s.n_y *= s.y[i], s.n_taps *= s.taps[i];
    }
    return s;
}
