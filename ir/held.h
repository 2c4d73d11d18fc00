// Pointers for what a user holds and may have moved away: to use one when it is empty is an Error,
// not the end of the process.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "ir/error.h"

namespace nodec {

// `Pointer` owns an object, by itself or with others; `element_type::kObject` is what the user
// calls the object.
template <class Pointer>
class Checked : public Pointer {
 public:
  using Object = typename Pointer::element_type;
  using Pointer::Pointer;
  Checked(Pointer held)  // NOLINT(google-explicit-constructor)
      : Pointer(std::move(held)) {}

  Object& operator*() const { return *checked(); }
  Object* operator->() const { return checked(); }

 private:
  Object* checked() const {
    if (Object* held = this->get()) return held;
    throw Error(
        fmt::format("there is no {} here: it was moved from, or never made", Object::kObject), {},
        "use the one that was made, where it is now");
  }
};

template <class T>
using Held = Checked<std::shared_ptr<T>>;
template <class T>
using Owned = Checked<std::unique_ptr<T>>;

}  // namespace nodec
