// A cell: mutable state whose type is declared by its first content. Unlike a variable that a
// solve's body happens to assign, it is meant to be written there, and is never a finding.
#pragma once

#include <memory>

#include "compiler/trace/var.h"

namespace nodec {

class Cell {
 public:
  explicit Cell(const Var& first, Here where = Here::current());

  Var load(Here where = Here::current()) const;
  // Error when the content would change its type.
  void store(const Var& content, Here where = Here::current()) const;

 private:
  std::shared_ptr<Var> box_;  // one variable, however often the cell is copied
  Type type_;
};

}  // namespace nodec
