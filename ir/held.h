// A shared pointer for what a user holds and may have moved away: to use it when it is empty is an
// Error, not the end of the process.
#pragma once

#include <memory>
#include <utility>

#include "ir/error.h"

namespace nodec {

template <class T>
class Held : public std::shared_ptr<T> {
 public:
  using std::shared_ptr<T>::shared_ptr;
  Held(std::shared_ptr<T> held)  // NOLINT(google-explicit-constructor)
      : std::shared_ptr<T>(std::move(held)) {}

  T& operator*() const { return *checked(); }
  T* operator->() const { return checked(); }

 private:
  T* checked() const {
    if (T* held = this->get()) return held;
    throw Error("there is no program here: it was moved from, or never made", {},
                "use the one that trace() or compile() gave, where it is now");
  }
};

}  // namespace nodec
