// The layout of frames, and their reads and writes.
#include "compiler/lower/frames.h"

#include <algorithm>

#include "compiler/lower/batch.h"

namespace nodec::lowering {

using plan::Buffer;
using plan::Nodes;

namespace {

constexpr std::int64_t kAlignment = 64;  // of a vector of 16 floats
std::int64_t aligned(std::int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

Frames::Tape Frames::tape_of(const Value* v) const {
  const auto found = tape_.find(views_.follow(v));
  NODEC_CHECK(found != tape_.end(), "a tape of unknown origin");
  return found->second;
}

void Frames::add_tape(const Op& made) {
  const int tape = int(plan_.signature.tapes.size());
  const Layout& frame = layout(tape, made.result()->type);
  plan_.signature.tapes.push_back({fmt::format("tape_{}", tape), frame.bytes, frame.alignment});
  set_tape(made.result(), {tape});
  homes_.make_available(made.result());
}

int Frames::number_of(const Value* v) {
  const Tape tape = tape_of(v);
  return tape.number >= 0 ? tape.number : homes_.number(tape.tape);
}

void Frames::may_be(Tape first, Tape other) {
  const int one = plan_.standing_for(first.tape), two = plan_.standing_for(other.tape);
  if (one != two) plan_.same_tapes[two] = one;
}

void Frames::pass_tape(const Value& result, const Value& inside) {
  const bool empty = inside.op && inside.op->primitive == &tape_new_p;
  const auto known = tape_.find(&result);
  if (known == tape_.end()) {
    set_tape(&result, tape_of(&inside));
    if (empty) empty_tapes_.insert(&result);
  } else if (empty_tapes_.erase(&result) > 0) {
    known->second = tape_of(&inside);
  } else if (!empty) {
    throw Error("a tape that both branches write cannot be compiled yet",
                {{result.op->where, "branches here"}},
                "write it behind the branches, with what they yield");
  }
}

const Frames::Layout& Frames::layout(int tape, const Type& type) {
  const auto found = layouts_.find(tape);
  return found != layouts_.end() ? found->second
                                 : layouts_.emplace(tape, new_layout(type)).first->second;
}

// Where the parts of a tape's frames stand.
Frames::Layout Frames::new_layout(const Type& tape) const {
  const std::vector<Type>& parts = tape.elements();
  Layout layout;
  layout.before.resize(parts.size());
  std::int64_t scalars = 0;
  std::vector<std::size_t> dense;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].is_scalar()) {
      ++scalars;
    } else if (is_varying(parts[i], views_.batch())) {
      layout.before[i] = Dim(layout.block_bytes);
      std::int64_t elements = 1;
      for (const Dim& d : parts[i].shape()) elements *= d.is_constant() ? d.constant() : 1;
      layout.block_bytes += aligned(tile_bytes(elements, parts[i].dtype()));
    } else {
      dense.push_back(i);
    }
  }
  // Frames of scalars alone are many and small: the turns of a loop.
  layout.alignment = scalars == std::ssize(parts) ? 8 : kAlignment;
  const Dim header(layout.alignment == 8 ? 8 * scalars : aligned(8 * scalars));
  for (Dim& offset : layout.before) offset = header + offset;
  std::stable_sort(dense.begin(), dense.end(), [&](std::size_t a, std::size_t b) {
    return bytes(parts[a].dtype()) > bytes(parts[b].dtype());
  });
  layout.bytes = header + Dim::symbol(kBlocksSymbol) * Dim(layout.block_bytes);
  for (const std::size_t i : dense) {
    layout.before[i] = layout.bytes;
    layout.bytes =
        layout.bytes + element_count(parts[i].shape()) * Dim(std::int64_t(bytes(parts[i].dtype())));
  }
  return layout;
}

// The place of `v`, part number `part` of a tape's frame.
int Frames::part(const Value* tape, std::size_t part, int frame, const Value* v) {
  const int number = tape_of(tape).tape;
  const Layout& made = layout(number, tape->type);
  Buffer b;
  b.name = "tape";
  b.dtype = v->type.dtype();
  b.index = frame;
  b.tape = number;
  b.part = int(part);
  b.offset = made.before[part];
  if (views_.varying(v)) {
    b.space = Buffer::Space::Frame;
    b.elements = views_.elements(v);
    b.block_bytes = made.block_bytes;
  } else {
    b.space = Buffer::Space::FrameDense;
    b.count = element_count(v->type.shape());
  }
  return homes_.new_buffer(std::move(b));
}

// One past the last operand of a write that belongs to its frame.
static std::size_t values_end(const Op& write) {
  return 2 + write.operands[0]->type.elements().size();
}

plan::Progress progress_of(Homes& homes, const Op& op, std::size_t first, Nodes& nodes) {
  plan::Progress p;
  for (int* to : {&p.t, &p.dt, &p.accepted, &p.rejected}) {
    *to = homes.scalar_of(op.operands[first++], nodes);
  }
  if (op.attrs.has("site")) p.site = op.attrs.get<std::int64_t>("site");
  if (op.attrs.get_or<bool>("callers_site", false)) p.callers_site = homes.callers_site();
  p.reverse = op.attrs.get_or<bool>("reverse", false);
  return p;
}

