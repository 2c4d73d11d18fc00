// The check of a call's arguments and the wording of what does not fit.
#include "runtime/arguments.h"

#include <algorithm>
#include <iterator>

#include "ir/nearest.h"
#include "runtime/device.h"

namespace nodec {
namespace {

std::uintptr_t address(const TensorView& view) {
  return reinterpret_cast<std::uintptr_t>(view.data);
}

bool is_derived(std::string_view symbol) {
  return symbol == kBlocksSymbol || symbol == kChunksSymbol || symbol == kThreadsSymbol;
}

// All that a call's check goes by, but for the symbols it gives.
void note(std::span<const TensorView> views, std::vector<std::uintptr_t>& to) {
  for (const TensorView& view : views) {
    to.push_back(address(view));
    to.push_back(reinterpret_cast<std::uintptr_t>(view.device));
    to.push_back(std::uintptr_t(view.dtype));
    to.push_back(view.dims.size());
    to.insert(to.end(), view.dims.begin(), view.dims.end());
  }
}

bool placed(const TensorView& view) {
  return view.data != nullptr ? address(view) % kAlignment == 0 : view.count() == 0;
}

}  // namespace

ArgumentCheck::ArgumentCheck(const Signature& signature, const Device* device)
    : signature_(signature), device_(device), symbols_(signature.symbols) {
  for (std::size_t i = 0; i < port_count(); ++i) {
    NODEC_CHECK(port(i).type.is_tensor(), "{} is a {}", title(i), port(i).type.str());
    std::vector<Rule> rules;
    for (const Dim& dim : port(i).type.shape()) {
      rules.push_back(rule_for(dim));
      const int symbol = rules.back().symbol;
      if (symbol >= 0) sources_.push_back({i, rules.size() - 1, symbol});
    }
    rules_.push_back(std::move(rules));
  }
  for (const PickedTable& table : signature.tables) {
    tables_.push_back({rule_for(table.type.shape().at(0)), rule_for(table.picked)});
  }
  for (const SizedPart& part : signature.parts) {
    const Dim left = part.type.shape().at(std::size_t(part.axis)) - part.start - part.size;
    parts_.push_back({rule_for(part.size).dim, rule_for(left).dim});
  }
}

ArgumentCheck::Rule ArgumentCheck::rule_for(const Dim& dim) {
  for (const std::string& symbol : dim.symbols()) {
    if (symbol_index(symbol) < 0) symbols_.push_back(symbol);
  }
  Rule rule{dim};
  if (dim.is_constant()) {
    rule.constant = dim.constant();
  } else if (dim.symbols().size() == 1 && dim == Dim::symbol(dim.symbols().front())) {
    rule.symbol = symbol_index(dim.symbols().front());
  }
  return rule;
}

const Port& ArgumentCheck::port(std::size_t i) const {
  const std::size_t inputs = signature_.inputs.size();
  return i < inputs ? signature_.inputs[i] : signature_.outputs[i - inputs];
}

std::string ArgumentCheck::title(std::size_t i) const {
  return fmt::format("{} '{}'", i < signature_.inputs.size() ? "input" : "output", port(i).name);
}

int ArgumentCheck::symbol_index(std::string_view symbol) const {
  const auto found = std::find(symbols_.begin(), symbols_.end(), symbol);
  return found == symbols_.end() ? -1 : int(found - symbols_.begin());
}

void ArgumentCheck::start(const Bindings& given, Values& values) const {
  values.assign(symbols_.size(), -1);
  for (const auto& [symbol, value] : given) {
    const int index = is_derived(symbol) ? -1 : symbol_index(symbol);
    if (index < 0) refuse_symbol(symbol);
    if (value < 0) {
      throw Error(fmt::format("the symbol '{}' is given {} as its value", symbol, value), {},
                  "give it a size of 0 or more");
    }
    values[std::size_t(index)] = value;
  }
}

void ArgumentCheck::refuse_symbol(const std::string& symbol) const {
  std::vector<std::string> known;
  std::copy_if(symbols_.begin(), symbols_.end(), std::back_inserter(known),
               [](const std::string& s) { return !is_derived(s); });
  std::sort(known.begin(), known.end());
  throw Error(fmt::format("'{}' has no symbol '{}' to give a value", signature_.name, symbol), {},
              known.empty() ? "give none: every size of it is a number"
                            : suggestion_or_all(symbol, known, "its symbols are"));
}

void ArgumentCheck::learn(std::span<const TensorView> views, Values& values) const {
  for (const auto& [port, axis, symbol] : sources_) {
    if (port >= views.size()) return;
    std::int64_t& value = values[std::size_t(symbol)];
    const TensorView& view = views[port];
    if (value < 0 && view.dims.size() == rules_[port].size()) value = view.dims[axis];
  }
}

// -1 when a symbol in it is not known.
std::int64_t ArgumentCheck::value_of(const Rule& rule, const Values& values) const {
  if (rule.constant >= 0) return rule.constant;
  if (rule.symbol >= 0) return values[std::size_t(rule.symbol)];
  Bindings bindings;
  for (const std::string& symbol : rule.dim.symbols()) {
    const std::int64_t value = values[std::size_t(symbol_index(symbol))];
    if (value < 0) return -1;
    bindings[symbol] = value;
  }
  return rule.dim.evaluate(bindings);
}

bool ArgumentCheck::is_negative(const Dim& dim, const Values& values) const {
  Bindings bindings;
  for (const std::string& symbol : dim.symbols()) {
    const std::int64_t value = values[std::size_t(symbol_index(symbol))];
    if (value < 0) return false;
    bindings[symbol] = value;
  }
  return dim.evaluate(bindings) < 0;
}

bool ArgumentCheck::fits(std::size_t i, const TensorView& view, const Values& values) const {
  if (view.dtype != port(i).type.dtype() || view.dims.size() != rules_[i].size()) return false;
  for (std::size_t axis = 0; axis < view.dims.size(); ++axis) {
    if (view.dims[axis] < 0 || view.dims[axis] != wanted_dim(i, axis, values)) return false;
  }
  return view.is_countable() && placed(view) && is_within_reach(view);
}

void ArgumentCheck::derive(Values& values, int threads) const {
  std::int64_t blocks = 1;
  if (!signature_.batch.empty()) {
    const int index = symbol_index(signature_.batch);
    NODEC_CHECK(index >= 0, "no value for the batch symbol '{}'", signature_.batch);
    const std::int64_t batch = values[std::size_t(index)];
    if (batch < 0) return;  // not known: whoever needs it says so
    if (batch == 0) {
      throw Error(
          fmt::format("the batch '{}' of '{}' is {}", signature_.batch, signature_.name, batch), {},
          "give at least one sample");
    }
    blocks = (batch - 1) / kBlock + 1;
  }
  const auto set = [&](std::string_view symbol, std::int64_t value) {
    if (const int index = symbol_index(symbol); index >= 0) values[std::size_t(index)] = value;
  };
  set(kBlocksSymbol, blocks);
  set(kChunksSymbol, (blocks + kChunk - 1) / kChunk);
  set(kThreadsSymbol, threads);
}

void ArgumentCheck::bind(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                         const Bindings& given, int threads, Room& room) const {
  if (inputs.size() != signature_.inputs.size() || outputs.size() != signature_.outputs.size()) {
    throw Error(fmt::format("'{}' takes {} inputs and {} outputs, got {} and {}", signature_.name,
                            signature_.inputs.size(), signature_.outputs.size(), inputs.size(),
                            outputs.size()),
                {}, "give one array for each, in the order of Executable::signature()");
  }
  room.asked.assign({std::uintptr_t(threads)});
  note(inputs, room.asked);
  note(outputs, room.asked);
  if (room.asked == room.answered && given == room.given) return;
  room.answered.clear();
  Values& values = room.values;
  std::vector<TensorView>& views = room.views;
  views.assign(inputs.begin(), inputs.end());
  views.insert(views.end(), outputs.begin(), outputs.end());
  start(given, values);
  learn(views, values);
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (!fits(i, views[i], values)) explain(views, values);
  }
  check_overlap(room);
  derive(values, threads);
  check_tables(values);
  check_parts(values);
  values.resize(signature_.symbols.size());
  if (const auto unknown = std::find_if(values.begin(), values.end(), [](auto v) { return v < 0; });
      unknown != values.end()) {
    throw Error(fmt::format("no input or output of '{}' states the value of '{}'", signature_.name,
                            symbols_[std::size_t(unknown - values.begin())]),
                {}, "give it in CallOptions::symbols");
  }
  room.given = given;
  room.answered = room.asked;  // not swapped: each keeps the memory it has
}

