// Placements through ops: type rules speak of dtypes and shapes, this of where results live.
#include <optional>

#include "ir/primitive.h"

namespace nodec {
namespace {

// Goes along with whatever it meets.
bool is_light(const Value& value) {
  if (!value.type.is_tensor()) return true;
  if (value.type.device() != kHost) return false;
  return value.type.shape().empty() ||
         (value.op != nullptr && value.op->primitive->form == Form::Generate);
}

std::optional<int> common_device(const Op& op) {
  std::optional<int> device;
  for (const Value* operand : op.operands) {
    if (is_light(*operand)) continue;
    const int here = operand->type.device();
    if (!device || *device == here) {
      device = here;
    } else if (*device == kUnknownDevice || here == kUnknownDevice) {
      device = kUnknownDevice;
    } else {
      throw Error(fmt::format("'{}' takes operands on {} and on {}", op.name(), place_name(*device),
                              place_name(here)),
                  {}, "move one of them with to_device");
    }
  }
  return device;
}

// These state their results' types in full.
bool places_itself(const Op& op) {
  return !op.regions.empty() || op.primitive->form == Form::State ||
         op.primitive->form == Form::Tape || op.attrs.has("device");
}

}  // namespace

std::vector<Type> result_types(const Op& op) {
  std::vector<Type> types = op.primitive->type(op);
  if (places_itself(op)) return types;
  const std::optional<int> device = common_device(op);
  if (!device || *device == kHost) return types;
  for (Type& type : types) {
    if (type.is_tensor()) type = type.on(*device);
  }
  return types;
}

}  // namespace nodec
