// A program being traced: its graph and its outermost frame.
#include "compiler/trace/trace.h"

#include <algorithm>

#include "compiler/trace/access.h"
#include "ir/text.h"

namespace nodec {

using tracing::Access;
using tracing::Content;
using tracing::Frame;

namespace {
constexpr std::string_view kGiveBehind = "give it behind the body, of what the body returns";
}  // namespace

Trace::Trace(std::string name, std::string batch, Here where)
    : graph_(std::make_shared<Graph>()),
      frame_(tracing::Body::Program, name, SourceLine::of(where), &graph_->body) {
  graph_->name = std::move(name);
  graph_->batch = std::move(batch);
  frame_->record->traced.graph = graph_;
}

void Trace::check_name(const std::string& name, const SourceLine& where) const {
  const auto& args = graph_->body.args;
  const bool taken =
      std::any_of(args.begin(), args.end(), [&](const auto& arg) { return arg->name == name; });
  if (!taken && !name.empty()) return;
  throw Error(
      name.empty() ? "an input has no name" : fmt::format("two inputs are named '{}'", name),
      {{where, ""}}, "give each input a name of its own");
}

// Sizes as the IR text takes them.
void Trace::check_sizes(const std::string& name, const Type& type, const SourceLine& where) const {
  if (!type.is_tensor()) return;
  const Shape& shape = type.shape();
  if (shape.size() > kRankLimit) {
    throw Error(
        fmt::format("input '{}' has {} axes, of at most {}", name, shape.size(), kRankLimit),
        {{where, ""}}, "merge some of them");
  }
  std::int64_t bytes = 8;  // of the widest dtype
  for (const Dim& dim : shape) {
    if (dim.is_constant() && __builtin_mul_overflow(bytes, dim.constant(), &bytes)) {
      throw Error(
          fmt::format("input '{}' is {}, more elements than can be counted", name, type.str()),
          {{where, ""}}, "give it smaller sizes");
    }
    if (dim.is_size()) continue;
    throw Error(fmt::format("input '{}' is {}, where {} is {}", name, type.str(), dim.str(),
                            dim.is_constant() && dim.constant() < 0 ? "negative" : "past 2^40"),
                {{where, ""}}, "give it sizes from 0 on");
  }
}

// Inputs and outputs are the program's own.
void Trace::require_outermost(std::string_view what, std::string_view help,
                              const SourceLine& where) const {
  const Frame* inner = tracing::innermost();
  if (inner == &*frame_ || inner == nullptr || inner->record != frame_->record) return;
  throw Error(fmt::format("{} inside the body of a {}", what, inner->what), {{where, ""}},
              std::string(help));
}

Var Trace::input(std::string name, const Type& type, Here where) {
  const SourceLine line = SourceLine::of(where);
  require_outermost(fmt::format("input '{}' is declared", name),
                    "declare it before, and use its variable there", line);
  const std::vector<Type> types = tracing::leaf_types(type);
  const std::vector<std::string> leaves = tracing::leaf_names(type, name);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    check_name(leaves[i], line);
    check_sizes(leaves[i], types[i], line);
  }
  Var var = Access::make(add_argument(*frame_, type, name), line);
  Access::rename(var, std::move(name));
  return var;
}

void Trace::add_output(const std::string& name, Value* value, int alias, const SourceLine& where) {
  const auto& names = graph_->result_names;
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    const bool again = alias >= 0 && std::find(graph_->aliases.begin(), graph_->aliases.end(),
                                               alias) != graph_->aliases.end();
    if (again) {
      throw Error(fmt::format("input '{}' is updated twice", name), {{where, "again here"}},
                  "update it once, with the last of its values");
    }
    throw Error(fmt::format("two outputs are named '{}'", name), {{where, ""}},
                "give each output a name of its own");
  }
  graph_->body.results.push_back(value);
  graph_->result_names.push_back(name);
  graph_->aliases.push_back(alias);
}

void Trace::output(const std::string& name, const Var& value, Here where) {
  const SourceLine line = SourceLine::of(where);
  require_outermost(fmt::format("output '{}' is given", name), kGiveBehind, line);
  const Content content = Access::content(value, line);
  const std::vector<std::string> names = tracing::leaf_names(content.type, name);
  const std::vector<Value*> values = tracing::leaves(content);
  for (std::size_t i = 0; i < names.size(); ++i) add_output(names[i], values[i], -1, line);
}

void Trace::update(const std::string& name, const Var& value, Here where) {
  const SourceLine line = SourceLine::of(where);
  require_outermost(fmt::format("input '{}' is updated", name), kGiveBehind, line);
  const Content content = Access::content(value, line);
  const std::vector<std::string> names = tracing::leaf_names(content.type, name);
  const std::vector<Value*> values = tracing::leaves(content);
  const auto& args = graph_->body.args;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto input = std::find_if(args.begin(), args.end(),
                                    [&](const auto& arg) { return arg->name == names[i]; });
    if (input == args.end()) {
      throw Error(fmt::format("there is no input '{}' to update", names[i]), {{line, ""}},
                  "declare it as an input, or give the value as an output");
    }
    if ((*input)->type != values[i]->type) {
      throw Error(fmt::format("input '{}' is {} and its update {}", names[i], (*input)->type.str(),
                              values[i]->type.str()),
                  {{line, ""}}, "an input keeps its type when it is written over");
    }
    add_output(names[i], values[i], (*input)->index, line);
  }
}

void tracing::refuse_inputs(std::size_t inputs) {
  throw Error(fmt::format("the program has {}, and its function does not take as many variables",
                          count_of(inputs, "input")),
              {},
              fmt::format("give it one parameter for each input (a generic lambda takes at most "
                          "{}), or one std::vector<Var>&",
                          kMostTried));
}

Traced Trace::finish(Here where) {
  if (!frame_->open) {
    throw Error(fmt::format("'{}' is finished already", graph_->name), {},
                "keep what finish() gave, or trace the program again");
  }
  require_outermost(fmt::format("'{}' is finished", graph_->name),
                    "finish it behind, where no body is open", SourceLine::of(where));
  frame_.close();
  const std::vector<Finding>& findings = frame_->record->findings;
  if (findings.empty()) return frame_->record->traced;
  throw Untraceable(findings, frame_->record->traced, false);
}

}  // namespace nodec
