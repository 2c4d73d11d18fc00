// A program written in C++: y = k x, back to front; and what an Error says.
#pragma once

#include <functional>
#include <string>

#include "ir/abi.h"
#include "runtime/frame.h"

namespace nodec::testing {

inline const Dim B = Dim::symbol("B");

inline Signature doubling() {
  Signature signature;
  signature.name = "doubling";
  signature.batch = "B";
  signature.inputs = {{"x", Type::tensor(Dtype::F32, {2, B})}, {"k", Type::scalar(Dtype::F32)}};
  signature.outputs = {{"y", Type::tensor(Dtype::F32, {B * 2})}};
  signature.symbols = {"B", "blocks", "chunks", "threads"};
  signature.scratch = {{"copy", B * 8}};
  return signature;
}

template <typename T>
T* port(CallFrame* frame, int i) {
  return static_cast<T*>(frame->ports[i]);
}

inline void doubling_entry(CallFrame* frame, std::int64_t thread) {
  const std::int64_t n = 2 * frame->symbols[0];
  auto* copy = static_cast<float*>(frame->scratch[0]);
  for (std::int64_t i = thread; i < n; i += frame->threads) copy[i] = port<float>(frame, 0)[i];
  nodec_barrier(frame, thread);
  for (std::int64_t i = thread; i < n; i += frame->threads) {
    port<float>(frame, 2)[i] = *port<float>(frame, 1) * copy[n - 1 - i];
  }
}

inline std::string message(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace nodec::testing
