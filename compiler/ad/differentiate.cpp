// The engine: answers derive for rules, and replaces vjp ops, both by running the two sweeps; and
// jvp ops, by the forward walk.
#include "compiler/ad/differentiate.h"

#include <algorithm>
#include <unordered_set>

#include "compiler/ad/backward.h"
#include "compiler/ad/forward.h"
#include "compiler/ad/linear.h"
#include "compiler/ad/recording.h"
#include "compiler/ad/residuals.h"
#include "compiler/ad/value_set.h"
#include "ir/print.h"
#include "ir/rewrite.h"
#include "kernels/build.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

void expand_undifferentiated(Region& region) {
  const auto expanded = [](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    if (!op.primitive->gradient.by_expansion) return std::nullopt;
    return op.primitive->expand(b, op);
  };
  while (rewrite(region, expanded)) {
  }
}

bool is_request(const Op& op) { return op.primitive == &vjp_p || op.primitive == &jvp_p; }

// Whether the region or one in it has such an op.
bool holds(const Region& region, bool (*such)(const Op& op)) {
  return std::any_of(region.ops.begin(), region.ops.end(), [&](const auto& op) {
    return such(*op) || std::any_of(op->regions.begin(), op->regions.end(),
                                    [&](const auto& nested) { return holds(*nested, such); });
  });
}

// What leaves a tape behind when it is reversed, over which no second reverse sweep can go.
bool is_taped(const Op& op) { return op.primitive == &solve_p || op.primitive == &while_p; }
bool is_taped_request(const Op& op) { return is_request(op) && holds(op.region(), is_taped); }

std::vector<int> indices(const Op& op, std::string_view attr) {
  const auto& list = op.attrs.get<std::vector<std::int64_t>>(attr);
  return {list.begin(), list.end()};
}

[[noreturn]] void refuse_dtype(const Op& vjp, const Value* value, std::string_view role) {
  std::vector<Note> notes;
  if (vjp.where.known()) notes.push_back({vjp.where, ""});
  throw Error(fmt::format("cannot differentiate {} {}, which is {}", role,
                          value->name.empty() ? "a value" : fmt::format("'{}'", value->name),
                          value->type.str()),
              std::move(notes), "only floats have derivatives");
}

class Engine final : public Differentiator {
 public:
  Derivative derive(const Region& region, const std::vector<int>& wrt,
                    const std::vector<int>& seeds) override {
    return split(run(region, wrt, seeds, surroundings(region), error()));
  }

  bool wanted(const Op& op, std::size_t operand) const override {
    return std::any_of(running_.begin(), running_.end(), [&](const Recording* recording) {
      return recording->varied.contains(op.operands.at(operand));
    });
  }

  bool seeded(const Op& op, std::size_t result) const override {
    return std::any_of(running_.begin(), running_.end(), [&](const Recording* recording) {
      return recording->useful.contains(op.result(result)) &&
             recording->varied.contains(op.result(result));
    });
  }

  bool error_wanted() const override { return error().has_value(); }

  void report_error(Builder& b, Value* estimate) override {
    NODEC_CHECK(error_wanted(), "an estimate of error is reported that nobody asked for");
    Recording& recording = *running_.back();
    NODEC_CHECK(&b.region() == recording.region.get() && estimate->type.is_scalar(),
                "{} is reported as the error of a derivative", estimate->type.str());
    estimate = cast(b, estimate, *recording.error);
    recording.estimate =
        recording.estimate == nullptr ? estimate : max(b, recording.estimate, estimate);
  }

  // A rule may emit a vjp, so one sweep over the region need not be the last.
  void resolve(Region& region) {
    while (holds(region, is_request)) {
      WildSoFar wild(region);
      rewrite(region, [&](Builder& b, Op& op) { return answered(b, op, wild); });
    }
  }

 private:
  // What is derived inside a derivative tells its error where that does.
  std::optional<Dtype> error() const {
    return running_.empty() ? std::nullopt : running_.back()->error;
  }

  Unbounded surroundings(const Region& region) const {
    if (running_.empty()) return {};
    return seen_from_outside(region, running_.back()->wild, running_.back()->steep);
  }

  Recording run(const Region& region, const std::vector<int>& wrt, const std::vector<int>& seeds,
                const Unbounded& unbounded, std::optional<Dtype> error) {
    const std::unique_ptr<Region> source = clone(region);
    resolve_before(*source, wrt, seeds);
    expand_undifferentiated(*source);
    Recording recording;
    recording.error = error;
    running_.push_back(&recording);
    record(*this, *source, wrt, seeds, unbounded, recording);
    backward(*this, recording);
    running_.pop_back();
    return recording;
  }

