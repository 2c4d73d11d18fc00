// For tests of code generation: a program written through an Emitter by hand, translated, linked
// and called on arrays.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/llvm/emitter.h"
#include "compiler/codegen/llvm/module.h"
#include "ir/abi.h"
#include "runtime/engine.h"

namespace nodec::testing {

// Every width on this machine's instructions and on those every supported machine has.
inline std::vector<CpuTarget> targets() {
  return {cpu_target("native", 16), cpu_target("native", 8), cpu_target("native", 4),
          cpu_target("x86-64-v3", 16), cpu_target("x86-64-v3", 8)};
}

// What a hand-written body needs: the emitter, and short names for what it asks most.
struct Entry {
  Emitter& e;

  Code index(std::int64_t i) const { return e.index(i); }
  Code i64(std::int64_t i) const { return e.constant(Scalar::I64, double(i)); }
  Code port(int i) const { return e.port(i); }
  Code symbol(int i) const { return e.symbol(i); }
};

// A call of a routine that nothing declares.
inline void calls(const Entry& p, const char* name) {
  auto& emitter = static_cast<LlvmEmitter&>(p.e);
  emitter.call_runtime(name, llvm::Type::getVoidTy(emitter.context()), {});
}

using Body = std::function<void(Entry&)>;

inline void write(LlvmModule& module, const Body& body) {
  module.begin_entry("test_program");
  Entry program{module.emitter()};
  body(program);
  module.end_entry();
}

inline Artifact compile(const CpuTarget& target, Signature signature, const Body& body) {
  LlvmModule module(target);
  write(module, body);
  signature.entry = signature.name = "test_program";
  signature.lanes = target.lanes;
  return {module.object(), std::move(signature)};
}

inline std::string assembly(const CpuTarget& target, const Body& body) {
  LlvmModule module(target);
  write(module, body);
  return module.assembly();
}

// A signature of arrays whose dims are the given ones.
inline Signature signature_of(const std::vector<const Tensor*>& inputs,
                              const std::vector<const Tensor*>& outputs) {
  Signature signature;
  const auto port = [](const Tensor& tensor, std::string name) {
    return Port{std::move(name),
                Type::tensor(tensor.dtype(), Shape(tensor.dims().begin(), tensor.dims().end()))};
  };
  for (const Tensor* tensor : inputs) signature.inputs.push_back(port(*tensor, "in"));
  for (const Tensor* tensor : outputs) signature.outputs.push_back(port(*tensor, "out"));
  return signature;
}

inline Outcome run(const CpuTarget& target, const std::vector<const Tensor*>& inputs,
                   const std::vector<const Tensor*>& outputs, const Body& body) {
  const auto program = load(compile(target, signature_of(inputs, outputs), body));
  std::vector<TensorView> in, out;
  for (const Tensor* tensor : inputs) in.push_back(*tensor);
  for (const Tensor* tensor : outputs) out.push_back(*tensor);
  return program->call(in, out);
}

// One operation on every element of arrays of one length (a multiple of 16): element by element as
// uniform values, or by vectors of lanes.
using Operation = std::function<Code(Emitter&, const std::vector<Code>&)>;

inline Tensor map(const CpuTarget& target, bool varying, const std::vector<const Tensor*>& inputs,
                  Dtype result, const Operation& operation) {
  const std::int64_t n = inputs.at(0)->count();
  Tensor output(result, {n});
  run(target, inputs, {&output}, [&](Entry& p) {
    const std::int64_t step = varying ? target.lanes : 1;
    std::vector<Code> ports;
    for (std::size_t i = 0; i <= inputs.size(); ++i) ports.push_back(p.port(int(i)));
    p.e.loop(p.index(0), p.index(n), p.index(step), {},
             [&](Code i, Emitter::Values) -> Emitter::Values {
               std::vector<Code> operands;
               for (std::size_t k = 0; k < inputs.size(); ++k) {
                 const Dtype dtype = inputs[k]->dtype();
                 operands.push_back(varying ? p.e.load_lanes(ports[k], i, dtype)
                                            : p.e.load(ports[k], i, dtype));
               }
               p.e.store(ports.back(), i, result, operation(p.e, operands));
               return {};
             });
  });
  return output;
}

}  // namespace nodec::testing
