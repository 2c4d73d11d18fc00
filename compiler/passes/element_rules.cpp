// Elementwise ops and views follow from what they are; others bring a rule.
#include "compiler/passes/element_rules.h"

#include "kernels/elements.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

using Operands = std::vector<Elements>;

Elements elementwise(Builder& b, const Op& op, const Operands& x) {
  Elements made;
  for (std::size_t i = 0; i < std::size_t(*fixed_count(op.result()->type)); ++i) {
    Elements operands;
    for (const Elements& one : x) operands.push_back(one.at(i));
    made.push_back(b.value(*op.primitive, std::move(operands), op.attrs));
  }
  return made;
}

// Element i of a view is the operand's element at the offset that its map tells.
Elements view(const Op& op, const Elements& x) {
  if (op.primitive->view == nullptr) return x;
  const ViewMap map = op.primitive->view(op);
  const Dims step = strides(fixed_dims(op.operands[0]->type));
  Elements made;
  each_index(fixed_dims(op.result()->type), [&](std::int64_t, const Dims& index) {
    std::int64_t from = offset(map.start, step);
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (map.axis[i] >= 0) from += index[i] * step[std::size_t(map.axis[i])];
    }
    made.push_back(x.at(std::size_t(from)));
  });
  return made;
}

}  // namespace

std::optional<std::int64_t> fixed_count(const Type& type) {
  if (!type.is_tensor()) return std::nullopt;
  std::int64_t count = 1;
  for (const Dim& d : type.shape()) {
    if (!d.is_constant() || __builtin_mul_overflow(count, d.constant(), &count)) {
      return std::nullopt;
    }
  }
  return count;
}

bool has_elements(const Op& op) {
  const Form form = op.primitive->form;
  return form == Form::Elementwise || form == Form::View || op.primitive->elements != nullptr;
}

Elements elements_of(Builder& b, const Op& op, const Operands& x) {
  if (op.primitive->elements) return op.primitive->elements(b, op, x);
  return op.primitive->form == Form::View ? view(op, x[0]) : elementwise(b, op, x);
}

}  // namespace nodec