  // Requests inside are answered first, but for those that the reverse sweep goes through and that
  // hold a loop: these have a rule of their own (kernels/second_order.h).
  void resolve_before(Region& source, const std::vector<int>& wrt, const std::vector<int>& seeds) {
    if (!holds(source, is_request)) return;
    std::unordered_set<const Op*> standing = active_ops(source, wrt, seeds);
    std::erase_if(standing, [](const Op* op) {
      if (is_request(*op)) return !holds(op->region(), is_taped);
      return std::none_of(op->regions.begin(), op->regions.end(),
                          [](const auto& nested) { return holds(*nested, is_taped_request); });
    });
    for (bool changed = true; changed;) {
      WildSoFar wild(source);
      changed = rewrite(source, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
        if (standing.contains(&op)) return std::nullopt;
        return answered(b, op, wild);
      });
    }
  }

  // What a request's results become, where `wild` is the region's; regions of other ops are
  // resolved.
  std::optional<std::vector<Value*>> answered(Builder& b, Op& op, WildSoFar& wild) {
    if (op.primitive == &vjp_p) return inlined(b, op, around(wild, op));
    if (op.primitive == &jvp_p) return pushed(b, op, around(wild, op));
    for (const auto& nested : op.regions) resolve(*nested);
    return std::nullopt;
  }

  // What the function uses of the region around it.
  static Unbounded around(WildSoFar& wild, const Op& request) {
    Unbounded unbounded;
    const ValueSet& values = wild.values();
    for (std::size_t i = 0; i < request.region().args.size(); ++i) {
      if (values.contains(request.operands[i])) unbounded.wild_args.push_back(int(i));
    }
    return unbounded;
  }

  void require_promised(const Op& vjp) {
    const auto what = vjp.attrs.get_or<std::string>("linear", "");
    if (what.empty()) return;
    const std::vector<int> wrt = indices(vjp, "wrt"), seeds = indices(vjp, "seeds");
    const std::unique_ptr<Region> rule = clone(vjp.region());
    resolve_before(*rule, wrt, seeds);
    expand_undifferentiated(*rule);
    require_linear(*rule, wrt, seeds, what, vjp.where);
  }

  std::vector<Value*> pushed(Builder& b, const Op& jvp, const Unbounded& unbounded) {
    const std::unique_ptr<Region> f = clone(jvp.region());
    resolve(*f);
    const std::vector<int> wrt = indices(jvp, "wrt");
    for (int i : wrt) {
      if (!has_cotangent(f->arg(i)->type)) refuse_dtype(jvp, f->arg(i), "with respect to");
    }
    return b.inline_region(*push_forward(*f, wrt, unbounded), jvp.operands);
  }

  std::vector<Value*> inlined(Builder& b, const Op& vjp, const Unbounded& unbounded) {
    const Region& f = vjp.region();
    const std::vector<int> wrt = indices(vjp, "wrt"), seeds = indices(vjp, "seeds");
    for (int i : wrt) {
      if (!has_cotangent(f.arg(i)->type)) refuse_dtype(vjp, f.arg(i), "with respect to");
    }
    for (int i : seeds) {
      if (!has_cotangent(f.results.at(i)->type)) refuse_dtype(vjp, f.results[i], "the result");
    }
    require_promised(vjp);
    std::optional<Dtype> error;
    if (vjp.attrs.get_or<bool>("error", false))
      error = vjp.result(vjp.results.size() - 1)->type.dtype();
    const Recording recording = run(f, wrt, seeds, unbounded, error);
    std::vector<Value*> results = b.inline_region(*recording.region, vjp.operands);
    // Exact but for rounding: there was no solve on the way.
    if (error && recording.estimate == nullptr) results.push_back(scalar(b, *error, 0));
    return results;
  }

  std::vector<Recording*> running_;
};

}  // namespace

void differentiate(Graph& graph) { Engine().resolve(graph.body); }

Derivative derive(const Region& region, const std::vector<int>& wrt,
                  const std::vector<int>& seeds) {
  Engine engine;
  Derivative d = engine.derive(region, wrt, seeds);
  engine.resolve(*d.reverse);  // a rule may have asked for a derivative of its own
  return d;
}

}  // namespace nodec
