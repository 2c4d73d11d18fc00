// Frames of a trace: reading and storing variables across regions. The rules are in frame.h.
#include "compiler/trace/frame.h"

#include <algorithm>
#include <utility>

#include "compiler/trace/call_stack.h"
#include "compiler/trace/untraceable.h"
#include "kernels/build.h"

namespace nodec::tracing {
namespace {

// A plain pointer: a thread may trace while its other locals are destroyed.
thread_local Frame* innermost_frame = nullptr;

void leave_innermost() {
  const std::shared_ptr<Frame> last = std::move(innermost_frame->kept);
  innermost_frame = last->parent;
}

std::size_t next_op(const Frame& frame) { return frame.region->ops.size(); }

// A load that may vanish when the frame ends.
Content load_captured(Slot& slot, Frame& frame, const SourceLine& at) {
  const std::size_t before = next_op(frame);
  Builder b = frame.builder(at);
  Load load;
  load.content = loaded(b, box_load_p, slot.box, slot.witness);
  load.first = frame.region->ops.at(before).get();
  load.ops = next_op(frame) - before;
  slot.loads.push_back(load);
  return load.content;
}

Content read_binding(const Variable& variable, const Binding& binding, Frame& frame,
                     const SourceLine& at) {
  if (binding.box != nullptr) {
    Builder b = frame.builder(at);
    return loaded(b, box_load_p, binding.box, binding.witness);
  }
  if (!binding.content) throw unborn(variable, frame, at);
  return *binding.content;
}

Binding& binding_in(const std::shared_ptr<Variable>& variable, Frame& frame, const SourceLine& at) {
  return variable->birth.get() == &frame ? variable->binding : frame.slot(variable, at).binding;
}

bool covered(const TraceRecord& record) {
  return !record.scopes.empty() && record.scopes.back().second.known();
}

// Remembers who stores. Inside a scope that is the library, and the line is the scope's.
std::size_t remember_store(const Variable& variable, const Frame& frame) {
  TraceRecord& record = *frame.record;
  StoreSite site;
  if (!covered(record)) site.addresses = return_addresses();
  if (variable.at_home && !variable.copied_by) site.declared = variable.declared;
  site.is_copy = variable.is_copy;
  record.traced.stores.push_back(std::move(site));
  return record.traced.stores.size() - 1;
}

void note_store(Slot& slot, const SourceLine& at, const std::vector<std::size_t>& sites) {
  slot.stored = true;
  slot.where = at;
  slot.sites.insert(slot.sites.end(), sites.begin(), sites.end());
}

bool rebinds(const Variable& variable, const Frame& frame) {
  return variable.birth.get() == &frame || frame.body != Body::Closure;
}

}  // namespace

std::string own_name(const Variable& variable) { return variable.named ? variable.name : ""; }

Builder Frame::builder(const SourceLine& at) const {
  Builder b(*region);
  SourceLine line = covered(*record) ? record->scopes.back().second : at;
  line.layer = record->path();
  b.at(std::move(line));
  return b;
}

bool Frame::inside(const Frame& outer) const {
  if (!outer.open) return false;
  for (const Frame* frame = this; frame != nullptr; frame = frame->parent) {
    if (frame == &outer) return true;
  }
  return false;
}

Slot* Frame::find(const Variable& variable) const {
  for (const auto& slot : slots) {
    if (slot->variable.get() == &variable) return slot.get();
  }
  return nullptr;
}

Slot& Frame::slot(const std::shared_ptr<Variable>& variable, const SourceLine& at) {
  if (Slot* known = find(*variable)) return *known;
  auto slot = std::make_unique<Slot>();
  slot->variable = variable;
  if (has_value(*variable, *parent)) {
    const Type type = type_of(variable, *parent, at);
    if (body == Body::Closure) {
      slot->box = region->add_arg(Type::box(type), own_name(*variable));
      slot->witness = type;
    } else {
      std::vector<Value*> args;
      for (const Type& leaf : leaf_types(type))
        args.push_back(region->add_arg(leaf, variable->name));
      slot->entry = from_leaves(type, args);
      slot->binding.content = slot->entry;
    }
  }
  slots.push_back(std::move(slot));
  return *slots.back();
}

Frame* innermost() {
  while (innermost_frame != nullptr && !innermost_frame->open) leave_innermost();
  return innermost_frame;
}

Frame& current(const SourceLine& at) {
  Frame* frame = innermost();
  if (frame == nullptr) {
    throw Error("nothing is being traced here", {{at, ""}},
                "variables live inside a Trace, or in the function given to trace or compile");
  }
  return *frame;
}

Opened::Opened(Body body, std::string what, const SourceLine& where, Region* region)
    : frame_(std::make_shared<Frame>()) {
  frame_->body = body;
  frame_->what = std::move(what);
  frame_->where = where;
  frame_->parent = body == Body::Program ? nullptr : &current(where);
  frame_->depth = frame_->parent != nullptr ? frame_->parent->depth + 1 : 0;
  if (frame_->depth > kDepthLimit) {
    throw Error(fmt::format("bodies nest more than {} deep", kDepthLimit), {{where, frame_->what}},
                "write some of them without a body of their own");
  }
  frame_->record =
      frame_->parent != nullptr ? frame_->parent->record : std::make_shared<TraceRecord>();
  if (region == nullptr) {
    frame_->own_region = std::make_unique<Region>();
    region = frame_->own_region.get();
  }
  frame_->region = region;
  if (const Frame* around = innermost(); body == Body::Program && around != nullptr) {
    throw Error("a program is traced inside another one",
                {{where, ""}, {around->where, "this one is open"}},
                "finish the outer program first");
  }
  frame_->kept = frame_;
  innermost_frame = frame_.get();
}

Opened::~Opened() {
  if (frame_->thread == std::this_thread::get_id()) {
    close();
  } else {
    frame_->open = false;
  }
}

void Opened::close() {
  if (!frame_->open) return;
  if (frame_->thread != std::this_thread::get_id()) {
    throw Error(fmt::format("'{}' is ended in another thread than it was begun in", frame_->what),
                {{frame_->where, "begun here"}}, "end it where it was begun");
  }
  NODEC_CHECK(innermost() == frame_.get(), "frames of '{}' close out of order", frame_->what);
  frame_->open = false;
  leave_innermost();
}

Content add_argument(Frame& frame, const Type& type, std::string_view name) {
  NODEC_CHECK(frame.slots.empty(), "an argument of '{}' is added after a capture", frame.what);
  std::vector<Value*> args;
  const std::vector<std::string> names = leaf_names(type, name);
  const std::vector<Type> types = leaf_types(type);
  for (std::size_t i = 0; i < types.size(); ++i) {
    args.push_back(frame.region->add_arg(types[i], names[i]));
  }
  frame.own_args = frame.region->args.size();
  return from_leaves(type, args);
}

bool has_value(const Variable& variable, const Frame& frame) {
  if (variable.birth.get() == &frame) return variable.binding.box || variable.binding.content;
  if (const Slot* slot = frame.find(variable)) {
    return slot->box != nullptr || slot->binding.box != nullptr || slot->binding.content;
  }
  return frame.parent != nullptr && has_value(variable, *frame.parent);
}

Type type_of(const std::shared_ptr<Variable>& variable, Frame& frame, const SourceLine& at) {
  check_reach(*variable, frame, at);
  if (!rebinds(*variable, frame)) {
    const Slot* slot = frame.find(*variable);
    return slot != nullptr && slot->box != nullptr ? slot->witness
                                                   : type_of(variable, *frame.parent, at);
  }
  const Binding& binding = binding_in(variable, frame, at);
  if (binding.box != nullptr) return binding.witness;
  if (!binding.content) throw unborn(*variable, frame, at);
  return binding.content->type;
}

Content read(const std::shared_ptr<Variable>& variable, Frame& frame, const SourceLine& at) {
  check_reach(*variable, frame, at);
  if (rebinds(*variable, frame)) {
    return read_binding(*variable, binding_in(variable, frame, at), frame, at);
  }
  Slot& slot = frame.slot(variable, at);
  if (slot.box == nullptr) throw unborn(*variable, frame, at);
  return load_captured(slot, frame, at);
}

void store(const std::shared_ptr<Variable>& variable, Frame& frame, Content content,
           const SourceLine& at) {
  if (has_ended(*variable, frame) && variable->birth->body != Body::Program) {
    variable->birth = frame.shared_from_this();  // what it held is not used
  }
  check_reach(*variable, frame, at);
  const std::size_t site = frame.body == Body::Program ? 0 : remember_store(*variable, frame);
  if (rebinds(*variable, frame)) {
    if (variable->birth.get() != &frame) note_store(frame.slot(variable, at), at, {site});
    binding_in(variable, frame, at) = Binding{std::move(content), nullptr, {}};
    return;
  }
  Value* box = box_of(variable, frame, at, {site});
  Slot& slot = frame.slot(variable, at);
  Builder b = frame.builder(at);
  slot.witness = content.type;
  Value* stored = materialise(b, content);
  Op& op = b.op(box_store_p, {box, stored});
  if (!covered(*frame.record)) op.where = {"", 0, frame.record->path()};
  frame.record->traced.stores[site].ops.push_back(&op);
}

Value* box_of(const std::shared_ptr<Variable>& variable, Frame& frame, const SourceLine& at,
              const std::vector<std::size_t>& sites) {
  check_reach(*variable, frame, at);
  if (!rebinds(*variable, frame)) {
    Slot& slot = frame.slot(variable, at);
    if (slot.box == nullptr) {
      throw unborn(*variable, frame, written_at(frame, sites, at),
                   "declare it inside the body, or give it a value first");
    }
    note_store(slot, at, sites);
    return slot.box;
  }
  Binding& binding = binding_in(variable, frame, at);
  if (binding.box == nullptr) {
    if (!binding.content) throw unborn(*variable, frame, at);
    Builder b = frame.builder(variable->declared.known() ? variable->declared : at);
    Value* first = materialise(b, *binding.content);
    binding = Binding{std::nullopt, b.value(box_new_p, {first}), first->type};
    if (!variable->number) variable->number = frame.record->boxed++;
    frame.record->traced.boxes.push_back(
        {binding.box->op, *variable->number, variable->copied_by.value_or(std::vector<void*>())});
    binding.box->name = own_name(*variable);
  }
  if (variable->birth.get() != &frame) note_store(frame.slot(variable, at), at, sites);
  return binding.box;
}

void set_witness(const std::shared_ptr<Variable>& variable, Frame& frame, const Type& type) {
  if (rebinds(*variable, frame)) {
    binding_in(variable, frame, {}).witness = type;
  } else {
    frame.slot(variable, {}).witness = type;
  }
}

}  // namespace nodec::tracing
