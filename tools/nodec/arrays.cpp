// Arrays by name: reading, checking, describing.
#include "tools/nodec/arrays.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "ir/nearest.h"
#include "runtime/arguments.h"
#include "runtime/npy.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

namespace fs = std::filesystem;

template <class Work>
auto as_input_error(const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw InputError(error.message(), error.notes(), error.help());
  }
}

const Port* find(const std::vector<Port>& ports, std::string_view name) {
  const auto found =
      std::find_if(ports.begin(), ports.end(), [&](const Port& port) { return port.name == name; });
  return found == ports.end() ? nullptr : &*found;
}

const Port& named(const std::vector<Port>& ports, const std::string& name) {
  if (const Port* port = find(ports, name)) return *port;
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  throw InputError(fmt::format("the program has no input '{}'", name), {},
                   suggestion(name, names, "run it without inputs to see their names"));
}

// The text as a number of this type, when it is one from end to end and in range.
template <class T>
std::optional<T> number_as(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional<T>(value) : std::nullopt;
}

// Digits are read as they are; 1e3 is a whole number, too, as far as doubles hold all of them.
template <class T>
std::optional<T> integer_as(const std::string& text) {
  if (const auto digits = number_as<T>(text)) return digits;
  const auto real = number_as<double>(text);
  if (!real || std::trunc(*real) != *real || std::abs(*real) >= 0x1p53) return std::nullopt;
  const auto integer = std::int64_t(*real);
  return std::in_range<T>(integer) ? std::optional<T>(T(integer)) : std::nullopt;
}

template <class T>
std::optional<Tensor> as_scalar(const std::optional<T>& value) {
  return value ? std::optional<Tensor>(Tensor::scalar(*value)) : std::nullopt;
}

std::optional<Tensor> scalar_from(Dtype dtype, const std::string& text) {
  switch (dtype) {
    case Dtype::F32:
      return as_scalar(number_as<float>(text));
    case Dtype::F64:
      return as_scalar(number_as<double>(text));
    case Dtype::I32:
      return as_scalar(integer_as<std::int32_t>(text));
    case Dtype::I64:
      return as_scalar(integer_as<std::int64_t>(text));
    case Dtype::U8:
      return as_scalar(integer_as<std::uint8_t>(text));
    case Dtype::Key:
      return as_scalar(integer_as<std::uint64_t>(text));
    case Dtype::Bool:
      break;
  }
  const auto bit = integer_as<std::uint8_t>(text);
  return bit && *bit <= 1 ? std::optional<Tensor>(Tensor::scalar(*bit == 1)) : std::nullopt;
}

Tensor number_for(const Port& port, const std::string& text) {
  if (port.type.rank() == 0) {
    if (auto scalar = scalar_from(port.type.dtype(), text)) return std::move(*scalar);
  }
  throw InputError(
      fmt::format("input '{}' is {}, got the number {}", port.name, port.type.str(), text));
}

// Whether it is written as one, of whatever size.
bool is_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error != std::errc::invalid_argument && end == text.data() + text.size();
}

void read_folder(const fs::path& folder, const std::vector<Port>& inputs, ArraysByName& arrays,
                 const std::set<std::string>& alone) {
  for (const Port& port : inputs) {
    const fs::path file = folder / (port.name + ".npy");
    std::error_code ignored;
    if (!names_a_file(port.name) || alone.contains(port.name)) continue;
    if (fs::exists(file, ignored)) arrays[port.name] = read_npy(file);
  }
}

// `alone`: the names that were given by themselves so far; what a folder holds gives way to them.
void read_one(const std::string& text, const std::vector<Port>& inputs, ArraysByName& arrays,
              std::set<std::string>& alone) {
  std::error_code ignored;
  if (fs::is_directory(text, ignored)) return read_folder(text, inputs, arrays, alone);
  const auto put = [&](const Port& port, Tensor array) {
    if (!alone.insert(port.name).second) {
      throw InputError(fmt::format("input '{}' is given twice", port.name), {}, "give it once");
    }
    arrays[port.name] = std::move(array);
  };
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || fs::exists(text, ignored)) {
    const std::string name = fs::path(text).stem().string();
    return put(named(inputs, name), read_npy(text));
  }
  const Port& port = named(inputs, text.substr(0, equals));
  const std::string value = text.substr(equals + 1);
  const bool plain = is_number(value) && !fs::exists(value, ignored);
  put(port, plain ? number_for(port, value) : read_npy(value));
}

template <class T>
std::string described_as(const TensorView& array) {
  const auto* x = static_cast<const T*>(array.data);
  const std::int64_t count = array.count();
  if (array.dims.empty()) return fmt::format("{}: {}", array.type(), x[0]);
  if (count == 0) return fmt::format("{}: empty", array.type());
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += double(x[i]);
  const auto [least, greatest] = std::minmax_element(x, x + count);
  return fmt::format("{}: mean {:.6g}, from {:.6g} to {:.6g}", array.type(), sum / double(count),
                     double(*least), double(*greatest));
}

// All that a user may give, the runtime's own left out.
std::set<std::string> symbols_in(const Signature& signature) {
  std::set<std::string> symbols(signature.symbols.begin(), signature.symbols.end());
  for (const std::string_view own : {kBlocksSymbol, kChunksSymbol, kThreadsSymbol}) {
    symbols.erase(std::string(own));
  }
  for (const std::vector<Port>* ports : {&signature.inputs, &signature.outputs}) {
    for (const Port& port : *ports) {
      for (const Dim& dim : port.type.shape()) {
        for (const std::string& symbol : dim.symbols()) symbols.insert(symbol);
      }
    }
  }
  return symbols;
}

}  // namespace

