// The ops that stop a program for a solve.
#include "kernels/solve/stop.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "ir/status.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

std::string sizes_text(const Type& type) {
  std::string text;
  if (!type.is_tensor()) return text;
  for (const Dim& size : type.shape()) {
    if (size.is_constant()) text += (text.empty() ? "" : ", ") + size.str();
  }
  return text.empty() ? "" : "[" + text + "]";
}

}  // namespace

void tell_failure(Builder& b, const SolveView& solve, const LastStep& last) {
  if (!has_site(solve.op())) return;
  const auto tell = [&](Builder& in, const LastStep& there) {
    const NotFinite first = first_not_finite(in, solve, there);
    copy_site(solve.op(), in.op(tell_not_finite_p, {first.component, first.sample},
                                {{"states", component_space(solve)}}));
    return Values{};
  };
  Value* failed = eq(b, last.status, integer(b, Dtype::I32, std::int64_t(Status::NonFinite)));
  emit_cond(b, failed, last, tell, [](Builder&, const LastStep&) { return Values{}; });
}

std::string component_space(const SolveView& solve) {
  if (solve.op().attrs.has("components")) return attribute<std::string>(solve.op(), "components");
  std::vector<std::string> names, states;
  for (std::size_t i = 0; i < solve.states(); ++i) {
    const std::string& name = solve.dynamics().arg(1 + i)->name;
    names.push_back(name.empty() ? "u" : name);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool shared = std::count(names.begin(), names.end(), names[i]) > 1;
    states.push_back(names[i] + (shared ? fmt::format("_{}", i + 1) : "") +
                     sizes_text(solve.initial_states()[i]->type));
  }
  return fmt::format("{}", fmt::join(states, "; "));
}

bool has_site(const Op& solve) {
  return solve.attrs.has("site") || solve.attrs.has("callers_site");
}

void copy_site(const Op& solve, Op& to) {
  for (const char* name : {"site", "callers_site", "reverse"}) {
    if (const Attr* value = solve.attrs.find(name)) to.attrs.set(name, *value);
  }
}

Op& stop_going_back(Builder& b, const SolveView& solve, Values end) {
  Op& op = b.op(fail_if_p, std::move(end));
  copy_site(solve.op(), op);
  op.attrs.set("reverse", true);
  return op;
}

}  // namespace nodec
