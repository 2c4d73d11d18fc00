// Fitting arrays to ports, and binding them.
#include "runtime/named_arrays.h"

#include <algorithm>

#include "ir/nearest.h"
#include "ir/status.h"
#include "runtime/arguments.h"

namespace nodec {
namespace {

[[noreturn]] void no_array(std::string_view name,
                           const std::map<std::string, ResidentArray, std::less<>>& all) {
  std::vector<std::string> known;
  for (const auto& [other, array] : all) known.push_back(other);
  throw Error(
      fmt::format("there is no array '{}'", name), {},
      known.empty()
          ? "put it there with set()"
          : suggestion(name, known, fmt::format("the arrays are '{}'", fmt::join(known, "', '"))));
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The ports that have arrays of their own: an output over an input is that input.
std::vector<const Port*> own_ports(const Signature& signature,
                                   const std::vector<std::string>& open) {
  std::vector<const Port*> ports;
  const auto add = [&](const Port& port) {
    if (port.alias < 0 && !contains(open, port.name)) ports.push_back(&port);
  };
  for (const Port& port : signature.inputs) add(port);
  for (const Port& port : signature.outputs) add(port);
  return ports;
}

// A dim's size, or -1 where a symbol of it is not known.
std::int64_t size_of(const Dim& dim, const Bindings& symbols) {
  for (const std::string& symbol : dim.symbols()) {
    if (!symbols.contains(symbol)) return -1;
  }
  return dim.evaluate(symbols);
}

// The symbol that a dim is, alone; else empty.
std::string lone_symbol(const Dim& dim) {
  const std::vector<std::string> names = dim.symbols();
  return names.size() == 1 && dim == Dim::symbol(names[0]) ? names[0] : "";
}

// Whether an array of the program says by a dim of its own what the symbol is.
bool is_stated(const std::string& symbol, const Signature& signature) {
  const auto states = [&](const Port& port) {
    return std::ranges::find(port.type.shape(), symbol, lone_symbol) != port.type.shape().end();
  };
  return std::ranges::any_of(signature.inputs, states) ||
         std::ranges::any_of(signature.outputs, states);
}

// Symbols that stand alone as an array's dim take that size, the first that is met.
void learn(const Port& port, const Tensor& array, Bindings& symbols) {
  const Shape& shape = port.type.shape();
  if (shape.size() != array.dims().size()) return;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (const std::string symbol = lone_symbol(shape[i]); !symbol.empty()) {
      symbols.emplace(symbol, array.dims()[i]);
    }
  }
}

// What mends arrays that do not fit: a symbol that no array states comes first.
std::string remedy(const Signature& signature, const std::vector<const Port*>& ports,
                   const Bindings& known) {
  for (const Port* port : ports) {
    for (const Dim& dim : port->type.shape()) {
      for (const std::string& symbol : dim.symbols()) {
        if (known.contains(symbol) || is_stated(symbol, signature)) continue;
        return fmt::format("give the value of '{}' where the program is bound to its arrays",
                           symbol);
      }
    }
  }
  return "put arrays of the wanted types there with set()";
}

bool fits(const Port& port, const Tensor& array, const Bindings& symbols) {
  const Shape& shape = port.type.shape();
  if (array.is_empty() || array.dtype() != port.type.dtype()) return false;
  if (shape.size() != array.dims().size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (size_of(shape[i], symbols) != array.dims()[i]) return false;
  }
  return true;
}

// " with N = 1500", or nothing when the type has no symbol.
std::string with_symbols(const Type& type, const Bindings& symbols) {
  std::vector<std::string> known;
  for (const Dim& dim : type.shape()) {
    for (const std::string& symbol : dim.symbols()) {
      const auto found = symbols.find(symbol);
      std::string text = found == symbols.end() ? symbol + " not told"
                                                : fmt::format("{} = {}", symbol, found->second);
      if (!contains(known, text)) known.push_back(std::move(text));
    }
  }
  return known.empty() ? "" : fmt::format(" with {}", fmt::join(known, ", "));
}

}  // namespace

Tensor& NamedArrays::set(std::string name, Tensor array) {
  const auto [at, is_new] = arrays_.try_emplace(std::move(name));
  at->second.replace(std::move(array));
  return at->second.write(copies_);
}

ResidentArray& NamedArrays::at(std::string_view name) {
  const auto found = arrays_.find(name);
  if (found == arrays_.end()) no_array(name, arrays_);
  return found->second;
}

const ResidentArray& NamedArrays::at(std::string_view name) const {
  const auto found = arrays_.find(name);
  if (found == arrays_.end()) no_array(name, arrays_);
  return found->second;
}

Tensor& NamedArrays::operator[](std::string_view name) { return at(name).write(copies_); }
const Tensor& NamedArrays::operator[](std::string_view name) const {
  return at(name).read(copies_);
}

void NamedArrays::fit(const Signature& signature, const Bindings& symbols,
                      const std::vector<std::string>& open) {
  const std::vector<const Port*> ports = own_ports(signature, open);
  ArgumentCheck(signature).symbols_of({}, symbols);  // refuses what it has not
  Bindings known = symbols;
  for (const Port* port : ports) {
    if (contains(port->name)) learn(*port, at(port->name).type(), known);
  }
  std::string misfits;
  std::map<std::string, ResidentArray, std::less<>> made;
  for (const Port* port : ports) {
    const std::string wanted = port->type.str() + with_symbols(port->type, known);
    if (const auto found = arrays_.find(port->name); found != arrays_.end()) {
      const Tensor& array = found->second.type();
      if (fits(*port, array, known)) continue;
      misfits += fmt::format("\n  '{}': wanted {}, got {}", port->name, wanted,
                             array.is_empty() ? "nothing: it was moved from" : array.view().type());
      continue;
    }
    std::vector<std::int64_t> dims;
    for (const Dim& dim : port->type.shape()) dims.push_back(size_of(dim, known));
    if (std::ranges::find(dims, -1) != dims.end()) {
      misfits += fmt::format("\n  '{}': {}, so it cannot be made", port->name, wanted);
    } else {
      made.emplace(port->name, Tensor(port->type.dtype(), std::move(dims)));
    }
  }
  if (misfits.empty()) return arrays_.merge(made);
  throw Error(fmt::format("the arrays do not fit '{}':{}", signature.name, misfits), {},
              remedy(signature, ports, known));
}

BoundProgram::BoundProgram(std::shared_ptr<const Executable> program, NamedArrays& arrays,
                           const Bindings& symbols, std::vector<std::string> open)
    : program_(std::move(program)), all_(arrays) {
  arrays.fit(signature(), symbols, open);
  for (const auto& [symbol, value] : symbols) {
    if (!is_stated(symbol, signature())) symbols_[symbol] = value;
  }
  const auto add = [&](const Port& port) {
    arrays_.push_back(contains(open, port.name) ? nullptr : &arrays.at(port.name));
  };
  for (const Port& port : signature().inputs) add(port);
  for (const Port& port : signature().outputs) {
    if (port.alias < 0) {
      add(port);
    } else {
      arrays_.push_back(arrays_[std::size_t(port.alias)]);
    }
  }
  views_.resize(arrays_.size());
  for (std::string& name : open) open_.push_back(open_port(std::move(name)));
}

BoundProgram::OpenPort BoundProgram::open_port(std::string name) const {
  OpenPort open{std::move(name), {}};
  const auto& inputs = signature().inputs;
  const auto& outputs = signature().outputs;
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    const Port& mine = i < inputs.size() ? inputs[i] : outputs[i - inputs.size()];
    const bool over = i >= inputs.size() && mine.alias >= 0;
    const std::string& known = over ? inputs[std::size_t(mine.alias)].name : mine.name;
    if (arrays_[i] == nullptr && known == open.name) open.places.push_back(i);
  }
  return open;
}

