// Writes a `while` or a `cond` over structs of named values instead of lists of operands.
//
// State holds what changes from turn to turn, Env what does not; both have
//   template <class F> void each(F&& f) { f(t, "t"); f(dt, "dt"); ... }
// over all their values (null ones are not part of the loop).
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "kernels/build.h"
#include "kernels/solve/view.h"

namespace nodec {

// For `each`: a list of values named name0, name1, ...
template <class F>
void each_of(F&& f, Values& values, const std::string& name) {
  for (std::size_t i = 0; i < values.size(); ++i) f(values[i], name + std::to_string(i));
}

template <class Bundle>
Values flatten(Bundle bundle) {
  Values values;
  bundle.each([&](Value*& value, const std::string&) {
    if (value) values.push_back(value);
  });
  return values;
}

// The same bundle as arguments of `region`.
template <class Bundle>
Bundle add_args(Region& region, Bundle bundle) {
  bundle.each([&](Value*& value, const std::string& name) {
    if (value) value = region.add_arg(value->type, name);
  });
  return bundle;
}

// The bundle with `values` from position `next` on in place of its own.
template <class Bundle>
Bundle rebind(Bundle bundle, const Values& values) {
  std::size_t next = 0;
  bundle.each([&](Value*& value, const std::string&) {
    if (value) value = values.at(next++);
  });
  return bundle;
}

// fill: (Builder&, the bundle's arguments) -> what the region yields.
template <class Bundle, class Fill>
std::unique_ptr<Region> region_over(const Builder& b, const Bundle& bundle, const Fill& fill) {
  auto region = std::make_unique<Region>();
  Builder inside(*region);
  inside.at(b.where());
  region->results = fill(inside, add_args(*region, bundle));
  return region;
}

// yes, no: as `fill`.
template <class Bundle, class Yes, class No>
Values emit_cond(Builder& b, Value* decision, const Bundle& bundle, const Yes& yes, const No& no) {
  auto yes_region = region_over(b, bundle, yes), no_region = region_over(b, bundle, no);
  return cond(b, decision, flatten(bundle), std::move(yes_region), std::move(no_region))
      .all_results();
}

// test: (Builder&, State, Env) -> a bool value; body: (Builder&, State, Env) -> the next State.
template <class State, class Env, class Test, class Body>
State emit_while(Builder& b, const State& start, const Env& env, const Test& test,
                 const Body& body) {
  const auto region_of = [&](const auto& fill) {
    auto region = std::make_unique<Region>();
    const State state = add_args(*region, start);
    const Env fixed = add_args(*region, env);
    Builder inner(*region);
    inner.at(b.where());
    region->results = fill(inner, state, fixed);
    return region;
  };
  auto test_region = region_of([&](Builder& inner, const State& state, const Env& fixed) {
    return Values{test(inner, state, fixed)};
  });
  auto body_region = region_of([&](Builder& inner, const State& state, const Env& fixed) {
    return flatten(body(inner, state, fixed));
  });
  Values operands = flatten(start);
  const std::size_t carried = operands.size();
  for (Value* value : flatten(env)) operands.push_back(value);
  const Op& loop = while_loop(b, operands, carried, std::move(test_region), std::move(body_region));
  return rebind(start, loop.all_results());
}

}  // namespace nodec
