/* SPDX-License-Identifier: MIT
 *
 * nn.h - all layers.
 */
#ifndef SP_NN_H
#define SP_NN_H

#include "nn/carry.h"
#include "nn/cell.h"
#include "nn/embed.h"
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/rnn.h"
#include "nn/trace.h"
#include "nn/unroll.h"

#endif