Bindings ArgumentCheck::symbols_of(std::span<const TensorView> inputs,
                                   const Bindings& given) const {
  Values values;
  start(given, values);
  const std::size_t known = std::min(inputs.size(), signature_.inputs.size());
  learn(inputs.first(known), values);
  for (std::size_t i = 0; i < known; ++i) {
    if (!fits(i, inputs[i], values)) explain(inputs.first(known), values);
  }
  check_parts(values);
  Bindings bindings;
  for (std::size_t s = 0; s < symbols_.size(); ++s) {
    if (values[s] >= 0) bindings[symbols_[s]] = values[s];
  }
  return bindings;
}

// " with B = 32", or nothing when the type has no symbol.
std::string ArgumentCheck::known_symbols(const Type& type, const Values& values) const {
  std::vector<std::string> known, listed;
  for (const Dim& dim : type.shape()) {
    for (const std::string& symbol : dim.symbols()) {
      if (std::find(listed.begin(), listed.end(), symbol) != listed.end()) continue;
      listed.push_back(symbol);
      const std::int64_t value = values[std::size_t(symbol_index(symbol))];
      known.push_back(value < 0 ? fmt::format("{} not given", symbol)
                                : fmt::format("{} = {}", symbol, value));
    }
  }
  return known.empty() ? "" : fmt::format(" with {}", fmt::join(known, ", "));
}

