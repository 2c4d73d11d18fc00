// Text to graph: the inverse of print.h. Errors name line and column and what was expected.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "ir/graph.h"
#include "ir/primitive.h"

namespace nodec {

// Types every op as it is read; when the text states result types they must agree. Limits: nesting
// 64 deep, 2^20 ops, dims below 2^40. `file` is how the text is named in messages; of the `known`
// primitives the nearest is suggested for a mistyped one.
std::unique_ptr<Graph> parse(std::string_view text, PrimitiveLookup lookup,
                             std::string_view file = "<text>",
                             std::span<const Primitive* const> known = {});

// The inverse of Type::str.
Type parse_type(std::string_view text);

}  // namespace nodec
