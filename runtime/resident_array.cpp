// Which copy is up to date.
#include "runtime/resident_array.h"

namespace nodec {

void ResidentArray::replace(Tensor host) {
  if (there_ != nullptr && there_->view().type() != host.view().type()) there_.reset();
  host_ = std::move(host);
  is_here_ = true;
  is_there_ = false;
}

void ResidentArray::bring_here(Copies& copies) const {
  if (is_here_) return;
  there_->to_host(host_.view());
  is_here_ = true;
  ++copies.out;
}

Tensor& ResidentArray::write(Copies& copies) {
  bring_here(copies);
  is_there_ = false;
  return host_;
}

const Tensor& ResidentArray::read(Copies& copies) const {
  bring_here(copies);
  return host_;
}

TensorView ResidentArray::on(const std::shared_ptr<Device>& device, Copies& copies) {
  if (is_there_ && is_on(device.get())) return there_->view();
  bring_here(copies);
  if (is_on(device.get())) {
    there_->assign(host_.view());
  } else {
    there_ = std::make_unique<DeviceTensor>(device, host_.view());
    holder_ = device;
  }
  is_there_ = true;
  ++copies.in;
  return there_->view();
}

TensorView ResidentArray::room_on(const std::shared_ptr<Device>& device) {
  if (!is_on(device.get())) {
    there_ = std::make_unique<DeviceTensor>(device, host_.dtype(), host_.dims());
    holder_ = device;
  }
  is_there_ = true;
  return there_->view();
}

Tensor& ResidentArray::room_here() {
  is_here_ = true;
  is_there_ = false;
  return host_;
}

}  // namespace nodec
