// Kernels on one tile: every value is a vector of samples, elements are walked by rolled loops.
#include <algorithm>

#include "compiler/codegen/walk.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

Walker::Operand Walker::ready(const Ref& ref) {
  Operand x;
  x.strides = ref.strides;
  if (ref.scalar >= 0) {
    x.value = scalars_[static_cast<std::size_t>(ref.scalar)];
    x.dtype = plan_.scalars[static_cast<std::size_t>(ref.scalar)];
    return x;
  }
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(ref.buffer)];
  x.dtype = b.dtype;
  x.in_memory = true;
  x.varying = b.varying();
  x.pointer = base(ref.buffer);
  if (ref.start != 0) {
    const auto size = static_cast<std::int64_t>(bytes(b.dtype));
    x.pointer = e_.pointer_add(x.pointer, i64(ref.start * unit(x) * size));
  }
  return x;
}

Code Walker::in_register(Code loaded, Dtype dtype) {
  if (dtype != Dtype::Bool || loaded.scalar == Scalar::Pred) return loaded;
  return e_.compare(Compare::Ne, loaded, e_.constant(loaded.scalar, 0));
}

Code Walker::offset(const Operand& x, const Indices& at) {
  Code sum = zero_;
  bool any = false;
  for (std::size_t i = 0; i < x.strides.size(); ++i) {
    if (x.strides[i] == 0) continue;
    const Code step = times(at[i], x.strides[i] * unit(x));
    sum = any ? e_.add(sum, step) : step;
    any = true;
  }
  return sum;
}

Code Walker::read(const Operand& x, Code offset) {
  if (!x.in_memory) return x.value;
  return in_register(
      x.varying ? e_.load_lanes(x.pointer, offset, x.dtype) : e_.load(x.pointer, offset, x.dtype),
      x.dtype);
}

void Walker::write_at(const Operand& to, const Indices& at, Code value) {
  e_.store(to.pointer, offset(to, at), to.dtype, to.varying ? spread(value) : value);
}

Emitter::Values Walker::turns(std::size_t along, std::int64_t n, Emitter::Values state,
                              const std::function<Emitter::Values(Code, Emitter::Values)>& body) {
  const std::int64_t tile = std::min(axis(along).tile, n);
  if (tile <= 1) return e_.loop(zero_, i64(n), 1, std::move(state), body);
  const std::int64_t whole = n / tile * tile;
  state = e_.loop(zero_, i64(whole), tile, std::move(state), [&](Code i, Emitter::Values s) {
    for (std::int64_t u = 0; u < tile; ++u) {
      s = body(u == 0 ? i : e_.add(i, i64(u)), std::move(s));
    }
    return s;
  });
  for (std::int64_t i = whole; i < n; ++i) state = body(i64(i), std::move(state));
  return state;
}

void Walker::each(const std::vector<std::int64_t>& extents,
                  const std::function<void(const Indices&)>& body, std::size_t first) {
  Indices at;
  const std::function<void(std::size_t)> axis = [&](std::size_t i) {
    if (i == extents.size()) return body(at);
    if (extents[i] == 1) {
      at.push_back(zero_);
      axis(i + 1);
      at.pop_back();
      return;
    }
    turns(first + i, extents[i], {}, [&](Code index, Emitter::Values) {
      at.push_back(index);
      axis(i + 1);
      at.pop_back();
      return Emitter::Values{};
    });
  };
  axis(0);
}

Walker::Operand Walker::at(const Operand& x, const Indices& first) {
  Operand rest = x;
  const auto settled = x.strides.begin() + static_cast<std::ptrdiff_t>(first.size());
  rest.strides.assign(x.in_memory ? settled : x.strides.end(), x.strides.end());
  if (!x.in_memory) return rest;
  Operand head = x;
  head.strides.assign(x.strides.begin(), settled);
  rest.pointer = e_.pointer_add(
      x.pointer, times(offset(head, first), static_cast<std::int64_t>(bytes(x.dtype))));
  return rest;
}

Code Walker::apply(const Op* op, const std::vector<Code>& x) {
  if (op == nullptr) return x[0];
  const auto write = [&](std::span<const Code> y) { return op->primitive->lower(e_, *op, y); };
  if (!op->primitive->expansion) return write(x);
  const bool varying = std::any_of(x.begin(), x.end(), [](const Code& c) { return c.varying; });
  const bool here =
      varying && ++expansions_[{op->primitive, x[0].scalar}] <= schedule_.inline_expansions;
  return here ? write(x) : e_.expansion(op->name(), x, write);
}

