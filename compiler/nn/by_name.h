// For structs of options that are numbers beside each other, where an order would be mistaken.
#pragma once

namespace nodec::nn {

// No number makes one: members behind it are given by their names.
class ByName {
 public:
  explicit ByName() = default;
};

}  // namespace nodec::nn
