// Arrays by the names of programs' ports, so that several programs (a training step, an evaluation)
// work on the same ones. What a program needs and nobody put there is made, as zeros; what does not
// fit is worded at once, for all arrays together. What programs of a GPU keep from call to call
// stays there: it is copied to the host when it is asked for here, and back when it may have been
// changed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/executable.h"
#include "runtime/resident_array.h"

namespace nodec {

// One of them, found once: for what looks at it call by call. They must outlive it.
class NamedArray {
 public:
  NamedArray(ResidentArray& array, Copies& copies) : array_(&array), copies_(&copies) {}
  Tensor& write() const { return array_->write(*copies_); }
  const Tensor& read() const { return array_->read(*copies_); }

 private:
  ResidentArray* array_;
  Copies* copies_;
};

class NamedArrays {
 public:
  NamedArrays() = default;
  // Programs are bound to these.
  NamedArrays(const NamedArrays&) = delete;
  NamedArrays& operator=(const NamedArrays&) = delete;

  // Adds the array, or puts it where an older one was.
  Tensor& set(std::string name, Tensor array);
  template <class T>
  Tensor& set(std::string name, T scalar) {
    return set(std::move(name), Tensor::scalar(scalar));
  }
  // Error, naming those there are, where there is no such array. A reference shows what
  // programs of the processor do to the array; of one that a GPU's programs use it is to be asked
  // for anew.
  Tensor& operator[](std::string_view name);
  const Tensor& operator[](std::string_view name) const;
  NamedArray find(std::string_view name) { return {at(name), copies_}; }
  // Of which only dtype and dims are asked: nothing is copied.
  const Tensor& type(std::string_view name) const { return at(name).type(); }
  bool contains(std::string_view name) const { return arrays_.contains(name); }
  std::size_t size() const { return arrays_.size(); }
  const Copies& copies() const { return copies_; }  // to devices and back

  // Makes what these ports lack. Sizes that are symbols are read off the arrays there are, and off
  // `symbols`, of which one that the program does not have is an Error. Ports named in `open` get
  // their arrays call by call. One Error states each array that does not fit and each size that
  // nothing tells.
  void fit(const Signature& signature, const Bindings& symbols = {},
           const std::vector<std::string>& open = {});

 private:
  friend class BoundProgram;
  ResidentArray& at(std::string_view name);
  const ResidentArray& at(std::string_view name) const;

  std::map<std::string, ResidentArray, std::less<>> arrays_;
  mutable Copies copies_;
};

// A program bound to named arrays, which must outlive it. An output that overwrites an input shares
// the input's array. An array may be replaced between calls. The calls have the values of symbols
// that no array states from here, where CallOptions::symbols does not give others. A program that
// was moved away, or never made, is an Error.
class BoundProgram {
 public:
  BoundProgram(std::shared_ptr<const Executable> program, NamedArrays& arrays,
               const Bindings& symbols = {}, std::vector<std::string> open = {});

  // The array of an open port for the next calls; it must outlive them.
  void give(std::string_view port, const TensorView& array);
  // A program that stops early is a status in the Outcome (require_success throws it). Allocates
  // nothing, as Executable::call. After a refusal all arrays are what they were; on a device after
  // a stop too, but for one that was overwritten in place while only the device had its newest
  // values.
  Outcome call(const CallOptions& options = {});

  const Executable& executable() const;
  const Signature& signature() const { return executable().signature(); }

 private:
  struct OpenPort {
    std::string name;
    std::vector<std::size_t> places;  // among the ports; an output over an input is one, too
  };
  OpenPort open_port(std::string name) const;
  void view_here();
  void view_there(const std::shared_ptr<Device>& device);
  void settle(bool success);  // where the newest arrays are, behind a device's call
  Outcome run(const CallOptions& options);

  std::shared_ptr<const Executable> program_;
  NamedArrays& all_;
  Bindings symbols_;  // given, and stated by no array
  std::vector<OpenPort> open_;
  std::vector<ResidentArray*> arrays_;  // by port, inputs then outputs; null: an open one
  std::vector<TensorView> views_;       // likewise
};

}  // namespace nodec
