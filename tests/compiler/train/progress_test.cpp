// The bar's line on terminals of several widths.
#include "compiler/train/progress.h"

#include <doctest/doctest.h>

namespace nodec::nn {

TEST_CASE("a line tells what fits the terminal") {
  CHECK(progress_line("[1/9]", 50, 100, 500, 0.25, 100) ==
        "[1/9] ###############--------------- 50/100  0s left  loss 0.2500  500/s");
  CHECK(progress_line("[1/9]", 50, 400, 2, 0.25, 60) ==
        "[1/9] ##-------------- 50/400  2m55s left  loss 0.2500  2/s");
  CHECK(progress_line("[1/9]", 50, 400, 2, 0.25, 40) == "[1/9] #-------- 50/400 2m55s 0.2500 2/s");
  CHECK(progress_line("[9/9]", 77, 422, 1234, 0.25, 40) ==
        "[9/9] #-------- 77/422 0s 0.2500 1234/s");
  CHECK(progress_line("[1/9]", 50, 400, 2, 0.25, 30) == "[1/9] #--------- 50/400 2m55s");
  CHECK(progress_line("[1/9]", 50, 400, 0, 0.25, 40).find("left") == std::string::npos);
  CHECK(progress_line("[1/9]", 50, 400, 2, 0.25, 12) == "[1/9]  50/4");
  for (int columns = 0; columns < 120; ++columns) {
    CHECK(progress_line("[1/9]", 7, 422, 2000, 0.25, columns).size() <
          std::size_t(columns == 0 ? 1 : columns));
  }
}

}  // namespace nodec::nn
