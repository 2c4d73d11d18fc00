// Loops, branches and calls: open a frame for each body, trace it, end the frames, append the op.
#include "compiler/trace/control.h"

#include "compiler/trace/access.h"
#include "compiler/trace/bodies.h"
#include "compiler/trace/collect.h"
#include "kernels/build.h"
#include "kernels/sample_loop.h"

namespace nodec::tracing {
namespace {

// The samples that run in the loop around this frame; null: all do.
Value* running_around(Frame& frame, const SourceLine& where) {
  for (const Frame* at = &frame; at != nullptr; at = at->parent) {
    if (at->running != nullptr) return content_of(*at->running, where).value;
  }
  return nullptr;
}

// A loop's op, and what it gives.
Contents append_while(const Contents& carry, const Contents& next, const Ended& ended,
                      const LoopOptions& options, Opened& test, Opened& body,
                      const SourceLine& where) {
  Frame& parent = current(where);
  Builder b = parent.builder(where);
  Attrs attrs;
  if (options.tape_bytes != 0) attrs.set("tape_bytes", options.tape_bytes);
  if (ended.open || !same_types(types_of(carry), types_of(next))) attrs.set("open", true);
  std::vector<Value*> carries = joined(flat(carry), ended.carried);
  std::vector<Type> types = types_of(next);
  if (body->running == nullptr) {
    attrs.set("carried", std::int64_t(carries.size()));
    Op& op = b.op(while_p, joined(carries, ended.captures), std::move(attrs), two(test, body));
    return results_of(op, types, ended, parent);
  }
  types.push_back(test->own_region->results[0]->type);
  SampleLoop loop{std::move(carries), ended.captures, flat(carry).size(),
                  std::move(test->own_region), std::move(body->own_region)};
  Op& op = while_samples(b, std::move(loop), running_around(parent, where), std::move(attrs));
  Contents results = results_of(op, types, ended, parent);
  results.pop_back();
  return results;
}

}  // namespace

Contents run_while(const Contents& carry, const Traced1& test, const Traced1& body,
                   const LoopOptions& options, const SourceLine& where) {
  Opened test_frame(Body::Flow, "while", where);
  test_frame->tests = true;
  set_results(*test_frame, test(add_arguments(*test_frame, carry)));
  test_frame.close();
  Opened body_frame(Body::Flow, "while", where);
  Contents inside = add_arguments(*body_frame, carry);
  const std::vector<Value*>& tested = test_frame->region->results;
  Var running;
  if (tested.size() == 1 && is_for_each_sample(tested[0]->type)) {
    bind(running, add_argument(*body_frame, tested[0]->type, "running"), where);
    body_frame->running = &running;
  }
  const Contents left = body(std::move(inside));
  report_structures(carry, left, *body_frame);
  const Contents next = fitted_to(types_of(carry), left, *body_frame);
  set_results(*body_frame, next);
  body_frame.close();
  const Ended ended = end_flow({&*test_frame, &*body_frame}, true);
  return append_while(carry, next, ended, options, test_frame, body_frame, where);
}

Contents run_cond(const Operand& pred, const Traced0& then_body, const Traced0& else_body,
                  const SourceLine& where) {
  Builder b = builder_at(where);
  Value* chosen = Access::value(b, pred);
  Opened then_frame(Body::Flow, "cond", where);
  const Contents yes = then_body();
  then_frame.close();
  Opened else_frame(Body::Flow, "cond", where);
  const Contents second = else_body();
  set_results(*else_frame, second);
  else_frame.close();
  report_structures(yes, second, *else_frame);
  const Contents first = fitted_to(types_of(second), yes, *then_frame);
  set_results(*then_frame, first);
  const Ended ended = end_flow({&*then_frame, &*else_frame}, false);
  Attrs attrs;
  if (ended.open || !same_types(types_of(first), types_of(second))) attrs.set("open", true);
  Op& op = b.op(cond_p, joined(Values{chosen}, ended.captures), std::move(attrs),
                two(then_frame, else_frame));
  return results_of(op, types_of(first), ended, current(where));
}

Contents run_call(std::string_view name, const Contents& args, const Traced1& body,
                  const SourceLine& where) {
  Opened frame(Body::Closure, "call", where);
  frame->name = std::string(name);
  Contents results = body(add_arguments(*frame, args));
  const auto own = std::ptrdiff_t(results.size());
  Collect* collect = frame->record->collect;
  if (collect != nullptr) collect->append_counts(frame.shared(), results);
  set_results(*frame, results);
  frame.close();
  std::vector<Value*> operands = joined(flat(args), end_closure(*frame));
  Builder b = builder_at(where);
  Op& op = call(b, std::move(operands), std::move(frame->own_region), name);
  Contents all = results_of(op, types_of(results), {}, current(where));
  if (collect != nullptr) collect->counts_of(frame.shared(), {all.begin() + own, all.end()}, where);
  all.erase(all.begin() + own, all.end());
  return all;
}

}  // namespace nodec::tracing
