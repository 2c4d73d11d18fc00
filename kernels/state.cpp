// Variables and structure, gone before `lower`: boxes (variables that some inner region writes),
// cells (the same, of a type the user declared), records and tuples.
//
// A box's or cell's type states what it was made with; a store of another type is legal here, and
// found by inference, which says so to the user. Loads after such a store are traced with the type
// that was stored, and say so in their attribute `as`.
#include <algorithm>

#include "ir/nearest.h"
#include "ir/parse.h"
#include "kernels/build.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

constexpr Gradient unboxed_before = no_gradient("variables become values before differentiation");

const Type& box_content(const Op& op) {
  const Type& type = op.operands[0]->type;
  if (type.kind() != Type::Kind::Box) {
    fail(op, fmt::format("wants a box, got {}", described(*op.operands[0])));
  }
  return type.elements().at(0);
}

Types new_type(const Op& op) { return {Type::box(op.operands[0]->type)}; }
Types load_type(const Op& op) {
  const Type& content = box_content(op);
  if (const Attr* as = op.attrs.find("as")) return {parse_type(std::get<std::string>(*as))};
  return {content};
}

Types store_type(const Op& op) {
  box_content(op);
  return {};
}

std::vector<Datum> eval_new(const Op&, Data x, Interpreter&) {
  Datum box;
  box.kind = Type::Kind::Box;
  box.cell = std::make_shared<Datum>(x[0]);
  return {std::move(box)};
}

std::vector<Datum> eval_load(const Op& op, Data x, Interpreter&) {
  if (!x[0].cell) fail(op, "reads a variable before anything was stored in it");
  return {*x[0].cell};
}

std::vector<Datum> eval_store(const Op&, Data x, Interpreter&) {
  *x[0].cell = x[1];
  return {};
}

std::vector<std::string> split_names(const std::string& names) {
  std::vector<std::string> parts;
  if (names.empty()) return parts;
  std::size_t begin = 0;
  for (std::size_t end = names.find(','); end != std::string::npos; end = names.find(',', begin)) {
    parts.push_back(names.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(names.substr(begin));
  return parts;
}

Types record_type(const Op& op) {
  const std::vector<std::string> names = split_names(attribute<std::string>(op, "names"));
  if (names.size() != op.operands.size()) {
    fail(op, fmt::format("names {} for {}", count_of(names.size(), "field"),
                         count_of(op.operands.size(), "value")));
  }
  std::vector<std::pair<std::string, Type>> fields;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool twice = std::find(names.begin(), names.begin() + std::ptrdiff_t(i), names[i]) !=
                       names.begin() + std::ptrdiff_t(i);
    if (names[i].empty() || twice) {
      fail(op, fmt::format("wants a name of its own for each field, got '{}'", names[i]));
    }
    fields.emplace_back(names[i], op.operands[i]->type);
  }
  return {Type::record(std::move(fields))};
}

std::size_t field_index(const Op& op) {
  const Type& type = op.operands[0]->type;
  const auto& wanted = attribute<std::string>(op, "name");
  if (type.kind() != Type::Kind::Record) {
    fail(op, fmt::format("reads '{}' of a record, got {}", wanted, described(*op.operands[0])));
  }
  const int index = type.field_index(wanted);
  if (index < 0) {
    fail(op, fmt::format("finds no '{}' in {}", wanted, described(*op.operands[0])),
         suggestion_or_all(wanted, type.field_names(), "it has"));
  }
  return std::size_t(index);
}

std::size_t element_index(const Op& op) {
  const Type& type = op.operands[0]->type;
  const std::int64_t index = attribute<std::int64_t>(op, "index");
  if (type.kind() != Type::Kind::Tuple || index < 0 ||
      index >= std::int64_t(type.elements().size())) {
    fail(op, fmt::format("wants a tuple of more than {}, got {}",
                         count_of(std::size_t(std::max<std::int64_t>(index, 0)), "element"),
                         described(*op.operands[0])));
  }
  return std::size_t(index);
}

Datum structure(Type::Kind kind, Data parts) {
  Datum datum;
  datum.kind = kind;
  datum.elements.assign(parts.begin(), parts.end());
  return datum;
}

// The cotangent of a structure that only part `index` of has one.
Values in_place(Builder& b, const Type& type, std::size_t index, Value* dy) {
  Values parts;
  for (std::size_t i = 0; i < type.elements().size(); ++i) {
    parts.push_back(i == index ? dy : zeros(b, type.elements()[i]));
  }
  if (type.kind() == Type::Kind::Record) return {record(b, parts, type.field_names())};
  return {tuple(b, parts)};
}

template <const Primitive& make, const Primitive& load, const Primitive& store>
void sample_variable(Builder& b, Dtype real) {
  Value* x = sample_arg(b, real);
  Value* box = b.value(make, {x});
  Value* first = b.value(load, {box});
  b.op(store, {box, exp(b, first)});
  b.region().results = {first, b.value(load, {box})};
}

void sample_record(Builder& b, Dtype real) {
  Value *x = sample_arg(b, real), *y = sample_arg(b, real, {});
  Value* r = record(b, {x, sin(b, y), mul(b, x, x)}, {"x", "y", "z"});
  b.region().results = {field(b, r, "z"), field(b, r, "y")};
}

void sample_tuple(Builder& b, Dtype real) {
  Value *x = sample_arg(b, real), *y = sample_arg(b, real, {});
  Value* t = tuple(b, {mul(b, x, x), sin(b, y)});
  b.region().results = {element(b, t, 1), element(b, t, 0)};
}

}  // namespace

