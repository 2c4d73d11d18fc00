// Buffers and scalars, made on first use.
#include "compiler/lower/homes.h"

#include <algorithm>

#include "compiler/lower/batch.h"
#include "kernels/build.h"

namespace nodec::lowering {

int Homes::new_buffer(plan::Buffer buffer) {
  plan_.buffers.push_back(std::move(buffer));
  return int(plan_.buffers.size()) - 1;
}

int Homes::new_buffer(const Value* v, std::string_view name) {
  plan::Buffer b;
  b.name = v->name.empty() ? std::string(name) : v->name;
  b.dtype = v->type.dtype();
  b.space = views_.varying(v) ? plan::Buffer::Space::Lanes : plan::Buffer::Space::Dense;
  if (views_.varying(v)) {
    b.elements = views_.elements(v);
  } else {
    b.count = element_count(v->type.shape());
  }
  return new_buffer(std::move(b));
}

void Homes::share(int buffer) {
  if (plan::Buffer& b = this->buffer(buffer); b.space == plan::Buffer::Space::Local)
    b.space = plan::Buffer::Space::Lanes;
}

void Homes::touch(int buffer) {
  if (this->buffer(buffer).space != plan::Buffer::Space::Local) return;
  const auto [found, fresh] = segment_of_.emplace(buffer, segment_);
  if (!fresh && found->second != segment_) share(buffer);
}

int Homes::new_tile_buffer(const Value* v, std::string name) {
  plan::Buffer b;
  b.name = std::move(name);
  b.dtype = v->type.dtype();
  b.elements = views_.elements(v);
  const int made = new_buffer(std::move(b));
  touch(made);
  return made;
}

std::optional<int> Homes::find(const Value* v) const {
  const auto found = buffer_.find(v);
  return found == buffer_.end() ? std::nullopt : std::optional(found->second);
}

int Homes::home(const Value* v) {
  if (const auto found = find(v)) {
    touch(*found);
    return *found;
  }
  const std::string_view name = v->op ? v->op->name() : "arg";
  if (views_.varying(v)) {
    return buffer_[v] = new_tile_buffer(v, v->name.empty() ? std::string(name) : v->name);
  }
  const int made = buffer_[v] = new_buffer(v, name);
  if (v->op && v->op->primitive == &constant_p) {
    buffer(made).space = plan::Buffer::Space::Table;
    buffer(made).constant = v->op;
  }
  return made;
}

int Homes::new_scalar(Dtype dtype) {
  plan_.scalars.push_back(dtype);
  return int(plan_.scalars.size()) - 1;
}

int Homes::scalar_home(const Value* v) {
  const auto [found, fresh] = scalar_.emplace(v, -1);
  if (fresh) found->second = new_scalar(v->type.dtype());
  return found->second;
}

int Homes::prologue_scalar(const Value* v) {
  if (const auto found = scalar_.find(v); found != scalar_.end()) return found->second;
  const int made = scalar_home(v);
  compute_first(*v->op, {}, made);
  return made;
}

void Homes::compute_first(const Op& op, std::vector<plan::Source> operands, int result) {
  first_.computes.push_back({&op, std::move(operands), {}});
  first_.results.push_back(result);
}

void Homes::begin_with(plan::Scalars first, plan::Nodes& body) {
  if (!first.computes.empty()) body.insert(body.begin(), {std::move(first)});
}

bool Homes::is_number(const Value* v) const {
  if (v->type.is_scalar() || views_.varying(v)) return v->type.is_scalar();
  const Value* base = views_.resolve(v).base;
  return is_constant(base) || scalar_.contains(base);
}

plan::Ref Homes::ref(const Value* v) {
  const View view = views_.resolve(v);
  plan::Ref r;
  r.strides = view.strides;
  r.start = view.start;
  // Nothing is walked along an axis of one element, so a reference that only has such axes to walk
  // is seen to stand still.
  const std::vector<Dim> dims = views_.element_dims(v);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == Dim(1)) r.strides[i] = 0;
  }
  if (is_constant(view.base)) {
    r.scalar = prologue_scalar(view.base);
  } else if (const auto found = scalar_.find(view.base); found != scalar_.end()) {
    r.scalar = found->second;
    std::fill(r.strides.begin(), r.strides.end(), 0);
    r.start = 0;
  } else {
    r.buffer = home(view.base);
  }
  return r;
}

plan::Ref Homes::ref_to(int buffer, const Value* v) const {
  plan::Ref r;
  r.buffer = buffer;
  r.strides = views_.plain(v);
  return r;
}

int Homes::number(std::int64_t n) {
  Builder b(numbers_);
  return prologue_scalar(integer(b, Dtype::I32, n));
}

// The id of a scalar value; one that lives in memory is loaded by a node of its own.
int Homes::scalar_of(const Value* v, plan::Nodes& nodes) {
  const plan::Ref r = ref(v);
  if (r.scalar >= 0) return r.scalar;
  const int made = new_scalar(v->type.dtype());
  nodes.push_back({plan::LoadScalar{r, made}});
  return made;
}

}  // namespace nodec::lowering
