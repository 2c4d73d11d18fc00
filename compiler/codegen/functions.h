// Code out of line: a function of the schedule is written when it is first wanted, and called from
// then on.
#pragma once

#include <map>
#include <span>
#include <string>

#include "compiler/codegen/places.h"

namespace nodec::codegen {

class Functions {
 public:
  Functions(Writing& writing, Places& places) : w_(writing), places_(places) {}

  using Body = std::function<void(std::span<const Code>)>;
  // A function by itself, under the emitter's number.
  int write(Scope scope, const std::string& name, std::span<const Scalar> kinds, const Body& body);
  // Calls the function of this number of the kernel being written, for all of the team, which
  // `body` writes when it is first wanted; or writes `body` here, where the kernel has none.
  void call(std::size_t number, std::span<const Scalar> kinds, std::span<const Code> arguments,
            const Body& body);

 private:
  Writing& w_;
  Places& places_;
  std::map<std::string, int> written_;
};

}  // namespace nodec::codegen