constexpr Primitive box_new_p = complete({
    .name = "box.new",
    .arity = 1,
    .form = Form::State,
    .type = new_type,
    .eval = eval_new,
    .gradient = unboxed_before,
    .sample = sample_variable<box_new_p, box_load_p, box_store_p>,
});

constexpr Primitive box_load_p = complete({
    .name = "box.load",
    .arity = 1,
    .form = Form::State,
    .type = load_type,
    .eval = eval_load,
    .gradient = unboxed_before,
    .sample = sample_variable<box_new_p, box_load_p, box_store_p>,
});

constexpr Primitive box_store_p = complete({
    .name = "box.store",
    .arity = 2,
    .form = Form::State,
    .type = store_type,
    .eval = eval_store,
    .gradient = unboxed_before,
    .sample = sample_variable<box_new_p, box_load_p, box_store_p>,
});

constexpr Primitive cell_new_p = complete({
    .name = "cell.new",
    .arity = 1,
    .form = Form::State,
    .type = new_type,
    .eval = eval_new,
    .gradient = unboxed_before,
    .sample = sample_variable<cell_new_p, cell_load_p, cell_store_p>,
});

constexpr Primitive cell_load_p = complete({
    .name = "cell.load",
    .arity = 1,
    .form = Form::State,
    .type = load_type,
    .eval = eval_load,
    .gradient = unboxed_before,
    .sample = sample_variable<cell_new_p, cell_load_p, cell_store_p>,
});

constexpr Primitive cell_store_p = complete({
    .name = "cell.store",
    .arity = 2,
    .form = Form::State,
    .type = store_type,
    .eval = eval_store,
    .gradient = unboxed_before,
    .sample = sample_variable<cell_new_p, cell_load_p, cell_store_p>,
});

constexpr Primitive record_p = complete({
    .name = "record",
    .form = Form::State,
    .type = record_type,
    .eval = [](const Op&, Data x,
               Interpreter&) { return std::vector<Datum>{structure(Type::Kind::Record, x)}; },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Values dx;
      for (const std::string& name : y.result()->type.field_names()) {
        dx.push_back(field(b, dy[0], name));
      }
      return dx;
    }},
    .sample = sample_record,
});

constexpr Primitive field_p = complete({
    .name = "field",
    .arity = 1,
    .form = Form::State,
    .type = [](const Op& op) -> Types {
      const std::size_t index = field_index(op);
      return {op.operands[0]->type.elements()[index]};
    },
    .eval = [](const Op& op, Data x,
               Interpreter&) { return std::vector<Datum>{x[0].elements.at(field_index(op))}; },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return in_place(b, y.operands[0]->type, field_index(y), dy[0]);
    }},
    .sample = sample_record,
});

constexpr Primitive tuple_p = complete({
    .name = "tuple",
    .form = Form::State,
    .type = [](const Op& op) -> Types {
      Types elements;
      for (const Value* operand : op.operands) elements.push_back(operand->type);
      return {Type::tuple(std::move(elements))};
    },
    .eval = [](const Op&, Data x,
               Interpreter&) { return std::vector<Datum>{structure(Type::Kind::Tuple, x)}; },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Values dx;
      for (std::size_t i = 0; i < y.operands.size(); ++i) {
        dx.push_back(element(b, dy[0], std::int64_t(i)));
      }
      return dx;
    }},
    .sample = sample_tuple,
});

constexpr Primitive element_p = complete({
    .name = "element",
    .arity = 1,
    .form = Form::State,
    .type = [](const Op& op) -> Types {
      const std::size_t index = element_index(op);
      return {op.operands[0]->type.elements()[index]};
    },
    .eval = [](const Op& op, Data x,
               Interpreter&) { return std::vector<Datum>{x[0].elements.at(element_index(op))}; },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return in_place(b, y.operands[0]->type, element_index(y), dy[0]);
    }},
    .sample = sample_tuple,
});

}  // namespace nodec
