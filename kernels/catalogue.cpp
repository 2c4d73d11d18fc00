// The table behind catalogue.h. It holds addresses only, so it needs no code to run before main.
#include "kernels/catalogue.h"

#include <unordered_map>

#include "ir/lasting.h"

namespace nodec {
namespace {

constexpr const Primitive* table[] = {
#define NODEC_PRIMITIVE(name) &name##_p,
#include "kernels/catalogue.def"
};

std::unordered_map<std::string_view, const Primitive*> by_name() {
  std::unordered_map<std::string_view, const Primitive*> names;
  for (const Primitive* primitive : table) {
    const bool fresh = names.emplace(primitive->name, primitive).second;
    NODEC_CHECK(fresh, "two primitives are named {}", primitive->name);
  }
  return names;
}

}  // namespace

std::span<const Primitive* const> catalogue() { return table; }

const Primitive* find_primitive(std::string_view name) {
  static const auto& names = lasting<decltype(by_name())>(by_name());
  const auto found = names.find(name);
  return found == names.end() ? nullptr : found->second;
}

}  // namespace nodec
