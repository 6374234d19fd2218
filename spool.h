/* SPDX-License-Identifier: MIT
 *
 * spool.h - all of Spool: tensors, gradients, recurrent networks, optimizers.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include "tensor/alloc.h"
#include "tensor/cpu.h"
#include "tensor/error.h"
#include "tensor/io.h"
#include "tensor/random.h"
#include "tensor/shape.h"
#include "tensor/store.h"
#include "tensor/tensor.h"

#include "autograd/check.h"
#include "autograd/derivatives.h"
#include "autograd/names.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/params.h"
#include "autograd/show.h"
#include "autograd/tape.h"

#include "nn/nn.h"

#include "optim/optim.h"

#endif
