// Options that are numbers beside each other go by their names: what is given in front of them, in
// order, is the first alone.
#pragma once

namespace nodec::nn {

// No number makes one: members behind it are given by their names.
class ByName {
 public:
  explicit ByName() = default;
};

}  // namespace nodec::nn
