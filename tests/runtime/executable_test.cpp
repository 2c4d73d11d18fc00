// Calls of programs, which here are written in C++: workspaces, threads, outcomes.
#include "runtime/executable.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "runtime/frame.h"
#include "tests/runtime/doubling.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace nodec;
using namespace nodec::testing;

TEST_CASE("a program runs on one thread and on several with the same result") {
  const Executable program(doubling_entry, doubling(), nullptr);
  Tensor x(Dtype::F32, {2, 37});
  for (int i = 0; i < 74; ++i) x.values<float>()[std::size_t(i)] = float(i);
  const Tensor k = Tensor::scalar(3.0F);
  const TensorView inputs[] = {x, k};
  for (int threads : {1, 2, 5}) {
    CallOptions options;
    options.threads = threads;
    options.exact_team = true;
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
  options.exact_team = true;
  const auto seen = program.run(inputs, options);
  const auto values = seen[0].values<std::int64_t>();
  CHECK(std::vector(values.begin(), values.end()) == std::vector<std::int64_t>{65, 5, 3, 3});
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
          if (nodec_tape_frame(frame, frame->cursors, 0, n) == nullptr) {
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
  CHECK_THROWS_WITH_AS(
      frames(1, -5),
      "error: a call's tapes have at most -5 bytes\n"
      "  help: set CallOptions::tape_limit_bytes to 1 or more, or 0 for half of the memory",
      Error);
  const Outcome stopped = frames(30, 8 * 128);
  CHECK(stopped.accepted == 8);
  CHECK(message([&] { require_success(stopped, signature); }) ==
        "error: 'taping' stopped: the tape would exceed its memory limit (with 8 turns on it; it "
        "would "
        "take 3072 bytes, of at most 1024 bytes)\n"
        "  help: raise CallOptions::tape_limit_bytes (half of the machine's memory by default), or "
        "give the loop a cap of its own, under which it computes again: LoopOptions::tape_bytes");
  Signature placed = signature;
  placed.sites = {{}, {{"model.cpp", 42, "layer_2"}, 3, "u[20]", ""}};
  Outcome in_solve = stopped;
  in_solve.site = 1;
  CHECK(
      message([&] { require_success(in_solve, placed); }) ==
      "error: 'taping' stopped in the solve of layer_2: the tape would exceed its memory limit "
      "(at t = 0.5, dt = 0.25, after 8 accepted and 2 rejected steps; it would take 3072 bytes, of "
      "at most 1024 bytes)\n"
      "  --> model.cpp:42   the solve\n"
      "  help: raise CallOptions::tape_limit_bytes (half of the machine's memory by default), "
      "loosen rtol so that fewer steps are taken, or take a smaller batch");
  Outcome failed{3, 0.5, 0.25, 8, 2, 1, 1, 7, 3, 3};
  CHECK(message([&] { require_success(failed, placed); }) ==
        "error: 'taping' stopped in the reverse solve of layer_2: the state or its error became "
        "infinite or NaN (at t = 0.5, dt = 0.25, after 8 accepted and 2 rejected steps; the "
        "cotangent of u[7] of sample 3 was not finite first)\n"
        "  --> model.cpp:42   the solve\n"
        "  help: check the inputs and parameters for NaN, or shorten the time span");
  failed.told = 2;  // another solve's, whose failure was none of the program's
  CHECK(message([&] { require_success(failed, placed); }).find("first") == std::string::npos);
}

TEST_CASE("intermediate arrays that there is no memory for are refused, and smaller ones made") {
  Signature signature;
  signature.name = "large";
  const Dim n = Dim::symbol("N");
  signature.symbols = {"N", "threads"};
  signature.scratch = {{"sort", n * 8}, {"scan", n * 8}};
  const Executable program([](CallFrame*, std::int64_t) {}, signature, nullptr);
  const auto call = [&](int exponent) {
    return message([&] {
      const Outcome outcome =
          program.call({}, {}, {.symbols = {{"N", std::int64_t(1) << exponent}}});
      CHECK(outcome.status == 0);
    });
  };
  CHECK(call(10) == "no error");
#ifndef NODEC_SANITIZED  // a sanitizer ends the process there
  CHECK(call(58) ==
        "error: there is no memory for the intermediate arrays of 'large', 4611686018427387968 "
        "bytes\n  help: run it on smaller arrays");
#endif
  CHECK(call(59) ==
        "error: the intermediate arrays of 'large' take more bytes than there are: 'scan' takes "
        "8*N with N = 576460752303423488\n"
        "  help: run it on smaller arrays");
  CHECK(call(60) ==
        "error: the intermediate arrays of 'large' take more bytes than there are: 'sort' takes "
        "8*N with N = 1152921504606846976\n"
        "  help: run it on smaller arrays");
  CHECK(call(10) == "no error");
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
  options.exact_team = true;
  const auto outputs = program.run(inputs, options);
  CHECK((_mm_getcsr() & ~0x3fU) == ((before | 0x8040) & ~0x3fU));
  _mm_setcsr(before);
  for (float y : outputs[0].values<float>()) CHECK(y == 0.75e-38F);
}
#endif
