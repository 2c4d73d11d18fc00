// Inputs made on first use, and variables of the program that bodies assign.
#include "compiler/trace/collect.h"

#include <algorithm>

#include "compiler/trace/access.h"
#include "kernels/build.h"
#include "kernels/catalogue.h"

namespace nodec {

using tracing::Access;
using tracing::Content;
using tracing::Contents;
using tracing::Frame;

namespace {

Frame& program_frame(const SourceLine& at) {
  Frame* frame = &tracing::current(at);
  while (frame->parent != nullptr) frame = frame->parent;
  return *frame;
}

// Why the counts of a solve in such a body cannot leave it; empty: they can.
std::string_view keeps_counts(const Frame& frame) {
  if (frame.what == "solve") return "it is in the dynamics of another one";
  if (frame.tests) return "it is in the test of a loop";
  if (frame.running != nullptr) return "it is in a loop with a condition for each sample";
  const bool own = frame.what == custom_vjp_p.name || frame.what == custom_jvp_p.name;
  return own ? "it is in a function with a derivative of its own" : "";
}

// Where counts go from here: to the program, or the call around, which returns them.
struct Home {
  Frame* frame = nullptr;
  bool sums = false;  // on the way is a loop or branch: they may come several times, or never
  std::string_view lost;
};

Home home_of(Frame& here) {
  Home home{&here, false, keeps_counts(here)};
  while (home.lost.empty() && home.frame->body == tracing::Body::Flow) {
    home.sums = home.sums || home.frame->what == "while" || home.frame->what == "cond";
    home.frame = home.frame->parent;
    home.lost = keeps_counts(*home.frame);
  }
  return home;
}

}  // namespace

Collect::Collect(Here where) : record_(tracing::current(SourceLine::of(where)).record) {
  before_ = std::exchange(record_->collect, this);
}

Collect::~Collect() { record_->collect = before_; }

Content Collect::input(const std::string& name, double value, Dtype dtype, const SourceLine& at) {
  const std::string path = record_->path();
  const std::string full = path.empty() ? name : path + "." + name;
  auto found = inputs_.find(full);
  if (found == inputs_.end()) {
    Frame& frame = program_frame(at);
    const std::string port = std::string(kSettingPrefix) + full;
    Var var;
    Access::reset(var, frame, tracing::add_argument(frame, Type::scalar(dtype), port), at);
    Access::rename(var, port);
    found = inputs_.emplace(full, std::move(var)).first;
    settings_.push_back({full, value, dtype});
  }
  const auto known = std::ranges::find(settings_, full, &Input::name);
  if (known->value != value || known->dtype != dtype) {
    throw Error(
        fmt::format("two settings are called '{}', and begin as {} ({}) and as {} ({})", full,
                    known->value, nodec::name(known->dtype), value, nodec::name(dtype)),
        {{at, ""}}, "give each a name of its own, or both one number");
  }
  return Access::content(found->second, at);
}

Type tracing::given_type(const Var& x, const SourceLine& where) {
  const Value* value = Access::content(x, where).value;
  while (value != nullptr && value->op != nullptr && value->op->primitive == &cast_p &&
         is_float(value->type.dtype()) && is_float(value->op->operands.front()->type.dtype())) {
    value = value->op->operands.front();
  }
  return value != nullptr ? value->type : x.type();
}

void Collect::source(const Var& var, std::string input) {
  sources_[Access::content(var, {}).value] = std::move(input);
}

void tracing::count_below(const Var& integers, std::int64_t below, const std::string& of,
                          const SourceLine& where) {
  Collect* collect = tracing::current(where).record->collect;
  if (collect == nullptr) return;
  const Value* value = Access::content(integers, where).value;
  auto found = collect->sources_.find(value);
  while (found == collect->sources_.end() && value->op != nullptr) {
    const Primitive* p = value->op->primitive;
    if (p != &cast_p && p != &reshape_p && p != &transpose_p) return;
    value = value->op->operands.front();
    if (!is_integer(value->type.dtype())) return;
    found = collect->sources_.find(value);
  }
  if (found == collect->sources_.end()) return;
  collect->numbers_.push_back({found->second, below, of, where});
}

std::string Collect::free_path(const std::string& path) const {
  const auto taken = [&](const std::string& name) {
    return std::ranges::find(solves_, name, &Solve::path) != solves_.end();
  };
  std::string name = path.empty() ? "solve" : path;
  for (int n = 2; taken(name); ++n) name = fmt::format("{}_{}", path.empty() ? "solve" : path, n);
  return name;
}

void Collect::solved(const std::string& path, const Contents& counts, const SourceLine& at) {
  const Home home = home_of(tracing::current(at));
  if (!home.lost.empty()) {
    uncounted_.push_back(
        {path.empty() ? "solve" : path, std::string(home.lost), tracing::builder_at(at).where()});
    return;
  }
  const bool in_call = home.frame->body == tracing::Body::Closure;
  Solve& solve =
      in_call ? in_calls_[home.frame->shared_from_this()].emplace_back() : solves_.emplace_back();
  solve.path = in_call ? path : free_path(path);
  auto now = counts.begin();
  for (Var* var : {&solve.accepted, &solve.rejected, &solve.f_evals}) {
    Content count = *now++;
    if (!home.sums) {
      Access::declare(*var, *home.frame, at);
    } else {
      Builder outside = home.frame->builder(at);
      Access::reset(*var, *home.frame, Content(integer(outside, Dtype::I32, 0)), at);
      Value* before = Access::content(*var, at).value;
      Builder b = tracing::builder_at(at);
      count = Content(add(b, before, count.value));
    }
    Access::store(*var, std::move(count), at);
  }
}

void Collect::append_counts(const Call& call, Contents& results) {
  for (const Solve& solve : in_calls_[call]) {
    for (const Var* var : {&solve.accepted, &solve.rejected, &solve.f_evals}) {
      results.push_back(Access::content(*var, call->where));
    }
  }
}

void Collect::counts_of(const Call& call, const Contents& counts, const SourceLine& at) {
  const auto inside = in_calls_.extract(call);
  auto next = counts.begin();
  for (const Solve& solve : inside.mapped()) {
    solved(solve.path, {next, next + 3}, at);
    next += 3;
  }
}

}  // namespace nodec
