// The simplifying passes in turn, until none of them changes anything.
#include "compiler/passes/simplify.h"

#include "compiler/passes/eliminate_common.h"
#include "compiler/passes/eliminate_dead.h"
#include "compiler/passes/fold_constants.h"
#include "compiler/passes/forward_arguments.h"
#include "compiler/passes/join_pads.h"
#include "compiler/passes/rewrite_algebra.h"

namespace nodec {

void simplify(Graph& graph) {
  bool changed = true;
  while (changed) {
    changed = rewrite_algebra(graph);
    changed |= join_pads(graph);
    changed |= fold_constants(graph);
    changed |= forward_arguments(graph);
    changed |= eliminate_common(graph);
    changed |= eliminate_dead(graph);
  }
}

}  // namespace nodec
