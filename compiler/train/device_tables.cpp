// Found, or copied there once.
#include "compiler/train/device_tables.h"

#include <algorithm>

namespace nodec::nn {

DeviceTables::Views DeviceTables::views(const std::shared_ptr<const Tables>& tables,
                                        const std::shared_ptr<Device>& device) {
  const bool has_y = !tables->y.empty();
  if (device == nullptr) {
    return {tables->x.view(), has_y ? tables->y.view() : TensorView{}};
  }
  auto found = std::ranges::find_if(held_, [&](const Held& held) {
    return held.device == device && held.tables.lock() == tables;
  });
  if (found == held_.end()) {
    // Those that nobody holds make room first.
    std::erase_if(held_, [](const Held& held) { return held.tables.expired(); });
    const auto copied = [&](const Table& table) {
      ++copied_in_;
      return std::make_unique<DeviceTensor>(device, table.view());
    };
    held_.push_back({tables, device, copied(tables->x), has_y ? copied(tables->y) : nullptr});
    found = held_.end() - 1;
  }
  return {found->x->view(), has_y ? found->y->view() : TensorView{}};
}

}  // namespace nodec::nn
