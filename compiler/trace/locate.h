// Where stores were written, found out when a report wants it. An assignment has no location and no
// name in C++; a store that crosses regions kept the return addresses above it, and debug
// information turns the first of them that is neither the standard library's nor nodec's into a
// line. Its variable, if nobody named it, takes the identifier assigned on that line. Nothing is
// guessed: without debug information, source text, or as many targets as stores, things stay as
// they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/trace/trace.h"

namespace nodec {

// Gives the graph's stores their lines, and its boxes and cells without a name theirs.
void locate_stores(const Traced& traced);

namespace tracing {

// The identifiers assigned on a line of C++ ("st", "counters.calls"), in the order the assignments
// happen; declarations are left out, as they are no stores.
std::vector<std::string> assigned_on(std::string_view line);

// The variable that this line declares, where it declares one: "Var st = x;". Else empty.
std::string declared_on(const SourceLine& where);

}  // namespace tracing
}  // namespace nodec