std::vector<Walker::Operand> Walker::ready_all(const Compute& c) {
  std::vector<Operand> found;
  for (const Source& s : c.operands) {
    const Ref* ref = std::get_if<Ref>(&s);
    found.push_back(ref ? ready(*ref) : Operand{});
  }
  return found;
}

Code Walker::compute(const Compute& c, const std::vector<Operand>& operands,
                     const std::vector<Code>& made, const Indices& at) {
  if (c.op) e_.at(c.op->where);
  std::vector<Code> x;
  Code index = zero_;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Source& s = c.operands[i];
    if (const Register* r = std::get_if<Register>(&s)) {
      x.push_back(made[r->compute]);
    } else if (const Zero* zero = std::get_if<Zero>(&s)) {
      x.push_back(e_.constant(scalar_kind(zero->dtype), 0));
    } else if (std::holds_alternative<Ref>(s)) {
      x.push_back(read_at(operands[i], at));
    } else {
      index = index_of(s, at);
    }
  }
  if (c.op && c.op->primitive->generate) return c.op->primitive->generate(e_, *c.op, x, index);
  return apply(c.op, x);
}

// Where a generator stands.
Code Walker::index_of(const Source& s, const Indices& at) {
  if (const AxisIndex* along = std::get_if<AxisIndex>(&s)) return at[along->axis];
  const auto among = [&](const std::vector<std::int64_t>& strides) {
    Code element = zero_;
    for (std::size_t a = 0; a < at.size(); ++a) {
      element = e_.add(element, times(at[a], strides[a]));
    }
    return element;
  };
  if (const ElementIndex* i = std::get_if<ElementIndex>(&s)) return among(i->strides);
  const Code sample = e_.add(spread(tile_.sample), e_.convert(e_.lane_index(), Scalar::I64));
  const SampleElementIndex* i = std::get_if<SampleElementIndex>(&s);
  if (i == nullptr) return sample;
  const Code element = among(i->strides);
  if (!i->batch_last) return e_.add(e_.mul(sample, spread(i64(i->elements))), spread(element));
  return e_.add(spread(e_.mul(element, symbol(plan_.signature.batch))), sample);
}

void Walker::kernel(const Map& k) {
  std::vector<std::vector<Operand>> operands;
  std::vector<Operand> to;
  for (const Compute& c : k.computes) {
    operands.push_back(ready_all(c));
    to.push_back(c.to ? ready(*c.to) : Operand{});
  }
  each(k.extents, [&](const Indices& at) {
    std::vector<Code> made;
    for (std::size_t i = 0; i < k.computes.size(); ++i) {
      made.push_back(compute(k.computes[i], operands[i], made, at));
    }
    for (std::size_t i = 0; i < k.computes.size(); ++i) {
      if (to[i].in_memory) write_at(to[i], at, made[i]);
    }
  });
}

void Walker::kernel(const FoldElements& k) {
  const Operand x = ready(k.x), out = ready(k.out);
  const Fold& fold = k.op->primitive->fold;
  each(k.outer, [&](const Indices& outer) {
    Emitter::Values state;
    for (const Code& c : fold.start(e_, *k.op)) state.push_back(spread(c));
    const std::function<Emitter::Values(std::size_t, Indices, Emitter::Values)> inner =
        [&](std::size_t axis, Indices at, Emitter::Values s) {
          if (axis == k.inner.size()) {
            Emitter::Values next =
                fold.step(e_, *k.op, std::move(s), spread(read_at(x, at)), at.back());
            for (Code& c : next) c = spread(c);
            return next;
          }
          return turns(k.outer.size() + axis, k.inner[axis], std::move(s),
                       [&, at](Code i, Emitter::Values turn) {
                         Indices deeper = at;
                         deeper.push_back(i);
                         return inner(axis + 1, deeper, std::move(turn));
                       });
        };
    write_at(out, outer, inner(0, outer, std::move(state)).back());
  });
}

void Walker::kernel(const Invoke& k) {
  std::vector<Code> arguments{frame_};
  for (const Ref& r : k.scalars) arguments.push_back(read_at(ready(r), {}));
  for (const Ref& r : k.pointers) arguments.push_back(ready(r).pointer);
  e_.call(functions_[static_cast<std::size_t>(k.function)], arguments);
}

}  // namespace nodec
