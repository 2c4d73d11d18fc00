// Traced functions of whole records, leaf by leaf.
#include "compiler/trace/access.h"
#include "compiler/trace/ops.h"
#include "kernels/build.h"

namespace nodec {

using tracing::Access;

Var map_leaves(const std::vector<Var>& records,
               const std::function<Var(const std::vector<Var>& leaves)>& f, Here where) {
  const SourceLine line = SourceLine::of(where);
  std::vector<std::vector<Value*>> columns;
  for (const Var& record : records) {
    columns.push_back(tracing::leaves(Access::content(record, line)));
    if (tracing::leaf_names(record.type()) == tracing::leaf_names(records.front().type())) continue;
    throw Error(fmt::format("records differ in their leaves: {} and {}",
                            records.front().type().str(), record.type().str()),
                {{line, ""}}, "give records of one structure");
  }
  std::vector<Value*> mapped;
  for (std::size_t i = 0; i < columns.at(0).size(); ++i) {
    std::vector<Var> leaves;
    for (const auto& column : columns) leaves.push_back(Access::make(column[i], line));
    mapped.push_back(Access::content(f(leaves), line).value);
  }
  return Access::make(tracing::from_leaves(records.front().type(), mapped), line);
}

Var flat(const Var& record, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  std::vector<Value*> parts;
  for (Value* leaf : tracing::leaves(Access::content(record, b.where()))) {
    parts.push_back(reshape(b, leaf, {element_count(leaf->type.shape())}));
  }
  if (parts.empty()) {
    throw Error("a record without leaves has no flat form", {{b.where(), ""}}, "skip it");
  }
  return Access::make(parts.size() == 1 ? parts.front() : concat(b, std::move(parts), 0),
                      b.where());
}

Var unflat(const Var& vector, const Type& record, Here where) {
  Builder b = tracing::builder_at(SourceLine::of(where));
  Value* all = Access::value(b, Operand(vector, where));
  std::int64_t start = 0;
  std::vector<Value*> leaves;
  for (const Type& leaf : tracing::leaf_types(record)) {
    const Dim count = element_count(leaf.shape());
    if (!count.is_constant()) {
      throw Error(fmt::format("a leaf {} has no fixed size", leaf.str()), {{b.where(), ""}},
                  "only records of fixed sizes can be taken from a flat vector");
    }
    leaves.push_back(reshape(b, slice(b, all, 0, start, count), leaf.shape()));
    start += count.constant();
  }
  if (all->type.shape() != Shape{Dim(start)}) {
    throw Error(
        fmt::format("the leaves take {} numbers, and the vector is {}", start, all->type.str()),
        {{b.where(), ""}}, "give a vector made by flat from such a record");
  }
  return Access::make(tracing::from_leaves(record, leaves), b.where());
}

}  // namespace nodec
