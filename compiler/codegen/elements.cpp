// Operands, addresses, and what a computation makes of elements.
#include "compiler/codegen/elements.h"

#include "ir/abi.h"
#include "ir/primitive.h"

namespace nodec::codegen {

using namespace plan;

Operand Elements::ready(const Ref& ref) {
  Operand x;
  x.strides = ref.strides;
  if (ref.scalar >= 0) {
    x.value = w_.scalar(ref.scalar);
    x.dtype = w_.plan.scalars[std::size_t(ref.scalar)];
    return x;
  }
  const Buffer& b = w_.buffer(ref.buffer);
  x.dtype = b.dtype;
  x.varying = b.varying();
  if (w_.place(ref.buffer).kind == Place::Kind::Register) return x;
  x.in_memory = true;
  x.pointer = places_.base(ref.buffer);
  if (ref.start != 0) {
    x.pointer = w_.e.pointer_add(x.pointer, w_.index(ref.start * x.unit() * size_of(b.dtype)));
  }
  return x;
}

std::vector<Operand> Elements::ready_all(const Compute& c) {
  std::vector<Operand> found;
  for (const Source& s : c.operands) {
    const Ref* ref = std::get_if<Ref>(&s);
    found.push_back(ref ? ready(*ref) : Operand{});
  }
  return found;
}

ReadyMap Elements::ready_map(const std::vector<Compute>& computes) {
  ReadyMap map;
  for (const Compute& c : computes) {
    map.operands.push_back(ready_all(c));
    map.to.push_back(ready_if(c.to));
  }
  return map;
}

const Code* Elements::kept(const Ref& ref) const {
  for (auto k = kept_.rbegin(); k != kept_.rend(); ++k) {
    const Ref& r = *k->first;
    if (r.buffer == ref.buffer && r.start == ref.start && r.strides == ref.strides) {
      return &k->second;
    }
  }
  return nullptr;
}

Operand Elements::at(const Operand& x, const Indices& first) {
  Operand rest = x;
  const auto settled = x.strides.begin() + std::ptrdiff_t(first.size());
  rest.strides.assign(x.in_memory ? settled : x.strides.end(), x.strides.end());
  if (!x.in_memory) return rest;
  Operand head = x;
  head.strides.assign(x.strides.begin(), settled);
  rest.pointer = w_.e.pointer_add(x.pointer, w_.times(offset(head, first), size_of(x.dtype)));
  return rest;
}

Operand Elements::of_sample(const Operand& x, const Ref& ref, Code block, Code lane) {
  Operand moved = x;
  if (!x.varying) return moved;
  const Code blocks = w_.times(block, places_.block_bytes(ref.buffer));
  const Code bytes = w_.e.add(blocks, w_.times(lane, size_of(x.dtype)));
  moved.pointer = w_.e.pointer_add(x.pointer, bytes);
  return moved;
}

Code Elements::in_register(Code loaded, Dtype dtype) {
  if (dtype != Dtype::Bool || loaded.scalar == Scalar::Pred) return loaded;
  return w_.e.compare(Compare::Ne, loaded, w_.e.constant(loaded.scalar, 0));
}

Code Elements::offset(const Operand& x, const Indices& at) {
  Code sum = w_.zero;
  bool any = false;
  for (std::size_t i = 0; i < x.strides.size(); ++i) {
    if (x.strides[i] == 0) continue;
    const Code step = w_.times(at[i], x.strides[i] * x.unit());
    sum = any ? w_.e.add(sum, step) : step;
    any = true;
  }
  return sum;
}

Code Elements::read(const Operand& x, Code offset) {
  if (!x.in_memory) return x.value;
  return in_register(x.varying ? w_.e.load_lanes(x.pointer, offset, x.dtype)
                               : w_.e.load(x.pointer, offset, x.dtype),
                     x.dtype);
}

Code Elements::read_one(const Operand& x, const Indices& at) {
  if (!x.in_memory) return x.value;
  return in_register(w_.e.load(x.pointer, offset(x, at), x.dtype), x.dtype);
}

void Elements::write_at(const Operand& to, const Indices& at, Code value) {
  w_.e.store(to.pointer, offset(to, at), to.dtype, to.varying ? w_.spread(value) : value);
}

Code Elements::clamped(Code row, Code last) {
  if (!row.varying) row = w_.e.convert(row, Scalar::Index);
  if (row.scalar == Scalar::I32) last = w_.minimum(last, w_.index(INT32_MAX));
  const Code end = w_.e.convert(last, row.scalar), none = w_.e.constant(row.scalar, 0);
  row = w_.minimum(row, end);
  return w_.e.select(w_.e.compare(Compare::Lt, row, none), none, row);
}

// What its expansion is called: an op of another attribute is another function.
std::string expansion_name(const Op& op) {
  std::string name(op.name());
  for (const auto& [key, value] : op.attrs.items()) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) name += fmt::format("_{}", *number);
  }
  return name;
}

