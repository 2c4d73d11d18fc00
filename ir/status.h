// How a program may end: the codes of status.def with their texts.
#pragma once

#include <cstdint>
#include <string_view>

namespace nodec {

enum class Status : std::int32_t {
#define NODEC_STATUS(code, name, sentence, remedy) name = code,
#include "ir/status.def"
#undef NODEC_STATUS
};

// Any number is answered: a code that is none of ours is "Unknown".
std::string_view name(Status status);
std::string_view sentence(Status status);
std::string_view remedy(Status status);  // empty for Success

}  // namespace nodec
