// Loops over axes, and what lanes along one of them read and write.
#include "compiler/codegen/walk_dense_nest.h"

namespace nodec {

using namespace plan;

Walker::Nest::Nest(Walker& walker, std::vector<Dim> extents)
    : w_(walker), e_(walker.e_), extents_(std::move(extents)), sizes_(walker.evaluate(extents_)) {
  for (std::size_t i = extents_.size(); i-- > 0;) {
    if (how(i).lanes && lanes_ < 0) lanes_ = static_cast<int>(i);
    if (how(i).team) team_ = static_cast<int>(i);
  }
}

void Walker::Nest::each(const std::function<void(const Spots&)>& body) {
  body_ = body;
  const auto walk = [&] { axis(0, {Spot{}}); };
  if (w_.how_->who == Who::Team && team_ < 0) return w_.only_first(walk);
  walk();
}

void Walker::Nest::axis(std::size_t i, const Spots& outer) {
  if (i == extents_.size()) return body_(outer);
  const std::int64_t unit = is_lanes(i) ? e_.lanes() : 1, units = how(i).tile;
  const std::int64_t step = units * unit;
  Code begin = w_.zero_, end = sizes_[i];
  if (team_ == static_cast<int>(i)) {
    const Code tiles = e_.div_signed(e_.add(end, w_.i64(step - 1)), w_.i64(step));
    const auto [first, last] = w_.my_share(tiles);
    begin = w_.times(first, step);
    end = w_.minimum(w_.times(last, step), end);
  }
  const bool known = extents_[i].is_constant(), alone = known && team_ != static_cast<int>(i);
  const std::int64_t n = known ? extents_[i].constant() : 0, rest = n % step;
  const Code whole = known && rest == 0 ? end : w_.times(e_.div_signed(end, w_.i64(step)), step);
  if (!known || n >= step) {
    run(i, outer, {begin, whole, step, units, false, alone && n / step == 1});
  }
  if (known && rest == 0) return;
  const Code from = e_.select(before(begin, whole), whole, begin);
  const std::int64_t units_left = known ? (rest + unit - 1) / unit : 1;
  const bool masked = !known || rest % unit != 0;
  run(i, outer, {from, end, known ? step : unit, units_left, masked, alone});
}

void Walker::Nest::run(std::size_t i, const Spots& outer, const Run& tiles) {
  if (tiles.one) return tile(i, outer, tiles, tiles.begin);
  e_.loop(tiles.begin, tiles.end, tiles.step, {}, [&](Code at, Emitter::Values) {
    tile(i, outer, tiles, at);
    return Emitter::Values{};
  });
}

void Walker::Nest::tile(std::size_t i, const Spots& outer, const Run& tiles, Code begin) {
  Spots spots;
  const std::int64_t unit = is_lanes(i) ? e_.lanes() : 1;
  for (const Spot& spot : outer) {
    for (std::int64_t u = 0; u < tiles.units; ++u) {
      Spot& next = spots.emplace_back(spot);
      const Code at = u == 0 ? begin : e_.add(begin, w_.i64(u * unit));
      next.at.push_back(at);
      if (!is_lanes(i) || !tiles.masked || u + 1 < tiles.units) continue;
      next.masked = true;
      next.left = e_.sub(sizes_[i], at);
    }
  }
  axis(i + 1, spots);
}

std::int64_t Walker::Nest::lane_stride(const Operand& x) const {
  return lanes_ < 0 ? 0 : x.strides[static_cast<std::size_t>(lanes_)];
}

Code Walker::Nest::load(const Operand& x, const Spot& spot, const Indices& inner,
                        std::optional<Code> from) {
  if (!x.in_memory) return x.value;
  Indices at = spot.at;
  at.insert(at.end(), inner.begin(), inner.end());
  Code begin = w_.offset(x, at);
  if (from) begin = e_.add(begin, *from);
  const std::int64_t stride = lane_stride(x);
  if (begin.varying) return gather(x, spot, begin);
  if (stride == 0) return w_.in_register(e_.load(x.pointer, begin, x.dtype), x.dtype);
  if (stride == 1) {
    return w_.in_register(spot.masked ? e_.load_lanes_masked(x.pointer, begin, x.dtype, spot.left)
                                      : e_.load_lanes(x.pointer, begin, x.dtype),
                          x.dtype);
  }
  return gather(x, spot, begin);
}

Code Walker::Nest::gather(const Operand& x, const Spot& spot, Code begin) {
  Code lane = e_.convert(e_.lane_index(), Scalar::I64);
  if (spot.masked) {  // those without an element take the last one
    const Code last = w_.spread(e_.sub(spot.left, w_.one_));
    lane = e_.select(before(lane, last), lane, last);
  }
  const Code offsets = e_.add(w_.spread(begin), e_.mul(lane, w_.spread(w_.i64(lane_stride(x)))));
  return w_.in_register(e_.gather(x.pointer, offsets, x.dtype), x.dtype);
}

void Walker::Nest::store(const Operand& to, const Spot& spot, Code value) {
  const Code begin = w_.offset(to, spot.at);
  if (lanes_ < 0) return e_.store(to.pointer, begin, to.dtype, value);
  const std::int64_t stride = lane_stride(to);
  value = w_.spread(value);
  if (stride == 1 && spot.masked) {
    return e_.store_masked(to.pointer, begin, to.dtype, value, spot.left);
  }
  if (stride == 1) return e_.store(to.pointer, begin, to.dtype, value);
  const Code memory = e_.local(kBlock * static_cast<std::int64_t>(bytes(to.dtype)));
  e_.store(memory, w_.zero_, to.dtype, value);
  const Code lanes = w_.i64(e_.lanes());
  const Code count = spot.masked ? w_.minimum(spot.left, lanes) : lanes;
  e_.loop(w_.zero_, count, 1, {}, [&](Code lane, Emitter::Values) {
    Code one = e_.load(memory, lane, to.dtype);
    e_.store(to.pointer, e_.add(begin, w_.times(lane, stride)), to.dtype, one);
    return Emitter::Values{};
  });
}

Code Walker::Nest::index(const std::vector<std::int64_t>& strides, const Spot& spot) {
  Code sum = w_.zero_;
  for (std::size_t i = 0; i < spot.at.size(); ++i) {
    Code step = spot.at[i];
    if (is_lanes(i)) {
      step = e_.add(w_.spread(step), e_.convert(e_.lane_index(), Scalar::I64));
      if (strides[i] != 1) step = e_.mul(step, w_.spread(w_.i64(strides[i])));
    } else {
      step = w_.times(step, strides[i]);
    }
    sum = e_.add(sum, step);
  }
  return sum;
}

}  // namespace nodec
