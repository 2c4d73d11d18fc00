// Values as affine references, and where base values live.
//
// A broadcast, transpose, slice or reshape moves no data: it is the same elements in another order.
// So a value is resolved to a *base* value (one that some kernel writes) and strides over it;
// kernels read through the strides. The batch axis never shows: it is the lanes.
#include "compiler/lower/batch.h"
#include "compiler/lower/lowering.h"
#include "kernels/rules.h"

namespace nodec::lowering {

std::vector<Note> origin(const Value* v) {
  return v->op ? std::vector<Note>{{v->op->where, "made here"}} : std::vector<Note>{};
}

std::vector<std::int64_t> Lowering::row_major(const Value* v) const {
  const std::vector<Dim> dims = element_dims(v);
  std::vector<std::int64_t> strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) {
    if (!dims[i].is_constant()) {
      throw Error("only the first axis of a tensor without a batch may have a symbolic size, got " +
                      described(*v),
                  origin(v), "make it the batch, or a number");
    }
    strides[i - 1] = strides[i] * dims[i].constant();
  }
  return strides;
}

bool Lowering::varying(const Value* v) const { return is_varying(v, graph_.batch); }

std::vector<int> Lowering::element_axes(const Value* v) const {
  std::vector<int> axes;
  const Shape& shape = v->type.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (graph_.batch.empty() || !shape[i].mentions(graph_.batch)) {
      axes.push_back(static_cast<int>(i));
    } else if (!(shape[i] == Dim::symbol(graph_.batch))) {
      throw Error(
          fmt::format("an axis of size {} mixes samples, got {}", shape[i].str(), described(*v)),
          origin(v), "keep the batch in an axis of its own");
    }
  }
  if (axes.size() + 1 < shape.size()) {
    throw Error(fmt::format("a value has the batch in two axes, got {}", described(*v)), origin(v),
                "sum over one of them, or make one a number");
  }
  return axes;
}

std::vector<Dim> Lowering::element_dims(const Value* v) const {
  std::vector<Dim> dims;
  for (const int axis : element_axes(v))
    dims.push_back(v->type.shape()[static_cast<std::size_t>(axis)]);
  return dims;
}

std::vector<std::int64_t> Lowering::extents(const Value* v) const {
  std::vector<std::int64_t> sizes;
  for (const Dim& d : element_dims(v)) {
    if (!d.is_constant()) {
      throw Error(fmt::format("the size {} beside the batch must be a number, got {}", d.str(),
                              described(*v)),
                  origin(v), "give this axis a fixed size");
    }
    sizes.push_back(d.constant());
  }
  return sizes;
}

std::int64_t Lowering::elements(const Value* v) const {
  std::int64_t n = 1;
  for (const std::int64_t e : extents(v)) n *= e;
  return n;
}

const Value* Lowering::follow(const Value* v) const {
  for (auto found = alias_.find(v); found != alias_.end(); found = alias_.find(v)) {
    v = found->second;
  }
  return v;
}

bool Lowering::is_constant(const Value* base) const {
  return base->op && (base->op->primitive == &dim_p ||
                      (base->op->primitive == &constant_p && base->op->attrs.has("value")));
}

static bool is_table_or_constant(const Op& op) {
  return op.primitive == &constant_p || op.primitive == &dim_p;
}

bool Lowering::contiguous(const Value* v, const View& view) const {
  if (is_constant(view.base)) return false;
  std::int64_t stride = 1;
  const std::vector<Dim> dims = element_dims(v);
  for (std::size_t i = dims.size(); i-- > 0;) {
    if (dims[i] == Dim(1)) continue;
    if (view.strides[i] != stride) return false;
    if (i > 0) stride *= dims[i].constant();
  }
  return true;
}

