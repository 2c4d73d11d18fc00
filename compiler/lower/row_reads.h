// Values that are read sample by sample: the second operand of a contraction with many outputs, and
// a table whose rows are samples. They are copied into rows first, or read from the very table that
// they were picked from.
//
// Knows the copies, by value and reader's region.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/lower/homes.h"
#include "compiler/lower/tasks.h"

namespace nodec::lowering {

// Rows of a table, one for each sample, and elementwise work on them.
struct PickedRows {
  const Op* gather = nullptr;
  std::vector<const Op*> work;  // first to last
};

class RowReads {
 public:
  explicit RowReads(Homes& homes) : homes_(homes), views_(homes.views()) {}

  // What the task reads by sample and has no copy yet.
  std::vector<const Value*> missing(const Task& task) const;
  void copied(const Task& task, const Value* v, int rows);
  // The rows of h, for a reader in `region`.
  std::variant<plan::SampleRows, plan::TableRows> rows(const Value* h, const Region* region);
  // The table that a gather reads: where its rows are samples, their copy sample by sample.
  plan::Ref table_ref(const Op& gather);

 private:
  void note(const Op& op, const Region* region, std::vector<const Value*>& values) const;
  std::optional<PickedRows> picked_rows(const Value* h) const;
  plan::TableRows table_rows(const PickedRows& picked);

  Homes& homes_;
  Views& views_;
  std::map<std::pair<const Value*, const Region*>, int> copies_;
};

}  // namespace nodec::lowering
