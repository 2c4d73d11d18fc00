// g as a region that holds one vjp, and the jvp of it.
#include "kernels/second_order.h"

#include <algorithm>

#include "kernels/build.h"
#include "kernels/regions.h"

namespace nodec {
namespace {

bool is_real(const Value* value) {
  return value->type.is_tensor() && is_float(value->type.dtype());
}

std::vector<std::unique_ptr<Region>> holding(std::unique_ptr<Region> region) {
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(region));
  return regions;
}

// The jvp of g: what it is taken at, and in which direction. Null entries: nothing there.
struct Direction {
  Values cotangents, moved_cotangents;  // c and dc, one for each result of f
  Values moved;                         // dx, one for each argument
};

struct Answer {
  Values results_moved;  // J dx, one for each result of f
  Values pulled;         // J^T c, and
  Values pulled_moved;   // its tangent, one for each wanted argument
};

class SecondOrder {
 public:
  SecondOrder(Builder& b, const Op& y, std::vector<int> wanted)
      : b_(b), y_(y), f_(y.region()), wanted_(std::move(wanted)) {}

  Answer ask(const Direction& at) {
    Values operands(y_.operands.begin(), y_.operands.begin() + std::ptrdiff_t(f_.args.size()));
    std::vector<std::int64_t> seeds, wrt;
    Values tangents;
    for (std::size_t i = 0; i < f_.args.size(); ++i) {
      if (at.moved[i] == nullptr) continue;
      wrt.push_back(std::int64_t(i));
      tangents.push_back(at.moved[i]);
    }
    for (std::size_t i = 0; i < f_.results.size(); ++i) {
      Value *c = at.cotangents[i], *dc = at.moved_cotangents[i];
      if (c == nullptr && dc == nullptr) continue;
      seeds.push_back(std::int64_t(i));
      if (dc != nullptr) {
        wrt.push_back(std::int64_t(operands.size()));
        tangents.push_back(dc);
      }
      operands.push_back(c != nullptr ? c : zeros(b_, f_.results[i]->type));
    }
    auto g = region_of_vjp(seeds);
    operands.insert(operands.end(), tangents.begin(), tangents.end());
    const Op& op = b_.op(jvp_p, std::move(operands), {{"wrt", wrt}}, holding(std::move(g)));
    return read(op);
  }

 private:
  std::unique_ptr<Region> region_of_vjp(const std::vector<std::int64_t>& seeds) const {
    auto g = std::make_unique<Region>();
    Values args;
    for (const auto& arg : f_.args) args.push_back(g->add_arg(arg->type, arg->name));
    for (const std::int64_t i : seeds) {
      args.push_back(g->add_arg(f_.results[std::size_t(i)]->type));
    }
    Builder b(*g);
    b.at(y_.where);
    const Axes wrt(wanted_.begin(), wanted_.end());
    const Op& op = b.op(vjp_p, args, {{"seeds", seeds}, {"wrt", wrt}}, holding(clone(f_)));
    g->results = op.all_results();
    return g;
  }

  Answer read(const Op& op) const {
    Answer answer;
    const std::size_t yielded = f_.results.size();
    std::size_t next = yielded + wanted_.size();  // the tangents
    for (const Value* result : f_.results) {
      answer.results_moved.push_back(is_real(result) ? op.result(next++) : nullptr);
    }
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      answer.pulled.push_back(op.result(yielded + i));
      answer.pulled_moved.push_back(op.result(next + i));
    }
    return answer;
  }

  Builder& b_;
  const Op& y_;
  const Region& f_;
  const std::vector<int> wanted_;
};

// Arguments of f whose cotangents are asked for.
std::vector<int> wanted_arguments(const Differentiator& ad, const Op& y) {
  std::vector<int> wanted;
  for (std::size_t i = 0; i < y.region().args.size(); ++i) {
    if (is_real(y.operands[i]) && ad.wanted(y, i)) wanted.push_back(int(i));
  }
  return wanted;
}

