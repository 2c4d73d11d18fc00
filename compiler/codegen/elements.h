// Elements of buffers: operands made ready before the loops that use them, what is read and written
// inside, and what an op makes of it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "compiler/codegen/places.h"

namespace nodec::codegen {

// A Ref made ready: outside of the loops its pointer is settled, inside an address is a sum of
// index times stride.
struct Operand {
  Code pointer;  // or
  Code value;    // a scalar
  bool in_memory = false, varying = false;
  Dtype dtype = Dtype::F32;
  std::vector<std::int64_t> strides;

  std::int64_t unit() const { return varying ? kBlock : 1; }  // elements from one to the next
};

// Computations of a map made ready: operands of each, and where its result goes, if anywhere.
struct ReadyMap {
  std::vector<std::vector<Operand>> operands;
  std::vector<Operand> to;
};

class Elements {
 public:
  Elements(Writing& writing, Places& places) : w_(writing), places_(places) {}

  Operand ready(const plan::Ref& ref);
  Operand ready_if(const std::optional<plan::Ref>& ref) { return ref ? ready(*ref) : Operand{}; }
  std::vector<Operand> ready_all(const plan::Compute& c);  // its operands
  ReadyMap ready_map(const std::vector<plan::Compute>& computes);
  Operand at(const Operand& x, const Indices& first);  // x with its first indices settled
  // What x, made ready for the first sample, is of another one.
  Operand of_sample(const Operand& x, const plan::Ref& ref, Code block, Code lane);

  Code offset(const Operand& x, const Indices& at);
  Code read(const Operand& x, Code offset);
  Code read_at(const Operand& x, const Indices& at) { return read(x, offset(x, at)); }
  // One number, of the sample that x was made ready for when it varies.
  Code read_one(const Operand& x, const Indices& at);
  void write_at(const Operand& to, const Indices& at, Code value);
  Code in_register(Code loaded, Dtype dtype);
  // A row's number, moved to the nearest end of a table when it is outside; an Index where it is
  // uniform, as `last` is.
  Code clamped(Code row, Code last);

  // Kernels of a run have what the ones before made of the same elements, in this turn of their
  // loop.
  void next_turn() { kept_.clear(); }
  void keep(const plan::Ref& ref, Code value) { kept_.emplace_back(&ref, value); }

  // What c makes of its operands at one index; `made` are what this loop's earlier ones made.
  Code compute(const plan::Compute& c, const std::vector<Operand>& operands,
               const std::vector<Code>& made, const Indices& at);
  Code apply(const Op* op, std::span<const Code> x);
  Code generate(const Op& op, const std::vector<Code>& x, Code index);
  Code constant(const Op& op);

 private:
  const Code* kept(const plan::Ref& ref) const;
  Code index_of(const plan::Source& s, const Indices& at);

  Writing& w_;
  Places& places_;
  std::vector<std::pair<const plan::Ref*, Code>> kept_;
  std::map<std::pair<const Primitive*, Scalar>, int> expansions_;  // how many, of varying values
};

}  // namespace nodec::codegen
