// For tests of code generation: a program written through an Emitter by hand, translated, linked
// and called on arrays.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/llvm_module.h"
#include "ir/abi.h"
#include "runtime/engine.h"

namespace nodec::testing {

// What a hand-written body needs: the emitter, the thread, and the ports' addresses.
struct Program {
  Emitter& e;
  Code frame, thread;

  Code index(std::int64_t i) const { return e.constant(Scalar::I64, double(i)); }
  // The pointer at word `word` of the call frame, or of what that pointer leads to.
  Code pointer(Code base, std::int64_t word) const {
    return e.bitcast(e.load(base, index(word), Dtype::I64), Scalar::Pointer);
  }
  Code port(std::int64_t i) const { return pointer(pointer(frame, 0), i); }
  Code symbol(std::int64_t i) const { return e.load(pointer(frame, 1), index(i), Dtype::I64); }
};

using Body = std::function<void(Program&)>;

inline Artifact compile(const CpuTarget& target, Signature signature, const Body& body) {
  signature.entry = "test_program";
  signature.lanes = target.lanes;
  LlvmModule module(target);
  auto [frame, thread] = module.begin_entry(signature.entry);
  Program program{module.emitter(), frame, thread};
  body(program);
  module.end_entry();
  return {module.object(), std::move(signature)};
}

inline std::string assembly(const CpuTarget& target, const Body& body) {
  LlvmModule module(target);
  auto [frame, thread] = module.begin_entry("test_program");
  Program program{module.emitter(), frame, thread};
  body(program);
  module.end_entry();
  return module.assembly();
}

}  // namespace nodec::testing
