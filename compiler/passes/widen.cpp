// Types and attributes first, then the draws.
#include "compiler/passes/widen.h"

#include "ir/rewrite.h"
#include "kernels/build.h"

namespace nodec {
namespace {

bool draws(const Op& op) {
  return op.primitive == &random_uniform_p || op.primitive == &random_normal_p;
}

void find_rounding(const Region& region, std::vector<Note>& notes) {
  for (const auto& op : region.ops) {
    const bool rounds = op->primitive == &cast_p && op->operands[0]->type.dtype() == Dtype::F64 &&
                        op->result()->type.dtype() == Dtype::F32;
    if (rounds) notes.push_back({op->where, "it rounds here"});
    for (const auto& nested : op->regions) find_rounding(*nested, notes);
  }
}

// All of it at once, and before any type changes.
void refuse_rounding(const Graph& graph) {
  std::vector<Note> notes;
  find_rounding(graph.body, notes);
  if (notes.empty()) return;
  std::erase_if(notes, [](const Note& note) { return !note.where.known(); });
  throw Error("a program that rounds from f64 to f32 cannot be retyped to f64", std::move(notes),
              "compute in f32 what is rounded to it, or in f64 throughout");
}

Type wide(const Type& type) {
  const auto all = [&] {
    std::vector<Type> elements;
    for (const Type& element : type.elements()) elements.push_back(wide(element));
    return elements;
  };
  switch (type.kind()) {
    case Type::Kind::Tensor:
      return type.dtype() == Dtype::F32 ? type.with_dtype(Dtype::F64) : type;
    case Type::Kind::Tuple:
      return Type::tuple(all());
    case Type::Kind::Record: {
      std::vector<std::pair<std::string, Type>> fields;
      for (std::size_t i = 0; i < type.elements().size(); ++i) {
        fields.emplace_back(type.field_names()[i], wide(type.elements()[i]));
      }
      return Type::record(std::move(fields));
    }
    case Type::Kind::Box:
      return Type::box(wide(type.elements().front()));
    case Type::Kind::Tape:
      return Type::tape(all());
    case Type::Kind::Function:
      return Type::function(wide(type.elements()[0]).elements(),
                            wide(type.elements()[1]).elements());
    case Type::Kind::Never:
    case Type::Kind::Any:
      return type;
  }
  return type;
}

void widen_attributes(Op& op) {
  const std::vector<std::pair<std::string, Attr>> items = op.attrs.items();
  for (const auto& [name, attr] : items) {
    const auto* dtype = std::get_if<Dtype>(&attr);
    if (dtype != nullptr && *dtype == Dtype::F32) op.attrs.set(name, Dtype::F64);
  }
}

void widen(Region& region) {
  for (const auto& arg : region.args) arg->type = wide(arg->type);
  rewrite(region, [](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) widen(*nested);
    if (draws(op)) {
      if (op.result()->type.dtype() == Dtype::F64) return std::nullopt;
      Value* drawn = b.value(*op.primitive, op.operands, op.attrs);
      return {{cast(b, drawn, Dtype::F64)}};
    }
    widen_attributes(op);
    for (const auto& result : op.results) result->type = wide(result->type);
    return std::nullopt;
  });
}

}  // namespace

void widen(Graph& graph) {
  refuse_rounding(graph);
  widen(graph.body);
}

}  // namespace nodec
