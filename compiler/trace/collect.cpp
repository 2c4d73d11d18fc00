// Inputs made on first use, and variables of the program that bodies assign.
#include "compiler/trace/collect.h"

#include <algorithm>

#include "compiler/trace/access.h"

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
  return Access::content(found->second, at);
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
