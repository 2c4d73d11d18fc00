// Arguments and results of traced bodies.
#include "compiler/trace/bodies.h"

#include <algorithm>

#include "compiler/trace/untraceable.h"

namespace nodec::tracing {
namespace {

SourceLine made_at(const Content& content, const Frame& body) {
  const SourceLine line = line_of(content);
  return line.known() ? line : body.where;
}

}  // namespace

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
  std::vector<Value*> values = op.all_results();
  std::span<Value* const> rest(values);
  Contents results = unflat(own, rest);
  rebind_stored(ended, rest, parent);
  return results;
}

bool same_types(const std::vector<Type>& a, const std::vector<Type>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), identical);
}

void report_structures(const Contents& before, const Contents& after, const Frame& body) {
  if (before.size() != after.size()) {
    const Type given = Type::tuple(types_of(before)), left = Type::tuple(types_of(after));
    Finding finding = restructured(body, given, left, body.where);
    finding.declared = body.where;
    return body.record->report(std::move(finding));
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Type &given = before[i].type, &left = after[i].type;
    if (same_structure(given, left)) continue;
    Finding finding = restructured(body, given, left, made_at(after[i], body));
    finding.declared = made_at(before[i], body);
    body.record->report(std::move(finding));
  }
}

Contents fitted_to(const std::vector<Type>& wanted, Contents contents, const Frame& body) {
  Builder b = body.builder(body.where);
  contents.resize(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) contents[i] = fitted(b, contents[i], wanted[i]);
  return contents;
}

std::vector<std::unique_ptr<Region>> two(Opened& first, Opened& second) {
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(first->own_region));
  regions.push_back(std::move(second->own_region));
  return regions;
}

}  // namespace nodec::tracing
