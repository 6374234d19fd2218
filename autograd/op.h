/* SPDX-License-Identifier: MIT
 *
 * op.h - what an op is.
 *
 * An op is a constant record with one address: how shapes and types combine, one
 * kernel per instruction set and dtype, the rule of its gradient written with ops,
 * a naive reference, and samples on which all of that is to be tried.  The tape, the
 * executor, the tests and the list of ops (examples/list_ops.c) work from the record; none
 * of them knows an op by name.  An op of your own is the same struct in your own
 * file: call it with sp_apply, try it with sp_check_op (check.h).
 */
#ifndef SP_OP_H
#define SP_OP_H

#include "tensor/cpu.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_tape sp_tape;

/* A place on a tape: a value to be computed, once somebody asks.  Copy it freely;
   it is never freed.  {0} is no var at all (an option left out); a failed call returns
   a var that is *nothing*, which every op accepts and hands on. */
typedef struct sp_var {
    sp_tape *tape;
    uint32_t id, epoch;
} sp_var;

/* SP_VARS(x, y) writes a count and an array, for functions that take both. */
#define SP_VARS(...) SP_COUNT(sp_var, __VA_ARGS__), (const sp_var[]){ __VA_ARGS__ }

typedef struct sp_op sp_op;

enum { SP_MAX_SCALARS = 8 };

/* What the passes need to know of an op instead of its name. */
typedef enum sp_kind {
    SP_ELEMENTWISE,           /* y[i] from x[i]; operands broadcast.  Kernel: a row, see sp_args */
    SP_VIEW,                  /* another way to read x[0]; no kernel */
    SP_JOIN,                  /* operands side by side */
    SP_REDUCE,                /* fewer elements */
    SP_CONTRACT,              /* products; the kernel can continue from y (args.add) */
    SP_GATHER,                /* picks or adds rows by index */
    SP_MACRO,                 /* one node that `expand` writes in other ops */
    SP_SUM,                   /* y = x[0] + x[1] + ... in this order (add_n only) */
    SP_PLACE,                 /* zeros but for a region that holds x[0] (place only) */
    SP_LEAF,                  /* data, parameters, constants; no kernel */
    SP_OTHER
} sp_kind;

/* One operand or the destination, as a kernel sees it: element (i, j, ...) is at
   data + (i stride[0] + j stride[1] + ...) elements. */
typedef struct sp_operand {
    void    *data;
    sp_dtype dtype;
    sp_shape shape;
    int64_t  stride[SP_MAX_RANK];
} sp_operand;

/* What a kernel gets.  It writes every element of y and nothing else.
 *
 * SP_ELEMENTWISE kernels are called for one piece at a time: y has rank 1, n =
 * y.shape.dim[0] elements and stride 1; every operand has stride 1 or 0 (one value for
 * the whole piece).  y may be the same memory as an operand, element for element.
 *
 * Other kernels get dense row-major operands and destination, unless the record
 * says `strided`; then operands and destination come with any strides.
 *
 * No kernel is called where y has no elements, unless an operand that is not floating has some:
 * they may be indices, to be checked all the same. */
typedef struct sp_args {
    int               n;               /* operands */
    const sp_operand *x;
    sp_operand        y;
    bool              add;             /* SP_CONTRACT: add to y, continuing its chain */
    const void       *attr;            /* op->attr_size bytes */
    const double     *scalar;          /* op->n_scalars numbers */
    sp_random         random;          /* of the tape: seed and step; the stream is the op's own */
    void             *work;            /* op->work bytes, 64-byte aligned */
    char             *fault;           /* see sp_fault */
} sp_args;

typedef void sp_kernel(const sp_args *);

/* Called by a kernel whose data are at fault (an index out of range): the
   evaluation ends and the tape's sentence is "op: shapes: what you say". */
SP_API void sp_fault(const sp_args *, const char *format, ...) SP_PRINTF(2, 3);

/* One call, as shape and dtype rules see it. */
typedef struct sp_call {
    const sp_op    *op;
    int             n;
    const sp_shape *shape;             /* of the n operands */
    const sp_dtype *dtype;
    const void     *attr;
    const double   *scalar;
    char           *reason;            /* see sp_refuse */
} sp_call;

/* Refuse a call: the tape's sentence becomes "op: shapes: what you say (in
   scope)".  Returns false, for `return sp_refuse(c, ...)`. */
SP_API bool sp_refuse(const sp_call *, const char *format, ...) SP_PRINTF(2, 3);

/* One call, as the gradient's rule sees it: y = op(x), g = dL/dy.  The rule calls
   sp_push(v, k, dL/dx[k]) for each operand that sp_wants(v, k), building dL/dx[k]
   with ops.  It need not know of broadcasting: a gradient of y's shape is summed to
   that of x[k].  An operand not pushed to has gradient zero. */
typedef struct sp_pullback {
    sp_var        g, y;
    int           n;
    const sp_var *x;
    const void   *attr;
    const double *scalar;
    void         *sweep;               /* the sweep's own */
} sp_pullback;

SP_API bool sp_wants(const sp_pullback *, int k);
SP_API void sp_push (const sp_pullback *, int k, sp_var g);

/* An input on which sp_check_op tries the op.  The list ends with {0}.  `in` says of each operand,
   with spaces between: "2x3" its shape, "." a scalar; "4:i64" another dtype than floating
   ("4:5" would be no dtype and is refused); "3:i64=0,2,1" these elements and no random ones. */
