// A value that a process makes at its first use and never destroys. Statics go while other threads
// may still trace, compile or run, and a program may do so in a destructor of its own.
#pragma once

#include <utility>

namespace nodec {

template <class T, class... Args>
T& lasting(Args&&... args) {
  return *new T(std::forward<Args>(args)...);
}

}  // namespace nodec
