// Arguments and results of traced bodies.
#include "compiler/trace/bodies.h"

namespace nodec::tracing {

Contents add_arguments(Frame& frame, const Contents& like, std::string_view name) {
  Contents inside;
  for (const Content& content : like) {
    inside.push_back(add_argument(frame, content.type, name));
    const std::vector<Value*> outer = leaves(content), args = leaves(inside.back());
    for (std::size_t i = 0; i < args.size(); ++i) {
      if (args[i]->name.empty()) args[i]->name = outer[i]->name;
    }
  }
  return inside;
}

void set_results(Frame& frame, const Contents& results) { frame.region->results = flat(results); }

Contents results_of(Op& op, const std::vector<Type>& own, const Ended& ended, Frame& parent) {
  std::vector<Value*> values;
  for (const auto& result : op.results) values.push_back(result.get());
  std::span<Value* const> rest(values);
  Contents results = unflat(own, rest);
  rebind_stored(ended, rest, parent);
  return results;
}

std::vector<Value*> joined(std::vector<Value*> first, const std::vector<Value*>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace nodec::tracing
