// The function and its rule are traced as bodies over the same captures.
#include "compiler/trace/custom.h"

#include <algorithm>

#include "compiler/trace/access.h"
#include "compiler/trace/bodies.h"
#include "kernels/boxes.h"
#include "kernels/build.h"

namespace nodec::tracing {
namespace {

bool real(const Content& content) {
  return content.type.is_tensor() && is_float(content.type.dtype());
}

// One content per leaf, so that records go as their fields.
Contents leaves_only(const Contents& contents) {
  Contents all;
  for (Value* leaf : flat(contents)) all.emplace_back(leaf);
  return all;
}

Contents floats_of(const Contents& leaves) {
  Contents all;
  std::copy_if(leaves.begin(), leaves.end(), std::back_inserter(all), real);
  return all;
}

// `like`'s structure over `leaves`.
Contents shaped(const Contents& like, const Contents& leaves) {
  const std::vector<Value*> values = flat(leaves);
  std::span<Value* const> rest(values);
  return unflat(types_of(like), rest);
}

// The leaves with `moved` in place of the floats.
Contents with_floats(const Contents& leaves, const Contents& moved) {
  Contents all;
  auto next = moved.begin();
  for (const Content& leaf : leaves) all.push_back(real(leaf) ? *next++ : leaf);
  return all;
}

// A cell that is stored to, of those that both bodies took from outside.
const Value* stored_cell(const Ended& ended, const std::vector<Frame*>& bodies) {
  for (const Frame* body : bodies) {
    const auto& args = body->region->args;
    const std::size_t first = args.size() - ended.captures.size();
    for (std::size_t i = first; i < args.size(); ++i) {
      if (stores_to(*body->region, args[i].get())) return ended.captures[i - first];
    }
  }
  return nullptr;
}

Ended end_bodies(Frame& f, Frame& rule, std::string_view what, const SourceLine& where) {
  const Ended ended = end_flow({&f, &rule}, false);
  if (const Value* cell = stored_cell(ended, {&f, &rule})) {
    throw Error(
        fmt::format("a {} stores to {} outside", what,
                    cell->name.empty() ? "a cell" : fmt::format("the cell '{}'", cell->name)),
        {{where, "with a derivative of its own"}}, "return what it stores");
  }
  if (ended.stored.empty()) return ended;
  const std::string name = own_name(*ended.stored.front());
  const std::string variable = name.empty() ? "a variable" : fmt::format("'{}'", name);
  throw Error(fmt::format("a {} assigns {} that is declared outside", what, variable),
              {{ended.stored_at.front(), "assigned here"}, {where, "with a derivative of its own"}},
              "return it");
}

}  // namespace

Contents run_custom(const Contents& args, const CustomRule& custom, const SourceLine& where) {
  const Primitive& primitive = custom.forward ? custom_jvp_p : custom_vjp_p;
  const Contents given = leaves_only(args);
  Opened f(Body::Flow, std::string(primitive.name), where);
  const Contents results = custom.f(shaped(args, add_arguments(*f, given)));
  set_results(*f, results);
  f.close();

  Opened rule(Body::Flow, std::string(primitive.name), where);
  const Contents own = add_arguments(*rule, given);
  const Contents outcomes = leaves_only(results);
  const Contents at = custom.forward ? Contents() : add_arguments(*rule, outcomes);
  const Contents moved = add_arguments(*rule, custom.forward ? floats_of(given) : outcomes, "d");
  Contents yields = leaves_only(
      custom.rule(shaped(args, own), custom.forward ? Contents() : shaped(results, at),
                  custom.forward ? shaped(args, with_floats(own, moved)) : shaped(results, moved)));
  if (!custom.forward && yields.size() == given.size()) {
    Contents wanted;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (real(given[i])) wanted.push_back(yields[i]);
    }
    yields = std::move(wanted);
  }
  set_results(*rule, yields);
  rule.close();

  const Ended ended = end_bodies(*f, *rule, primitive.name, where);
  Builder b = builder_at(where);
  std::vector<Value*> operands = joined(flat(given), ended.captures);
  for (const Contents* further : {&at, &moved}) {
    for (const Content& content : *further) operands.push_back(zeros(b, content.type));
  }
  Op& op = b.op(primitive, std::move(operands), {{"arguments", std::int64_t(given.size())}},
                two(f, rule));
  return results_of(op, types_of(results), ended, current(where));
}

}  // namespace nodec::tracing
