// A process whose numbers have a comma, as a program with a user interface may set it.
#pragma once

#include <doctest/doctest.h>

#include <clocale>
#include <cstdlib>
#include <string>

#include "tests/setting.h"
#include "tests/temporary_folder.h"

namespace nodec::testing {

// For a scope. `holds()`: whether this machine has such a locale, or could make one.
class CommaLocale {
 public:
  CommaLocale() : path_("LOCPATH", folder_.path().string()) {
    const std::string made = (folder_ / "de_DE.UTF-8").string();
    const std::string make = "localedef -i de_DE -f UTF-8 '" + made + "' >/dev/null 2>&1";
    if (std::system(make.c_str()) != 0) return;
    std::setlocale(LC_ALL, "de_DE.UTF-8");
  }
  ~CommaLocale() { std::setlocale(LC_ALL, "C"); }
  static bool holds() {
    const bool comma = *std::localeconv()->decimal_point == ',';
    if (!comma) MESSAGE("skipped: no locale with a comma can be made here");
    return comma;
  }

 private:
  TemporaryFolder folder_;
  Setting path_;
};

}  // namespace nodec::testing
