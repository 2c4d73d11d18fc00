// A fail_if that belongs to no solve, so that it has no progress to report.
#include "compiler/trace/require.h"

#include "compiler/trace/access.h"
#include "kernels/build.h"

namespace nodec::tracing {

void require(const Var& holds, Status status, const std::string& who, const SourceLine& where) {
  Builder b = builder_at(where);
  Value* good = integer(b, Dtype::I32, std::int64_t(Status::Success));
  Value* bad = integer(b, Dtype::I32, std::int64_t(status));
  Value *never = scalar(b, Dtype::F32, 0), *none = integer(b, Dtype::I32, 0);
  Value* end = select(b, Access::value(b, holds), good, bad);
  b.op(fail_if_p, {end, never, never, none, none}, {{"op", who}});
}

}  // namespace nodec::tracing
