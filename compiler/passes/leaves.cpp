// Leaves, by recursion over a type.
#include "compiler/passes/leaves.h"

namespace nodec {
namespace {

bool is_compound(const Type& type) {
  return type.kind() == Type::Kind::Record || type.kind() == Type::Kind::Tuple ||
         type.kind() == Type::Kind::Box;
}

void add_leaves(const Type& type, const std::string& name,
                std::vector<std::pair<std::string, Type>>& leaves) {
  if (!is_compound(type)) {
    leaves.emplace_back(name, type);
    return;
  }
  const bool named = type.kind() == Type::Kind::Record;
  for (std::size_t i = 0; i < type.elements().size(); ++i) {
    const std::string part = named                            ? type.field_names()[i]
                             : type.kind() == Type::Kind::Box ? std::string()
                                                              : std::to_string(i);
    const bool both = !name.empty() && !part.empty();
    add_leaves(type.elements()[i], both ? name + "." + part : name + part, leaves);
  }
}

}  // namespace

std::vector<std::pair<std::string, Type>> leaves_of(const Type& type, const std::string& name) {
  std::vector<std::pair<std::string, Type>> leaves;
  add_leaves(type, name, leaves);
  return leaves;
}

}  // namespace nodec
