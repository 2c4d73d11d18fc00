// Digits to be named: a PNG picture, a NumPy array or an IDX file of 28x28 grey images.
#pragma once

#include <filesystem>

#include "compiler/nodec.h"

namespace nodec::digits {

// u8[count, 784], white on black as MNIST's. Error, telling what the file is, for anything else.
Tensor read_pictures(const std::filesystem::path& path);

}  // namespace nodec::digits
