// Programs for a GPU written by hand, with their signatures: what a back end would hand over.
#pragma once

#include <string>
#include <vector>

#include "ir/abi.h"
#include "runtime/cuda/gpu_runner.h"
#include "runtime/cuda/kernel.h"
#include "tests/runtime/cuda/kernels.h"
#include "tests/runtime/doubling.h"

namespace nodec::testing {

// The text is the cubin as well: what the fake driver takes for one.
inline Artifact gpu_artifact(const Signature& made, const KernelLaunch& launch,
                             const std::string& body, bool as_cubin = false) {
  Signature signature = made;
  signature.entry = "kernel";
  const auto length = [](std::size_t n) { return std::max(1, int(n)); };
  KernelShape shape;
  shape.ports = length(signature.inputs.size() + signature.outputs.size());
  shape.scratch = length(signature.scratch.size());
  shape.symbols = length(signature.symbols.size());
  shape.tapes = length(signature.tapes.size());
  shape.parts = launch.parts;
  shape.block_members = launch.block_members;
  shape.shared_bytes = int(launch.shared_bytes);
  shape.arena_bytes = int(launch.arena_bytes);
  const std::string text = kernel_text(shape, body);
  return {pack({launch, 90, as_cubin ? text : "", "", text}), signature};
}

// y = k x, back to front, through scratch: as doubling_entry.
inline Artifact gpu_doubling(bool as_cubin = false) {
  return gpu_artifact(doubling(), {.parts = 2, .dense_members = 3}, R"(
  const int n = 2 * (int)frame.symbols[0];
  const float* x = (const float*)frame.ports[0];
  float* copy = (float*)frame.scratch[0];
  float* y = (float*)frame.ports[2];
  for (int i = team_thread(); i < n; i += team_threads()) copy[i] = x[i];
  team_meet(frame);
  const float k = *(const float*)frame.ports[1];
  for (int i = team_thread(); i < n; i += team_threads()) y[i] = k * copy[n - 1 - i];)",
                      as_cubin);
}

// n' = n + 1, in place.
inline Signature counting() {
  Signature signature;
  signature.name = "count_up";
  signature.inputs = {{"n", Type::tensor(Dtype::I64, {3})}};
  signature.outputs = {{"n'", Type::tensor(Dtype::I64, {3}), 0}};
  signature.symbols = {"blocks", "chunks", "threads"};
  return signature;
}

inline Artifact gpu_counting(bool as_cubin = false) {
  return gpu_artifact(counting(), {.team = false}, R"(
  i64* n = (i64*)frame.ports[0];
  if (frame.ports[1] == frame.ports[0] && team_thread() < 3) n[team_thread()] += 1;)",
                      as_cubin);
}

// Writes so many frames, and then the first's number and the last's to y: the tape's owner must
// have made it long enough. It reads a frame that nobody wrote where `frames` is below 0.
inline Signature taping() {
  Signature signature;
  signature.name = "taping";
  signature.inputs = {{"frames", Type::scalar(Dtype::I64)}};
  signature.outputs = {{"y", Type::tensor(Dtype::I64, {2})}};
  signature.symbols = {"blocks", "chunks", "threads"};
  signature.tapes = {{"steps", Dim(100)}};
  return signature;
}

inline Artifact gpu_taping(bool as_cubin = false) {
  return gpu_artifact(taping(), {.parts = 1, .dense_members = 2}, R"(
  const i64 frames = *(const i64*)frame.ports[0];
  i64 written = 0;
  for (i64 n = 0; n < frames; ++n) {
    u8* at = tape_write(frame, 0, n, written);
    if (!at) {
      if (is_first()) frame.report->status = 4;
      return;
    }
    if (is_first()) ((i64*)at)[0] = n;
  }
  team_meet(frame);
  u8* first = tape_read(frame, 0, 0, written);
  u8* last = tape_read(frame, 0, frames - 1, written);
  if (!first || !last) {
    if (is_first()) frame.report->status = 4;
    return;
  }
  i64* y = (i64*)frame.ports[1];
  if (is_first()) y[0] = *(const i64*)first, y[1] = *(const i64*)last;)",
                      as_cubin);
}

}  // namespace nodec::testing