[[noreturn]] void refuse(const Op& y, const std::string& what, std::string help) {
  std::vector<Note> notes;
  if (y.where.known()) notes.push_back({y.where, ""});
  throw Error(what, std::move(notes), std::move(help));
}

void refuse_errors(const Differentiator& ad, const Op& y) {
  if (y.attrs.get_or<bool>("error", false)) {
    refuse(y, "the error that a gradient tells of itself has no derivative",
           "use the gradient without its error where it is differentiated");
  }
  if (ad.error_wanted()) {
    refuse(y, "a second derivative through a solve or loop cannot tell its error",
           "ask for the derivative alone");
  }
}

}  // namespace

Augmented stand(Differentiator&, Builder& b, const Op& op, std::span<Value* const> operands) {
  std::vector<std::unique_ptr<Region>> regions;
  for (const auto& region : op.regions) regions.push_back(clone(*region));
  return b.op(*op.primitive, {operands.begin(), operands.end()}, op.attrs, std::move(regions));
}

Values reverse_vjp(Differentiator& ad, Builder& b, const Op& y, Saved, Cotangents dy) {
  refuse_errors(ad, y);
  const Region& f = y.region();
  const auto &wrt = y.attrs.get<Axes>("wrt"), &seeds = y.attrs.get<Axes>("seeds");
  Direction at{Values(f.results.size(), nullptr),
               {dy.begin(), dy.begin() + std::ptrdiff_t(f.results.size())},
               Values(f.args.size(), nullptr)};
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    at.cotangents[std::size_t(seeds[i])] = y.operands[f.args.size() + i];
  }
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    at.moved[std::size_t(wrt[i])] = dy[f.results.size() + i];
  }
  const std::vector<int> wanted = wanted_arguments(ad, y);
  const Answer answer = SecondOrder(b, y, wanted).ask(at);
  Values dx(y.operands.size(), nullptr);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    dx[std::size_t(wanted[i])] = answer.pulled_moved[i];
  }
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    dx[f.args.size() + i] = answer.results_moved[std::size_t(seeds[i])];
  }
  return dx;
}

Values reverse_jvp(Differentiator& ad, Builder& b, const Op& y, Saved, Cotangents dy) {
  refuse_errors(ad, y);
  const Region& f = y.region();
  const auto& wrt = y.attrs.get<Axes>("wrt");
  Direction at{Values(f.results.size(), nullptr),
               {dy.begin(), dy.begin() + std::ptrdiff_t(f.results.size())},
               Values(f.args.size(), nullptr)};
  for (std::size_t i = 0, next = f.results.size(); i < f.results.size(); ++i) {
    if (is_real(f.results[i])) at.cotangents[i] = dy[next++];
  }
  std::vector<int> asked = wanted_arguments(ad, y);  // those of x, and of v what is not among them
  const std::size_t moved = asked.size();
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    at.moved[std::size_t(wrt[i])] = y.operands[f.args.size() + i];
    const bool wanted = ad.wanted(y, f.args.size() + i);
    const int arg = int(wrt[i]);
    if (wanted && std::find(asked.begin(), asked.end(), arg) == asked.end()) asked.push_back(arg);
  }
  const Answer answer = SecondOrder(b, y, asked).ask(at);
  Values dx(y.operands.size(), nullptr);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (i < moved) dx[std::size_t(asked[i])] = answer.pulled_moved[i];
    const auto place = std::find(wrt.begin(), wrt.end(), asked[i]);
    if (place != wrt.end()) {
      dx[f.args.size() + std::size_t(place - wrt.begin())] = answer.pulled[i];
    }
  }
  return dx;
}

Pushed push_resolved(ForwardDifferentiator&, Builder&, const Op& op, Cotangents, Cotangents) {
  NODEC_CHECK(false, "forward mode meets the request '{}'", op.name());
}

}  // namespace nodec
