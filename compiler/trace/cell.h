// A cell: mutable state whose type is declared by its first content, and stays. Unlike a variable
// that a solve's body happens to assign, it is meant to be written there. Copies of a Cell are
// handles of the same state; two handles made outside of a body that both store in it are reported,
// since they look like two states (std::vector<Cell>(2, Cell(x))).
#pragma once

#include <memory>

#include "compiler/trace/state_policy.h"
#include "compiler/trace/var.h"

namespace nodec {

class Cell {
 public:
  explicit Cell(const Var& first, Here where = Here::current());
  // `policy`: what the state means inside a solve.
  Cell(const Var& first, StatePolicy policy, Here where = Here::current());
  Cell(const Cell& other);
  Cell(Cell&&) noexcept = default;
  Cell& operator=(const Cell& other);
  Cell& operator=(Cell&&) noexcept = default;
  ~Cell() = default;

  Cell& named(const std::string& name) &;
  Cell named(const std::string& name) &&;

  Var load(Here where = Here::current()) const;
  // A content of another type than the first is a finding of the whole program.
  void store(const Var& content, Here where = Here::current()) const;

 private:
  struct Slot;
  Attrs handle() const;
  Value* box(const SourceLine& line) const;  // Error when the cell was moved from

  std::shared_ptr<Slot> slot_;  // one state, however often the cell is copied
  std::int64_t handle_ = 0;
};

}  // namespace nodec
