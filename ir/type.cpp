// Types and the lattice over them: printing, joining, substituting. Dims are in dim.cpp.
#include "ir/type.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "ir/error.h"
#include "ir/lasting.h"
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

std::string placement_text(int device) {
  if (device == kHost) return "";
  return device == kUnknownDevice ? " on ?" : fmt::format(" on {}", device);
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

std::string place_name(int device) {
  if (device == kHost) return "the host";
  return device == kUnknownDevice ? "an unknown device" : fmt::format("device {}", device);
}

struct Type::Parts {
  Shape shape;
  std::vector<Type> elements;
  std::vector<std::string> names;
  bool operator==(const Parts& other) const = default;
};

Type::Type(Kind kind, Parts parts) : kind_(kind) {
  for (const Type& element : parts.elements) {
    depth_ = std::max(depth_, std::uint8_t(element.depth_ + 1));
  }
  if (depth_ > kDepthLimit) {
    throw Error(fmt::format("types nest more than {} deep", kDepthLimit), {},
                "put some of its levels into one");
  }
  parts_ = std::make_shared<const Parts>(std::move(parts));
}

const Type::Parts& Type::parts() const {
  static const auto& none = lasting<Parts>();
  return parts_ ? *parts_ : none;
}

Type Type::any() {
  Type type;
  type.kind_ = Kind::Any;
  return type;
}

Type Type::tensor(Dtype dtype, Shape shape) {
  Type type(Kind::Tensor, {std::move(shape), {}, {}});
  type.dtype_ = dtype;
  return type;
}

Type Type::tuple(std::vector<Type> elements) {
  return {Kind::Tuple, {{}, std::move(elements), {}}};
}

Type Type::record(std::vector<std::pair<std::string, Type>> fields) {
  Parts parts;
  std::unordered_set<std::string> taken;
  for (auto& [name, element] : fields) {
    if (!taken.insert(name).second) {
      throw Error(fmt::format("a record has two fields named '{}'", name));
    }
    parts.names.push_back(std::move(name));
    parts.elements.push_back(std::move(element));
  }
  return {Kind::Record, std::move(parts)};
}

Type Type::box(Type content) { return {Kind::Box, {{}, {std::move(content)}, {}}}; }

Type Type::tape(std::vector<Type> frame) { return {Kind::Tape, {{}, std::move(frame), {}}}; }

Type Type::function(std::vector<Type> arguments, std::vector<Type> results) {
  return {Kind::Function, {{}, {tuple(std::move(arguments)), tuple(std::move(results))}, {}}};
}

bool Type::operator==(const Type& other) const {
  return kind_ == other.kind_ && dtype_ == other.dtype_ &&
         (parts_ == other.parts_ || parts() == other.parts());
}

Dtype Type::dtype() const {
  NODEC_CHECK(is_tensor(), "{} has no dtype", str());
  return dtype_;
}

const Shape& Type::shape() const {
  NODEC_CHECK(is_tensor(), "{} has no shape", str());
  return parts().shape;
}

const std::vector<Type>& Type::elements() const { return parts().elements; }
const std::vector<std::string>& Type::field_names() const { return parts().names; }

int Type::field_index(std::string_view field) const {
  const auto& names = field_names();
  const auto found = std::find(names.begin(), names.end(), field);
  return found == names.end() ? -1 : int(found - names.begin());
}

bool Type::mentions(std::string_view symbol) const {
  return std::any_of(parts().shape.begin(), parts().shape.end(),
                     [&](const Dim& dim) { return dim.mentions(symbol); }) ||
         std::any_of(elements().begin(), elements().end(),
                     [&](const Type& type) { return type.mentions(symbol); });
}

Type Type::on(int device) const {
  NODEC_CHECK(is_tensor(), "{} lives nowhere", str());
  NODEC_CHECK(device >= kUnknownDevice && device <= kLastDevice, "a device numbered {}", device);
  Type type = *this;
  type.device_ = std::int8_t(device);
  return type;
}

Type Type::with_dtype(Dtype dtype) const { return tensor(dtype, shape()).on(device_); }
Type Type::with_shape(Shape shape) const { return tensor(dtype(), std::move(shape)).on(device_); }

bool identical(const Type& a, const Type& b) {
  if (a.kind_ != b.kind_ || a.dtype_ != b.dtype_ || a.device_ != b.device_) return false;
  if (a.parts_ == b.parts_) return true;
  const auto &x = a.elements(), &y = b.elements();
  return a.parts().shape == b.parts().shape && a.field_names() == b.field_names() &&
         std::equal(x.begin(), x.end(), y.begin(), y.end(), identical);
}

std::string Type::str() const {
  switch (kind_) {
    case Kind::Never:
      return "never";
    case Kind::Any:
      return "any";
    case Kind::Tensor:
      return std::string(name(dtype_)) + nodec::str(shape()) + placement_text(device_);
    case Kind::Tuple:
      return "(" + comma_separated(elements()) + ")";
    case Kind::Record:
      return record_text(*this);
    case Kind::Box:
      return "box<" + comma_separated(elements()) + ">";
    case Kind::Tape:
      return "tape<" + comma_separated(elements()) + ">";
    case Kind::Function:
      return "function<" + comma_separated(elements()) + ">";
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
  const int device = a.device() == b.device() ? a.device() : kUnknownDevice;
  return a.with_shape(std::move(shape)).on(device);
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
  if (identical(a, b) || b.kind() == Type::Kind::Never) return a;
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
    case Type::Kind::Function:
      return Type::function(elements.at(0).elements(), elements.at(1).elements());
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
