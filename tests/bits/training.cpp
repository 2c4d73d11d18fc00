// Sessions, runs and the comparison of their bits.
#include "tests/bits/training.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "examples/digits/idx.h"
#include "examples/mnist/model.h"

namespace nodec::bits {
namespace {

constexpr std::int64_t kImages = 2048;
constexpr std::uint64_t kSeed = 42;

std::vector<std::uint32_t> words(const Tensor& tensor) {
  std::vector<std::uint32_t> words((tensor.bytes() + 3) / 4);
  if (tensor.bytes() > 0) std::memcpy(words.data(), tensor.data(), tensor.bytes());
  return words;
}

}  // namespace

const Images& images() {
  static const Images made = [] {
    Images images{Tensor(Dtype::U8, {kImages, digits::kPixels}), Tensor(Dtype::U8, {kImages})};
    philox::Sequence draws(kSeed, 0);
    for (std::uint8_t& pixel : images.pixels.values<std::uint8_t>()) {
      pixel = std::uint8_t(draws.next());
    }
    for (std::uint8_t& label : images.labels.values<std::uint8_t>()) {
      label = std::uint8_t(draws.next_below(10));
    }
    return images;
  }();
  return made;
}

Environment::Environment(const char* name, const std::string& value) : name_(name) {
  if (const char* before = std::getenv(name)) {
    had_ = true;
    before_ = before;
  }
  setenv(name, value.c_str(), 1);
}

Environment::~Environment() {
  if (had_) {
    setenv(name_, before_.c_str(), 1);
  } else {
    unsetenv(name_);
  }
}

Program compile_fresh(const Graph& graph, int lanes) {
  const Environment environment("NODEC_LANES", lanes == 0 ? "" : std::to_string(lanes));
  CompileOptions options;
  options.cache = ObjectCache("");
  return compile(graph, options);
}

Program compile_training(const mnist::ProgramOptions& options) {
  return compile_fresh(*mnist::trace_training(options).graph);
}

std::string difference(const Bits& a, const Bits& b) {
  if (a.size() != b.size()) return fmt::format("{} arrays and {}", a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    const auto& [name, x] = a[k];
    const auto& y = b[k].second;
    if (name != b[k].first || x.size() != y.size()) return name + " is another array";
    std::size_t count = 0, first = 0;
    for (std::size_t i = x.size(); i-- > 0;) {
      if (x[i] == y[i]) continue;
      ++count;
      first = i;
    }
    if (count == 0) continue;
    return fmt::format("{}: {} of {} words differ, first word {}: {:08x} and {:08x}", name, count,
                       x.size(), first, x[first], y[first]);
  }
  return {};
}

Session::Session(std::shared_ptr<const Executable> executable, const nn::Setup<float>& start)
    : executable_(std::move(executable)) {
  const Signature& signature = executable_->signature();
  for (const Port& port : signature.inputs) {
    std::vector<std::int64_t> dims;
    for (const Dim& dim : port.type.shape()) dims.push_back(dim.is_constant() ? dim.constant() : 0);
    inputs_.emplace_back(port.type.dtype(), std::move(dims));
  }
  for (const nn::Leaf& leaf : start.params.leaves) {
    std::ranges::copy(start.params.view(leaf), input(leaf.name).values<float>().begin());
  }
  for (const nn::Leaf& leaf : start.state.leaves) {
    std::ranges::copy(start.state.view(leaf), input("state." + leaf.name).values<float>().begin());
  }
  for (const Port& port : signature.outputs) {
    results_.push_back(port.alias < 0 ? Tensor(port.type.dtype(), {}) : Tensor());
  }
}

bool Session::has(const std::string& name) const {
  return std::ranges::find(executable_->signature().inputs, name, &Port::name) !=
         executable_->signature().inputs.end();
}

Tensor& Session::input(const std::string& name) {
  const auto& ports = executable_->signature().inputs;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return inputs_[i];
  }
  FAIL("the program has no input ", name);
  return inputs_[0];
}

void Session::set(const std::string& name, Tensor value) { input(name) = std::move(value); }
void Session::set(const std::string& name, float value) { set(name, Tensor::scalar(value)); }
void Session::set(const std::string& name, std::int32_t value) { set(name, Tensor::scalar(value)); }

void Session::step(int threads) {
  const Signature& signature = executable_->signature();
  std::vector<TensorView> in(inputs_.begin(), inputs_.end()), out;
  for (std::size_t i = 0; i < results_.size(); ++i) {
    const int alias = signature.outputs[i].alias;
    out.push_back(alias < 0 ? results_[i].view() : inputs_[std::size_t(alias)].view());
  }
  CallOptions options;
  options.threads = threads;
  options.exact_team = true;
  const std::int64_t before = bits::allocations();
  const Outcome outcome = executable_->call(in, out, options);
  allocations_ = bits::allocations() - before;
  require_success(outcome, signature);
  ++calls_;
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (signature.outputs[i].alias >= 0) continue;
    history_.emplace_back(fmt::format("{} of call {}", signature.outputs[i].name, calls_),
                          words(results_[i]));
  }
}

const Tensor& Session::result(const std::string& output) const {
  const auto& ports = executable_->signature().outputs;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == output) return results_[i];
  }
  FAIL("the program has no output ", output);
  return results_[0];
}

std::span<const float> Session::values(const std::string& name) {
  return input(name).values<float>();
}

Bits Session::bits() const {
  Bits bits = history_;
  for (const Port& port : executable_->signature().outputs) {
    if (port.alias >= 0) bits.emplace_back(port.name, words(inputs_[std::size_t(port.alias)]));
  }
  return bits;
}

std::vector<std::int32_t> rows_of(const Run& run, int step) {
  std::vector<std::int32_t> rows(kImages);
  std::iota(rows.begin(), rows.end(), 0);
  philox::shuffle(std::span(rows), kSeed + std::uint64_t(step));
  rows.resize(std::size_t(step + 1 < run.steps ? run.batch : run.last));
  return rows;
}

Session session(const Program& program, const mnist::ProgramOptions& options) {
  Session session(program.executable, nn::setup<float>(kSeed, mnist::model(options)));
  const Images& all = images();
  session.set("x",
              Tensor::borrow(Dtype::U8, all.pixels.dims(), const_cast<void*>(all.pixels.data())));
  session.set("y",
              Tensor::borrow(Dtype::U8, all.labels.dims(), const_cast<void*>(all.labels.data())));
  if (session.has("lr")) session.set("lr", 1e-3f);  // training; not evaluation
  session.set("settings.layer_3.t1", 1.0f);
  session.set("settings.layer_3.rtol", 1e-3f);
  session.set("settings.layer_3.atol", 1e-3f);
  session.set("settings.layer_3.max_steps", 10000);
  return session;
}

void set_rows(Session& session, std::span<const std::int32_t> rows) {
  session.set("rows", Tensor::of<std::int32_t>({std::int64_t(rows.size())}, rows));
}

Bits train(const Program& program, const mnist::ProgramOptions& options, const Run& run) {
  Session training = session(program, options);
  for (int step = 0; step < run.steps; ++step) {
    set_rows(training, rows_of(run, step));
    training.step(run.threads);
  }
  return training.bits();
}

}  // namespace nodec::bits
