// Tapes: where the parts of a frame stand, and how values get there and back.
//
// A frame holds its scalars, then the varying values block by block (all of a block together, for
// one thread works on them: memory that two write by turns is fetched in vain), then the tensors
// without a batch. These come with the widest elements first: each is aligned as its elements ask,
// though sizes may be known at run time only. What can be made in the frame is never copied there:
// values of the phase that writes the frame, and tensors whose maker runs after the frame's number
// is known.
#include <algorithm>

#include "compiler/lower/batch.h"
#include "compiler/lower/lowering.h"

namespace nodec::lowering {

using plan::Buffer;
using plan::Nodes;

namespace {

constexpr std::int64_t kAlignment = 64;  // of a vector of 16 floats
std::int64_t aligned(std::int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

int Lowering::tape_of(const Value* v) const {
  const auto found = tape_.find(follow(v));
  NODEC_CHECK(found != tape_.end(), "a tape of unknown origin");
  return found->second;
}

// A branch's tape leaves it. Derivatives give the other branch an empty one, which nobody reads.
void Lowering::pass_tape(const Value& result, const Value& inside) {
  const bool empty = inside.op && inside.op->primitive == &tape_new_p;
  const auto known = tape_.find(&result);
  if (known == tape_.end()) {
    set_tape(&result, tape_of(&inside));
    if (empty) empty_tapes_.insert(&result);
  } else if (empty_tapes_.erase(&result) > 0) {
    known->second = tape_of(&inside);
  } else if (!empty) {
    throw Error("a tape that both branches write cannot be compiled yet",
                {{result.op->where, "branches here"}});
  }
}

// Where the parts of a tape's frames stand.
Lowering::FrameLayout Lowering::frame_layout(const Type& tape) const {
  const std::vector<Type>& parts = tape.elements();
  FrameLayout layout;
  layout.before.resize(parts.size());
  std::int64_t scalars = 0;
  std::vector<std::size_t> dense;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].is_scalar()) {
      ++scalars;
    } else if (is_varying(parts[i], graph_.batch)) {
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
    layout.bytes = layout.bytes + element_count(parts[i].shape()) *
                                      Dim(static_cast<std::int64_t>(bytes(parts[i].dtype())));
  }
  return layout;
}

// The place of `v`, part number `part` of a tape's frame.
int Lowering::frame_part(const Value* tape, std::size_t part, int frame, const Value* v) {
  const FrameLayout layout = frame_layout(tape->type);
  Buffer b;
  b.name = "tape";
  b.dtype = v->type.dtype();
  b.index = frame;
  b.tape = tape_of(tape);
  b.part = static_cast<int>(part);
  b.offset = layout.before[part];
  if (varying(v)) {
    b.space = Buffer::Space::Frame;
    b.elements = elements(v);
    b.block_bytes = layout.block_bytes;
  } else {
    b.space = Buffer::Space::FrameDense;
    b.count = element_count(v->type.shape());
  }
  return new_buffer(std::move(b));
}

// One past the last operand of a write that belongs to its frame.
static std::size_t values_end(const Op& write) {
  return 2 + write.operands[0]->type.elements().size();
}

plan::TapeFrame Lowering::find_frame(const Op& op, Nodes& nodes) {
  plan::TapeFrame frame;
  frame.tape = tape_of(op.operands[0]);
  frame.index = scalar_of(op.operands[1], nodes);
  frame.frame = plan_.frames++;
  frame.writes = op.primitive == &tape_write_p;
  if (frame.writes && op.operands.size() > values_end(op)) {
    frame.progress = progress_of(op, values_end(op), nodes);
  }
  return frame;
}

void Lowering::read_frame(const Op& op, Nodes& nodes) {
  plan::TapeFrame frame = find_frame(op, nodes);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    const Value* v = op.result(i);
    if (v->type.is_scalar()) {
      frame.loads.push_back({scalar_home(v), offset, v->type.dtype()});
      offset += 8;
    } else {
      buffer_[v] = frame_part(op.operands[0], i, frame.frame, v);
    }
  }
  nodes.push_back({std::move(frame)});
}

// Gives the base of the operand at `i` its home in the frame, if it is all of it and has none yet.
void Lowering::make_in_frame(const Op& write, std::size_t i, int frame) {
  const Value* v = write.operands[i];
  const View view = resolve(v);
  const bool whole = contiguous(v, view) && view.start == 0 &&
                     element_count(v->type.shape()) == element_count(view.base->type.shape());
  if (!whole || buffer_.count(view.base)) return;
  const int made = frame_part(write.operands[0], i - 2, frame, v);
  buffer_[view.base] = made;
  kept_.insert(made);
}

