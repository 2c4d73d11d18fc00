// Sweeps over all regions until nothing is added; sets only grow, so that ends.
#include "compiler/ad/tangents.h"

#include <algorithm>

#include "compiler/ad/value_set.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace {

bool is_real(const Type& type) { return type.is_tensor() && is_float(type.dtype()); }
bool is_tape(const Type& type) { return type.kind() == Type::Kind::Tape; }

std::size_t count_parts(const Type& type) {
  if (is_tape(type)) return type.elements().size();
  return type.is_tensor() ? 1 : 0;
}

const Type& part_of(const Type& type, std::size_t part) {
  return is_tape(type) ? type.elements()[part] : type;
}

// Bodies that are walked with the op; of any other op every operand may reach every result.
bool is_walked(const Op& op) {
  return is_open(op) || (op.primitive == &solve_p && has_push(op.primitive->gradient, op));
}

}  // namespace

Tangents::Tangents(const Region& source, const std::vector<int>& wrt) {
  for (const int i : wrt) mark(*source.arg(std::size_t(i)), 0);
  do {
    changed_ = false;
    sweep(source);
  } while (changed_);
}

bool Tangents::has(const Value& value) const {
  const auto found = parts_.find(&value);
  return found != parts_.end() &&
         std::find(found->second.begin(), found->second.end(), true) != found->second.end();
}

bool Tangents::any(const std::vector<Value*>& values) const {
  return std::any_of(values.begin(), values.end(), [&](const Value* v) { return has(*v); });
}

std::vector<std::size_t> Tangents::parts(const Value& value) const {
  std::vector<std::size_t> parts;
  const auto found = parts_.find(&value);
  for (std::size_t i = 0; found != parts_.end() && i < found->second.size(); ++i) {
    if (found->second[i]) parts.push_back(i);
  }
  return parts;
}

std::optional<Type> Tangents::type(const Value& value) const {
  if (!has(value)) return std::nullopt;
  if (!is_tape(value.type)) return value.type;
  std::vector<Type> frame;
  for (const std::size_t part : parts(value)) frame.push_back(value.type.elements()[part]);
  return Type::tape(std::move(frame));
}

void Tangents::mark(const Value& value, std::size_t part) {
  if (!is_real(part_of(value.type, part))) return;
  Parts& parts = parts_[&value];
  parts.resize(count_parts(value.type), false);
  changed_ = changed_ || !parts[part];
  parts[part] = true;
}

void Tangents::flow_into(const Value& from, const Value& to) {
  for (const std::size_t part : parts(from)) mark(to, part);
}

void Tangents::join(const Value& x, const Value& y) {
  flow_into(x, y);
  if (is_tape(x.type)) flow_into(y, x);
}

// The states move as the ends of a solve do, whatever its dynamics see.
void Tangents::through_ends(const Op& op) {
  if (op.primitive != &solve_p) return;
  const SolveView solve(op);
  if (!has(*solve.t0()) && !has(*solve.t1())) return;
  for (std::size_t i = 0; i < solve.states(); ++i) {
    mark(*op.result(i), 0), mark(*op.region().arg(1 + i), 0);
  }
  flow_into(*solve.t1(), *solve.t());
}

void Tangents::through_regions(const Op& op) {
  through_ends(op);
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    const Region& region = op.region(r);
    const Flow f = flow(op, r);
    for (std::size_t i = 0; i < f.enters.size(); ++i) {
      join(*op.operands.at(std::size_t(f.enters[i])), *region.arg(i));
    }
    sweep(region);
    for (std::size_t i = 0; i < region.results.size(); ++i) {
      const Value& yielded = *region.results[i];
      const Value* result = f.leaves[i] < 0 ? nullptr : op.result(std::size_t(f.leaves[i]));
      if (result != nullptr) join(yielded, *result);
      if (f.loops[i] < 0) continue;
      const Value& carried = *region.arg(std::size_t(f.loops[i]));
      join(yielded, carried);
      if (result != nullptr) join(carried, *result);  // of a loop that does not turn
    }
  }
}

void Tangents::through_tape(const Op& op) {
  if (op.primitive == &tape_read_p) {
    for (const std::size_t part : parts(*op.operands[0])) mark(*op.result(part), 0);
  } else if (op.primitive == &tape_write_p) {
    join(*op.operands[0], *op.result());
    for (std::size_t i = 0; i < op.result()->type.elements().size(); ++i) {
      if (has(*op.operands[i + 2])) mark(*op.result(), i);
    }
  }
}

void Tangents::sweep(const Region& region) {
  for (const auto& op : region.ops) {
    if (op->primitive->form == Form::Tape) {
      through_tape(*op);
    } else if (is_walked(*op)) {
      through_regions(*op);
    } else if (op->primitive->gradient.rule != no_cotangents && any(op->operands)) {
      for (const auto& result : op->results) {
        for (std::size_t i = 0; i < count_parts(result->type); ++i) mark(*result, i);
      }
    }
  }
}

}  // namespace nodec
