// Loops, branches and calls: open a frame for each body, trace it, end the frames, append the op.
#include "compiler/trace/control.h"

#include <algorithm>

#include "compiler/trace/access.h"
#include "compiler/trace/bodies.h"
#include "kernels/build.h"

namespace nodec::tracing {
namespace {

// A body that must give back the types it was given.
void check_same(std::string_view what, const std::vector<Type>& wanted,
                const std::vector<Type>& got, const SourceLine& where) {
  if (wanted == got) return;
  std::vector<std::string> changes;
  for (std::size_t i = 0; i < std::max(wanted.size(), got.size()); ++i) {
    const std::string before = i < wanted.size() ? wanted[i].str() : "nothing";
    const std::string after = i < got.size() ? got[i].str() : "nothing";
    if (before != after) changes.push_back(fmt::format("{} against {}", before, after));
  }
  throw Error(fmt::format("{}: {}", what, fmt::join(changes, "; ")), {{where, ""}},
              "let both have the same types; cast or reshape where they differ");
}

}  // namespace

Contents run_while(const Contents& carry, const Traced1& test, const Traced1& body,
                   const SourceLine& where) {
  Opened test_frame(Body::Flow, "while", where);
  set_results(*test_frame, test(add_arguments(*test_frame, carry)));
  test_frame.close();
  Opened body_frame(Body::Flow, "while", where);
  const Contents next = body(add_arguments(*body_frame, carry));
  set_results(*body_frame, next);
  body_frame.close();
  check_same("the body of a while changes the type of what it carries", types_of(carry),
             types_of(next), where);
  const Ended ended = end_flow({&*test_frame, &*body_frame}, true);
  const std::vector<Value*> carries = joined(flat(carry), ended.carried);
  Frame& parent = current(where);
  Builder b = parent.builder(where);
  Op& op = while_loop(b, joined(carries, ended.captures), carries.size(),
                      std::move(test_frame->own_region), std::move(body_frame->own_region));
  return results_of(op, types_of(carry), ended, parent);
}

Contents run_cond(const Operand& pred, const Traced0& then_body, const Traced0& else_body,
                  const SourceLine& where) {
  Builder b = builder_at(where);
  Value* chosen = Access::value(b, pred);
  Opened then_frame(Body::Flow, "cond", where);
  const Contents first = then_body();
  set_results(*then_frame, first);
  then_frame.close();
  Opened else_frame(Body::Flow, "cond", where);
  const Contents second = else_body();
  set_results(*else_frame, second);
  else_frame.close();
  check_same("the two bodies of a cond return different types", types_of(first), types_of(second),
             where);
  const Ended ended = end_flow({&*then_frame, &*else_frame}, false);
  Op& op = cond(b, chosen, ended.captures, std::move(then_frame->own_region),
                std::move(else_frame->own_region));
  return results_of(op, types_of(first), ended, current(where));
}

Contents run_call(std::string_view name, const Contents& args, const Traced1& body,
                  const SourceLine& where) {
  Opened frame(Body::Closure, "call", where);
  const Contents results = body(add_arguments(*frame, args));
  set_results(*frame, results);
  frame.close();
  std::vector<Value*> operands = joined(flat(args), end_closure(*frame));
  Builder b = builder_at(where);
  Op& op = call(b, std::move(operands), std::move(frame->own_region), name);
  return results_of(op, types_of(results), {}, current(where));
}

}  // namespace nodec::tracing
