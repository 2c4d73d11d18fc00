// Arrays by the names of programs' ports, so that several programs (a training step, an evaluation)
// work on the same ones. What a program needs and nobody put there is made, as zeros; what does not
// fit is worded at once, for all arrays together.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/executable.h"

namespace nodec {

class NamedArrays {
 public:
  // Adds the array, or puts it where an older one was.
  Tensor& set(std::string name, Tensor array);
  template <class T>
  Tensor& set(std::string name, T scalar) {
    return set(std::move(name), Tensor::scalar(scalar));
  }
  // Error, naming those that are near, where there is no such array.
  Tensor& operator[](std::string_view name);
  const Tensor& operator[](std::string_view name) const;
  bool contains(std::string_view name) const { return arrays_.contains(name); }
  const std::map<std::string, Tensor, std::less<>>& all() const { return arrays_; }

  // Makes what these ports lack. Sizes that are symbols are read off the arrays there are, and off
  // `symbols`. Ports named in `open` get their arrays call by call. One Error states each array
  // that does not fit and each size that nothing tells.
  void fit(const Signature& signature, const Bindings& symbols = {},
           const std::vector<std::string>& open = {});

 private:
  std::map<std::string, Tensor, std::less<>> arrays_;
};

// A program bound to named arrays, which must outlive it. An output that overwrites an input shares
// the input's array. An array may be replaced between calls.
class BoundProgram {
 public:
  BoundProgram(std::shared_ptr<const Executable> program, NamedArrays& arrays,
               const Bindings& symbols = {}, std::vector<std::string> open = {});

  // The array of an open port for the next calls; it must outlive them.
  void give(std::string_view port, const TensorView& array);
  // A program that stops early is a status in the Outcome (require_success throws it). Allocates
  // nothing, as Executable::call.
  Outcome call(const CallOptions& options = {});

  const Executable& executable() const { return *program_; }
  const Signature& signature() const { return program_->signature(); }

 private:
  std::shared_ptr<const Executable> program_;
  std::vector<std::string> open_;
  std::vector<Tensor*> arrays_;    // by port, inputs then outputs; null: an open one
  std::vector<TensorView> views_;  // likewise
};

}  // namespace nodec
