// Programs bound to arrays by name: what is missing is made, every misfit is worded at once.
#include "runtime/named_arrays.h"

#include <doctest/doctest.h>

#include "tests/runtime/doubling.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

std::shared_ptr<const Executable> doubler() {
  return std::make_shared<const Executable>(doubling_entry, doubling(), nullptr);
}

// n counts up in place; `seen` is what it was.
std::shared_ptr<const Executable> counter() {
  Signature signature;
  signature.name = "count_up";
  signature.inputs = {{"n", Type::tensor(Dtype::I64, {1})}};
  signature.outputs = {{"n", Type::tensor(Dtype::I64, {1}), 0},
                       {"seen", Type::tensor(Dtype::I64, {1})}};
  signature.symbols = {"threads"};
  const auto entry = [](CallFrame* frame, std::int64_t thread) {
    if (thread != 0) return;
    *port<std::int64_t>(frame, 2) = *port<std::int64_t>(frame, 0);
    *port<std::int64_t>(frame, 1) = *port<std::int64_t>(frame, 0) + 1;
  };
  return std::make_shared<const Executable>(entry, signature, nullptr);
}

// y = N x, of a size that no array states by itself.
std::shared_ptr<const Executable> sizer() {
  Signature signature;
  signature.name = "size";
  const Dim n = Dim::symbol("N");
  signature.inputs = {{"x", Type::tensor(Dtype::F32, {n * 2})}};
  signature.outputs = {{"y", Type::tensor(Dtype::F32, {n * 2})}};
  signature.symbols = {"N", "threads"};
  const auto entry = [](CallFrame* frame, std::int64_t) {
    for (std::int64_t i = 0; i < 2 * frame->symbols[0]; ++i) {
      port<float>(frame, 1)[i] = float(frame->symbols[0]) * port<float>(frame, 0)[i];
    }
  };
  return std::make_shared<const Executable>(entry, signature, nullptr);
}

}  // namespace

TEST_CASE("missing arrays are made of the sizes that the others tell") {
  NamedArrays arrays;
  arrays.set("x", Tensor::of<float>({2, 2}, {1, 2, 3, 4}));
  arrays.set("other", 1.0f);  // of another program
  BoundProgram program(doubler(), arrays);
  CHECK(arrays["k"].values<float>()[0] == 0);
  CHECK(arrays["y"].view().type() == "f32[4]");
  arrays["k"].values<float>()[0] = 2;
  require_success(program.call(), program.signature());
  CHECK(arrays["y"].values<float>()[0] == 8);
  arrays.set("k", 3.0f);  // replaced between calls
  require_success(program.call(), program.signature());
  CHECK(arrays["y"].values<float>()[0] == 12);
}

TEST_CASE("an output over an input is that input's array, and programs share arrays") {
  NamedArrays arrays;
  BoundProgram one(counter(), arrays), other(counter(), arrays);
  for (BoundProgram* program : {&one, &other, &one}) program->call();
  CHECK(arrays["n"].values<std::int64_t>()[0] == 3);
  CHECK(arrays["seen"].values<std::int64_t>()[0] == 2);
  CHECK(arrays.size() == 2);
}

TEST_CASE("an open port gets its array call by call") {
  NamedArrays arrays;
  arrays.set("k", 2.0f);
  BoundProgram program(doubler(), arrays, {}, {"x", "y"});
  for (const std::int64_t n : {1, 3}) {
    Tensor x(Dtype::F32, {2, n}), y(Dtype::F32, {2 * n});
    x.values<float>()[0] = 1;
    program.give("x", x);
    program.give("y", y);
    require_success(program.call(), program.signature());
    CHECK(y.values<float>()[std::size_t(2 * n - 1)] == 2);
  }
  CHECK_FALSE(arrays.contains("x"));
  CHECK(message([&] { program.give("z", {}); }) == R"(error: 'doubling' has no open port 'z'
  help: its open ports: x, y)");
  BoundProgram unlike(doubler(), arrays, {{"B", 1}}, {"x", "z"});
  CHECK(message([&] { unlike.give("z", {}); }) == R"(error: 'doubling' has no open port 'z'
  help: its open ports: x)");
  BoundProgram closed(counter(), arrays);
  CHECK(message([&] { closed.give("n", {}); }) == R"(error: 'count_up' has no open port 'n'
  help: all its arrays were bound by name)");
}

