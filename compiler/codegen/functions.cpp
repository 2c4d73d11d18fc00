// Functions, each written where nothing of the one around it is known.
#include "compiler/codegen/functions.h"

namespace nodec::codegen {

int Functions::write(Scope scope, const std::string& name, std::span<const Scalar> kinds,
                     const Body& body) {
  return w_.e.function(scope, name, kinds, [&](std::span<const Code> x) {
    Places::Here outer = places_.begin(scope);
    body(x);
    places_.end(std::move(outer));
  });
}

void Functions::call(std::size_t number, std::span<const Scalar> kinds,
                     std::span<const Code> arguments, const Body& body) {
  if (w_.how->functions.empty()) return body(arguments);
  const std::string& name = w_.how->functions.at(number);
  auto found = written_.find(name);
  if (found == written_.end()) {
    const int made = write(Scope::Team, name, kinds, body);
    found = written_.emplace(name, made).first;
  }
  w_.e.call(found->second, arguments);
}

}  // namespace nodec::codegen
