// Any bytes given to parse end in a graph or in an Error. A graph is sound, its printed text reads
// back as itself, inference and the stability gate say something of it, and what they let pass goes
// through the stages that rewrite it, or is refused. At the end the share of executions that got as
// far as inference is printed.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "compiler/pipeline.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/catalogue.h"

using namespace nodec;

namespace {

long executions = 0, inferred = 0;

void print_share() {
  std::fprintf(stderr, "inference reached: %ld of %ld executions (%.1f %%)\n", inferred, executions,
               executions == 0 ? 0 : 100.0 * double(inferred) / double(executions));
}

// An Error about text says where: some note has a line.
void check_place(const Error& error) {
  for (const Note& note : error.notes()) {
    if (note.where.known()) return;
  }
  std::fprintf(stderr, "an error names no line: %s\n", error.what());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  std::atexit(print_share);
  return 0;
}

// 0: worth keeping when it covers anything new; -1: not, so that what is built on mostly parses.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ++executions;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::unique_ptr<Graph> graph;
  try {
    graph = parse(text, find_primitive);
  } catch (const Error& error) {
    check_place(error);
    return -1;
  }
  verify(*graph, "parse");
  const std::string printed = print(*graph, {.locations = true});
  if (print(*parse(printed, find_primitive), {.locations = true}) != printed) {
    std::fprintf(stderr, "printed text reads back as something else:\n%s", printed.c_str());
    std::abort();
  }
  ++inferred;
  try {
    if (stable(analyze(*graph))) run_until(*graph, "expand");
  } catch (const Error& error) {
    check_place(error);
  }
  return 0;
}
