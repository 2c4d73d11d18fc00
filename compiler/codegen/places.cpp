// Addresses by the kind of place, and sizes from the symbols of the call.
#include "compiler/codegen/places.h"

#include "ir/abi.h"

namespace nodec::codegen {

using namespace plan;

Places::Places(Writing& writing) : w_(writing), frames_(std::size_t(writing.plan.frames)) {}

Places::Here Places::begin(Scope scope) {
  Here outer = std::move(here_);
  here_ = {};
  if (scope == Scope::Member) {
    here_.tile.half = w_.team.half();
    here_.tile.lane = w_.team.slot();
    return outer;
  }
  for (const Place& place : w_.schedule.places) {
    if (place.kind != Place::Kind::Own) continue;
    here_.own =
        w_.e.pointer_add(w_.e.scratch(place.scratch), w_.times(w_.e.thread(), place.block_bytes));
    break;
  }
  return outer;
}

void Places::go_to(const Team::Tile& there) {
  Tile& tile = here_.tile;
  tile.block = there.block;
  tile.half = there.half;
  tile.lane = there.lane;
  tile.sample = w_.e.add(w_.times(there.block, kBlock), there.lane);
  const Code left = w_.e.convert(w_.e.sub(batch(), tile.sample), Scalar::I32);
  tile.valid = w_.e.compare(Compare::Lt, w_.e.lane_index(), left);
}

void Places::go_to_start() {
  here_.tile.block = w_.zero;
  here_.tile.lane = w_.zero;
}

void Places::tape_frame(int variable, Code pointer) { frames_[std::size_t(variable)] = pointer; }

Code Places::symbol(std::string_view name) {
  const auto& symbols = w_.plan.signature.symbols;
  const auto found = std::find(symbols.begin(), symbols.end(), name);
  NODEC_CHECK(found != symbols.end(), "the signature has no symbol '{}'", name);
  return w_.e.symbol(int(found - symbols.begin()));
}

Code Places::evaluate(const Dim& dim) {
  if (dim.is_constant()) return w_.index(dim.constant());
  Code sum = w_.zero;
  for (const auto& [factors, count] : dim.terms()) {
    Code product = w_.index(count);
    for (const std::string& name : factors) product = w_.e.mul(product, symbol(name));
    sum = w_.e.add(sum, product);
  }
  return sum;
}

std::vector<Code> Places::evaluate(const std::vector<Dim>& dims) {
  std::vector<Code> sizes;
  for (const Dim& d : dims) sizes.push_back(evaluate(d));
  return sizes;
}

std::int64_t Places::block_bytes(int buffer) const {
  const Place& place = w_.place(buffer);
  return place.kind == Place::Kind::Arena ? place.block_bytes : w_.buffer(buffer).block_bytes;
}

bool Places::is_own(const Ref& to) const {
  return to.buffer >= 0 && w_.place(to.buffer).kind == Place::Kind::Own;
}

Code Places::table(int buffer) {
  const auto found = tables_.find(buffer);
  if (found != tables_.end()) return found->second;
  const Buffer& b = w_.buffer(buffer);
  return tables_[buffer] = w_.e.data(b.dtype, b.constant->attrs.get<std::vector<double>>("values"));
}

Code Places::tile_bytes(int buffer) {
  const Code blocks = w_.times(tile().block, block_bytes(buffer));
  return w_.e.add(blocks, w_.times(tile().lane, size_of(w_.buffer(buffer).dtype)));
}

Code Places::base(int buffer) {
  const auto given = w_.schedule.given.find(buffer);
  if (given != w_.schedule.given.end()) return base(given->second);
  const Place& place = w_.place(buffer);
  switch (place.kind) {
    case Place::Kind::Plan:
      return of_plan(buffer);
    case Place::Kind::Register:
      break;
    case Place::Kind::Stack: {
      const auto found = here_.rooms.find(place.room);
      if (found != here_.rooms.end()) return found->second;
      return here_.rooms[place.room] = w_.e.local(w_.schedule.rooms[std::size_t(place.room)]);
    }
    case Place::Kind::Arena: {
      const Code start = w_.e.scratch(place.scratch);
      return w_.e.pointer_add(start, w_.e.add(w_.index(place.before), tile_bytes(buffer)));
    }
    case Place::Kind::Shared:
      return in_member(buffer, w_.e.shared());
    case Place::Kind::Chunk:
      return in_member(buffer, w_.e.arena(tile().chunk));
    case Place::Kind::Member: {
      const Code all = w_.e.scratch(place.scratch);
      return in_member(buffer, w_.e.pointer_add(all, w_.times(w_.e.member(), place.member_bytes)));
    }
    case Place::Kind::Own:
      return w_.e.pointer_add(*here_.own, w_.index(place.before));
    case Place::Kind::Slots:
    case Place::Kind::Team:
      return w_.e.scratch(place.scratch);
  }
  NODEC_CHECK(false, "a place numbered {}", int(place.kind));
}

// Of the memory that a member's lanes share: [half][element][16].
Code Places::in_member(int buffer, Code start) {
  const Place& place = w_.place(buffer);
  const Code halves = w_.times(tile().half, place.block_bytes);
  const Code lanes = w_.times(tile().lane, size_of(w_.buffer(buffer).dtype));
  return w_.e.pointer_add(start, w_.e.add(w_.index(place.before), w_.e.add(halves, lanes)));
}

Code Places::of_plan(int buffer) {
  const Buffer& b = w_.buffer(buffer);
  const auto frame = [&] { return frames_[std::size_t(b.index)]; };
  switch (b.space) {
    case Buffer::Space::Input:
    case Buffer::Space::Output:
      return w_.e.port(b.index);
    case Buffer::Space::Table:
      return table(buffer);
    case Buffer::Space::Frame: {
      const Code part = evaluate(b.offset);
      return w_.e.pointer_add(frame(), w_.e.add(part, tile_bytes(buffer)));
    }
    case Buffer::Space::FrameDense:
      return w_.e.pointer_add(frame(), evaluate(b.offset));
    case Buffer::Space::ArgLanes:
    case Buffer::Space::ArgDense:
      return here_.arguments.at(buffer);
    default:
      NODEC_CHECK(false, "buffer '{}' has no place", b.name);
  }
}

Code Places::slots(int buffer) {
  const Place& place = w_.place(buffer);
  const Buffer& b = w_.buffer(buffer);
  if (place.kind == Place::Kind::Chunk) {
    return w_.e.pointer_add(w_.e.arena(tile().chunk), w_.index(place.before));
  }
  const Code all = base(buffer);
  return w_.e.pointer_add(all, w_.times(tile().chunk, b.elements * kBlock * size_of(b.dtype)));
}

Code Places::all_slots(int buffer) {
  const Place& place = w_.place(buffer);
  if (place.kind != Place::Kind::Chunk) return base(buffer);
  return w_.e.pointer_add(w_.e.arenas(), w_.index(place.before));
}

Code Places::chunk_elements(int buffer) {
  const Buffer& b = w_.buffer(buffer);
  const bool arena = w_.place(buffer).kind == Place::Kind::Chunk;
  return w_.index(arena ? w_.schedule.arena_bytes / size_of(b.dtype) : b.elements * kBlock);
}

}  // namespace nodec::codegen