void Lowering::open_frames(const std::vector<Task>& tasks, Nodes& nodes) {
  const bool writes = std::any_of(tasks.begin(), tasks.end(), [](const Task& task) {
    return task.kind == Task::Kind::TapeWrite && !task.done;
  });
  if (!writes) return;
  std::set<const Op*> makers;
  for (const Task& task : tasks) {
    const bool dense = task.op && task.op->regions.empty() &&
                       (task.kind == Task::Kind::Dense || task.kind == Task::Kind::Tile) &&
                       !varying(task.op->result());
    if (dense && !task.done) makers.insert(task.op);
  }
  for (const Task& task : tasks) {
    if (task.done || task.kind != Task::Kind::TapeWrite || opened_.count(task.op)) continue;
    const Op& op = *task.op;
    const auto known = [&](const Value* v) {
      const Value* base = resolve(v).base;
      return is_constant(base) || available_.count(base) > 0;
    };
    const auto progress = op.operands.begin() + static_cast<std::ptrdiff_t>(values_end(op));
    if (!available_.count(follow(op.operands[0])) || !known(op.operands[1]) ||
        !std::all_of(progress, op.operands.end(), known)) {
      continue;
    }
    std::vector<std::size_t> here;
    for (std::size_t i = 2; i < values_end(op); ++i) {
      const Value* v = op.operands[i];
      if (!v->type.is_scalar() && !varying(v) && makers.count(resolve(v).base->op))
        here.push_back(i);
    }
    if (here.empty()) continue;
    const plan::TapeFrame frame = find_frame(op, nodes);
    for (const std::size_t i : here) make_in_frame(op, i, frame.frame);
    opened_[&op] = frame.frame;
    nodes.push_back({frame});
  }
}

void Lowering::frame_for_write(const Op& op, Nodes& nodes, const std::vector<Task*>& group) {
  set_tape(op.result(), tape_of(op.operands[0]));
  plan::TapeFrame frame = find_frame(op, nodes);
  const int id = frame_[&op] = frame.frame;
  std::int64_t offset = 0;
  for (std::size_t i = 2; i < values_end(op); ++i) {
    const Value* v = op.operands[i];
    if (v->type.is_scalar()) {
      frame.stores.push_back({scalar_of(v, nodes), offset, v->type.dtype()});
      offset += 8;
    } else if (varying(v)) {
      const Value* base = resolve(v).base;
      const bool here = std::any_of(group.begin(), group.end(), [&](const Task* t) {
        return t->op && t->kind == Task::Kind::Tile && base->op == t->op;
      });
      if (here) make_in_frame(op, i, id);
    }
  }
  nodes.push_back({std::move(frame)});
  segment_ = next_segment_++;
  for (std::size_t i = 2; i < values_end(op); ++i) {
    const Value* v = op.operands[i];
    if (v->type.is_scalar() || varying(v) || is_in_frame(op, i)) continue;
    const int made = frame_part(op.operands[0], i - 2, id, v);
    kept_.insert(made);
    nodes.push_back({dense_copy(v, ref_to(made, v))});
  }
}

// Whether the operand at `i` was made where the frame wants it.
bool Lowering::is_in_frame(const Op& write, std::size_t i) {
  const auto found = buffer_.find(resolve(write.operands[i]).base);
  if (found == buffer_.end()) return false;
  const Buffer& own = plan_.buffers[static_cast<std::size_t>(found->second)];
  const auto is = [&](const std::map<const Op*, int>& frames) {
    const auto frame = frames.find(&write);
    return frame != frames.end() && frame->second == own.index;
  };
  const bool framed = own.space == Buffer::Space::Frame || own.space == Buffer::Space::FrameDense;
  return framed && own.part == static_cast<int>(i) - 2 && (is(frame_) || is(opened_));
}

void Lowering::copy_to_frame(TileList& list, const Op& op) {
  for (std::size_t i = 2; i < values_end(op); ++i) {
    const Value* v = op.operands[i];
    if (v->type.is_scalar() || !varying(v) || is_in_frame(op, i)) continue;
    const int made = frame_part(op.operands[0], i - 2, frame_.at(&op), v);
    kept_.insert(made);
    add_copy(list, v, ref_to(made, v));
  }
}

}  // namespace nodec::lowering
