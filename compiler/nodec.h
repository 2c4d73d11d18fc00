// The one public header: everything a program that embeds nodec needs.
#pragma once

// Writing programs.
#include "compiler/trace/cell.h"
#include "compiler/trace/control.h"
#include "compiler/trace/grad.h"
#include "compiler/trace/ops.h"
#include "compiler/trace/solve.h"
#include "compiler/trace/trace.h"
#include "compiler/trace/types.h"
#include "compiler/trace/var.h"

// Models and their training.
#include "compiler/nn/layers.h"
#include "compiler/nn/losses.h"
#include "compiler/nn/neural_ode.h"
#include "compiler/nn/optimisers.h"
#include "compiler/nn/setup.h"

// Data and failures.
#include "ir/array.h"
#include "ir/error.h"
#include "ir/philox.h"

// Running programs.
#include "compiler/pipeline.h"
#include "runtime/executable.h"
#include "runtime/tensor.h"
