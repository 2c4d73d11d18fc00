// Resolution of views, and the axes of elements.
#include "compiler/lower/views.h"

#include <algorithm>

#include "compiler/lower/batch.h"
#include "kernels/rules.h"

namespace nodec::lowering {

std::vector<Note> origin(const Value* v) {
  return v->op ? std::vector<Note>{{v->op->where, "made here"}} : std::vector<Note>{};
}

std::vector<std::int64_t> Views::plain(const Value* v) const {
  const std::vector<Dim> dims = element_dims(v);
  std::vector<std::int64_t> strides(dims.size(), 1);
  std::int64_t stride = 1;
  std::optional<std::size_t> outermost;
  for (std::size_t i = dims.size(); i-- > 0;) {
    if (!dims[i].is_constant()) {
      if (outermost) {
        throw Error("only one axis of a tensor without a batch may have a symbolic size, got " +
                        described(*v),
                    origin(v), "make the other the batch, or a number");
      }
      outermost = i;
      continue;
    }
    strides[i] = stride;
    stride *= dims[i].constant();
  }
  if (outermost) strides[*outermost] = stride;
  return strides;
}

bool Views::is_row_major(const Value* v) const {
  bool passed = false;
  for (const Dim& size : element_dims(v)) {
    if (!size.is_constant()) return !passed;
    passed = passed || size != Dim(1);
  }
  return true;
}

std::vector<std::int64_t> Views::row_major(const Value* v) const {
  if (is_row_major(v)) return plain(v);
  throw Error(fmt::format("the elements of {} cannot be counted", described(*v)), origin(v),
              "put the axis whose size is a symbol first");
}

bool Views::varying(const Value* v) const { return is_varying(v, batch_); }

std::vector<int> Views::element_axes(const Value* v) const {
  std::vector<int> axes;
  const Shape& shape = v->type.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (batch_.empty() || !shape[i].mentions(batch_)) {
      axes.push_back(int(i));
    } else if (!(shape[i] == Dim::symbol(batch_))) {
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

std::vector<Dim> Views::element_dims(const Value* v) const {
  std::vector<Dim> dims;
  for (const int axis : element_axes(v)) dims.push_back(v->type.shape()[std::size_t(axis)]);
  return dims;
}

std::vector<std::int64_t> Views::extents(const Value* v) const {
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

std::int64_t Views::elements(const Value* v) const {
  std::int64_t n = 1;
  for (const std::int64_t e : extents(v)) n *= e;
  return n;
}

const Value* Views::follow(const Value* v) const {
  for (auto found = outer_.find(v); found != outer_.end(); found = outer_.find(v)) {
    v = found->second;
  }
  return v;
}

std::vector<std::int64_t> folded_axes(const Op& op) {
  if (op.attrs.has("axis")) return {op.attrs.get<std::int64_t>("axis")};
  return op.attrs.get<std::vector<std::int64_t>>("axes");
}

bool is_constant(const Value* base) {
  return base->op && (base->op->primitive == &dim_p ||
                      (base->op->primitive == &constant_p && base->op->attrs.has("value")));
}

static bool is_table_or_constant(const Op& op) {
  return op.primitive == &constant_p || op.primitive == &dim_p;
}

bool Views::contiguous(const Value* v, const View& view) const {
  if (is_constant(view.base)) return false;
  const std::vector<std::int64_t> strides = plain(v);
  const std::vector<Dim> dims = element_dims(v);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != Dim(1) && view.strides[i] != strides[i]) return false;
  }
  return true;
}

bool Views::is_whole(const Value* v) const {
  const View view = resolve(v);
  return contiguous(v, view) && view.start == 0 &&
         element_count(v->type.shape()) == element_count(view.base->type.shape());
}

View Views::resolve(const Value* v) const {
  v = follow(v);
  if (!v->op || (v->op->primitive->form != Form::View && v->op->primitive != &stop_gradient_p)) {
    View view{v, plain(v), 0};
    if (is_constant(v)) std::fill(view.strides.begin(), view.strides.end(), 0);
    if (const auto found = strides_.find(v); found != strides_.end()) view.strides = found->second;
    return view;
  }
  if (v->op->primitive == &stop_gradient_p) return resolve(v->op->operands[0]);
  if (!v->op->primitive->view) {
    const std::optional<View> view = reshaped(v);
    return view ? *view : View{v, plain(v), 0};
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
    const int walks = map.axis[std::size_t(axis)];
    view.strides.push_back(walks < 0 ? 0 : stride_of(walks));
  }
  for (std::size_t a = 0; a < map.start.size(); ++a) {
    view.start += map.start[a] * stride_of(int(a));
  }
  return view;
}

std::vector<const Value*> Views::bases(const Op& op) const {
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

plan::Source Views::element_index(const Op& op) const {
  const Value* out = op.result();
  const std::vector<int> axes = element_axes(out);
  if (op.attrs.has("axis")) {
    const auto at = std::find(axes.begin(), axes.end(), op.attrs.get<std::int64_t>("axis"));
    if (at == axes.end()) return plan::SampleIndex{};
    return plan::AxisIndex{std::size_t(at - axes.begin())};
  }
  std::vector<std::int64_t> strides = row_major(out);
  if (!varying(out)) return plan::ElementIndex{std::move(strides)};
  const Shape& shape = out->type.shape();
  const bool last = shape.back() == Dim::symbol(batch_);
  if (!last && !(shape.front() == Dim::symbol(batch_))) {
    throw Error(fmt::format("op '{}' has the batch in the middle of its axes", op.name()),
                {{op.where, "used here"}}, "put the batch first or last");
  }
  return plan::SampleElementIndex{std::move(strides), elements(out), last};
}

std::vector<Dim> Views::row_dims(const Value* table) const {
  const std::vector<Dim> sizes = element_dims(table);
  const bool samples = varying(table) && table->type.shape()[0].mentions(batch_);
  return {sizes.begin() + (samples ? 0 : 1), sizes.end()};
}

}  // namespace nodec::lowering
