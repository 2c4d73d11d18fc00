// Where library code stands in the user's program: while a Scope lives, ops carry the line given
// here (a layer's, say) instead of the library's own, and boxes know the layer they are in.
#pragma once

#include <memory>
#include <string>

#include "ir/error.h"

namespace nodec::tracing {

struct TraceRecord;

class Scope {
 public:
  // `name` is a step of the path ("layer_3"; empty: none). An unknown line lets ops carry their own
  // again, as a user's function called from a layer wants.
  Scope(std::string name, SourceLine line);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  std::shared_ptr<TraceRecord> record_;
};

}  // namespace nodec::tracing
