// Adjoints by name: how a solve is differentiated. An adjoint is a pair of rules in the AD engine's
// own terms (ir/primitive.h): `augment` writes the solve again with what the reverse sweep needs
// (a tape, usually), `reverse` builds the IR of the cotangents from it.
//
// A new adjoint is one file in adjoints/ with one line in adjoints/adjoints.def; a program that
// embeds nodec may also register its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/primitive.h"

namespace nodec {

struct Adjoint {
  std::string_view name;
  AugmentRule augment = nullptr;
  ReverseRule reverse = nullptr;
  // Whether `reverse` reports the error of its cotangents (Differentiator::report_error) where that
  // is asked for; a gradient that asks it of a rule that does not is refused.
  bool tells_error = false;
  // Of a rule that is not nodec's own: part of the cache key of the programs that name it, so that
  // a changed rule is not answered with what the old one compiled to.
  int version = 0;
};

// Null when there is none of that name.
const Adjoint* find_adjoint(std::string_view name);
// Later ones of a name win. The name must outlive the program. Not to be called while programs are
// being compiled.
void register_adjoint(const Adjoint& adjoint);
std::vector<std::string> adjoint_names();
// "name version" of a registered rule; empty for nodec's own.
std::string registered_version(std::string_view name);

}  // namespace nodec
