// Where stores were written, found out when a report wants it. An assignment has no location and no
// name in C++; a store that crosses regions kept the return addresses above it, and debug
// information turns the first of them that is neither the standard library's nor nodec's into a
// line. Its variable, if nobody named it, takes the identifier assigned by that statement, or else
// the one that its declaration says (statement.h). Nothing is guessed: without debug information,
// source text, or as many targets as stores, things stay as they are.
#pragma once

#include "compiler/trace/trace.h"

namespace nodec {

// Gives the graph's stores their lines, and its boxes and cells without a name theirs.
void locate_stores(const Traced& traced);

}  // namespace nodec
