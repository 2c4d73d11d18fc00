// What all parts of the walker work with: the emitter, the plan, how it is walked and by whom, and
// the scalars made so far.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "compiler/codegen/team.h"
#include "ir/schedule.h"

namespace nodec::codegen {

struct Writing {
  Writing(Emitter& emitter, Team& who, const plan::Plan& what, const plan::Schedule& walk)
      : e(emitter),
        team(who),
        plan(what),
        schedule(walk),
        zero(e.index(0)),
        one(e.index(1)),
        scalars(what.scalars.size()) {}

  Emitter& e;
  Team& team;
  const plan::Plan& plan;
  const plan::Schedule& schedule;
  const Code zero, one;              // Index
  const plan::Loops* how = nullptr;  // the kernel being written is walked
  std::vector<Code> scalars;         // by number

  Code& scalar(int id) { return scalars[std::size_t(id)]; }
  const plan::Buffer& buffer(int id) const { return plan.buffers[std::size_t(id)]; }
  const plan::Place& place(int buffer) const { return schedule.places[std::size_t(buffer)]; }
  // The arrays that a function on a tile is passed.
  std::vector<int> passed(const plan::Function& f) const {
    std::vector<int> all;
    for (const int id : f.pointers) {
      if (!schedule.given.contains(id)) all.push_back(id);
    }
    return all;
  }
  // Of the kernel being written; axes left out are walked in turn.
  const plan::Axis& axis(std::size_t i) const {
    static const plan::Axis in_turn;
    return i < how->axes.size() ? how->axes[i] : in_turn;
  }

  Code index(std::int64_t n) { return e.index(n); }
  Code times(Code a, std::int64_t n) { return n == 1 ? a : e.mul(a, index(n)); }
  Code minimum(Code a, Code b) { return e.select(e.compare(Compare::Lt, a, b), a, b); }
  Code spread(Code value) { return value.varying ? value : e.broadcast(value); }
  // The zero of a buffer's elements.
  Code nothing(Dtype dtype) { return e.constant(scalar_kind(dtype), 0); }

  // What the one who writes this kernel does of `count` units: all, where each does it or one
  // alone.
  Share share(Code count) {
    if (how && how->who != plan::Who::Team) return {zero, count, one};
    return team.share(count);
  }

  // for index = 0, step, ... below end.
  void each(Code end, std::int64_t step, const std::function<void(Code index)>& body) {
    each(zero, end, index(step), body);
  }
  void each(Code begin, Code end, Code step, const std::function<void(Code index)>& body) {
    e.loop(begin, end, step, {}, [&](Code at, const Emitter::Values&) {
      body(at);
      return Emitter::Values{};
    });
  }
  // n turns along axis `along`, one after another, as many written out together as it says.
  using Turn = std::function<Emitter::Values(Code index, Emitter::Values state)>;
  Emitter::Values turns(std::size_t along, std::int64_t n, Emitter::Values state,
                        const Turn& body) {
    const std::int64_t tile = std::min(axis(along).tile, n);
    const std::int64_t unroll = axis(along).unroll;
    if (tile <= 1) return e.loop(zero, index(n), one, std::move(state), body, unroll);
    const std::int64_t whole = n / tile * tile;
    const auto together = [&](Code i, Emitter::Values s) {
      for (std::int64_t u = 0; u < tile; ++u) {
        s = body(u == 0 ? i : e.add(i, index(u)), std::move(s));
      }
      return s;
    };
    state = e.loop(zero, index(whole), index(tile), std::move(state), together, unroll);
    for (std::int64_t i = whole; i < n; ++i) state = body(index(i), std::move(state));
    return state;
  }
  // Every index, by whoever comes here, along the kernel's axes from the first on.
  void all(const std::vector<std::int64_t>& extents,
           const std::function<void(const Indices& at)>& body, Indices at = {}) {
    if (at.size() == extents.size()) return body(at);
    const std::size_t along = at.size();
    at.push_back(zero);
    if (extents[along] == 1) return all(extents, body, at);
    turns(along, extents[along], {}, [&](Code index, const Emitter::Values&) {
      at.back() = index;
      all(extents, body, at);
      return Emitter::Values{};
    });
  }
  // This lane's elements of a tile, along the kernel's axes from `first` on.
  void elements(const std::vector<std::int64_t>& extents,
                const std::function<void(const Indices& at)>& body, std::size_t first = 0) {
    std::vector<Extent> axes;
    for (const std::int64_t n : extents) axes.push_back({n, axis(first + axes.size()).tile});
    team.elements(axes, body);
  }

  void when(Code pred, const std::function<void()>& body) {
    when(pred, body, [] {});
  }
  void when(Code pred, const std::function<void()>& body, const std::function<void()>& other) {
    const auto none = [](const std::function<void()>& write) {
      write();
      return Emitter::Values{};
    };
    e.branch(
        pred, [&] { return none(body); }, [&] { return none(other); });
  }
};

inline std::int64_t size_of(Dtype dtype) { return std::int64_t(bytes(dtype)); }

}  // namespace nodec::codegen
