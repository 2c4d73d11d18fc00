// Findings as they are gathered. A variable of the user's may be several boxes, from a body that is
// traced twice or an assignment at home between two solves: they are one finding, which counts what
// all of them cost and says the edit that mends them together.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/infer/infer.h"
#include "compiler/infer/reach.h"
#include "ir/finding.h"

namespace nodec {

// Names of the calls, solves, loops and branches around: "chain/layer_3/solve".
std::string path_of(const Region* region);
// One line is one store, however often its body was traced.
void add_write(Finding& finding, const Write& write);
// What this op stores, on each line that says so.
void add_writes(Finding& finding, const Op& store);

class MergedFindings {
 public:
  struct About {
    std::vector<const Value*> own = {};  // the variable's values: loads, or what a loop leaves
    bool scratch = false;                // every run writes the variable before it reads it
    std::int64_t number = -1;            // the variable's, where its line declares several boxes
  };

  MergedFindings(const Graph& graph, const Inference& inference)
      : graph_(graph), inference_(inference) {}

  // `finding` without what is gathered here: loads, lost, unproven, help. Returns its place, which
  // is that of what is known of the variable already, where there is such.
  std::size_t keep(Finding finding, About about);
  // More of the finding at this place: it takes the change and the deeper path.
  void join(std::size_t at, const Finding& more_of_it, const About& more);
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  void settle(Finding& finding, const About& about);

  const Graph& graph_;
  const Inference& inference_;
  std::optional<Reach> reach_;  // most programs need none
  std::vector<Finding> findings_;
  std::vector<About> abouts_;                           // of each
  std::unordered_map<std::string, std::size_t> known_;  // by what identifies each, for people
};

}  // namespace nodec
