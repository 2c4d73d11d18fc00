// Pointers for what a user holds and may have moved away: to use one when it is empty is an Error,
// not the end of the process.
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

// What an object is made of, which is its alone; T::kObject is what the user calls the object.
template <class T>
class Owned : public std::unique_ptr<T> {
 public:
  using std::unique_ptr<T>::unique_ptr;
  Owned(std::unique_ptr<T> owned)  // NOLINT(google-explicit-constructor)
      : std::unique_ptr<T>(std::move(owned)) {}

  T& operator*() const { return *checked(); }
  T* operator->() const { return checked(); }

 private:
  T* checked() const {
    if (T* owned = this->get()) return owned;
    throw Error(fmt::format("there is no {} here: it was moved from", T::kObject), {},
                "use the one it was moved to");
  }
};

}  // namespace nodec
