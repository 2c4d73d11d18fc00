// Data against types, for the interpreter: what symbols must be worth, and whether a datum is of a
// type.
#pragma once

#include <span>

#include "ir/array.h"
#include "ir/graph.h"

namespace nodec {

// Gives values to symbols that have none: first from dims that are one symbol, then from dims in
// which a single symbol is left, linearly (20*B, B + 1). Dims that disagree are for `fits` to find.
void bind_symbols(const Region& region, std::span<const Datum> arguments, Bindings& bindings);

// Whether the datum is of the type, as far as the bound symbols tell.
bool fits(const Type& type, const Datum& datum, const Bindings& bindings);

// The type of the datum as it is; what data do not tell (field names, what an empty box or a tape
// holds) is taken from `declared`.
Type concrete(const Type& declared, const Datum& datum);

}  // namespace nodec
