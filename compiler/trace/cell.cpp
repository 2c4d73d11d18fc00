// Cells: the box itself is an ordinary captured value.
#include "compiler/trace/cell.h"

#include "compiler/trace/access.h"
#include "kernels/build.h"

namespace nodec {

using tracing::Access;

Cell::Cell(const Var& first, Here where)
    : box_(std::make_shared<Var>(where)), type_(first.type(where)) {
  const SourceLine line = SourceLine::of(where);
  Builder b = tracing::builder_at(line);
  Value* content = tracing::materialise(b, Access::content(first, line));
  Value* box = b.value(cell_new_p, {content});
  box->name = Access::name(first);
  Access::reset(*box_, tracing::current(line), tracing::Content(box), line);
}

Var Cell::load(Here where) const {
  const SourceLine line = SourceLine::of(where);
  Builder b = tracing::builder_at(line);
  Value* content = b.value(cell_load_p, {Access::content(*box_, line).value});
  return Access::make(tracing::open(b, content), line);
}

void Cell::store(const Var& content, Here where) const {
  const SourceLine line = SourceLine::of(where);
  const Type type = content.type(where);
  if (type != type_) {
    throw Error(fmt::format("a cell of {} is given a {}", type_.str(), type.str()), {{line, ""}},
                "a cell keeps the type of its first content");
  }
  Builder b = tracing::builder_at(line);
  Value* stored = tracing::materialise(b, Access::content(content, line));
  b.op(cell_store_p, {Access::content(*box_, line).value, stored});
}

}  // namespace nodec
