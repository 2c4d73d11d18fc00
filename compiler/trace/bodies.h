// What every op with traced bodies needs: arguments in, results out, stored variables rebound.
#pragma once

#include "compiler/trace/frame.h"
#include "compiler/trace/tree.h"

namespace nodec::tracing {

// One argument per leaf, named as the value it stands for; call before the body is traced.
Contents add_arguments(Frame& frame, const Contents& like, std::string_view name = {});
void set_results(Frame& frame, const Contents& results);
// The op's first results, as contents of these types; `ended`'s variables take the next ones.
Contents results_of(Op& op, const std::vector<Type>& own, const Ended& ended, Frame& parent);
// A loop's body must leave the structure it is given, and a branch that of the other one. The types
// of tensors are for inference to judge.
void report_structures(const Contents& before, const Contents& after, const Frame& body);
// What is left of a body's results, to go on with.
Contents fitted_to(const std::vector<Type>& wanted, Contents contents, const Frame& body);
bool same_types(const std::vector<Type>& a, const std::vector<Type>& b);
std::vector<std::unique_ptr<Region>> two(Opened& first, Opened& second);

}  // namespace nodec::tracing
