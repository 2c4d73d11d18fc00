// The corpus: small programs, stable and unstable, each with the report it must give.
//
// The expectation stands in the program, as `// expect:` comments in front of the line they speak
// of; so line numbers are implied by position. For each finding, in order:
//   at its declaration   CODE 'variable' in PATH: BEFORE [-> AFTER]
//                        N loads, M values, K unproven     (when something lost its type)
//                        help: TEXT
//   at each write        stored in 'variable', TYPE        (or: leaves, used, this value is stored, OP cuts)
//   at each lost value   'variable' loses 'name' (or its op), PROVEN TYPE
// A finding without a known declaration stands at its first write. A program without expectations
// is clean. NODEC_CORPUS_WRITE=1 writes the comments anew, for a reader to check.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "compiler/nodec.h"

namespace nodec::corpus {

struct Program {
  std::string name, file;
  int line = 0;
  void (*write)(Trace& t) = nullptr;

  Program(std::string name, std::string file, int line, void (*write)(Trace& t));
};

const std::vector<Program>& programs();

// Where a solve from `u0` over [0, 1] with these dynamics ends: what most programs are about. Its
// op stands on the caller's line, as that of `solve` does.
template <class Dynamics>
Var solved(const Var& u0, Dynamics&& dynamics, Here where = Here::current()) {
  return solve(std::forward<Dynamics>(dynamics), u0, 0, 1, {}, where).u;
}

}  // namespace nodec::corpus

#define PROGRAM(name)                                                                         \
  static void program_##name(Trace& t);                                                       \
  static const corpus::Program registered_##name(#name, __FILE__, __LINE__, &program_##name); \
  static void program_##name([[maybe_unused]] Trace& t)
