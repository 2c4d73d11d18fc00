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
std::vector<Value*> joined(std::vector<Value*> first, const std::vector<Value*>& second);

}  // namespace nodec::tracing
