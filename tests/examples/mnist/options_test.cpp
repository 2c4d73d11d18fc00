// The command line of the training program.
#include "examples/mnist/options.h"

#include <doctest/doctest.h>

#include <vector>

#include "examples/digits/idx.h"

using namespace nodec::mnist;

namespace {

Parsed parse(std::vector<const char*> words) {
  words.insert(words.begin(), "mnist");
  return parse_options(int(words.size()), words.data());
}

// The message without its constant frame; "" when the words are accepted.
std::string refusal(const std::vector<const char*>& words) {
  const Parsed parsed = parse(words);
  if (parsed.run) return "";
  CHECK(parsed.exit_code == 2);
  const std::string begin = "error: ", end = "\n  help: `mnist --help` says what it takes";
  REQUIRE(parsed.message.starts_with(begin));
  REQUIRE(parsed.message.ends_with(end));
  return parsed.message.substr(begin.size(), parsed.message.size() - begin.size() - end.size());
}

}  // namespace

TEST_CASE("no flags give the tutorial's run") {
  const Parsed parsed = parse({});
  REQUIRE(parsed.run);
  const Options& o = parsed.options;
  CHECK(o.data == "auto");
  CHECK(o.limit == nodec::digits::kAll);
  CHECK(o.epochs == 9);
  CHECK(o.batch == 128);
  CHECK(o.width == 10);
  CHECK(o.rtol == 1e-3);
  CHECK(o.threads == 0);
  CHECK_FALSE(o.json);
  CHECK_FALSE(o.gradient_error);
  CHECK(parse({"--gradient-error"}).options.gradient_error);
}

TEST_CASE("every flag arrives") {
  const Parsed parsed =
      parse({"--data",   "folder",    "--limit",   "1500",          "--epochs",
             "2",        "--batch",   "64",        "--model",       "layer",
             "--width",  "32",        "--adjoint", "interpolating", "--init",
             "kaiming",  "--seed",    "5",         "--lr",          "0.01",
             "--solver", "rk4",       "--dt",      "0.1",           "--max-steps",
             "50",       "--threads", "2",         "--save",        "out.safetensors",
             "--json"});
  REQUIRE(parsed.run);
  const Options& o = parsed.options;
  CHECK(o.data == "folder");
  CHECK(o.limit == 1500);
  CHECK(o.epochs == 2);
  CHECK(o.batch == 64);
  CHECK(o.model == "layer");
  CHECK(o.width == 32);
  CHECK(o.adjoint == "interpolating");
  CHECK(o.init == "kaiming");
  CHECK(o.seed == 5);
  CHECK(o.lr == 0.01);
  CHECK(o.solver == "rk4");
  CHECK(o.dt == 0.1);
  CHECK(o.max_steps == 50);
  CHECK(o.threads == 2);
  CHECK(o.save == "out.safetensors");
  CHECK(o.json);
}

TEST_CASE("the flags of controlled steps arrive") {
  const Parsed parsed = parse({"--rtol", "1e-4", "--atol", "1e-6", "--controller", "i", "--adjoint",
                               "interpolating", "--adjoint-tolerance", "peer"});
  REQUIRE(parsed.run);
  CHECK(parsed.options.rtol == 1e-4);
  CHECK(parsed.options.atol == 1e-6);
  CHECK(parsed.options.controller == "i");
  CHECK(parsed.options.adjoint_tolerance == "peer");
}

TEST_CASE("a wrong value is refused with what was wanted and got") {
  CHECK(refusal({"--limit", "0"}) ==
        "--limit: wanted a whole number from 6 to 1000000000, got '0'");
  CHECK(refusal({"--limit", "-5"}) ==
        "--limit: wanted a whole number from 6 to 1000000000, got '-5'");
  CHECK(refusal({"--batch", "0"}) == "--batch: wanted a whole number from 1 to 1048576, got '0'");
  CHECK(refusal({"--batch", "1.5"}) ==
        "--batch: wanted a whole number from 1 to 1048576, got '1.5'");
  CHECK(refusal({"--epochs", "many"}) ==
        "--epochs: wanted a whole number from 1 to 1000000000, got 'many'");
  for (const char* size : {"-5", "-2GB", "9e30", "16EB", "much", "2GBs", ""}) {
    CHECK(refusal({"--tape-limit", size}) ==
          fmt::format("--tape-limit: wanted a size of 0 or more as 500MB or 2GB, got '{}'", size));
  }
  CHECK(parse({"--tape-limit", "2GB"}).options.tape_limit == std::int64_t{2} << 30);
  CHECK(parse({"--tape-limit", "0"}).options.tape_limit == 0);
  CHECK(refusal({"--rtol", "0"}) == "--rtol: wanted a number above 0, got '0'");
  CHECK(refusal({"--lr", "nan"}) == "--lr: wanted a number above 0, got 'nan'");
  CHECK(refusal({"--atol", "inf"}) == "--atol: wanted a number above 0, got 'inf'");
  CHECK(refusal({"--model", "dense"}) ==
        "--model: wanted one of layer, stateful, compact, got 'dense'");
  CHECK(refusal({"--adjoint", "magic"}) ==
        "--adjoint: wanted one of discrete, gauss, interpolating, got 'magic'");
  CHECK(refusal({"--device", "tpu"}) ==
        "--device: wanted cpu, cuda, cuda:sm_N, auto or cuda-emulated, got 'tpu'");
  CHECK(refusal({"--seed", "-1"}) ==
        "--seed: wanted a whole number from 0 to 1000000000, got '-1'");
}

TEST_CASE("flags that contradict each other, and unknown ones, are refused") {
  CHECK(refusal({"--solver", "rk4"}) == "--solver: rk4 takes fixed steps: give --dt");
  CHECK(refusal({"--dt", "0.1"}) == "--dt: tsit5 chooses its own steps");
  CHECK(refusal({"--solver", "rk4", "--dt", "0.25", "--rtol", "1e-6"}) ==
        "--rtol: rk4 takes fixed steps and measures no error");
  CHECK(refusal({"--solver", "euler", "--dt", "0.25", "--atol", "1e-6"}) ==
        "--atol: euler takes fixed steps and measures no error");
  CHECK(refusal({"--solver", "rk4", "--dt", "0.25", "--controller", "i"}) ==
        "--controller: rk4 takes fixed steps and measures no error");
  CHECK(refusal({"--adjoint-tolerance", "peer"}) ==
        "--adjoint-tolerance: the discrete adjoint goes back over the steps taken, without one");
  CHECK(refusal({"--gpu", "cuda"}) == "there is no flag '--gpu'");
  CHECK(refusal({"digits"}) == "'digits' is one word too many");
  CHECK(refusal({"--limit"}) == "--limit: wanted a value, got none");
  CHECK(refusal({"--batch", "8", "--batch", "16"}) == "--batch: wanted one value, got 2");
  CHECK(refusal({"--json=5x"}) == "--json takes no value");
}

TEST_CASE("a mistyped flag is told by its nearest") {
  CHECK(parse({"--epoch", "3"}).message ==
        "error: there is no flag '--epoch'\n  help: did you mean '--epochs'?");
}

TEST_CASE("help is no error") {
  const Parsed parsed = parse({"--help"});
  CHECK_FALSE(parsed.run);
  CHECK(parsed.exit_code == 0);
  CHECK(parsed.message.find("--adjoint-tolerance") != std::string::npos);
}
