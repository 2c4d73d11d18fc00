// Types in one breath.
#include "compiler/trace/types.h"

#include <doctest/doctest.h>

#include <vector>

namespace nodec {

TEST_CASE("a size is a number of any integer type, a word or a dim") {
  const Dim batch = Dim::symbol("B");
  const std::vector<int> rows(3);
  CHECK(f64({rows.size(), 4LL, 5, 6U, "B", batch + 1}) ==
        Type::tensor(Dtype::F64, {3, 4, 5, 6, batch, batch + 1}));
  CHECK(i32() == Type::scalar(Dtype::I32));
  CHECK(f32({0}) == Type::tensor(Dtype::F32, {Dim(0)}));
}

}  // namespace nodec
