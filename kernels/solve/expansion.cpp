// A region of its own, with the op's operands as arguments, receives the expansion and is run.
#include "kernels/solve/expansion.h"

#include "ir/builder.h"
#include "ir/interpret.h"

namespace nodec {

std::vector<Datum> run_expansion(const Op& op, std::span<const Datum> operands,
                                 Interpreter& interpreter) {
  Region region;
  Op copy;
  copy.primitive = op.primitive;
  copy.attrs = op.attrs;
  copy.where = op.where;
  for (const Value* operand : op.operands) copy.operands.push_back(region.add_arg(operand->type));
  for (const auto& nested : op.regions) copy.regions.push_back(clone(*nested));
  for (const auto& result : op.results) copy.results.push_back(std::make_unique<Value>(*result));
  Builder b(region);
  region.results = op.primitive->expand(b, copy);
  return interpreter.run(region, operands);
}

}  // namespace nodec
