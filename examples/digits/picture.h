// Digits to be named: a PNG picture, a NumPy array or an IDX file of 28x28 grey images.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compiler/nodec.h"

namespace nodec::digits {

// u8[count, 784], white on black as MNIST's. Error, telling what the file is, for anything else.
Tensor read_pictures(const std::filesystem::path& path);

// What each image is taken for, a line an image, by a model's ten outputs, [count, 10] floats: the
// digit and the probabilities of all ten, as JSON or for people.
std::vector<std::string> named_digits(const Tensor& outputs, bool json);

}  // namespace nodec::digits
