// Inputs made on first use, and variables of the program that bodies assign.
#include "compiler/trace/collect.h"

#include <algorithm>

#include "compiler/trace/access.h"
#include "kernels/catalogue.h"

namespace nodec {

using tracing::Access;
using tracing::Content;
using tracing::Frame;

namespace {

Frame& program_frame(const SourceLine& at) {
  Frame* frame = &tracing::current(at);
  while (frame->parent != nullptr) frame = frame->parent;
  return *frame;
}

// Whether what is traced here runs once in each run of the program.
bool runs_once() {
  for (const Frame* f = tracing::innermost(); f != nullptr; f = f->parent) {
    if (f->body == tracing::Body::Closure) return false;
    if (f->body == tracing::Body::Flow && f->what != "gradient") return false;
  }
  return true;
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

void Collect::solved(const std::vector<Value*>& rest, const SourceLine& at) {
  if (!runs_once()) return;
  const std::string path = record_->path();
  const auto taken = [&](const std::string& name) {
    return std::ranges::find(solves_, name, &Solve::path) != solves_.end();
  };
  std::string name = path.empty() ? "solve" : path;
  for (int n = 2; taken(name); ++n) {
    name = fmt::format("{}_{}", path.empty() ? "solve" : path, n);
  }
  Solve& solve = solves_.emplace_back();
  solve.path = std::move(name);
  const auto keep = [&](Var& var, Value* count) {
    Access::declare(var, program_frame(at), at);
    Access::store(var, Content(count), at);
  };
  keep(solve.accepted, rest[3]);
  keep(solve.rejected, rest[4]);
  keep(solve.f_evals, rest[5]);
}

}  // namespace nodec