TEST_CASE("every array that does not fit is named at once, and nothing is made") {
  NamedArrays arrays;
  arrays.set("x", Tensor(Dtype::F64, {2, 3}));
  arrays.set("k", Tensor(Dtype::F32, {1}));
  arrays.set("y", Tensor(Dtype::F32, {5}));
  CHECK(message([&] { BoundProgram(doubler(), arrays); }) ==
        R"(error: the arrays do not fit 'doubling':
  'x': wanted f32[2, B] with B = 3, got f64[2, 3]
  'k': wanted f32[], got f32[1]
  'y': wanted f32[2*B] with B = 3, got f32[5]
  help: put arrays of the wanted types there with set())");
  NamedArrays none;
  const Tensor moved = std::move(none.set("k", Tensor::scalar(1.0f)));
  CHECK(message([&] { BoundProgram(doubler(), none); }) ==
        R"(error: the arrays do not fit 'doubling':
  'x': f32[2, B] with B not told, so it cannot be made
  'k': wanted f32[], got nothing: it was moved from
  'y': f32[2*B] with B not told, so it cannot be made
  help: put arrays of the wanted types there with set())");
  CHECK(none.size() == 1);
  NamedArrays told;
  BoundProgram(doubler(), told, {{"B", 7}});
  CHECK(told["y"].view().type() == "f32[14]");
}

TEST_CASE("calls have the symbols that a program was bound with, or others that they name") {
  NamedArrays arrays;
  BoundProgram program(sizer(), arrays, {{"N", 3}});
  arrays["x"].values<float>()[5] = 2;
  for (int turn = 0; turn < 2; ++turn) require_success(program.call(), program.signature());
  CHECK(arrays["y"].values<float>()[5] == 6);
  CHECK(message([&] {
          program.call({.symbols = {{"M", 1}}});
        }) == "error: 'size' has no symbol 'M' to give a value\n  help: its symbols are N");
  arrays.set("x", Tensor::of<float>({2}, {1, 4}));
  arrays.set("y", Tensor(Dtype::F32, {2}));
  CHECK(message([&] { program.call(); }) == R"(error: the arguments of 'size' do not fit:
  input 'x': wanted f32[2*N] with N = 3, got f32[2]
  output 'y': wanted f32[2*N] with N = 3, got f32[2]
  help: make each array of the dtype and dims that are wanted of it)");
  require_success(program.call({.symbols = {{"N", 1}}}), program.signature());
  CHECK(arrays["y"].values<float>()[1] == 4);
}

TEST_CASE("symbols that a program does not have, or that no array states, are told") {
  NamedArrays arrays;
  CHECK(message([&] {
          BoundProgram(sizer(), arrays, {{"M", 3}});
        }) == "error: 'size' has no symbol 'M' to give a value\n  help: its symbols are N");
  CHECK(message([&] {
          BoundProgram(sizer(), arrays, {{"N", -3}});
        }) ==
        "error: the symbol 'N' is given -3 as its value\n  help: give it a size of 0 or more");
  arrays.set("x", Tensor(Dtype::F32, {8}));
  CHECK(message([&] { BoundProgram(sizer(), arrays); }) == R"(error: the arrays do not fit 'size':
  'x': wanted f32[2*N] with N not told, got f32[8]
  'y': f32[2*N] with N not told, so it cannot be made
  help: give the value of 'N' where the program is bound to its arrays)");
  BoundProgram program(doubler(), arrays, {{"B", 4}}, {"x"});
  const Tensor x(Dtype::F32, {2, 1});
  program.give("x", x);
  arrays.set("y", Tensor(Dtype::F32, {2}));
  CHECK(program.call().status == 0);  // of the size that the arrays state
}

TEST_CASE("a program that is not there is refused where it is bound, and where it is called") {
  NamedArrays arrays;
  const std::string gone = R"(error: there is no program here: it was moved from, or never made
  help: use the one that was made, where it is now)";
  CHECK(message([&] { BoundProgram(nullptr, arrays); }) == gone);
  BoundProgram one(counter(), arrays);
  BoundProgram other = std::move(one);
  CHECK(message([&] { one.call(); }) == gone);  // NOLINT(bugprone-use-after-move)
  CHECK(message([&] { one.signature(); }) == gone);
  CHECK(message([&] { one.give("n", {}); }) == gone);
  require_success(other.call(), other.signature());
}

TEST_CASE("an array that is not there is told by its nearest, or by those that are") {
  NamedArrays arrays;
  CHECK(message([&] { arrays["w"]; }) == R"(error: there is no array 'w'
  help: put it there with set())");
  arrays.set("weight", 1.0f);
  arrays.set("bias", 1.0f);
  CHECK(message([&] { std::as_const(arrays)["wieght"]; }) == R"(error: there is no array 'wieght'
  help: did you mean 'weight'?)");
  CHECK(message([&] { arrays["scale"]; }) == R"(error: there is no array 'scale'
  help: the arrays are 'bias', 'weight')");
}