typedef struct sp_sample {
    const char *in;                    /* operands: "2x3 3x4" */
    double      lo, hi;                /* values lie in [lo, hi], evenly random; both 0: [-2, 2].
                                          Integers likewise, whole numbers in [lo, hi) */
    const void *attr;
    double      scalar[4];
    const char *fails;                 /* must be refused with a sentence that contains this */
    bool        apart;                 /* all values at least 0.01 apart (kinks of max, sort) */
    bool        no_slope;              /* values only: the derivative does not exist here */
} sp_sample;

struct sp_op {
    const char *name;
    const char *maths;                 /* for the list of ops: "y = tanh(x)" */
    sp_kind     kind;
    int         n_in;                  /* operands; -1: one or more */
    int         attr_size;             /* bytes of attributes: they are structure */
    int         n_scalars;             /* numbers that may change from step to step; at most 8 */
    bool        strided;               /* the kernel reads any strides */
    bool        random;                /* draws; the result depends on the tape's seed and step */
    bool        constant;              /* no gradient passes, by definition (argmax, detach) */
    double      lo, hi;                /* bounds of the result, if it has any: what is near them is
                                          saturated (nn/trace.h) */
    int         typed_by;              /* operand whose dtype picks the kernel; -1: the result */

    /* The result's dtype (NULL: sp_dtype_floats) and shape (NULL: NumPy's broadcast). */
    bool (*dtype)(const sp_call *, sp_dtype *y);
    bool (*shape)(const sp_call *, sp_shape *y);

    /* SP_VIEW: how y is read from x's buffer; false (no sentence) if strides cannot say it:
       then x is packed first. */
    bool (*view)(const sp_call *, const sp_layout *x, sp_shape y, sp_layout *);

    int64_t (*work)(const sp_call *);  /* bytes of scratch; NULL: none */
    /* [SP_PORTABLE] serves where a better one is NULL. */
    sp_kernel *kernels[SP_N_ISAS][SP_N_DTYPES];

    /* NULL: the expansion's gradient, or a sentence where there is none. */
    void   (*vjp)(const sp_pullback *);
    bool     first_only;     /* of its rule no derivative is implemented, and that is meant so */
    const sp_op *slope_of;   /* of an op without vjp that only the rule of this other op records:
                                a sweep that comes to it says "second derivative of ... is not
                                implemented" */
    /* SP_MACRO: the same in other ops. */
    sp_var (*expand)(int n, const sp_var x[], const void *attr, const double *scalar);

    /* A naive evaluation in f64, for tests.  All floating operands are f64, integers
       i64, bool i64 0/1; everything is dense; operands of SP_ELEMENTWISE have y's shape. */
    void (*reference)(const sp_args *);
    const sp_sample *samples;
};

/* Rules for `dtype`. */
SP_API bool sp_dtype_floats  (const sp_call *, sp_dtype *y);   /* all alike and floating; so is y */
SP_API bool sp_dtype_numbers (const sp_call *, sp_dtype *y);   /* all alike, not bool; so is y */
SP_API bool sp_dtype_alike   (const sp_call *, sp_dtype *y);   /* all alike, anything */
SP_API bool sp_dtype_compared(const sp_call *, sp_dtype *y);   /* all alike; y is bool */

/* Rules for `shape`. */
SP_API bool sp_shape_broadcasts(const sp_call *, sp_shape *y); /* NumPy's, of all operands */
SP_API bool sp_shape_first     (const sp_call *, sp_shape *y); /* that of x[0] */

/* Record a call of an op and return its result.  The var is nothing (and the tape
   has a sentence) if the operands do not fit.  attr may be NULL where attr_size
   is 0, scalar where n_scalars is 0; both are copied. */
SP_API sp_var sp_apply(const sp_op *, int n, const sp_var x[], const void *attr,
                       const double *scalar);

/* SP_CHUNK writes the f32 and f64 kernels of an elementwise op of up to three
   operands x0, x1, x2 (and numbers s[0], s[1], ... given as scalars), as plain C on
   one element; and SP_CHUNKS names them in the record:

       SP_CHUNK(softsign, 1, x0 / (1 + fabs(x0)))
       const sp_op softsign = {
           .name = "softsign", .n_in = 1, .kernels = SP_CHUNKS(softsign), ...
       };

   `a` is the op's attributes as const void *. */
#define SP_CHUNK(name, n_in, expression)                                            \
    SP_CHUNK_(name##_chunk_f32, float, n_in, expression)                            \
    SP_CHUNK_(name##_chunk_f64, double, n_in, expression)
#define SP_CHUNK_(function, T, n_in, expression)                                    \
    static void function(const sp_args *args_)                                      \
    {                                                                               \
        T *y_ = (T *)args_->y.data;                                                 \
        const sp_operand *o_ = args_->x;                                            \
        const T *p_[3]; int64_t d_[3];                                              \
        const double *s = args_->scalar; const void *a = args_->attr;               \
        (void)s; (void)a;                                                           \
        for (int k_ = 0; k_ < 3; k_++) {                                            \
            const sp_operand *x_ = &o_[k_ < (n_in) ? k_ : 0];                       \
            p_[k_] = (const T *)x_->data; d_[k_] = x_->stride[0];                   \
        }                                                                           \
        for (int64_t i_ = 0; i_ < args_->y.shape.dim[0]; i_++) {                    \
            T x0 = p_[0][i_ * d_[0]], x1 = p_[1][i_ * d_[1]], x2 = p_[2][i_ * d_[2]]; \
            (void)x0; (void)x1; (void)x2;                                           \
            y_[i_] = (T)(expression);                                               \
        }                                                                           \
    }
#define SP_CHUNKS(name)                                                             \
    { [SP_PORTABLE] = { [SP_F32] = name##_chunk_f32, [SP_F64] = name##_chunk_f64 } }

#ifdef __cplusplus
}
#endif
#endif
