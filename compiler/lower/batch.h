// Questions about the batch that every part of `lower` asks.
#pragma once

#include <string_view>

#include "ir/abi.h"
#include "ir/graph.h"
#include "kernels/catalogue.h"

namespace nodec::lowering {

// One number per sample (and element) rather than one for all. A tape is one object of the program,
// whatever its frames hold.
inline bool is_varying(const Type& type, std::string_view batch) {
  return !batch.empty() && type.is_tensor() && type.mentions(batch);
}
inline bool is_varying(const Value* value, std::string_view batch) {
  return is_varying(value->type, batch);
}

inline bool reads_batch(const Op& op, std::string_view batch) {
  for (const Value* x : op.operands) {
    if (is_varying(x, batch)) return true;
  }
  return false;
}

// A sum (or other fold) over samples: varying operands, results without a batch.
inline bool is_batch_reduction(const Op& op, std::string_view batch) {
  const Form form = op.primitive->form;
  const bool folds =
      form == Form::Reduce || form == Form::Contract || op.primitive == &scatter_add_p;
  return folds && reads_batch(op, batch) && !is_varying(op.result(), batch);
}

// The batch is the axis of a table's rows: a sample reads, or adds to, others.
inline bool picks_samples(const Op& op, std::string_view batch) {
  if (batch.empty() || op.primitive->form != Form::Gather) return false;
  const Value* table = op.primitive == &gather_p ? op.operands[0] : op.result();
  return table->type.shape()[0].mentions(batch);
}

// A sum that goes to its result itself, without slots (semantics, section 2c and g).
inline constexpr std::int64_t kMostSlotOutputs = 4096;
inline bool is_added_in_place(const Op& op, std::string_view batch) {
  if (op.primitive == &scatter_add_p) return !is_varying(op.result(), batch);
  if (op.primitive->form != Form::Contract || !is_batch_reduction(op, batch)) return false;
  std::int64_t outputs = 1;
  for (const Dim& d : op.result()->type.shape()) outputs *= d.is_constant() ? d.constant() : 1;
  return outputs > kMostSlotOutputs;
}

// What the values of one tile may take of a thread's stack, in the entry and in a function.
inline constexpr std::int64_t kMostStack = std::int64_t{1} << 20;
inline std::int64_t tile_bytes(std::int64_t elements, Dtype dtype) {
  return elements * kBlock * std::int64_t(bytes(dtype));
}

// Costs nothing where it stands, so it is repeated rather than moved.
inline bool is_free(const Op& op) {
  return op.primitive->form == Form::View || op.primitive == &constant_p ||
         op.primitive == &dim_p || op.primitive == &stop_gradient_p;
}

}  // namespace nodec::lowering
