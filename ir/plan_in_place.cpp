// Compared by the places in their loops and by the order of the text.
#include "ir/plan_in_place.h"

namespace nodec::plan {

bool writes_after_reads(const std::vector<Compute>& computes, int made, int over) {
  const Ref* written = nullptr;
  bool once = true;
  for (const Compute& c : computes) {
    if (!c.to || c.to->buffer != made) continue;
    once = once && written == nullptr;
    written = &*c.to;
  }
  bool before = true;
  for (const Compute& c : computes) {
    for (const Source& s : c.operands) {
      const Ref* from = std::get_if<Ref>(&s);
      if (from == nullptr || from->buffer != over) continue;
      if (!before || !once || !same_elements(*from, *written)) return false;
    }
    before = before && !(c.to && &*c.to == written);
  }
  return true;
}

}  // namespace nodec::plan
