// Which copy is up to date.
#include "runtime/resident_array.h"

#include <utility>

namespace nodec {

bool ResidentArray::is_like_host(const There& array) const {
  return array != nullptr && !host_.view().lacks_bytes() && array->dtype() == host_.dtype() &&
         array->dims() == host_.dims();
}

bool ResidentArray::fits(const There& array, const Device* device) const {
  return is_like_host(array) && array->view().device == device;
}

void ResidentArray::replace(Tensor host) {
  host_ = std::move(host);
  is_here_ = true;
  is_there_ = false;
  if (!is_like_host(there_)) there_.reset();
  if (!is_like_host(spare_)) spare_.reset();
}

// An array of another type that a user put in the host's place is the newest.
void ResidentArray::bring_here(Copies& copies) const {
  if (is_here_) return;
  if (is_like_host(there_)) {
    there_->to_host(host_.view());
    ++copies.out;
  }
  is_here_ = true;
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
  if (host_.view().lacks_bytes()) return host_.view();
  if (is_there_ && fits(there_, device.get())) return there_->view();
  bring_here(copies);
  is_there_ = false;
  if (fits(there_, device.get())) {
    there_->assign(host_.view());
  } else {
    there_ = std::make_unique<DeviceTensor>(device, host_.view());
  }
  is_there_ = true;
  ++copies.in;
  return there_->view();
}

TensorView ResidentArray::room_on(const std::shared_ptr<Device>& device) {
  if (host_.view().lacks_bytes()) return host_.view();
  There& room = is_here_ ? there_ : spare_;
  if (!fits(room, device.get())) {
    room = std::make_unique<DeviceTensor>(device, host_.dtype(), host_.dims());
  }
  if (is_here_) is_there_ = false;
  return room->view();
}

void ResidentArray::was_written(const TensorView& at) {
  is_here_ = at.device == nullptr;
  is_there_ = !is_here_;
  if (spare_ != nullptr && spare_->view().data == at.data) std::swap(there_, spare_);
}

}  // namespace nodec