const Executable& BoundProgram::executable() const {
  if (program_ != nullptr) return *program_;
  throw Error(
      fmt::format("there is no {} here: it was moved from, or never made", Executable::kObject), {},
      "use the one that was made, where it is now");
}

void BoundProgram::give(std::string_view port, const TensorView& array) {
  const auto found = std::ranges::find(open_, port, &OpenPort::name);
  if (found != open_.end() && !found->places.empty()) {
    for (const std::size_t i : found->places) views_[i] = array;
    return;
  }
  std::vector<std::string> names;
  for (const OpenPort& open : open_) {
    if (!open.places.empty()) names.push_back(open.name);
  }
  throw Error(fmt::format("'{}' has no open port '{}'", signature().name, port), {},
              names.empty() ? "all its arrays were bound by name"
                            : suggestion_or_all(port, names, "its open ports:"));
}

void BoundProgram::view_here() {
  const std::size_t inputs = signature().inputs.size();
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    if (arrays_[i] == nullptr) continue;
    views_[i] =
        i < inputs ? arrays_[i]->read(all_.copies_).view() : arrays_[i]->write(all_.copies_).view();
  }
}

// What a program only tells comes back with its report, if there is little of it; the rest stays.
void BoundProgram::view_there(const std::shared_ptr<Device>& device) {
  constexpr std::size_t kLittle = 4096;
  const std::size_t inputs = signature().inputs.size();
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    ResidentArray* array = arrays_[i];
    if (array == nullptr) continue;
    const bool tells = i >= inputs && signature().outputs[i - inputs].alias < 0;
    if (!tells) {
      views_[i] = array->on(device, all_.copies_);
    } else {
      views_[i] = array->type().bytes() > kLittle ? array->room_on(device) : array->room_here();
    }
  }
}

void BoundProgram::settle(bool success) {
  const std::size_t inputs = signature().inputs.size();
  for (std::size_t i = inputs; i < arrays_.size(); ++i) {
    if (arrays_[i] == nullptr) continue;
    if (success) {
      arrays_[i]->was_written(views_[i]);
    } else if (signature().outputs[i - inputs].alias >= 0) {
      arrays_[i]->may_be_spoilt_there();
    }
  }
}

Outcome BoundProgram::run(const CallOptions& options) {
  struct Lent {
    Bindings &from, &to;
    Lent(Bindings& lender, Bindings& user) : from(lender), to(user) { from.swap(to); }
    ~Lent() { from.swap(to); }
  };
  const std::span<const TensorView> views(views_);
  const auto inputs = views.first(signature().inputs.size());
  const auto outputs = views.subspan(inputs.size());
  if (symbols_.empty()) return executable().call(inputs, outputs, options);
  CallOptions with = options;
  if (!with.symbols.empty()) {
    with.symbols.insert(symbols_.begin(), symbols_.end());
    return executable().call(inputs, outputs, with);
  }
  const Lent lent(symbols_, with.symbols);  // a map that is moved allocates nothing
  return executable().call(inputs, outputs, with);
}

Outcome BoundProgram::call(const CallOptions& options) {
  const std::shared_ptr<Device> device = executable().device();
  if (device == nullptr) {
    view_here();
    return run(options);
  }
  view_there(device);
  Outcome outcome;
  try {
    outcome = run(options);
  } catch (...) {
    settle(false);
    throw;
  }
  settle(Status(outcome.status) == Status::Success);
  return outcome;
}

}  // namespace nodec
