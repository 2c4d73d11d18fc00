// Data against types.
#include "ir/fit.h"

#include <algorithm>

namespace nodec {
namespace {

using Visit = void (*)(const Dim& dim, std::int64_t size, Bindings& bindings);

bool has_value(const Dim& dim, const Bindings& bindings) {
  if (dim.is_constant()) return true;
  const std::vector<std::string> symbols = dim.symbols();
  return !dim.is_unknown() &&
         std::all_of(symbols.begin(), symbols.end(),
                     [&](const std::string& symbol) { return bindings.contains(symbol); });
}

void bind_symbol(const Dim& dim, std::int64_t size, Bindings& bindings) {
  if (dim.is_constant()) return;
  const std::vector<std::string> symbols = dim.symbols();
  if (symbols.size() == 1 && dim == Dim::symbol(symbols[0])) bindings.emplace(symbols[0], size);
}

// dim = slope * symbol + rest, with everything but the symbol known.
void bind_linear(const Dim& dim, std::int64_t size, Bindings& bindings) {
  if (has_value(dim, bindings)) return;
  std::map<std::string, Dim> known;
  for (const auto& [symbol, value] : bindings) known[symbol] = Dim(value);
  const Dim left = substitute(dim, known);
  const std::vector<std::string> symbols = left.symbols();
  if (symbols.size() != 1) return;
  const Dim symbol = Dim::symbol(symbols[0]);
  const Dim rest = left.evaluate({{symbols[0], 0}});
  const Dim slope = Dim(left.evaluate({{symbols[0], 1}})) - rest;
  if (left != slope * symbol + rest) return;
  const std::optional<Dim> value = (Dim(size) - rest).divided_by(slope);
  if (value && value->constant() >= 0) bindings.emplace(symbols[0], value->constant());
}

void each_dim(const Type& type, const Datum& datum, Visit visit, Bindings& bindings) {
  if (type.kind() != datum.kind) return;
  if (type.is_tensor() && type.rank() == datum.array.dims.size()) {
    for (std::size_t i = 0; i < type.rank(); ++i) {
      visit(type.shape()[i], datum.array.dims[i], bindings);
    }
  } else if (type.kind() == Type::Kind::Tuple || type.kind() == Type::Kind::Record) {
    const std::size_t count = std::min(type.elements().size(), datum.elements.size());
    for (std::size_t i = 0; i < count; ++i) {
      each_dim(type.elements()[i], datum.elements[i], visit, bindings);
    }
  }
}

bool fits(const Dim& dim, std::int64_t size, const Bindings& bindings) {
  return !has_value(dim, bindings) || dim.evaluate(bindings) == size;
}

bool tensor_fits(const Type& type, const Array& array, const Bindings& bindings) {
  return type.dtype() == array.dtype && type.rank() == array.dims.size() &&
         std::equal(array.dims.begin(), array.dims.end(), type.shape().begin(),
                    [&](std::int64_t size, const Dim& dim) { return fits(dim, size, bindings); });
}

}  // namespace

void bind_symbols(const Region& region, std::span<const Datum> arguments, Bindings& bindings) {
  for (const Visit visit : {bind_symbol, bind_linear}) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      each_dim(region.arg(i)->type, arguments[i], visit, bindings);
    }
  }
}

bool fits(const Type& type, const Datum& datum, const Bindings& bindings) {
  if (type.kind() == Type::Kind::Any) return true;
  if (type.kind() != datum.kind) return false;
  switch (type.kind()) {
    case Type::Kind::Tensor:
      return tensor_fits(type, datum.array, bindings);
    case Type::Kind::Tuple:
    case Type::Kind::Record:
      return std::equal(type.elements().begin(), type.elements().end(), datum.elements.begin(),
                        datum.elements.end(), [&](const Type& element, const Datum& part) {
                          return fits(element, part, bindings);
                        });
    case Type::Kind::Box:
      return !datum.cell || fits(type.elements().at(0), *datum.cell, bindings);
    default:
      return true;  // a tape's frames were checked as they were written
  }
}

Type concrete(const Type& declared, const Datum& datum) {
  const auto part = [&](std::size_t i) {
    const bool told = declared.kind() == datum.kind && i < declared.elements().size();
    return told ? declared.elements()[i] : Type::any();
  };
  const bool is_record =
      declared.kind() == Type::Kind::Record && declared.elements().size() == datum.elements.size();
  switch (datum.kind) {
    case Type::Kind::Tensor:
      return datum.array.type();
    case Type::Kind::Box:
      return Type::box(datum.cell ? concrete(part(0), *datum.cell) : part(0));
    case Type::Kind::Tuple:
    case Type::Kind::Record: {
      std::vector<Type> elements;
      std::vector<std::pair<std::string, Type>> fields;
      for (std::size_t i = 0; i < datum.elements.size(); ++i) {
        elements.push_back(concrete(part(i), datum.elements[i]));
        if (is_record) fields.emplace_back(declared.field_names()[i], elements.back());
      }
      return is_record ? Type::record(std::move(fields)) : Type::tuple(std::move(elements));
    }
    default:
      return declared;
  }
}

}  // namespace nodec
