// For tests of CUDA text: a program written through the emitter by hand, and run on the emulated
// GPU with arrays as its ports.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "compiler/codegen/cuda/emitter.h"
#include "runtime/emulator/emulator.h"
#include "runtime/tensor.h"
#include "tests/runtime/cuda/kernels.h"

namespace nodec::testing {

// What a hand-written body needs: the emitter, and short names for what it asks most.
struct CudaEntry {
  CudaEmitter e;

  Code index(std::int64_t i) { return e.index(i); }
  Code i64(std::int64_t i) { return e.constant(Scalar::I64, double(i)); }
  Code f32(double x) { return e.constant(Scalar::F32, x); }
  Code port(int i) { return e.port(i); }
  Code thread() { return e.known(Scalar::Index, "team_thread()"); }
  Code threads() { return e.known(Scalar::Index, "team_threads()"); }
  // The body once for each i below n, shared out over all threads.
  void each(std::int64_t n, const std::function<void(Code i)>& body) {
    e.loop(thread(), index(n), threads(), {}, [&](Code i, const Emitter::Values&) {
      body(i);
      return Emitter::Values{};
    });
  }
};

using CudaBody = std::function<void(CudaEntry&)>;

inline CudaEmitter::Text written(const CudaBody& body) {
  CudaEntry entry;
  body(entry);
  return entry.e.text();
}

inline std::string program_text(const KernelShape& shape, const CudaEmitter::Text& text) {
  return kernel_text(shape, text.entry, text.functions);
}

struct Emulated {
  int blocks = 1;
  KernelShape shape = {};
  std::int64_t symbol = 0;  // the first
  bool watched = true;
};

// One launch with the tensors as ports 0, 1, ...; the report's words. Nothing may be found.
inline std::vector<std::int64_t> emulate(Emulated how, const std::vector<const Tensor*>& tensors,
                                         const CudaBody& body) {
  how.shape.ports = int(std::max(tensors.size(), std::size_t{1}));
  const auto program = emulator::Program::compile(
      {program_text(how.shape, written(body)), "kernel"}, {.watched = how.watched});
  KernelFrame frame(how.shape);
  emulator::Memory memory;
  memory.watch(frame.words.data(), 8 * frame.words.size(), "the frame");
  memory.watch(frame.report.data(), 8 * frame.report.size(), "the report");
  std::vector<std::int64_t> tape(64);
  memory.watch(tape.data(), 8 * tape.size(), "the tape");
  frame.tape(tape.data(), 64, 8);
  frame.symbol(0, how.symbol);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    void* data = const_cast<void*>(tensors[i]->data());
    frame.port(int(i), data);
    memory.watch(data, bytes(tensors[i]->dtype()) * std::size_t(tensors[i]->count()),
                 fmt::format("port {}", i));
  }
  emulator::Launch launch;
  launch.blocks = how.blocks;
  launch.threads = launch.member_threads = 32 * how.shape.parts;
  launch.shared_bytes = std::size_t(how.shape.shared_bytes);
  for (const emulator::Finding& found : emulator::run(*program, launch, frame.launch(), memory)) {
    FAIL_CHECK(found.text);
  }
  return frame.report;
}

}  // namespace nodec::testing
