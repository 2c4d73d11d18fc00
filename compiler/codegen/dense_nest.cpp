// Loops over axes, and what lanes along one of them read and write.
#include "compiler/codegen/dense_nest.h"

#include "ir/abi.h"

namespace nodec::codegen {

using namespace plan;

DenseNest::DenseNest(Writing& writing, Places& places, Elements& elements, std::vector<Dim> extents)
    : w_(writing),
      elements_(elements),
      extents_(std::move(extents)),
      sizes_(places.evaluate(extents_)) {
  for (std::size_t i = extents_.size(); i-- > 0;) {
    if (how(i).lanes && lanes_ < 0) lanes_ = int(i);
    if (how(i).team) team_ = int(i);
  }
}

void DenseNest::each(const std::function<void(const Spots&)>& body) {
  body_ = body;
  const auto walk = [&] { axis(0, {Spot{}}); };
  if (w_.how->who == Who::Team && team_ < 0) return w_.e.once(walk);
  w_.how->flat ? one_by_one() : walk();
}

// Outputs in row-major order, dealt out as one row.
void DenseNest::one_by_one() {
  Code all = w_.one;
  for (const Code& size : sizes_) all = w_.e.mul(all, size);
  const Share mine = w_.share(all);
  w_.each(mine.first, mine.last, mine.step, [&](Code output) {
    Spot spot;
    spot.at.resize(sizes_.size());
    for (std::size_t i = sizes_.size(); i-- > 1;) {
      const Code row = w_.e.quotient(output, sizes_[i]);
      spot.at[i] = w_.e.sub(output, w_.e.mul(row, sizes_[i]));
      output = row;
    }
    spot.at[0] = output;
    body_({spot});
  });
}

void DenseNest::axis(std::size_t i, const Spots& outer) {
  if (i == extents_.size()) return body_(outer);
  const std::int64_t unit = is_lanes(i) ? w_.e.lanes() : 1, units = how(i).tile;
  const std::int64_t step = units * unit;
  Code begin = w_.zero, end = sizes_[i], stride = w_.index(step);
  if (team_ == int(i)) {
    const Code tiles = w_.e.quotient(w_.e.add(end, w_.index(step - 1)), w_.index(step));
    const Share mine = w_.share(tiles);
    begin = w_.times(mine.first, step);
    end = w_.minimum(w_.times(mine.last, step), end);
    stride = w_.times(mine.step, step);
  }
  const bool known = extents_[i].is_constant(), alone = known && team_ != int(i);
  const std::int64_t n = known ? extents_[i].constant() : 0, rest = n % step;
  const Code whole = known && rest == 0 ? end : w_.times(w_.e.quotient(end, w_.index(step)), step);
  if (!known || n >= step) {
    run(i, outer, {begin, whole, stride, units, false, alone && n / step == 1});
  }
  if (known && rest == 0) return;
  const Code from = w_.e.select(before(begin, whole), whole, begin);
  const bool masked = !known || rest % unit != 0;
  if (!known || how(i).rest == Rest::Turns) {
    return run(i, outer, {from, end, w_.index(unit), 1, masked, alone && rest <= unit});
  }
  run(i, outer, {from, end, w_.index(step), (rest + unit - 1) / unit, masked, alone});
}

void DenseNest::run(std::size_t i, const Spots& outer, const Run& tiles) {
  if (tiles.one) return tile(i, outer, tiles, tiles.begin);
  w_.each(tiles.begin, tiles.end, tiles.step, [&](Code at) { tile(i, outer, tiles, at); });
}

void DenseNest::tile(std::size_t i, const Spots& outer, const Run& tiles, Code begin) {
  Spots spots;
  const std::int64_t unit = is_lanes(i) ? w_.e.lanes() : 1;
  for (const Spot& spot : outer) {
    for (std::int64_t u = 0; u < tiles.units; ++u) {
      Spot& next = spots.emplace_back(spot);
      const Code at = u == 0 ? begin : w_.e.add(begin, w_.index(u * unit));
      next.at.push_back(at);
      if (!is_lanes(i) || !tiles.masked || u + 1 < tiles.units) continue;
      next.masked = true;
      next.left = w_.e.sub(sizes_[i], at);
    }
  }
  axis(i + 1, spots);
}

std::int64_t DenseNest::lane_stride(const Operand& x) const {
  return lanes_ < 0 ? 0 : x.strides[std::size_t(lanes_)];
}

Code DenseNest::lane_number() { return w_.e.convert(w_.e.lane_index(), Scalar::I64); }

Code DenseNest::load(const Operand& x, const Spot& spot, const Indices& inner,
                     std::optional<Code> from) {
  if (!x.in_memory) return x.value;
  Indices at = spot.at;
  at.insert(at.end(), inner.begin(), inner.end());
  Code begin = elements_.offset(x, at);
  if (from && from->varying) {
    const Code start = w_.spread(w_.e.convert(begin, Scalar::I64));
    return gather(x, spot, w_.e.add(start, w_.e.convert(*from, Scalar::I64)));
  }
  if (from) begin = w_.e.add(begin, *from);
  const std::int64_t stride = lane_stride(x);
  if (stride == 0) return elements_.in_register(w_.e.load(x.pointer, begin, x.dtype), x.dtype);
  if (stride != 1) return gather(x, spot, w_.spread(w_.e.convert(begin, Scalar::I64)));
  return elements_.in_register(spot.masked
                                   ? w_.e.load_lanes_masked(x.pointer, begin, x.dtype, spot.left)
                                   : w_.e.load_lanes(x.pointer, begin, x.dtype),
                               x.dtype);
}

// `begin`: varying I64, the spot's first lane's.
Code DenseNest::gather(const Operand& x, const Spot& spot, Code begin) {
  Code lane = lane_number();
  if (spot.masked) {  // those without an element take the last one
    const Code last = w_.spread(w_.e.convert(w_.e.sub(spot.left, w_.one), Scalar::I64));
    lane = w_.e.select(before(lane, last), lane, last);
  }
  const Code stride = w_.e.constant(Scalar::I64, double(lane_stride(x)));
  const Code offsets = w_.e.add(begin, w_.e.mul(lane, w_.spread(stride)));
  return elements_.in_register(w_.e.gather(x.pointer, offsets, x.dtype), x.dtype);
}

void DenseNest::store(const Operand& to, const Spot& spot, Code value) {
  const Code begin = elements_.offset(to, spot.at);
  if (lanes_ < 0) return w_.e.store(to.pointer, begin, to.dtype, value);
  const std::int64_t stride = lane_stride(to);
  value = w_.spread(value);
  if (stride == 1 && spot.masked) {
    return w_.e.store_masked(to.pointer, begin, to.dtype, value, spot.left);
  }
  if (stride == 1) return w_.e.store(to.pointer, begin, to.dtype, value);
  const Code memory = w_.e.local(kBlock * size_of(to.dtype));
  w_.e.store(memory, w_.zero, to.dtype, value);
  const Code lanes = w_.index(w_.e.lanes());
  const Code count = spot.masked ? w_.minimum(spot.left, lanes) : lanes;
  w_.each(count, 1, [&](Code lane) {
    const Code one = w_.e.load(memory, lane, to.dtype);
    w_.e.store(to.pointer, w_.e.add(begin, w_.times(lane, stride)), to.dtype, one);
  });
}

Code DenseNest::index(const std::vector<std::int64_t>& strides, const Spot& spot,
                      const Indices& inner) {
  Code sum = w_.zero;
  for (std::size_t i = 0; i < spot.at.size(); ++i) {
    if (!is_lanes(i)) sum = w_.e.add(sum, w_.times(spot.at[i], strides[i]));
  }
  for (std::size_t i = 0; i < inner.size(); ++i) {
    sum = w_.e.add(sum, w_.times(inner[i], strides[spot.at.size() + i]));
  }
  if (lanes_ < 0) return sum;
  const auto axis = std::size_t(lanes_);
  const Code first = w_.spread(w_.e.convert(spot.at[axis], Scalar::I64));
  const Code stride = w_.e.constant(Scalar::I64, double(strides[axis]));
  const Code along = w_.e.mul(w_.e.add(first, lane_number()), w_.spread(stride));
  return w_.e.add(w_.spread(w_.e.convert(sum, Scalar::I64)), along);
}

}  // namespace nodec::codegen
