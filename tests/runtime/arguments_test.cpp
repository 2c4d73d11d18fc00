// Arguments that do not fit a program: every misfit in words.
#include "runtime/arguments.h"

#include <doctest/doctest.h>

#include "runtime/emulator/emulated_device.h"
#include "runtime/executable.h"
#include "tests/runtime/cuda/programs.h"
#include "tests/runtime/doubling.h"

using namespace nodec;
using namespace nodec::testing;

TEST_CASE("all that does not fit is said at once") {
  const Executable program(doubling_entry, doubling(), nullptr);
  const Tensor x(Dtype::F64, {2, 32}), k(Dtype::F32, {1});
  Tensor y(Dtype::F32, {63});
  const TensorView inputs[] = {x, k}, outputs[] = {y};
  CHECK(message([&] { program.call(inputs, outputs); }) ==
        "error: the arguments of 'doubling' do not fit:\n"
        "  input 'x': wanted f32[2, B] with B = 32, got f64[2, 32]\n"
        "  input 'k': wanted f32[], got f32[1]\n"
        "  output 'y': wanted f32[2*B] with B = 32, got f32[63]\n"
        "  help: make each array of the dtype and dims that are wanted of it");
  CHECK(message([&] { program.call({}, outputs); }) ==
        "error: 'doubling' takes 2 inputs and 1 outputs, got 0 and 1\n"
        "  help: give one array for each, in the order of Executable::signature()");
  CallOptions none;
  none.threads = 0;
  CHECK(message([&] { program.call(inputs, outputs, none); }) ==
        "error: a call takes 1 to 1024 threads, not 0\n"
        "  help: set CallOptions::threads to a number among them");
}

TEST_CASE("options out of range are refused on a device, as on the processor") {
  const Executable here(doubling_entry, doubling(), nullptr);
  const auto there = load_on(emulated_device(), gpu_doubling());
  const Tensor x(Dtype::F32, {2, 4}), k = Tensor::scalar(1.0F);
  const TensorView inputs[] = {x, k};
  for (const Executable* program : {&here, there.get()}) {
    for (const int threads : {0, -1, 5000}) {
      CHECK(message([&] { program->run(inputs, {.threads = threads}); }) ==
            fmt::format("error: a call takes 1 to 1024 threads, not {}\n"
                        "  help: set CallOptions::threads to a number among them",
                        threads));
    }
    const TeamChoice team{TeamChoice::Form::Grid, -1};
    const std::string none =
        "error: a GPU's team has -1 members\n"
        "  help: set TeamChoice::members to 1 or more, or 0 for as many as help";
    CHECK(message([&] { program->run(inputs, {.team = team}); }) == none);
    CHECK(message([&] { program->launch_form(4, team); }) == none);
  }
}

TEST_CASE("a call that asks what the last one asked is like it, any other is looked at anew") {
  const Executable program(doubling_entry, doubling(), nullptr);
  const Tensor x = Tensor::of<float>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}), k = Tensor::scalar(2.0F);
  const Tensor wide(Dtype::F64, {2, 4});
  Tensor y(Dtype::F32, {8});
  std::vector<std::int64_t> dims = {2, 4};
  const TensorView inputs[] = {{Dtype::F32, dims, x.view().data}, k}, outputs[] = {y};
  const auto fits = [&] {
    std::ranges::fill(y.values<float>(), 0.0F);
    program.call(inputs, outputs);
    return y.values<float>()[0] == 16;
  };
  CHECK(fits());
  CHECK(fits());
  dims[1] = 3;  // where the view has them
  const std::string short_of =
      "error: the arguments of 'doubling' do not fit:\n"
      "  output 'y': wanted f32[2*B] with B = 3, got f32[8]\n"
      "  help: make each array of the dtype and dims that are wanted of it";
  CHECK(message(fits) == short_of);
  CHECK(message(fits) == short_of);
  dims[1] = 4;
  CHECK(fits());
  CHECK(message([&] { program.call(inputs, outputs, {.symbols = {{"B", 5}}}); }) != "");
  CHECK(fits());
  const TensorView other[] = {wide, k};
  CHECK(message([&] { program.call(other, outputs); }) != "");
  CHECK(fits());
}

