// Signatures as bytes, for cache entries and exported programs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ir/abi.h"

namespace nodec {

std::string serialize(const Signature& signature);
std::optional<Signature> deserialize_signature(std::string_view bytes);  // nullopt: malformed

}  // namespace nodec
