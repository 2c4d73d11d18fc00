// The registry of adjoints.
#include "kernels/solve/adjoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/lasting.h"

namespace nodec {

#define NODEC_ADJOINT(name) extern const Adjoint name##_adjoint;
#include "kernels/solve/adjoints/adjoints.def"
#undef NODEC_ADJOINT

namespace {

constexpr const Adjoint* kOwn[] = {
#define NODEC_ADJOINT(name) &name##_adjoint,
#include "kernels/solve/adjoints/adjoints.def"
#undef NODEC_ADJOINT
};

std::vector<Adjoint> own_adjoints() {
  std::vector<Adjoint> own;
  for (const Adjoint* adjoint : kOwn) own.push_back(*adjoint);
  return own;
}

std::vector<Adjoint>& registry() {
  static auto& adjoints = lasting<std::vector<Adjoint>>(own_adjoints());
  return adjoints;
}

}  // namespace

const Adjoint* find_adjoint(std::string_view name) {
  const auto& all = registry();
  const auto found = std::find_if(all.rbegin(), all.rend(),
                                  [&](const Adjoint& adjoint) { return adjoint.name == name; });
  return found != all.rend() ? &*found : nullptr;
}

void register_adjoint(const Adjoint& adjoint) { registry().push_back(adjoint); }

std::string registered_version(std::string_view name) {
  const Adjoint* found = find_adjoint(name);
  const auto& all = registry();
  const bool own = found == nullptr || found < all.data() + std::size(kOwn);
  return own ? "" : fmt::format("{} {}", found->name, found->version);
}

std::vector<std::string> adjoint_names() {
  std::vector<std::string> names;
  for (const Adjoint& adjoint : registry()) {
    if (std::find(names.begin(), names.end(), adjoint.name) == names.end()) {
      names.emplace_back(adjoint.name);
    }
  }
  return names;
}

}  // namespace nodec
