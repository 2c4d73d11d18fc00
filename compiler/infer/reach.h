// What loses its type because of a variable: everything that is `any` without the proof and can be
// reached from its loads along uses, into regions and out of them.
#pragma once

#include <unordered_map>
#include <vector>

#include "compiler/infer/infer.h"
#include "ir/spread.h"

namespace nodec {

class Reach {
 public:
  Reach(const Graph& graph, const Inference& inference);
  // In program order; the values given are left out.
  std::vector<const Value*> from(const std::vector<const Value*>& loads) const;

 private:
  void number(const Region& region);

  const Inference& inference_;
  Spread spread_;
  std::unordered_map<const Value*, std::size_t> order_;
};

}  // namespace nodec
