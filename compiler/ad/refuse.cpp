// Its words: the op, why, and what to do.
#include "compiler/ad/refuse.h"

#include <fmt/format.h>

#include "ir/primitive.h"

namespace nodec {

void refuse_derivative(const Op& op) {
  const std::string_view reason = op.primitive->gradient.none_because;
  std::vector<Note> notes;
  if (op.where.known()) notes.push_back({op.where, "on the path from the inputs to the result"});
  throw Error(fmt::format("'{}' cannot be differentiated: {}", op.name(),
                          reason.empty() ? "no rule for its derivative is known" : reason),
              std::move(notes),
              "take it off that path, or hold its inputs constant with stop_gradient");
}

}  // namespace nodec
