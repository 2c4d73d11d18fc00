// How a program that stopped is told: which of its solves failed, going which way, how far it came,
// and what was not finite first. The interpreter and the runtime both throw this, so that they say
// the same.
#pragma once

#include <string_view>

#include "ir/abi.h"

namespace nodec {

inline constexpr std::string_view kTapeLimit = "CallOptions::tape_limit_bytes";

class Stopped : public Error {
 public:
  // `program`: its name, or empty where it is not known yet; `site`: of outcome.site, or empty;
  // `tape_limit`: what the user sets it by.
  Stopped(std::string_view program, const Outcome& outcome, const Site& site,
          std::string_view tape_limit = kTapeLimit);

  const Outcome& outcome() const { return outcome_; }
  const Site& site() const { return site_; }

 private:
  Outcome outcome_;
  Site site_;
};

// "u[3]" for a component of `states`, which reads "u[20]; v[2, 5]": names and known sizes. Empty
// where they have no such component.
std::string component_name(std::string_view states, std::int64_t component);

}  // namespace nodec
