// Trees of variables and the flat lists of values behind them.
#include "compiler/trace/tree.h"

#include "compiler/trace/access.h"

namespace nodec::tracing {

Content content_of(const Var& var, const SourceLine& where) { return Access::content(var, where); }

void bind(Var& var, Content content, const SourceLine& where) {
  Access::reset(var, current(where), std::move(content), where);
  Access::leave_home(var);
}

std::vector<Value*> flat(const Contents& contents) {
  std::vector<Value*> values;
  for (const Content& content : contents) append_leaves(content, values);
  return values;
}

std::vector<Type> types_of(const Contents& contents) {
  std::vector<Type> types;
  for (const Content& content : contents) types.push_back(content.type);
  return types;
}

Contents unflat(const std::vector<Type>& types, std::span<Value* const>& values) {
  Contents all;
  for (const Type& type : types) all.push_back(from_leaves(type, values));
  return all;
}

}  // namespace nodec::tracing
