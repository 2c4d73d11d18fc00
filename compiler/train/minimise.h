// Minimising what a program computes, all of its data at once: L-BFGS with a line search, as a loop
// on the host over a compiled value and gradient.
//
// Liu and Nocedal, On the limited memory BFGS method for large scale optimization, 1989; the line
// search by bracketing and zooming to the strong Wolfe conditions, Nocedal and Wright, Numerical
// Optimization, 2006, algorithms 3.5 and 3.6, with steps by cubic interpolation.
#pragma once

#include <memory>
#include <string>

#include "runtime/named_arrays.h"

namespace nodec::nn {

struct MinimiseOptions {
  std::string value = "loss";         // the output that is minimised, a float scalar
  std::string gradient = "gradient";  // outputs "gradient.<input>" say by which inputs
  std::int64_t iterations = 200;
  std::size_t memory = 10;           // pairs that the inverse Hessian is built of
  double gradient_tolerance = 1e-8;  // ends where no element is larger
  double value_tolerance = 0;        // ends where an iteration gains less than this share
  CallOptions call = {};
};

struct Minimum {
  double value = 0, gradient = 0;  // at the end; the largest element
  std::int64_t iterations = 0, evaluations = 0;
  bool converged = false;  // else it ran out of iterations, or no step along the line goes lower
};

// The inputs of `arrays` move to the minimum. A step at which the program stops, or gives a value
// that is not finite, is too long; where it begins with one, that is an Error.
Minimum minimise(std::shared_ptr<const Executable> program, NamedArrays& arrays,
                 const MinimiseOptions& options = {});

}  // namespace nodec::nn
