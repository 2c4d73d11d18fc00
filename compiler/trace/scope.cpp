// Scopes of the trace being written.
#include "compiler/trace/scope.h"

#include "compiler/trace/frame.h"

namespace nodec::tracing {

Scope::Scope(std::string name, SourceLine line) : record_(current(line).record) {
  record_->scopes.emplace_back(std::move(name), std::move(line));
}

Scope::~Scope() { record_->scopes.pop_back(); }

std::string TraceRecord::path() const {
  std::string joined;
  for (const auto& [name, line] : scopes) {
    if (!name.empty()) joined += (joined.empty() ? "" : ".") + name;
  }
  return joined;
}

}  // namespace nodec::tracing
