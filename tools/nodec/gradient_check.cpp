// Programs made, compiled, run and compared.
#include "tools/nodec/gradient_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "compiler/passes/widen.h"
#include "compiler/pipeline.h"
#include "ir/philox.h"
#include "kernels/catalogue.h"
#include "kernels/solve/adjoint.h"
#include "tools/nodec/arrays.h"
#include "tools/nodec/gradient_numbers.h"
#include "tools/nodec/gradient_program.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

constexpr double kTight = 1e-12, kTightF32 = 1e-6;
// Of the fourth-order central difference, relative to the size of the inputs.
constexpr double kStep = 1e-3;
constexpr double kEnoughUs = 2e5;  // to time a run in
constexpr const char* kNoSolve = "reverse mode";

double now_us() {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void find_custom(const Region& region, std::vector<std::string>& found) {
  for (const auto& op : region.ops) {
    for (const auto& nested : op->regions) find_custom(*nested, found);
    if (op->primitive != &custom_vjp_p && op->primitive != &custom_jvp_p) continue;
    found.push_back(op->where.known() ? fmt::format("{} at {}", op->name(), op->where.str())
                                      : std::string(op->name()));
  }
}

class Checker {
 public:
  Checker(const Graph& traced, const CheckOptions& options)
      : options_(options), program_(gradient_of(traced)), wide_(program_.copy()) {
    call_.threads = options.threads;
    check_.names = program_.names();
    check_.of = program_.asked ? program_.of : 0;
    find_custom(traced.body, check_.custom);
    check_.own = rule_of(program_);
    if (check_.own.empty()) check_.own = kNoSolve;
    widen_reference();
  }

  GradientCheck run() {
    make_programs();
    make_inputs();
    run_reference(central_differences());
    const Parts& reference = choose_reference();
    for (std::size_t i = 0; i < check_.rules.size(); ++i) {
      if (check_.rules[i].runs()) measure(i, reference);
    }
    recommend(check_, options_.limit);
    return std::move(check_);
  }

 private:
  struct Compiled {
    Program plain, tenth, told, tight;  // told: with the estimate, where the rule has one
  };
  struct Results {
    Parts gradient;
    double f_evals = 0, estimate = kUnknown;
  };

  void widen_reference() {
    try {
      widen(*wide_.graph);
    } catch (const Error& error) {
      check_.not_wide = error.message();
      for (const Note& note : error.notes())
        check_.not_wide += fmt::format(" ({})", note.where.str());
      wide_ = program_.copy();
    }
    check_.tolerance = all_wide(wide_.graph->body) ? kTight : kTightF32;
    set_tolerance(wide_, {.absolute = check_.tolerance, .factor = 0.01});
  }

  static bool all_wide(const Region& region) {
    return std::all_of(region.ops.begin(), region.ops.end(), [](const auto& op) {
      const bool narrow = op->primitive == &solve_p && op->operands[0]->type.dtype() != Dtype::F64;
      return !narrow && std::all_of(op->regions.begin(), op->regions.end(),
                                    [](const auto& nested) { return all_wide(*nested); });
    });
  }

  // Nobody else runs these programs, and a check is to see what this build of nodec makes of them.
  static CompileOptions uncached() { return {.cache = ObjectCache({})}; }

  static Program compiled(const GradientProgram& program, const std::string& rule,
                          bool told = false) {
    GradientProgram copy = program.copy();
    if (rule != kNoSolve) set_rule(copy, rule);
    if (told) ask_estimate(copy);
    return compile(*differentiated(copy), uncached());
  }

  void make_programs() {
    GradientProgram tenth = program_.copy();
    set_tolerance(tenth, {.factor = 0.1});
    const std::vector<std::string> names =
        check_.own == kNoSolve ? std::vector<std::string>{kNoSolve} : adjoint_names();
    for (const std::string& name : names) {
      RuleCheck& rule = check_.rules.emplace_back();
      rule.name = name;
      Compiled& programs = programs_.emplace_back();
      try {
        programs.plain = compiled(program_, name);
        programs.tenth = compiled(tenth, name);
        programs.tight = compiled(wide_, name);
      } catch (const Error& error) {
        rule.refused = error.message();
        continue;
      }
      try {
        programs.told = compiled(program_, name, true);
      } catch (const Error&) {  // this rule, or this method, has no estimate
      }
    }
  }

  // The ports of a program that runs; the others take the same, in their dtypes.
  void make_inputs() {
    const auto runs = std::find_if(check_.rules.begin(), check_.rules.end(),
                                   [](const RuleCheck& rule) { return rule.runs(); });
    if (runs == check_.rules.end()) {
      throw Error(fmt::format("no adjoint rule differentiates this program: {}",
                              check_.rules.front().refused));
    }
    const Program& first = programs_[std::size_t(runs - check_.rules.begin())].plain;
    const Signature& signature = first.executable->signature();
    const std::vector<Port>& ports = signature.inputs;
    ArraysByName arrays = read_inputs(options_.inputs, ports);
    check_.sizes = sizes_for(signature, options_.sizes, arrays);
    add_synthetic(*program_.graph, ports, check_.sizes, arrays, options_.seed);
    inputs_ = in_order(std::move(arrays), ports);
    outputs_for(*first.executable, inputs_, check_.sizes);  // says what does not fit
  }

  // `more`: inputs behind the program's own.
  std::vector<Tensor> inputs_of(const Program& program,
                                const std::vector<Tensor>& more = {}) const {
    const std::vector<Port>& ports = program.executable->signature().inputs;
    std::vector<Tensor> given;
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const Tensor& from = i < inputs_.size() ? inputs_[i] : more.at(i - inputs_.size());
      given.push_back(as(ports[i].type.dtype(), from));
    }
    return given;
  }

  CallOptions call_of(const Executable& code) const {
    CallOptions call = call_;
    call.symbols = known_sizes(code.signature(), check_.sizes);
    return call;
  }

  std::vector<Tensor> run(const Program& program, const std::vector<Tensor>& more = {}) const {
    const std::vector<Tensor> given = inputs_of(program, more);
    const std::vector<TensorView> views(given.begin(), given.end());
    return program.executable->run(views, call_of(*program.executable));
  }

  Results results(const Program& program) const {
    const std::vector<Tensor> out = run(program);
    Results results;
    for (std::size_t i = 0; i < check_.names.size(); ++i)
      results.gradient.push_back(reals(out.at(i)));
    if (out.size() > check_.names.size() + 1)
      results.estimate = reals(out.at(check_.names.size())).at(0);
    results.f_evals = reals(out.back()).at(0);
    return results;
  }

  // Of the loss, along each direction; the directions stay for the gradients to be laid along.
  Numbers central_differences() {
    const Program line = compile(*along_a_line(wide_), uncached());
    Numbers slopes;
    for (int k = 0; k < options_.directions; ++k) {
      std::vector<Tensor> direction = draw_direction(line, std::uint64_t(k));
      const auto loss = [&](double step) {
        std::vector<Tensor> more;
        for (const Tensor& part : direction) more.push_back(part.clone());
        more.push_back(Tensor::scalar(step));
        return reals(run(line, more).front()).at(0);
      };
      try {
        const double near = loss(kStep) - loss(-kStep), far = loss(2 * kStep) - loss(-2 * kStep);
        slopes.push_back((8 * near - far) / (12 * kStep));
      } catch (const Error&) {
        slopes.push_back(kUnknown);  // the loss itself stops, or does beside the inputs
      }
      Parts parts;
      for (const Tensor& part : direction) parts.push_back(reals(part));
      directions_.push_back(std::move(parts));
    }
    return slopes;
  }

  // Drawn between -1 and 1 times the size of what it moves.
  std::vector<Tensor> draw_direction(const Program& line, std::uint64_t k) const {
    const std::vector<Port>& ports = line.executable->signature().inputs;
    const auto wrt = wide_.vjp->attrs.get<std::vector<std::int64_t>>("wrt");
    std::vector<Tensor> direction;
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      std::vector<std::int64_t> dims;
      for (const Dim& dim : ports.at(inputs_.size() + i).type.shape()) {
        dims.push_back(dim.evaluate(check_.sizes));
      }
      Tensor part(Dtype::F64, std::move(dims));
      const Value* moved = wide_.vjp->operands[std::size_t(wrt[i])];
      const double size = moved->op == nullptr ? rms(reals(inputs_[std::size_t(moved->index)])) : 1;
      const std::uint64_t key = philox::fold_in(philox::fold_in(options_.seed, k), i);
      std::uint64_t element = 0;
      for (double& x : part.values<double>()) {
        x = (2 * philox::uniform_f32(philox::draw(key, element++)[0]) - 1) * (size > 0 ? size : 1);
      }
      direction.push_back(std::move(part));
    }
    return direction;
  }

  // Each rule's gradient in the reference program, and how far it is from the differences.
  void run_reference(const Numbers& slopes) {
    for (std::size_t i = 0; i < check_.rules.size(); ++i) {
      RuleCheck& rule = check_.rules[i];
      tight_.emplace_back();
      if (!rule.runs()) continue;
      try {
        tight_.back() = results(programs_[i].tight).gradient;
      } catch (const Error& error) {
        rule.refused = "at the tolerances of the reference, " + error.message();
        continue;
      }
      Numbers along;
      for (const Parts& direction : directions_) along.push_back(product(tight_.back(), direction));
      rule.from_differences = relative(along, slopes);
    }
  }

  // That of the rule nearest to the differences, or the first where those cannot be had.
  const Parts& choose_reference() {
    std::size_t best = check_.rules.size();
    for (std::size_t i = 0; i < check_.rules.size(); ++i) {
      const RuleCheck& rule = check_.rules[i];
      if (!rule.runs()) continue;
      const bool nearer = best == check_.rules.size() ||
                          rule.from_differences < check_.rules[best].from_differences;
      if (nearer) best = i;
    }
    if (best == check_.rules.size()) {
      throw Error(fmt::format("no rule's gradient can be the reference: {}: {}",
                              check_.rules.front().name, check_.rules.front().refused));
    }
    check_.reference = check_.rules[best].name;
    for (std::size_t i = 0; i < check_.rules.size(); ++i) {
      if (check_.rules[i].runs())
        check_.rules[i].from_reference = distance(tight_[i], tight_[best]);
    }
    return tight_[best];
  }

  // The program as it stands.
  void measure(std::size_t i, const Parts& reference) {
    RuleCheck& rule = check_.rules[i];
    const Compiled& programs = programs_[i];
    try {
      const Results own = results(programs.plain);
      rule.distance = distance(own.gradient, reference);
      rule.f_evals = std::int64_t(own.f_evals);
      rule.tape_bytes = programs.plain.executable->tape_bytes();
      rule.time_us = median_time(programs.plain);
      rule.to_tenth = distance(own.gradient, results(programs.tenth).gradient);
      if (programs.told.executable != nullptr) rule.estimate = results(programs.told).estimate;
    } catch (const Error& error) {
      rule.refused = error.message();
    }
  }

  double median_time(const Program& program) const {
    const Executable& code = *program.executable;
    const CallOptions call = call_of(code);
    const std::vector<Tensor> given = inputs_of(program),
                              made = outputs_for(code, given, call.symbols);
    const std::vector<TensorView> in(given.begin(), given.end()), out(made.begin(), made.end());
    std::vector<double> times;
    const double start = now_us();
    while (times.size() < 3 || (now_us() - start < kEnoughUs && times.size() < 1000)) {
      const double before = now_us();
      require_success(code.call(in, out, call), code.signature());
      times.push_back(now_us() - before);
    }
    std::nth_element(times.begin(), times.begin() + std::ptrdiff_t(times.size() / 2), times.end());
    return times[times.size() / 2];
  }

  const CheckOptions& options_;
  CallOptions call_;
  GradientProgram program_, wide_;
  GradientCheck check_;
  std::vector<Compiled> programs_;  // by rule
  std::vector<Parts> tight_;        // by rule
  std::vector<Tensor> inputs_;
  std::vector<Parts> directions_;
};

}  // namespace

bool RuleCheck::measured() const { return runs() && std::isfinite(distance); }

const RuleCheck* GradientCheck::rule(const std::string& name) const {
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const RuleCheck& rule) { return rule.name == name; });
  return found == rules.end() ? nullptr : &*found;
}

double GradientCheck::worst() const {
  const RuleCheck *program = rule(own), *exact = rule(reference);
  if (program == nullptr || !program->measured()) return std::numeric_limits<double>::infinity();
  return std::fmax(program->distance,
                   exact->from_differences);  // of a number and a NaN: the number
}

GradientCheck check_gradient(const Graph& traced, const CheckOptions& options) {
  return Checker(traced, options).run();
}

}  // namespace nodec