TEST_CASE("a negative size is no size") {
  const Executable program(doubling_entry, doubling(), nullptr);
  const Tensor x(Dtype::F32, {2, 4}), k = Tensor::scalar(1.0F);
  const std::vector<std::int64_t> dims = {2, -4};
  const TensorView inputs[] = {{Dtype::F32, dims, x.view().data}, k};
  CHECK(message([&] { program.run(inputs); }) ==
        "error: the arguments of 'doubling' do not fit:\n"
        "  input 'x': wanted f32[2, B] with B not given, got f32[2, -4]\n"
        "  help: make each array of the dtype and dims that are wanted of it");
}

TEST_CASE("a view of more bytes than can be counted is refused") {
  const Executable program(doubling_entry, doubling(), nullptr);
  const Tensor x(Dtype::F32, {2, 4}), k = Tensor::scalar(1.0F);
  const std::vector<std::int64_t> dims = {2, std::int64_t(1) << 61};
  const TensorView inputs[] = {{Dtype::F32, dims, x.view().data}, k};
  CHECK(message([&] { program.run(inputs); }) ==
        "error: the arguments of 'doubling' do not fit:\n"
        "  input 'x': f32[2, 2305843009213693952] has more bytes than there are\n"
        "  help: give it the dims of the array that it shows");
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
        "  input 'z': wanted i32[B, n + 1] with B = 32, n not given, got i32[31, 5]\n"
        "  help: make each array of the dtype and dims that are wanted of it");
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
  options.symbols = {{"n", 4}, {"b", 32}};
  CHECK(message([&] { program.run(inputs, options); }) ==
        "error: 'doubling' has no symbol 'b' to give a value\n  help: its symbols are B, n");
  options.symbols = {{"n", 4}, {"n1", 32}};
  CHECK(message([&] { program.run(inputs, options); }) ==
        "error: 'doubling' has no symbol 'n1' to give a value\n  help: did you mean 'n'?");
  options.symbols = {{"n", 4}, {"blocks", 2}};
  Tensor y(Dtype::F32, {64});
  const TensorView outputs[] = {y};
  CHECK(message([&] { program.call(inputs, outputs, options); }) ==
        "error: 'doubling' has no symbol 'blocks' to give a value\n  help: its symbols are B, n");
  options.symbols = {{"n", -3}};
  CHECK(message([&] { program.call(inputs, outputs, options); }) ==
        "error: the symbol 'n' is given -3 as its value\n  help: give it a size of 0 or more");
  options.symbols = {{"n", 4}, {"blocks", 2}};
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
        "error: the arguments of 'doubling' do not fit:\n  input 'x': has no bytes\n"
        "  help: give it bytes: a nodec::Tensor owns as many as its type has, until it is moved "
        "from");
  Tensor moved(Dtype::F32, {2, 4});
  const Tensor taken = std::move(moved);
  const TensorView gone[] = {moved, k};
  CHECK(message([&] { program.call(gone, outputs); }).find("input 'x': has no bytes") !=
        std::string::npos);
  const Tensor x = Tensor::borrow(Dtype::F32, {2, 4}, y.data());
  const TensorView shared[] = {x, k};
  for (int call = 0; call < 2; ++call) {  // what was refused once is looked at again
    CHECK(message([&] { program.call(shared, outputs); }) ==
          "error: input 'x' and output 'y' of 'doubling' share bytes\n"
          "  help: give every output its own array");
  }
  const Tensor empty(Dtype::F32, {2, 0});
  Tensor no_y(Dtype::F32, {0});
  const TensorView none[] = {empty, k}, no_outputs[] = {no_y};
  CHECK(message([&] { program.call(none, no_outputs); }) ==
        "error: the batch 'B' of 'doubling' is 0\n  help: give at least one sample");
}
