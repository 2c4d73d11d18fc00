// Calls of programs, which here are written in C++: arguments, workspaces, threads, outcomes.
#include "runtime/executable.h"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "runtime/frame.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace nodec;

namespace {

const Dim B = Dim::symbol("B");

Signature doubling() {
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

void doubling_entry(CallFrame* frame, std::int64_t thread) {
  const std::int64_t n = 2 * frame->symbols[0];
  auto* copy = static_cast<float*>(frame->scratch[0]);
  for (std::int64_t i = thread; i < n; i += frame->threads) copy[i] = port<float>(frame, 0)[i];
  nodec_barrier(frame, thread);
  for (std::int64_t i = thread; i < n; i += frame->threads) {
    port<float>(frame, 2)[i] = *port<float>(frame, 1) * copy[n - 1 - i];
  }
}

std::string message(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a program runs on one thread and on several with the same result") {
  const Executable program(doubling_entry, doubling(), nullptr);
  Tensor x(Dtype::F32, {2, 37});
  for (int i = 0; i < 74; ++i) x.values<float>()[std::size_t(i)] = float(i);
  const Tensor k = Tensor::scalar(3.0F);
  const TensorView inputs[] = {x, k};
  for (int threads : {1, 2, 5}) {
    CallOptions options;
    options.threads = threads;
    const auto outputs = program.run(inputs, options);
    CHECK(outputs.at(0).view().type() == "f32[74]");
    for (int i = 0; i < 74; ++i) {
      CHECK(outputs[0].values<float>()[std::size_t(i)] == 3 * float(73 - i));
    }
  }
  CHECK(program.workspace_count() == 1);
}

TEST_CASE("derived symbols reach the program") {
  Signature signature = doubling();
  signature.outputs = {{"seen", Type::tensor(Dtype::I64, {4})}};
  const Executable program(
      [](CallFrame* frame, std::int64_t thread) {
        if (thread == 0) std::copy_n(frame->symbols, 4, port<std::int64_t>(frame, 2));
      },
      signature, nullptr);
  const Tensor x(Dtype::F32, {2, 65}), k = Tensor::scalar(1.0F);
  const TensorView inputs[] = {x, k};
  CallOptions options;
  options.threads = 3;
  const auto seen = program.run(inputs, options);
  const auto values = seen[0].values<std::int64_t>();
  CHECK(std::vector(values.begin(), values.end()) == std::vector<std::int64_t>{65, 5, 3, 3});
}

TEST_CASE("all that does not fit is said at once") {
  const Executable program(doubling_entry, doubling(), nullptr);
  const Tensor x(Dtype::F64, {2, 32}), k(Dtype::F32, {1});
  Tensor y(Dtype::F32, {63});
  const TensorView inputs[] = {x, k}, outputs[] = {y};
  CHECK(message([&] { program.call(inputs, outputs); }) ==
        "error: the arguments of 'doubling' do not fit:\n"
        "  input 'x': wanted f32[2, B] with B = 32, got f64[2, 32]\n"
        "  input 'k': wanted f32[], got f32[1]\n"
        "  output 'y': wanted f32[2*B] with B = 32, got f32[63]");
  CHECK(message([&] { program.call({}, outputs); }) ==
        "error: 'doubling' takes 2 inputs and 1 outputs, got 0 and 1");
}

TEST_CASE("symbols are bound consistently") {
  Signature signature = doubling();
  signature.inputs.push_back({"z", Type::tensor(Dtype::I32, {B, Dim::symbol("n") + 1})});
  const Executable program(doubling_entry, signature, nullptr);
  const Tensor x(Dtype::F32, {2, 32}), k = Tensor::scalar(1.0F), z(Dtype::I32, {31, 5});
  Tensor y(Dtype::F32, {64});
  const TensorView inputs[] = {x, k, z}, outputs[] = {y};
  CHECK(message([&] { program.call(inputs, outputs); }) ==
        "error: the arguments of 'doubling' do not fit:\n"
        "  input 'z': wanted i32[B, n + 1] with B = 32, n not given, got i32[31, 5]");
  const Tensor fitting(Dtype::I32, {32, 5});
  const TensorView better[] = {x, k, fitting};
  CallOptions options;
  options.symbols = {{"n", 4}};
  CHECK(program.call(better, outputs, options).status == 0);
}

TEST_CASE("a symbol that the program does not have is refused, with those it has") {
  Signature signature = doubling();
  signature.inputs.push_back({"z", Type::tensor(Dtype::I32, {Dim::symbol("n") + 1})});
  const Executable program(doubling_entry, signature, nullptr);
  const Tensor x(Dtype::F32, {2, 32}), k = Tensor::scalar(1.0F), z(Dtype::I32, {5});
  const TensorView inputs[] = {x, k, z};
  CallOptions options;
  options.symbols = {{"n", 4}, {"batch", 32}};
  CHECK(message([&] { program.run(inputs, options); }) ==
        "error: 'doubling' has no symbol 'batch' to give a value\n  help: its symbols are B, n");
  options.symbols = {{"n", 4}, {"blocks", 2}};
  Tensor y(Dtype::F32, {64});
  const TensorView outputs[] = {y};
  CHECK(message([&] { program.call(inputs, outputs, options); }) ==
        "error: 'doubling' has no symbol 'blocks' to give a value\n  help: its symbols are B, n");
  Signature fixed;
  fixed.name = "fixed";
  const Executable none([](CallFrame*, std::int64_t) {}, fixed, nullptr);
  CHECK(message([&] { none.run({}, options); }) ==
        "error: 'fixed' has no symbol 'blocks' to give a value\n"
        "  help: give none: every size of it is a number");
}

TEST_CASE("misplaced, missing and shared bytes are refused with a remedy") {
  const Executable program(doubling_entry, doubling(), nullptr);
  Tensor storage(Dtype::F32, {256});
  const Tensor k = Tensor::scalar(1.0F);
  const Tensor shifted = Tensor::borrow(Dtype::F32, {2, 4}, storage.values<float>().data() + 1);
  Tensor y(Dtype::F32, {8});
  const TensorView inputs[] = {shifted, k}, outputs[] = {y};
  CHECK(message([&] { program.call(inputs, outputs); }) ==
        "error: the arguments of 'doubling' do not fit:\n"
        "  input 'x': its bytes start 4 past a multiple of 64\n"
        "  help: arrays must start at a multiple of 64 bytes: use nodec::Tensor, which does, or "
        "clone() into one");
  const Tensor nothing = Tensor::borrow(Dtype::F32, {2, 4}, nullptr);
  const TensorView missing[] = {nothing, k};
  CHECK(message([&] { program.call(missing, outputs); }) ==
        "error: the arguments of 'doubling' do not fit:\n  input 'x': has no bytes");
  const Tensor x = Tensor::borrow(Dtype::F32, {2, 4}, y.data());
  const TensorView shared[] = {x, k};
  CHECK(message([&] { program.call(shared, outputs); }) ==
        "error: input 'x' and output 'y' of 'doubling' share bytes\n"
        "  help: give every output its own array");
  const Tensor empty(Dtype::F32, {2, 0});
  Tensor no_y(Dtype::F32, {0});
  const TensorView none[] = {empty, k}, no_outputs[] = {no_y};
  CHECK(message([&] { program.call(none, no_outputs); }) ==
        "error: the batch 'B' of 'doubling' is 0\n  help: give at least one sample");
}

TEST_CASE("an output may overwrite its input, or leave it alone") {
  Signature signature;
  signature.name = "count_up";
  signature.inputs = {{"n", Type::tensor(Dtype::I64, {3})}};
  signature.outputs = {{"n'", Type::tensor(Dtype::I64, {3}), 0}};
  const Executable program(
      [](CallFrame* frame, std::int64_t) {
        REQUIRE(frame->ports[0] == frame->ports[1]);
        for (int i = 0; i < 3; ++i) port<std::int64_t>(frame, 0)[i]++;
      },
      signature, nullptr);
  Tensor n = Tensor::of<std::int64_t>({3}, {1, 2, 3});
  const TensorView in_place[] = {n};
  program.call(in_place, in_place);
  CHECK(n.values<std::int64_t>()[2] == 4);
  const auto outputs = program.run(in_place);
  CHECK(n.values<std::int64_t>()[2] == 4);
  CHECK(outputs[0].values<std::int64_t>()[2] == 5);
}

TEST_CASE("calls at the same time have workspaces of their own") {
  Signature signature;
  signature.name = "slow";
  signature.inputs = {{"id", Type::scalar(Dtype::I64)}};
  signature.outputs = {{"seen", Type::scalar(Dtype::I64)}};
  signature.scratch = {{"cell", Dim(64)}};
  const Executable program(
      [](CallFrame* frame, std::int64_t) {
        auto* cell = static_cast<std::atomic<std::int64_t>*>(frame->scratch[0]);
        *cell = *port<std::int64_t>(frame, 0);
        std::this_thread::yield();
        *port<std::int64_t>(frame, 1) = *cell;
      },
      signature, nullptr);
  std::atomic<int> wrong{0};
  std::vector<std::thread> hosts;
  for (std::int64_t id = 0; id < 4; ++id) {
    hosts.emplace_back([&, id] {
      const Tensor mine = Tensor::scalar(id);
      const TensorView inputs[] = {mine};
      for (int i = 0; i < 500; ++i) {
        if (program.run(inputs)[0].values<std::int64_t>()[0] != id) ++wrong;
      }
    });
  }
  for (auto& host : hosts) host.join();
  CHECK(wrong == 0);
  CHECK(program.workspace_count() >= 1);
  CHECK(program.workspace_count() <= 4);
}

TEST_CASE("a workspace is kept for the same and for smaller sizes") {
  const Executable program(doubling_entry, doubling(), nullptr);
  const Tensor k = Tensor::scalar(1.0F);
  std::int64_t held = 0;
  for (std::int64_t batch : {100, 100, 28, 100}) {
    const Tensor x(Dtype::F32, {2, batch});
    const TensorView inputs[] = {x, k};
    program.run(inputs);
    if (held != 0) CHECK(program.workspace_bytes() == held);
    held = program.workspace_bytes();
  }
  CHECK(program.workspace_count() == 1);
}

TEST_CASE("a call that cannot be prepared leaves the next one a whole workspace") {
  // The buffers begin N * 64 bytes apart; for N = 3 a frame has -64 bytes, which no tape takes.
  const Dim n = Dim::symbol("N");
  Signature signature;
  signature.name = "apart";
  signature.outputs = {{"y", Type::scalar(Dtype::I64)}};
  signature.symbols = {"N"};
  signature.scratch = {{"first", n * 64}, {"second", n * 64}};
  signature.tapes = {{"steps", Dim(128) - n * 64}};
  const Executable program(
      [](CallFrame* frame, std::int64_t) {
        *port<std::int64_t>(frame, 0) =
            static_cast<char*>(frame->scratch[1]) - static_cast<char*>(frame->scratch[0]);
      },
      signature, nullptr);
  const auto distance = [&](std::int64_t size) {
    CallOptions options;
    options.symbols = {{"N", size}};
    return program.run({}, options)[0].values<std::int64_t>()[0];
  };
  CHECK(distance(1) == 64);
  CHECK_THROWS_AS(distance(3), std::logic_error);
  CHECK(distance(1) == 64);
}

TEST_CASE("tape growths are counted over the program's life, and a limit gives null") {
  Signature signature;
  signature.name = "taping";
  signature.inputs = {{"frames", Type::scalar(Dtype::I64)}};
  signature.tapes = {{"steps", Dim(128)}};
  const Executable program(
      [](CallFrame* frame, std::int64_t) {
        for (std::int64_t n = 0; n < *port<std::int64_t>(frame, 0); ++n) {
          if (nodec_tape_frame(frame, 0, n) == nullptr) {
            *frame->outcome = {4, 0.5, 0.25, n, 2};
            return;
          }
        }
      },
      signature, nullptr);
  const auto frames = [&](std::int64_t count, std::int64_t limit) {
    const Tensor n = Tensor::scalar(count);
    const TensorView inputs[] = {n};
    CallOptions options;
    options.tape_limit_bytes = limit;
    return program.call(inputs, {}, options);
  };
  CHECK(frames(8, 0).status == 0);
  CHECK(program.tape_growths() == 0);
  CHECK(frames(30, 0).status == 0);
  CHECK(program.tape_growths() == 2);
  CHECK(frames(50, 0).status == 0);
  CHECK(program.tape_growths() == 2);
  const Outcome stopped = frames(30, 8 * 128);
  CHECK(stopped.accepted == 8);
  CHECK(message([&] { require_success(stopped, signature); }) ==
        "error: 'taping' stopped: the tape would exceed its memory limit (at t = 0.5, dt = 0.25, "
        "after 8 accepted and 2 rejected steps)\n"
        "  help: raise the limit, or loosen rtol so that fewer steps are taken");
}

#if defined(__x86_64__)
TEST_CASE("every thread computes with subnormals although the host flushes them") {
  Signature signature;
  signature.name = "halve";
  signature.inputs = {{"x", Type::scalar(Dtype::F32)}};
  signature.outputs = {{"y", Type::tensor(Dtype::F32, {4})}};
  const Executable program(
      [](CallFrame* frame, std::int64_t thread) {
        volatile float x = *port<float>(frame, 0);
        port<float>(frame, 1)[thread] = x * 0.5F;
      },
      signature, nullptr);
  const unsigned before = _mm_getcsr();
  const Tensor x = Tensor::scalar(1.5e-38F);
  const TensorView inputs[] = {x};
  _mm_setcsr(before | 0x8040);
  CallOptions options;
  options.threads = 4;
  const auto outputs = program.run(inputs, options);
  CHECK((_mm_getcsr() & ~0x3fU) == ((before | 0x8040) & ~0x3fU));
  _mm_setcsr(before);
  for (float y : outputs[0].values<float>()) CHECK(y == 0.75e-38F);
}
#endif