plan::TapeFrame Frames::find(const Op& op, Nodes& nodes) {
  plan::TapeFrame frame;
  const Tape tape = tape_of(op.operands[0]);
  frame.tape = tape.tape, frame.number = tape.number;
  frame.index = homes_.scalar_of(op.operands[1], nodes);
  frame.frame = plan_.frames++;
  frame.writes = op.primitive == &tape_write_p;
  if (frame.writes && op.operands.size() > values_end(op)) {
    frame.progress = progress_of(homes_, op, values_end(op), nodes);
  }
  return frame;
}

void Frames::read(const Op& op, Nodes& nodes) {
  plan::TapeFrame frame = find(op, nodes);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    const Value* v = op.result(i);
    if (v->type.is_scalar()) {
      frame.loads.push_back({homes_.scalar_home(v), offset, v->type.dtype()});
      offset += 8;
    } else {
      homes_.settle(v, part(op.operands[0], i, frame.frame, v));
    }
  }
  nodes.push_back({std::move(frame)});
}

// Gives the base of the operand at `i` its home in the frame, if it is all of it and has none yet.
void Frames::make_in(const Op& write, std::size_t i, int frame) {
  const Value* v = write.operands[i];
  const Value* base = views_.resolve(v).base;
  if (!views_.is_whole(v) || homes_.has(base)) return;
  const int made = part(write.operands[0], i - 2, frame, v);
  homes_.settle(base, made);
  homes_.keep(made);
}

// Whether its number is known, and how far the solve is that it belongs to.
bool Frames::can_open(const Op& write) const {
  const auto known = [&](const Value* v) {
    const Value* base = views_.resolve(v).base;
    return is_constant(base) || homes_.available(base);
  };
  const auto progress = write.operands.begin() + std::ptrdiff_t(values_end(write));
  return homes_.available(views_.follow(write.operands[0])) && known(write.operands[1]) &&
         std::all_of(progress, write.operands.end(), known);
}

void Frames::open(const Agenda& agenda, Nodes& nodes) {
  // Its maker is yet to run.
  const auto can_make = [&](const Value* v) {
    if (v->type.is_scalar() || views_.varying(v)) return false;
    const Op* maker = views_.resolve(v).base->op;
    const Task* task = agenda.of(maker);
    return task && !task->done && maker->regions.empty() && !views_.varying(maker->result()) &&
           (task->kind == Task::Kind::Dense || task->kind == Task::Kind::Tile);
  };
  for (const Task* task : agenda.tape_writes()) {
    if (task->done || opened_.contains(task->op)) continue;
    const Op& op = *task->op;
    if (!can_open(op)) continue;
    std::vector<std::size_t> here;
    for (std::size_t i = 2; i < values_end(op); ++i) {
      if (can_make(op.operands[i])) here.push_back(i);
    }
    if (here.empty()) continue;
    const plan::TapeFrame frame = find(op, nodes);
    for (const std::size_t i : here) make_in(op, i, frame.frame);
    opened_[&op] = frame.frame;
    nodes.push_back({frame});
  }
}

void Frames::write(const Op& op, Nodes& nodes, const std::vector<Task*>& group) {
  set_tape(op.result(), tape_of(op.operands[0]));
  plan::TapeFrame frame = find(op, nodes);
  const int id = written_[&op] = frame.frame;
  std::int64_t offset = 0;
  for (std::size_t i = 2; i < values_end(op); ++i) {
    const Value* v = op.operands[i];
    if (v->type.is_scalar()) {
      frame.stores.push_back({homes_.scalar_of(v, nodes), offset, v->type.dtype()});
      offset += 8;
    } else if (views_.varying(v)) {
      const Value* base = views_.resolve(v).base;
      const bool here = std::any_of(group.begin(), group.end(), [&](const Task* t) {
        return t->op && t->kind == Task::Kind::Tile && base->op == t->op;
      });
      if (here) make_in(op, i, id);
    }
  }
  nodes.push_back({std::move(frame)});
  homes_.enter_new_segment();
  for (std::size_t i = 2; i < values_end(op); ++i) {
    const Value* v = op.operands[i];
    if (v->type.is_scalar() || views_.varying(v) || is_in(op, i)) continue;
    const int made = part(op.operands[0], i - 2, id, v);
    homes_.keep(made);
    nodes.push_back({dense_copy(homes_, v, homes_.ref_to(made, v))});
  }
}

// Whether the operand at `i` was made where the frame wants it.
bool Frames::is_in(const Op& write, std::size_t i) const {
  const auto found = homes_.find(views_.resolve(write.operands[i]).base);
  if (!found) return false;
  const Buffer& own = homes_.buffer(*found);
  const auto is = [&](const std::map<const Op*, int>& frames) {
    const auto frame = frames.find(&write);
    return frame != frames.end() && frame->second == own.index;
  };
  const bool framed = own.space == Buffer::Space::Frame || own.space == Buffer::Space::FrameDense;
  return framed && own.part == int(i) - 2 && (is(written_) || is(opened_));
}

void Frames::copy_samples(TileList& list, const Op& op) {
  for (std::size_t i = 2; i < values_end(op); ++i) {
    const Value* v = op.operands[i];
    if (v->type.is_scalar() || !views_.varying(v) || is_in(op, i)) continue;
    const int made = part(op.operands[0], i - 2, written_.at(&op), v);
    homes_.keep(made);
    add_copy(homes_, list, v, homes_.ref_to(made, v));
  }
}

}  // namespace nodec::lowering
