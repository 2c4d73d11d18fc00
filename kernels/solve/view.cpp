// Which method a solve op names.
#include "kernels/solve/view.h"

namespace nodec {

const Method& SolveView::method() const {
  const auto name = op_->attrs.get_or<std::string>("method", "tsit5");
  if (const Method* found = find_method(name)) return *found;
  std::string known;
  for (const Method* m : methods()) known += (known.empty() ? "" : ", ") + std::string(m->name);
  throw Error(fmt::format("there is no method '{}'", name), {}, "name one of: " + known);
}

}  // namespace nodec
