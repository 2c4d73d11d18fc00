// Functions, loops and branches in CUDA C++. State that changes from turn to turn, and what a
// branch yields, are the only variables.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compiler/codegen/cuda/emitter.h"
#include "ir/error.h"

namespace nodec {

// One for each state, declared with the value it enters with.
Emitter::Values CudaEmitter::variables(const Values& state) {
  Values made;
  for (const Code& entering : state) {
    made.push_back(variable(entering.scalar, entering.varying));
    line(fmt::format("{} {} = {};", type(entering.scalar), name(made.back()), name(entering)));
  }
  return made;
}

// All at once: one that is yielded into another's place is put aside before it changes.
void CudaEmitter::assign(const Values& variables, Values yielded) {
  NODEC_CHECK(variables.size() == yielded.size(), "a loop of {} states yields {}", variables.size(),
              yielded.size());
  for (std::size_t i = 0; i < yielded.size(); ++i) {
    const Code &to = variables[i], &from = yielded[i];
    NODEC_CHECK(to.scalar == from.scalar && (to.varying || !from.varying),
                "loop state {} enters as kind {}{} and is yielded as kind {}{}", i, int(to.scalar),
                to.varying ? " varying" : " uniform", int(from.scalar),
                from.varying ? " varying" : " uniform");
    const auto changes = [&](const Code& earlier) { return earlier.handle == from.handle; };
    // A sum without a name may be of such a one.
    if (value(from).plus != 0 ||
        std::any_of(variables.begin(), variables.begin() + std::ptrdiff_t(i), changes)) {
      yielded[i] = named(from.scalar, name(from), from.varying);
    }
  }
  for (std::size_t i = 0; i < yielded.size(); ++i) {
    if (variables[i].handle == yielded[i].handle) continue;
    line(fmt::format("{} = {};", name(variables[i]), name(yielded[i])));
  }
}

// The plan has written out together what should be, so the compiler need not.
Emitter::Values CudaEmitter::loop(Code begin, Code end, Code step, Values state,
                                  const std::function<Values(Code, Values)>& body,
                                  std::int64_t unroll) {
  check_uniform(begin, Scalar::Index, "a loop's begin");
  check_uniform(end, Scalar::Index, "a loop's end");
  check_uniform(step, Scalar::Index, "a loop's step");
  const Values turning = variables(state);
  const Code at = variable(Scalar::Index, false);
  const std::string& n = name(at);
  line(fmt::format("#pragma unroll {}", unroll));
  line(fmt::format("for (int {} = {}; {} < {}; {}) {{", n, name(begin), n, name(end),
                   number(step) == 1 ? "++" + n : fmt::format("{} += {}", n, name(step))));
  indented([&] { assign(turning, body(at, turning)); });
  put("}");
  return turning;
}

Emitter::Values CudaEmitter::while_loop(Values state,
                                        const std::function<Code(const Values&)>& test,
                                        const std::function<Values(Values)>& body) {
  const Values turning = variables(state);
  line("for (;;) {");
  indented([&] {
    const Code go_on = test(turning);
    check_uniform(go_on, Scalar::Pred, "a loop's test");
    line(fmt::format("if (!{}) break;", name(go_on)));
    assign(turning, body(turning));
  });
  put("}");
  return turning;
}

// What `body` writes, as a text of its own, and what it yields.
std::pair<std::string, Emitter::Values> CudaEmitter::apart(const std::function<Values()>& body) {
  std::string before = std::exchange(here_.text, {});
  Values yielded;
  indented([&] { yielded = body(); });
  return {std::exchange(here_.text, std::move(before)), yielded};
}

// A value that both sides yield needs no variable.
Emitter::Values CudaEmitter::branch(Code pred, const std::function<Values()>& then_body,
                                    const std::function<Values()>& else_body) {
  check_uniform(pred, Scalar::Pred, "a branch's predicate");
  remark();
  auto [if_true, one] = apart(then_body);
  auto [if_false, other] = apart(else_body);
  NODEC_CHECK(one.size() == other.size(), "branches yield {} and {} values", one.size(),
              other.size());
  Values joined;
  const std::string further = indentation() + "  ";
  for (std::size_t i = 0; i < one.size(); ++i) {
    check_same(one[i], other[i]);
    const bool varying = one[i].varying || other[i].varying;
    if (name(one[i]) == name(other[i])) {
      joined.push_back({one[i].handle, one[i].scalar, varying});
      continue;
    }
    joined.push_back(variable(one[i].scalar, varying));
    put(fmt::format("{} {};", type(one[i].scalar), name(joined.back())));
    if_true += fmt::format("{}{} = {};\n", further, name(joined.back()), name(one[i]));
    if_false += fmt::format("{}{} = {};\n", further, name(joined.back()), name(other[i]));
  }
  if (!if_true.empty()) {
    put(fmt::format("if ({}) {{", name(pred)));
    here_.text += if_true;
    if (!if_false.empty()) put("} else {");
  } else if (!if_false.empty()) {
    put(fmt::format("if (!{}) {{", name(pred)));
  }
  here_.text += if_false;
  if (!if_true.empty() || !if_false.empty()) put("}");
  return joined;
}

void CudaEmitter::return_if(Code pred) {
  check_uniform(pred, Scalar::Pred, "return_if's predicate");
  line(fmt::format("if ({}) return;", name(pred)));
}

// A function of its own, as far as `body` writes it; the one being written waits.
CudaEmitter::Function CudaEmitter::written(const std::function<void()>& body) {
  Function outer = std::exchange(here_, {});
  body();
  return std::exchange(here_, std::move(outer));
}

// Whoever it works for, each thread of them calls it.
int CudaEmitter::function(Scope, std::string_view name, std::span<const Scalar> parameters,
                          const std::function<void(std::span<const Code>)>& body) {
  const std::string made = fresh(name);
  std::vector<std::string> list{"const Frame& frame", "i64* written"};
  const Function inside = written([&] {
    Values arguments;
    for (const Scalar scalar : parameters) {
      arguments.push_back(variable(scalar, false));
      list.push_back(parameter(scalar, this->name(arguments.back())));
    }
    body(arguments);
  });
  std::string head = fmt::format("NODEC_OUTLINE void {}(", made);
  head += listed(list, head.size(), 4);
  functions_ += fmt::format("{}) {{\n{}{}}}\n\n", head, inside.locals, inside.text);
  callees_.push_back(made);
  return int(callees_.size()) - 1;
}

void CudaEmitter::call(int function, std::span<const Code> arguments) {
  std::vector<std::string> list{"frame", "written"};
  for (const Code& argument : arguments) list.push_back(name(argument));
  const std::string& callee = callees_.at(std::size_t(function));
  const std::size_t column = indentation().size();
  here_.loads.clear();
  line(fmt::format("{}({});", callee, listed(list, column + callee.size() + 1, column + 4)));
}

// Of varying values it is written into its callers, of uniform ones called.
Code CudaEmitter::expansion(std::string_view primitive, std::span<const Code> x,
                            const std::function<Code(std::span<const Code>)>& write) {
  const auto is_varying = [](const Code& code) { return code.varying; };
  const bool varying = std::any_of(x.begin(), x.end(), is_varying);
  static constexpr const char* kinds[] = {"pred", "i32", "i64", "f32", "f64", "index", "pointer"};
  const std::string stem = fmt::format("{}_{}", primitive, kinds[int(x[0].scalar)]);
  auto found = expansions_.find(stem + (varying ? ".v" : ""));
  if (found == expansions_.end()) {
    Expansion made{fresh(stem)};
    std::vector<std::string> list;
    std::string result;
    const Function inside = written([&] {
      Values arguments;
      for (const Code& given : x) {
        arguments.push_back(variable(given.scalar, varying));
        list.push_back(parameter(given.scalar, name(arguments.back())));
      }
      const Code y = write(arguments);
      made.result = y.scalar;
      result = name(y);
    });
    functions_ += fmt::format("{} {} {}({}) {{\n{}{}  return {};\n}}\n\n",
                              varying ? "NODEC_INLINE" : "NODEC_OUTLINE", type(made.result),
                              made.name, fmt::join(list, ", "), inside.locals, inside.text, result);
    found = expansions_.emplace(stem + (varying ? ".v" : ""), made).first;
  }
  std::vector<std::string> arguments;
  for (const Code& argument : x) arguments.push_back(name(argument));
  return known(found->second.result,
               fmt::format("{}({})", found->second.name, fmt::join(arguments, ", ")), varying);
}

}  // namespace nodec