std::string ArgumentCheck::misfit(std::size_t i, const TensorView& view, const Values& values,
                                  std::string& help) const {
  if (view.lacks_bytes()) {
    help = "give it bytes: a nodec::Tensor owns as many as its type has, until it is moved from";
    return fmt::format("\n  {}: has no bytes", title(i));
  }
  const bool rank_fits = view.dims.size() == rules_[i].size();
  bool dims_fit = rank_fits;
  for (std::size_t axis = 0; rank_fits && axis < view.dims.size(); ++axis) {
    dims_fit = dims_fit && view.dims[axis] >= 0 && view.dims[axis] == wanted_dim(i, axis, values);
  }
  if (!dims_fit || view.dtype != port(i).type.dtype()) {
    help = "make each array of the dtype and dims that are wanted of it";
    return fmt::format("\n  {}: wanted {}{}, got {}", title(i), port(i).type.str(),
                       known_symbols(port(i).type, values), view.type());
  }
  if (!view.is_countable()) {
    help = "give it the dims of the array that it shows";
    return fmt::format("\n  {}: {} has more bytes than there are", title(i), view.type());
  }
  if (!is_within_reach(view)) {
    help = "copy it to the host or to that device (DeviceTensor)";
    return fmt::format("\n  {}: is in the memory of {}, and the program runs on {}", title(i),
                       view.device->limits().name,
                       device_ == nullptr ? "the processor" : device_->limits().name);
  }
  help = fmt::format(
      "arrays must start at a multiple of {} bytes: use nodec::Tensor, which does, or clone() into "
      "one",
      kAlignment);
  return fmt::format("\n  {}: its bytes start {} past a multiple of {}", title(i),
                     address(view) % kAlignment, kAlignment);
}

void ArgumentCheck::explain(std::span<const TensorView> views, const Values& values) const {
  std::string message = fmt::format("the arguments of '{}' do not fit:", signature_.name);
  std::string help;
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (!fits(i, views[i], values)) message += misfit(i, views[i], values, help);
  }
  throw Error(message, {}, help);
}

// Compiled code moves an index to the nearest row, so there must be one.
void ArgumentCheck::check_tables(const Values& values) const {
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    if (value_of(tables_[i].rows, values) != 0 || value_of(tables_[i].picked, values) <= 0)
      continue;
    const PickedTable& table = signature_.tables[i];
    const std::string which =
        table.name.empty() ? "its table" : fmt::format("the table '{}'", table.name);
    throw Error(fmt::format("'{}' in '{}': {} has no rows ({}{})", table.op, signature_.name, which,
                            table.type.str(), known_symbols(table.type, values)),
                {}, "give it at least one row");
  }
}

// Compiled code walks a part wherever that lies.
void ArgumentCheck::check_parts(const Values& values) const {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (!is_negative(parts_[i].size, values) && !is_negative(parts_[i].left, values)) continue;
    const SizedPart& part = signature_.parts[i];
    const std::string of = part.name.empty() ? "" : fmt::format("'{}' ", part.name);
    const std::string from = part.made ? "" : fmt::format(" from {} on", part.start);
    const char* does = part.made ? "makes" : part.op == "pad" ? "sets" : "takes";
    Shape sizes = part.type.shape();
    sizes.push_back(part.size);
    throw Error(
        fmt::format("'{}' in '{}': {} {}{} along axis {} of {}{}{}", part.op, signature_.name, does,
                    part.size.str(), from, part.axis, of, part.type.str(),
                    known_symbols(part.type.with_shape(std::move(sizes)), values)),
        {}, part.made ? "give longer arrays" : "give arrays in which that lies");
  }
}

// Every pair, for hundreds of ports in a microsecond: without branches, counting.
void ArgumentCheck::check_overlap(Room& room) const {
  const std::vector<TensorView>& views = room.views;
  std::vector<std::uintptr_t>&begins = room.begins, &ends = room.ends;
  begins.resize(views.size());
  ends.resize(views.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    begins[i] = address(views[i]);
    ends[i] = begins[i] + views[i].bytes();
  }
  for (std::size_t out = signature_.inputs.size(); out < views.size(); ++out) {
    std::int64_t met = 0;
    for (std::size_t other = 0; other < out; ++other) {
      met += std::int64_t(begins[other] < ends[out]) & std::int64_t(ends[other] > begins[out]);
    }
    const int alias = port(out).alias;
    const bool in_place = alias >= 0 && begins[std::size_t(alias)] == begins[out];
    if (met > std::int64_t(in_place)) explain_overlap(out, views);
  }
}

void ArgumentCheck::explain_overlap(std::size_t out, std::span<const TensorView> views) const {
  const std::uintptr_t begin = address(views[out]), end = begin + views[out].bytes();
  for (std::size_t other = 0; other < out; ++other) {
    const std::uintptr_t from = address(views[other]);
    if (from >= end || from + views[other].bytes() <= begin) continue;
    if (from == begin && port(out).alias == int(other)) continue;
    throw Error(
        fmt::format("{} and {} of '{}' share bytes", title(other), title(out), signature_.name), {},
        "give every output its own array");
  }
}

}  // namespace nodec
