// What a Trainer cannot be made of: options out of range, and names that would be two arrays at
// once.
#include <algorithm>
#include <cmath>
#include <set>

#include "compiler/train/trainer_state.h"
#include "ir/text.h"

namespace nodec::nn {
namespace {

void check_options(const TrainerOptions& options) {
  if (options.dtype != Dtype::F32 && options.dtype != Dtype::F64) {
    throw Error(fmt::format("a trainer's dtype is {}", name(options.dtype)), {},
                "give it f32 or f64");
  }
  if (options.metrics.size() > kMostMetrics) {
    throw Error(fmt::format("a trainer got {} metrics, of at most {}", options.metrics.size(),
                            kMostMetrics),
                {}, "evaluate the others by a program of their own");
  }
  if (options.accumulate < 1) {
    throw Error(fmt::format("a trainer updates after {} batches", options.accumulate), {},
                "let it accumulate 1 or more");
  }
  if (options.threads < 0 || options.threads > kMostThreads) {
    throw Error(fmt::format("a trainer runs on {} threads", options.threads), {},
                fmt::format("give it 1 to {}, or 0 for as many as help", kMostThreads));
  }
  if (options.tape_limit < 0) {
    throw Error(fmt::format("a trainer's tape has at most {} bytes", options.tape_limit), {},
                "give it 1 or more, or 0 for half of the machine's memory");
  }
}

// Ports of the programs, and what the names of groups of them begin with (programs.h).
const std::set<std::string, std::less<>> kTaken{"x",
                                                "y",
                                                "rows",
                                                "lr",
                                                "apply",
                                                "accumulated",
                                                "loss",
                                                "output",
                                                "gradient_error",
                                                "optimiser",
                                                "state",
                                                "settings",
                                                "solves",
                                                "accumulated_samples"};

void check_parameters(const Recipe& recipe) {
  for (const std::string& leaf : tracing::leaf_names(recipe.model.params(recipe.dtype))) {
    const std::string first = leaf.substr(0, leaf.find('.'));
    if (!kTaken.contains(first)) continue;
    throw Error(fmt::format("the layer {} has a parameter '{}', but '{}' is an array of the "
                            "trainer's own",
                            recipe.model.str(), leaf, first),
                {{recipe.model.where(), "this layer"}},
                "give the parameter another name, or put the layer in a Chain");
  }
}

void check_metrics(const Recipe& recipe) {
  std::set<std::string> names{"loss"};
  std::vector<std::string> leaves = tracing::leaf_names(recipe.model.params(recipe.dtype));
  for (const Metric& metric : recipe.metrics) {
    const std::string& name = metric.name();
    const auto is_leaf = [&](const char* part) {
      return std::ranges::find(leaves, name + part) != leaves.end();
    };
    const bool port = kTaken.contains(name.substr(0, name.find('.')));
    if (!name.empty() && !port && !is_leaf(".sum") && !is_leaf(".count") &&
        names.insert(name).second) {
      continue;
    }
    throw Error(name.empty() ? "a metric has no name"
                             : fmt::format("a metric is called '{}', as something else of the "
                                           "trainer is",
                                           name),
                {}, "give it a name of its own");
  }
}

template <class T>
std::string odd_number_in(const TensorView& table, std::string_view name,
                          std::span<const std::int32_t> rows) {
  const std::int64_t samples = table.dims[0];
  const std::size_t width = samples > 0 ? std::size_t(table.count() / samples) : 0;
  const std::span<const T> numbers(static_cast<const T*>(table.data), std::size_t(table.count()));
  for (const std::int32_t row : rows) {
    if (row < 0 || row >= samples) continue;  // of a batch that no loader made
    for (const T number : numbers.subspan(std::size_t(row) * width, width)) {
      if (std::isfinite(number)) continue;
      return fmt::format("row {} of the table {}, counted from 0, holds {}", row, name,
                         number_text(number));
    }
  }
  return {};
}

}  // namespace

std::string odd_number(const Batch& batch) {
  for (const auto& [table, name] : {std::pair(&batch.tables->x, "x"), {&batch.tables->y, "y"}}) {
    if (table->empty()) continue;
    const TensorView view = table->view();
    std::string odd;
    if (view.dtype == Dtype::F32) odd = odd_number_in<float>(view, name, batch.rows);
    if (view.dtype == Dtype::F64) odd = odd_number_in<double>(view, name, batch.rows);
    if (!odd.empty()) return odd;
  }
  return {};
}

void check_recipe(const Recipe& recipe, const TrainerOptions& options) {
  check_options(options);
  check_parameters(recipe);
  check_metrics(recipe);
}

}  // namespace nodec::nn
