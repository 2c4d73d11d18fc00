// Cells: the box itself is an ordinary captured value.
#include "compiler/trace/cell.h"

#include "compiler/trace/access.h"
#include "compiler/trace/call_stack.h"
#include "kernels/build.h"

namespace nodec {

using tracing::Access;

struct Cell::Slot {
  Var box;
  Type declared, held;  // the first content's, and the last one's
  tracing::Frame* birth = nullptr;
  std::int64_t handles = 1;
};

Cell::Cell(const Var& first, Here where) : Cell(first, StatePolicy::None, where) {}

Cell::Cell(const Var& first, StatePolicy policy, Here where)
    : slot_(std::make_shared<Slot>(Slot{Var(where), first.type(where), first.type(where)})) {
  const SourceLine line = SourceLine::of(where);
  Builder b = tracing::builder_at(line);
  Value* content = tracing::materialise(b, Access::content(first, line));
  Attrs attrs;
  if (policy != StatePolicy::None) attrs.set("policy", std::string(nodec::name(policy)));
  Value* box = b.value(cell_new_p, {content}, std::move(attrs));
  box->name = Access::own_name(first);
  tracing::Frame& frame = tracing::current(line);
  slot_->birth = &frame;
  tracing::BoxSite site{box->op, frame.record->boxed++, {}};
  if (tracing::is_library(line.file)) site.copied = tracing::return_addresses();
  frame.record->traced.boxes.push_back(std::move(site));
  Access::reset(slot_->box, frame, tracing::Content(box), line);
  Access::set_policy(slot_->box, policy);
}

// A copy made where the cell was is a handle of its own; one made inside a body, to pass the cell
// on, is the one it was copied from.
Cell::Cell(const Cell& other) : slot_(other.slot_), handle_(other.handle_) {
  if (slot_ != nullptr && tracing::innermost() == slot_->birth) handle_ = slot_->handles++;
}

Cell& Cell::operator=(const Cell& other) {
  if (this != &other) *this = Cell(other);
  return *this;
}

Value* Cell::box(const SourceLine& line) const {
  if (slot_ != nullptr) return Access::content(slot_->box, line).value;
  throw Error("a cell is used after it was moved from", {{line, ""}},
              "use the cell that it was moved to, or copy it");
}

Cell& Cell::named(const std::string& name) & {
  box({})->name = name;
  Access::rename(slot_->box, name);
  return *this;
}

Cell Cell::named(const std::string& name) && {
  named(name);
  return std::move(*this);
}

Attrs Cell::handle() const {
  Attrs attrs;
  if (handle_ != 0) attrs.set("handle", handle_);
  return attrs;
}

Var Cell::load(Here where) const {
  const SourceLine line = SourceLine::of(where);
  Builder b = tracing::builder_at(line);
  return Access::make(tracing::loaded(b, cell_load_p, box(line), slot_->held), line);
}

void Cell::store(const Var& content, Here where) const {
  const SourceLine line = SourceLine::of(where);
  Value* const box = this->box(line);
  slot_->held = content.type(where);
  // One that changes its type cannot become a plain value: it stays, for inference to report.
  const bool changes = !identical(slot_->held, slot_->declared);
  if (changes) Access::set_policy(slot_->box, StatePolicy::None);
  Builder b = tracing::builder_at(line);
  Value* stored = tracing::materialise(b, Access::content(content, line));
  b.op(cell_store_p, {box, stored}, handle());
}

}  // namespace nodec
