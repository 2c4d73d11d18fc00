// What a trace finds wrong with a variable by itself: a use outside of the body it was made in,
// which it goes on after, and what it cannot go on after. The rest is for inference to find.
#pragma once

#include <string>

#include "compiler/trace/frame.h"

namespace nodec::tracing {

// A finding about the variable, which a body at `frame` uses or leaves at this line.
Finding found(FindingCode code, const Variable& variable, const Frame& frame, const SourceLine& at);

// The name the user gave it, else what the line that declares it says, else its original's.
std::string name_of(const Variable& variable);
std::string spelled(const Variable& variable);  // "'st'", or "a variable"

// A loop or branch leaves another structure than it enters with or than its other body leaves.
Finding restructured(const Frame& frame, const Type& before, const Type& after,
                     const SourceLine& at);

// What is thrown where a trace cannot go on: this finding behind those it went on after.
Untraceable stop(const Frame& frame, Finding finding);

// A variable without a value is read, or stored to where a value must exist.
Untraceable unborn(
    const Variable& variable, const Frame& frame, const SourceLine& at,
    const std::string& help = "assign it first, or give it a value where it is declared");

// The line of the last of some stores, looked up at once: what stops a trace is reported now.
SourceLine written_at(const Frame& frame, const std::vector<std::size_t>& sites,
                      const SourceLine& otherwise);

// Whether the body that the variable was born in is over, or belongs to another trace.
bool has_ended(const Variable& variable, const Frame& frame);

// The frame must be the variable's own or a deeper one. A variable of a body that has ended is
// reported and becomes this frame's, with zeros in it; one of another trace is an Error.
void check_reach(Variable& variable, Frame& frame, const SourceLine& at);

}  // namespace nodec::tracing