ArraysByName read_inputs(const std::vector<std::string>& given, const std::vector<Port>& inputs) {
  ArraysByName arrays;
  as_input_error([&] {
    std::set<std::string> alone;
    for (const std::string& text : given) read_one(text, inputs, arrays, alone);
    return 0;
  });
  return arrays;
}

bool names_a_file(const std::string& name) {
  return !name.empty() && name.find('/') == name.npos && name.find('\0') == name.npos;
}

std::vector<Tensor> in_order(ArraysByName arrays, const std::vector<Port>& inputs) {
  std::vector<Tensor> ordered;
  std::string missing;
  for (const Port& port : inputs) {
    const auto found = arrays.find(port.name);
    if (found == arrays.end()) {
      missing += fmt::format("{}'{}' {}", missing.empty() ? "" : ", ", port.name, port.type.str());
    } else {
      ordered.push_back(std::move(found->second));
    }
  }
  if (missing.empty()) return ordered;
  throw InputError(fmt::format("these inputs are missing: {}", missing), {},
                   "give each as --input NAME=FILE.npy (a scalar as NAME=NUMBER), or a folder that "
                   "holds them");
}

Bindings read_sizes(const std::vector<std::string>& given) {
  Bindings sizes;
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    const std::string digits = equals == std::string::npos ? "" : text.substr(equals + 1);
    const bool number =
        !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
    if (!number || equals == 0) {
      throw UsageError(fmt::format("--size wants NAME=NUMBER, got '{}'", text), {},
                       "give it as --size B=128");
    }
    if (digits.size() > 12) {
      throw UsageError(fmt::format("--size {}: no axis is longer than {}", text, kSizeLimit), {},
                       "give a smaller number");
    }
    const auto [at, fresh] = sizes.emplace(text.substr(0, equals), std::stoll(digits));
    if (fresh) continue;
    throw UsageError(fmt::format("--size {} is given twice", at->first), {}, "give it once");
  }
  return sizes;
}

Bindings sizes_for(const Signature& signature, const Bindings& given, const ArraysByName& arrays) {
  constexpr std::int64_t kUsualSize = 128;
  Bindings all;
  for (const std::string& symbol : symbols_in(signature)) all.emplace(symbol, kUsualSize);
  for (const Port& port : signature.inputs) {
    const auto found = arrays.find(port.name);
    if (found == arrays.end() || found->second.dims().size() != port.type.rank()) continue;
    for (std::size_t axis = 0; axis < port.type.rank(); ++axis) {
      const Dim& dim = port.type.shape()[axis];
      for (const std::string& symbol : dim.symbols()) {
        if (dim == Dim::symbol(symbol)) all[symbol] = found->second.dims()[axis];
      }
    }
  }
  for (const auto& [name, size] : given) {
    if (!all.contains(name)) {
      std::vector<std::string> symbols;
      for (const auto& [symbol, usual] : all) symbols.push_back(symbol);
      throw InputError(fmt::format("the program has no size '{}'", name), {},
                       symbols.empty() ? "all its sizes are numbers; leave --size out"
                                       : suggestion_or_all(name, symbols, "its sizes are"));
    }
    all[name] = size;
  }
  return all;
}

Bindings known_sizes(const Signature& signature, const Bindings& sizes) {
  Bindings known;
  for (const std::string& symbol : symbols_in(signature)) {
    if (const auto size = sizes.find(symbol); size != sizes.end()) known.insert(*size);
  }
  return known;
}

std::vector<Tensor> outputs_for(const Executable& program, const std::vector<Tensor>& inputs,
                                const Bindings& sizes) {
  const ArgumentCheck check(program.signature());
  std::vector<TensorView> given, made;
  for (const Tensor& input : inputs) given.push_back(input);
  std::vector<Tensor> outputs;
  as_input_error([&] {
    const Bindings symbols = check.symbols_of(given, sizes);
    for (const std::string& symbol : symbols_in(program.signature())) {
      if (symbols.contains(symbol)) continue;
      throw Error(fmt::format("no input of '{}' states the value of '{}'", program.signature().name,
                              symbol),
                  {}, fmt::format("give it as --size {}=NUMBER", symbol));
    }
    for (const Port& port : program.signature().outputs) {
      std::vector<std::int64_t> dims;
      for (const Dim& dim : port.type.shape()) dims.push_back(dim.evaluate(symbols));
      outputs.emplace_back(port.type.dtype(), std::move(dims));
    }
    for (const Tensor& output : outputs) made.push_back(output);
    ArgumentCheck::Room room;
    check.bind(given, made, sizes, 1, room);
    return 0;
  });
  return outputs;
}

std::string described(const TensorView& array) {
  switch (array.dtype) {
    case Dtype::F32:
      return described_as<float>(array);
    case Dtype::F64:
      return described_as<double>(array);
    case Dtype::I32:
      return described_as<std::int32_t>(array);
    case Dtype::I64:
      return described_as<std::int64_t>(array);
    case Dtype::Bool:
      return described_as<bool>(array);
    case Dtype::Key:
      return described_as<std::uint64_t>(array);
    default:
      return described_as<std::uint8_t>(array);
  }
}

}  // namespace nodec
