// Problems whose gradients are known, from closed forms or from sensitivities integrated in quad
// precision.
#pragma once

#include <vector>

#include "tests/compiler/solve/gradients.h"

namespace nodec::testing {

// A problem with its loss's gradient, and the largest rms of lambda between t0 and t1, in which the
// error of the states' part is measured.
struct Known {
  const char* name;
  Problem p;
  Loss loss;
  std::vector<double> du0, dp;
  double largest;
};

Known predators();
Known van_der_pol(double mu, std::vector<double> du0, double dmu, double largest);
Known lorenz();
Known growth();
Known relaxation(double start);
Known stiff();
Known oscillator();
Known forced(double strength);
std::vector<Known> known_gradients();  // all thirteen

// States that start as numbers, and one vector of parameters.
Problem from(Slopes f, const std::vector<double>& u0, std::vector<double> p, double t1);
Value* at(Builder& b, const Values& p, std::int64_t i);  // element i of the parameters
Value* number(Builder& b, double x);

}  // namespace nodec::testing