Code Elements::apply(const Op* op, std::span<const Code> x) {
  if (op == nullptr) return x[0];
  const auto write = [&](std::span<const Code> y) { return op->primitive->lower(w_.e, *op, y); };
  if (op->primitive->cost != Cost::Tens) return write(x);
  const bool varying = std::any_of(x.begin(), x.end(), [](const Code& c) { return c.varying; });
  const bool here =
      varying && ++expansions_[{op->primitive, x[0].scalar}] <= w_.schedule.inline_expansions;
  return here ? write(x) : w_.e.expansion(expansion_name(*op), x, write);
}

// Ops see integers, never an Index.
Code Elements::generate(const Op& op, const std::vector<Code>& x, Code index) {
  return op.primitive->generate(w_.e, op, x, w_.e.convert(index, Scalar::I64));
}

Code Elements::compute(const Compute& c, const std::vector<Operand>& operands,
                       const std::vector<Code>& made, const Indices& at) {
  if (c.op) w_.e.at(c.op);
  std::vector<Code> x;
  Code index = w_.zero;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Source& s = c.operands[i];
    if (const Register* r = std::get_if<Register>(&s)) {
      x.push_back(made[r->compute]);
    } else if (const Zero* zero = std::get_if<Zero>(&s)) {
      x.push_back(w_.nothing(zero->dtype));
    } else if (const Ref* ref = std::get_if<Ref>(&s)) {
      const Code* of_run = kept(*ref);
      x.push_back(of_run ? *of_run : read_at(operands[i], at));
    } else {
      index = index_of(s, at);
    }
  }
  return c.op && c.op->primitive->generate ? generate(*c.op, x, index) : apply(c.op, x);
}

// Where a generator stands: an Index, or a varying I64.
Code Elements::index_of(const Source& s, const Indices& at) {
  if (const AxisIndex* along = std::get_if<AxisIndex>(&s)) return at[along->axis];
  const auto among = [&](const std::vector<std::int64_t>& strides) {
    Code element = w_.zero;
    for (std::size_t a = 0; a < at.size(); ++a) {
      element = w_.e.add(element, w_.times(at[a], strides[a]));
    }
    return element;
  };
  if (const ElementIndex* i = std::get_if<ElementIndex>(&s)) return among(i->strides);
  const auto wide = [&](Code index) { return w_.spread(w_.e.convert(index, Scalar::I64)); };
  const Code first = wide(places_.tile().sample);
  const Code sample = w_.e.add(first, w_.e.convert(w_.e.lane_index(), Scalar::I64));
  const SampleElementIndex* i = std::get_if<SampleElementIndex>(&s);
  if (i == nullptr) return sample;
  const Code element = among(i->strides);
  if (i->batch_last) return w_.e.add(wide(w_.e.mul(element, places_.batch())), sample);
  return w_.e.add(w_.e.mul(sample, wide(w_.index(i->elements))), wide(element));
}

Code Elements::constant(const Op& op) {
  const Scalar kind = scalar_kind(op.result()->type.dtype());
  const Attr& value = *op.attrs.find("value");
  if (const double* x = std::get_if<double>(&value)) return w_.e.constant(kind, *x);
  if (const bool* x = std::get_if<bool>(&value)) return w_.e.constant(kind, *x ? 1 : 0);
  return w_.e.constant_bits(kind, std::uint64_t(std::get<std::int64_t>(value)));
}

}  // namespace nodec::codegen
