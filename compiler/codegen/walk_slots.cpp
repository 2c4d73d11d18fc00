// Sums over the batch: clearing a chunk's slots, and adding up chunks and slots in the stated
// order.
#include "compiler/codegen/walk.h"
#include "ir/primitive.h"

namespace nodec {

using namespace plan;

void Walker::clear_slots(const ClearSlots& node) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(node.slots)];
  Code empty = e_.constant(scalar_kind(b.dtype), 0);
  if (node.op && node.op->primitive->fold.start) {
    empty = node.op->primitive->fold.start(e_, *node.op).back();
  }
  const Code slots = slot_pointer(node.slots);
  const Code value = spread(empty);
  e_.loop(zero_, i64(b.elements * kBlock), e_.lanes(), {}, [&](Code at, Emitter::Values) {
    e_.store(slots, at, b.dtype, value);
    return Emitter::Values{};
  });
}

Code Walker::merge(const Op* op, Code a, Code b) {
  if (!op) return e_.add(a, b);
  return op->primitive->fold.merge(e_, *op, {a}, {b}).back();
}

// Every thread adds the chunks, then the slots, of its own outputs.
void Walker::fold_slots(const FoldSlots& node) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(node.slots)];
  constexpr Scalar kParameters[] = {Scalar::Pointer, Scalar::I64, Scalar::Pointer};
  call_shared(0, kParameters, {base(node.slots), i64(b.elements), ready(node.out).pointer},
              [&](std::span<const Code> x) {
                const Code units =
                    e_.div_signed(e_.add(x[1], i64(e_.lanes() - 1)), i64(e_.lanes()));
                const auto [first, last] = my_share(units);
                add_chunks(node, b.dtype, x[0], x[1], first, last);
                add_lanes(node, b.dtype, x[0], x[1], x[2], first, last);
              });
}

// p[i] += p[i + s] where i mod 2s = 0 and i + s < chunks, for s = 1, 2, 4, ...
void Walker::add_chunks(const FoldSlots& node, Dtype dtype, Code slots, Code outputs, Code first,
                        Code last) {
  const Code chunk_elements = times(outputs, kBlock);
  const Code from = times(first, e_.lanes() * kBlock);
  const Code to = minimum(times(last, e_.lanes() * kBlock), chunk_elements);
  const Code chunks = symbol(kChunksSymbol);
  const auto add_pair = [&](Code i, Code stride) {
    const Code left = e_.mul(i, chunk_elements);
    const Code right = e_.mul(e_.add(i, stride), chunk_elements);
    e_.loop(from, to, e_.lanes(), {}, [&](Code at, Emitter::Values) {
      const Code p = e_.add(left, at);
      e_.store(slots, p, dtype,
               merge(node.op, e_.load_lanes(slots, p, dtype),
                     e_.load_lanes(slots, e_.add(right, at), dtype)));
      return Emitter::Values{};
    });
  };
  e_.while_loop(
      {one_}, [&](const Emitter::Values& s) { return e_.compare(Compare::Lt, s[0], chunks); },
      [&](Emitter::Values s) {
        const Code twice = e_.add(s[0], s[0]);
        e_.while_loop(
            {zero_},
            [&](const Emitter::Values& i) {
              return e_.compare(Compare::Lt, e_.add(i[0], s[0]), chunks);
            },
            [&](Emitter::Values i) {
              add_pair(i[0], s[0]);
              return Emitter::Values{e_.add(i[0], twice)};
            });
        return Emitter::Values{twice};
      });
}

// Slots w apart, w = 8, 4, 2, 1: a vector of outputs at a time, its lanes being outputs.
void Walker::add_lanes(const FoldSlots& node, Dtype dtype, Code slots, Code outputs, Code out,
                       Code first, Code last) {
  const int lanes = e_.lanes();
  const auto size = static_cast<std::int64_t>(bytes(dtype));
  const Code last_output = e_.sub(outputs, one_);
  e_.loop(first, last, 1, {}, [&](Code unit, Emitter::Values) {
    const Code at = times(unit, lanes);
    std::vector<Code> rows;
    for (int r = 0; r < lanes; ++r) {
      rows.push_back(times(minimum(e_.add(at, i64(r)), last_output), kBlock));
    }
    std::vector<Code> sums;
    for (int half = 0; half < kBlock; half += lanes) {
      const Code start = e_.pointer_add(slots, i64(half * size));
      for (const Code& c : e_.load_transposed(start, rows, dtype)) sums.push_back(c);
    }
    for (std::size_t w = kBlock / 2; w > 0; w /= 2) {
      for (std::size_t l = 0; l < w; ++l) sums[l] = merge(node.op, sums[l], sums[l + w]);
    }
    e_.store_masked(out, at, dtype, sums[0], minimum(e_.sub(outputs, at), i64(lanes)));
    return Emitter::Values{};
  });
}

}  // namespace nodec
