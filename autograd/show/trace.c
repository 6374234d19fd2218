/* SPDX-License-Identifier: MIT
 *
 * trace - when each node was computed, in the JSON of Chrome's trace events.
 */
#include "autograd/show/parts.h"

static void put_time(sp_text *to, const char *key, int64_t ns)
{
    sp__say(to, ",\"%s\":%lld.%03lld", key, (long long)(ns / 1000), (long long)(ns % 1000));
}

static void put_pair(sp_text *to, const char *key, const char *value)
{
    if (!*value) return;
    sp__say(to, ",\"%s\":", key);
    sp__put_json(to, value);
}

static void put_event(sp_page *p, const sp_event *e, int64_t start)
{
    const sp_tape *t = p->t;
    const char *of = sp__page_gradient_of(p, e->node);
    char shape[SP_SHAPE_TEXT];

    sp__say(p->to, ",\n{\"name\":");
    sp__put_json(p->to, sp__op(t, e->node)->name);
    sp__say(p->to, ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":1",
            e->again ? "recomputed" : of ? "backward" : "forward");
    put_time(p->to, "ts", e->began - start);
    put_time(p->to, "dur", e->took);
    sp__say(p->to, ",\"args\":{\"node\":%u,\"shape\":\"%s\",\"bytes\":%lld", e->node,
            sp_shape_text(sp__shape(t, e->node), shape), (long long)sp__bytes(t, e->node));
    put_pair(p->to, "scope", sp__page_scope(p, e->node));
    put_pair(p->to, "name", sp__page_name(p, e->node));
    put_pair(p->to, "gradient of", of ? of : "");
    sp__say(p->to, "}},\n{\"name\":\"live bytes\",\"ph\":\"C\",\"pid\":1,\"tid\":1");
    put_time(p->to, "ts", e->began + e->took - start);
    sp__say(p->to, ",\"args\":{\"bytes\":%lld}}", (long long)e->live);
}

void sp__show_trace(sp_page *p)
{
    sp__say(p->to, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"name\":\"process_name\","
                   "\"ph\":\"M\",\"pid\":1,\"args\":{\"name\":\"Spool\"}}");
    for (int64_t i = 0; i < p->t->n_events; i++)
        put_event(p, &p->t->events[i], p->t->events[0].began);
    sp__say(p->to, "\n]}\n");
}