View Lowering::resolve(const Value* v) {
  v = follow(v);
  if (!v->op || (v->op->primitive->form != Form::View && v->op->primitive != &stop_gradient_p)) {
    View view{v, row_major(v), 0};
    if (is_constant(v)) std::fill(view.strides.begin(), view.strides.end(), 0);
    if (const auto found = strides_.find(v); found != strides_.end()) view.strides = found->second;
    return view;
  }
  if (v->op->primitive == &stop_gradient_p) return resolve(v->op->operands[0]);
  if (!v->op->primitive->view) {
    const std::optional<View> view = reshaped(v);
    return view ? *view : View{v, row_major(v), 0};
  }
  const Value* x = v->op->operands[0];
  const View from = resolve(x);
  const ViewMap map = v->op->primitive->view(*v->op);
  const std::vector<int> inner = element_axes(x);
  const auto stride_of = [&](int axis) -> std::int64_t {
    for (std::size_t i = 0; i < inner.size(); ++i) {
      if (inner[i] == axis) return from.strides[i];
    }
    return 0;
  };
  View view{from.base, {}, from.start};
  for (const int axis : element_axes(v)) {
    const int walks = map.axis[static_cast<std::size_t>(axis)];
    view.strides.push_back(walks < 0 ? 0 : stride_of(walks));
  }
  for (std::size_t a = 0; a < map.start.size(); ++a) {
    view.start += map.start[a] * stride_of(static_cast<int>(a));
  }
  return view;
}

std::vector<const Value*> Lowering::bases(const Op& op) {
  std::vector<const Value*> found;
  for (const Value* x : op.operands) {
    if (x->type.is_tensor()) {
      const Value* base = resolve(x).base;
      if (!base->op || !is_table_or_constant(*base->op)) found.push_back(base);
    } else {
      found.push_back(follow(x));
    }
  }
  return found;
}

int Lowering::new_buffer(plan::Buffer buffer) {
  plan_.buffers.push_back(std::move(buffer));
  return static_cast<int>(plan_.buffers.size()) - 1;
}

int Lowering::new_scalar(Dtype dtype) {
  plan_.scalars.push_back(dtype);
  return static_cast<int>(plan_.scalars.size()) - 1;
}

void Lowering::touch(int buffer) {
  plan::Buffer& b = plan_.buffers[static_cast<std::size_t>(buffer)];
  if (b.space != plan::Buffer::Space::Local) return;
  const auto [found, fresh] = segment_of_.emplace(buffer, segment_);
  if (!fresh && found->second != segment_) b.space = plan::Buffer::Space::Lanes;
}

int Lowering::home(const Value* v) {
  if (const auto found = buffer_.find(v); found != buffer_.end()) {
    touch(found->second);
    return found->second;
  }
  plan::Buffer b;
  b.name = !v->name.empty() ? v->name : v->op ? std::string(v->op->name()) : "arg";
  b.dtype = v->type.dtype();
  if (varying(v)) {
    b.space = plan::Buffer::Space::Local;
    b.elements = elements(v);
  } else {
    const bool is_table = v->op && v->op->primitive == &constant_p;
    b.space = is_table ? plan::Buffer::Space::Table : plan::Buffer::Space::Dense;
    b.constant = is_table ? v->op : nullptr;
    b.count = element_count(v->type.shape());
  }
  const int made = new_buffer(std::move(b));
  buffer_[v] = made;
  touch(made);
  return made;
}

int Lowering::scalar_home(const Value* v) {
  const auto [found, fresh] = scalar_.emplace(v, -1);
  if (fresh) found->second = new_scalar(v->type.dtype());
  return found->second;
}

int Lowering::prologue_scalar(const Value* v) {
  if (const auto found = scalar_.find(v); found != scalar_.end()) return found->second;
  const int made = new_scalar(v->type.dtype());
  scalar_[v] = made;
  prologue_.push_back({v->op, {}, {}});
  prologue_results_.push_back(made);
  return made;
}

plan::Ref Lowering::ref(const Value* v) {
  const View view = resolve(v);
  plan::Ref r;
  r.strides = view.strides;
  r.start = view.start;
  // Nothing is walked along an axis of one element, so a reference that only has such axes to walk
  // is seen to stand still.
  const std::vector<Dim> dims = element_dims(v);
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

plan::Ref Lowering::ref_to(int buffer, const Value* v) const {
  plan::Ref r;
  r.buffer = buffer;
  r.strides = row_major(v);
  return r;
}

// The id of a scalar value; one that lives in memory is loaded by a node of its own.
int Lowering::scalar_of(const Value* v, plan::Nodes& nodes) {
  const plan::Ref r = ref(v);
  if (r.scalar >= 0) return r.scalar;
  const int made = new_scalar(v->type.dtype());
  nodes.push_back({plan::LoadScalar{r, made}});
  return made;
}

}  // namespace nodec::lowering
