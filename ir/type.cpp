// Types and the lattice over them: printing, joining, substituting. Dims are in dim.cpp.
#include "ir/type.h"

#include <algorithm>
#include <array>

#include "ir/error.h"
#include "ir/text.h"

namespace nodec {
namespace {

struct DtypeFacts {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<DtypeFacts, 7> kDtypes = {
    {{"bool", 1}, {"u8", 1}, {"i32", 4}, {"i64", 8}, {"f32", 4}, {"f64", 8}, {"key", 8}}};

std::string comma_separated(const std::vector<Type>& types) {
  std::string text;
  for (const Type& type : types) text += (text.empty() ? "" : ", ") + type.str();
  return text;
}

std::string record_text(const Type& type) {
  std::string text;
  for (std::size_t i = 0; i < type.elements().size(); ++i) {
    text += text.empty() ? "" : ", ";
    text += name_text(type.field_names()[i]) + ": " + type.elements()[i].str();
  }
  return "{" + text + "}";
}

}  // namespace

std::string_view name(Dtype dtype) { return kDtypes.at(std::size_t(dtype)).name; }

std::optional<Dtype> parse_dtype(std::string_view text) {
  for (std::size_t i = 0; i < kDtypes.size(); ++i) {
    if (kDtypes[i].name == text) return Dtype(i);
  }
  return std::nullopt;
}

std::size_t bytes(Dtype dtype) { return kDtypes.at(std::size_t(dtype)).bytes; }

bool is_float(Dtype dtype) { return dtype == Dtype::F32 || dtype == Dtype::F64; }

bool is_integer(Dtype dtype) {
  return dtype == Dtype::U8 || dtype == Dtype::I32 || dtype == Dtype::I64;
}

Type Type::any() {
  Type type;
  type.kind_ = Kind::Any;
  return type;
}

Type Type::tensor(Dtype dtype, Shape shape) {
  Type type;
  type.kind_ = Kind::Tensor;
  type.dtype_ = dtype;
  type.shape_ = std::move(shape);
  return type;
}

Type Type::tuple(std::vector<Type> elements) {
  Type type;
  type.kind_ = Kind::Tuple;
  type.elements_ = std::move(elements);
  return type;
}

Type Type::record(std::vector<std::pair<std::string, Type>> fields) {
  Type type;
  type.kind_ = Kind::Record;
  for (auto& [name, element] : fields) {
    if (type.field_index(name) >= 0) {
      throw Error(fmt::format("a record has two fields named '{}'", name));
    }
    type.names_.push_back(std::move(name));
    type.elements_.push_back(std::move(element));
  }
  return type;
}

Type Type::box(Type content) {
  Type type;
  type.kind_ = Kind::Box;
  type.elements_.push_back(std::move(content));
  return type;
}

Type Type::tape(std::vector<Type> frame) {
  Type type;
  type.kind_ = Kind::Tape;
  type.elements_ = std::move(frame);
  return type;
}

Dtype Type::dtype() const {
  NODEC_CHECK(is_tensor(), "{} has no dtype", str());
  return dtype_;
}

const Shape& Type::shape() const {
  NODEC_CHECK(is_tensor(), "{} has no shape", str());
  return shape_;
}

int Type::field_index(std::string_view field) const {
  const auto found = std::find(names_.begin(), names_.end(), field);
  return found == names_.end() ? -1 : int(found - names_.begin());
}

bool Type::mentions(std::string_view symbol) const {
  return std::any_of(shape_.begin(), shape_.end(),
                     [&](const Dim& dim) { return dim.mentions(symbol); }) ||
         std::any_of(elements_.begin(), elements_.end(),
                     [&](const Type& type) { return type.mentions(symbol); });
}

Type Type::with_dtype(Dtype dtype) const { return tensor(dtype, shape()); }
Type Type::with_shape(Shape shape) const { return tensor(dtype(), std::move(shape)); }

std::string Type::str() const {
  switch (kind_) {
    case Kind::Never:
      return "never";
    case Kind::Any:
      return "any";
    case Kind::Tensor:
      return std::string(name(dtype_)) + nodec::str(shape_);
    case Kind::Tuple:
      return "(" + comma_separated(elements_) + ")";
    case Kind::Record:
      return record_text(*this);
    case Kind::Box:
      return "box<" + comma_separated(elements_) + ">";
    case Kind::Tape:
      return "tape<" + comma_separated(elements_) + ">";
  }
  return {};
}

namespace {

Type join_tensors(const Type& a, const Type& b) {
  if (a.dtype() != b.dtype() || a.rank() != b.rank()) return Type::any();
  Shape shape = a.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != b.shape()[i]) shape[i] = Dim::unknown();
  }
  return a.with_shape(std::move(shape));
}

// Tuples of one length and records of the same fields.
Type join_fields(const Type& a, const Type& b) {
  if (a.elements().size() != b.elements().size() || a.field_names() != b.field_names()) {
    return Type::any();
  }
  std::vector<Type> elements;
  for (std::size_t i = 0; i < a.elements().size(); ++i) {
    elements.push_back(join(a.elements()[i], b.elements()[i]));
  }
  if (a.kind() == Type::Kind::Tuple) return Type::tuple(std::move(elements));
  std::vector<std::pair<std::string, Type>> fields;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    fields.emplace_back(a.field_names()[i], std::move(elements[i]));
  }
  return Type::record(std::move(fields));
}

}  // namespace

Type join(const Type& a, const Type& b) {
  if (a == b || b.kind() == Type::Kind::Never) return a;
  if (a.kind() == Type::Kind::Never) return b;
  if (a.kind() != b.kind()) return Type::any();
  switch (a.kind()) {
    case Type::Kind::Tensor:
      return join_tensors(a, b);
    case Type::Kind::Tuple:
    case Type::Kind::Record:
      return join_fields(a, b);
    default:
      return Type::any();
  }
}

Type substitute(const Type& type, const std::map<std::string, Dim>& dims) {
  if (type.is_tensor()) {
    Shape shape;
    for (const Dim& dim : type.shape()) shape.push_back(substitute(dim, dims));
    return type.with_shape(std::move(shape));
  }
  std::vector<Type> elements;
  for (const Type& element : type.elements()) elements.push_back(substitute(element, dims));
  switch (type.kind()) {
    case Type::Kind::Tuple:
      return Type::tuple(std::move(elements));
    case Type::Kind::Box:
      return Type::box(std::move(elements.at(0)));
    case Type::Kind::Tape:
      return Type::tape(std::move(elements));
    case Type::Kind::Record: {
      std::vector<std::pair<std::string, Type>> fields;
      for (std::size_t i = 0; i < elements.size(); ++i) {
        fields.emplace_back(type.field_names()[i], std::move(elements[i]));
      }
      return Type::record(std::move(fields));
    }
    default:
      return type;
  }
}

}  // namespace nodec
