// How the learning rate changes over the updates: factors of it, computed on the host in double.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace nodec::nn {

// The factor of update number `step`, which counts from 0.
class Schedule {
 public:
  Schedule() : Schedule("constant", [](std::int64_t) { return 1.0; }) {}
  Schedule(std::string name, std::function<double(std::int64_t step)> factor)
      : name_(std::move(name)), factor_(std::move(factor)) {}

  const std::string& name() const { return name_; }  // "cosine(100, end 0)"
  double operator()(std::int64_t step) const { return factor_(step); }

 private:
  std::string name_;
  std::function<double(std::int64_t)> factor_;
};

Schedule Constant();
// Half a cosine from 1 to `end` over `steps` updates, then `end` (Loshchilov and Hutter, SGDR,
// 2017, without restarts).
Schedule Cosine(std::int64_t steps, double end = 0);
// `factor` to the power of how many of `every` updates are over.
Schedule Steps(std::int64_t every, double factor = 0.1);
// rate^step.
Schedule Exponential(double rate);
// From 1 / steps to 1 over `steps` updates, then what follows, from its own beginning.
Schedule WarmUp(std::int64_t steps, Schedule then = {});

// Over all of `updates`: "constant", "cosine" to 0, "exponential" to a hundredth, "step" by a tenth
// at each third, "warm-up" over a twentieth and then a cosine; an Error lists them.
Schedule schedule_named(std::string_view name, std::int64_t updates);

}  // namespace nodec::nn
