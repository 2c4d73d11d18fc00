// The table of methods.
#include "kernels/solve/method.h"

namespace nodec {

#define NODEC_METHOD(name) extern const Method name##_method;
#include "kernels/solve/methods/methods.def"
#undef NODEC_METHOD

namespace {

constexpr const Method* table[] = {
#define NODEC_METHOD(name) &name##_method,
#include "kernels/solve/methods/methods.def"
#undef NODEC_METHOD
};

}  // namespace

std::span<const Method* const> methods() { return table; }

const Method* find_method(std::string_view name) {
  for (const Method* method : table) {
    if (method->name == name) return method;
  }
  return nullptr;
}

}  // namespace nodec
