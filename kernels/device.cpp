// to_device: the same data on another device. Where a value lives is a part of its type, so
// inference follows it in every build; running it takes the device. The host is device -1.
#include "kernels/build.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

int device_of(const Op& op) {
  const auto device = attribute<std::int64_t>(op, "device");
  if (device < kHost || device > kLastDevice) {
    fail(op, fmt::format("knows no device {}", device),
         fmt::format("devices go from 0 to {}; {} is the host", kLastDevice, kHost));
  }
  return int(device);
}

// Both ends must be the host: no other device runs here.
void require_host(const Op& op) {
  for (const int device : {device_of(op), op.operands[0]->type.device()}) {
    if (device == kHost) continue;
    throw Error(
        fmt::format("this program wants device {}, and runs on the host", device),
        op.where.known() ? std::vector<Note>{{op.where, "moved here"}} : std::vector<Note>{},
        "run it where the device is, or leave everything on the host");
  }
}

Value* moved(Builder& b, Value* x, int device) {
  return b.value(to_device_p, {x}, {{"device", std::int64_t(device)}});
}

}  // namespace

constexpr Primitive to_device_p = complete({
    .name = "to_device",
    .arity = 1,
    .form = Form::Rewrite,
    .type = [](const Op& op) -> Types { return {tensor(op, 0).on(device_of(op))}; },
    .eval = [](const Op& op, Data x, Interpreter&) -> std::vector<Datum> {
      require_host(op);
      return {x[0]};
    },
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {moved(b, dy[0], y.operands[0]->type.device())};
    }),
    .expand = [](Builder&, const Op& op) -> Values {
      require_host(op);
      return {op.operands[0]};
    },
    .sample = [](Builder& b,
                 Dtype real) { b.region().results = {moved(b, sample_arg(b, real), kHost)}; },
});

}  // namespace nodec
