// Products of two tensors: einsum, batched matrices, convolutions. Where no letter is shared by all
// three, a product of floats is one of matrices; else it is elementwise and summed, so that each
// sample of a batch has its own.
#include <algorithm>
#include <string>

#include "kernels/build.h"
#include "kernels/composed.h"
#include "kernels/composed_axis.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

using Axes = std::vector<std::int64_t>;

[[noreturn]] void refuse(const Builder& b, std::string_view letters, const std::string& why) {
  throw Error(fmt::format("einsum \"{}\": {}", letters, why), {{b.where(), ""}},
              "write it as \"ij,jk->ik\": a letter for each axis");
}

struct Letters {
  std::string x, y, out;
  bool in(char c, const std::string& where) const { return where.find(c) != std::string::npos; }
  std::string all_of(const std::string& from, bool in_x, bool in_y, bool in_out) const {
    std::string found;
    for (const char c : from) {
      if (in(c, x) == in_x && in(c, y) == in_y && in(c, out) == in_out) found += c;
    }
    return found;
  }
};

// Of the axes i < j; axis i of the result.
Value* diagonal(Builder& b, Value* x, std::size_t i, std::size_t j) {
  const Dim n = x->type.shape()[i];
  Axes order = all_axes(x->type);
  order.erase(order.begin() + std::ptrdiff_t(j)), order.erase(order.begin() + std::ptrdiff_t(i));
  order.insert(order.begin(), {std::int64_t(i), std::int64_t(j)});
  Value* front = transpose(b, x, order);
  Shape rows = front->type.shape();
  rows.erase(rows.begin());
  rows[0] = n * n;
  Value* step = broadcast_scalar(b, size_i32(b, n + Dim(1)), {n});
  Value* at = mul(b, iota(b, Dtype::I32, {n}, 0), step);
  return axis_from_front(b, gather(b, reshape(b, front, std::move(rows)), at), std::int64_t(i));
}

Letters parsed(const Builder& b, std::string_view text, const Value* x, const Value* y) {
  const std::size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string_view::npos || arrow == std::string_view::npos || arrow < comma) {
    refuse(b, text, "has no ',' or no '->'");
  }
  Letters l{std::string(text.substr(0, comma)),
            std::string(text.substr(comma + 1, arrow - comma - 1)),
            std::string(text.substr(arrow + 2))};
  for (const auto& [letters, value] : {std::pair(l.x, x), std::pair(l.y, y)}) {
    if (letters.size() == value->type.rank()) continue;
    refuse(b, text,
           fmt::format("'{}' has {} letters for {}", letters, letters.size(), value->type.str()));
  }
  std::string sorted = l.out;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) refuse(b, text, fmt::format("names '{}' twice in the result", *twice));
  for (const char c : l.out) {
    if (!l.in(c, l.x) && !l.in(c, l.y)) {
      refuse(b, text, fmt::format("'{}' of the result is in neither operand", c));
    }
  }
  return l;
}

void check_shared(const Builder& b, std::string_view text, const Letters& l, const Value* x,
                  const Value* y) {
  for (const char c : l.x) {
    if (!l.in(c, l.y)) continue;
    const Dim &left = x->type.shape()[l.x.find(c)], &right = y->type.shape()[l.y.find(c)];
    if (left != right) {
      refuse(b, text,
             fmt::format("'{}' is {} on the left and {} on the right", c, left.str(), right.str()));
    }
  }
}

// Where a letter is there twice: the elements at which both axes agree, along the first of them.
Value* diagonals(Builder& b, std::string_view text, Value* x, std::string& letters) {
  for (std::size_t i = 0; i < letters.size(); ++i) {
    for (std::size_t j = letters.find(letters[i], i + 1); j != std::string::npos;
         j = letters.find(letters[i], i + 1)) {
      const Dim &n = x->type.shape()[i], &other = x->type.shape()[j];
      if (n != other) {
        refuse(b, text,
               fmt::format("'{}' is {} and {} in '{}'", letters[i], n.str(), other.str(), letters));
      }
      x = diagonal(b, x, i, j);
      letters.erase(j, 1);
    }
  }
  return x;
}

// Letters of one operand alone that the result lacks are summed first.
Value* without_lost(Builder& b, Value* x, std::string& letters, const std::string& lost) {
  Axes axes;
  for (const char c : lost) axes.push_back(std::int64_t(letters.find(c)));
  std::sort(axes.begin(), axes.end());
  for (const char c : lost) letters.erase(letters.find(c), 1);
  return axes.empty() ? x : sum(b, x, axes);
}

Value* ordered(Builder& b, Value* x, const std::string& has, const std::string& wants) {
  Axes perm;
  for (const char c : wants) perm.push_back(std::int64_t(has.find(c)));
  return transpose(b, x, perm);
}

Dim size_of(const Value* x, const std::string& letters, const std::string& of) {
  Dim size = 1;
  for (const char c : of) size = size * x->type.shape()[letters.find(c)];
  return size;
}

// Whether one axis made of these would have samples beside something else in it.
bool mixes_samples(const Value* x, const std::string& letters, const std::string& merged) {
  return merged.size() > 1 && !size_of(x, letters, merged).is_constant();
}

// Whether the product is one of two matrices, which hold floats, whose axes are made of the
// operands'.
bool is_of_matrices(const Value* x, const Value* y, const Letters& l) {
  return is_float(x->type.dtype()) && is_float(y->type.dtype()) &&
         l.all_of(l.x, true, true, true).empty() &&
         !mixes_samples(x, l.x, l.all_of(l.x, true, false, true)) &&
         !mixes_samples(y, l.y, l.all_of(l.y, false, true, true)) &&
         !mixes_samples(x, l.x, l.all_of(l.x, true, true, false));
}

Value* as_matrices(Builder& b, Value* x, Value* y, const Letters& l) {
  const std::string rows = l.all_of(l.x, true, false, true),
                    columns = l.all_of(l.y, false, true, true);
  const std::string inner = l.all_of(l.x, true, true, false);
  const Dim k = size_of(x, l.x, inner);
  Value* left = reshape(b, ordered(b, x, l.x, rows + inner), {size_of(x, l.x, rows), k});
  Value* right = reshape(b, ordered(b, y, l.y, inner + columns), {k, size_of(y, l.y, columns)});
  Shape shape;
  for (const char c : rows) shape.push_back(x->type.shape()[l.x.find(c)]);
  for (const char c : columns) shape.push_back(y->type.shape()[l.y.find(c)]);
  return ordered(b, reshape(b, matmul(b, left, right), shape), rows + columns, l.out);
}

Value* as_sum(Builder& b, Value* x, Value* y, const Letters& l) {
  const std::string inner = l.all_of(l.x, true, true, false), all = l.out + inner;
  Shape shape;
  for (const char c : all) {
    shape.push_back(l.in(c, l.x) ? x->type.shape()[l.x.find(c)] : y->type.shape()[l.y.find(c)]);
  }
  const auto spread = [&](Value* v, const std::string& letters) {
    std::string order;
    Axes into;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!l.in(all[i], letters)) continue;
      order += all[i];
      into.push_back(std::int64_t(i));
    }
    return broadcast_to(b, ordered(b, v, letters, order), shape, into);
  };
  Value* left = spread(x, l.x);
  Value* product = mul(b, left, spread(y, l.y));
  Axes summed;
  for (std::size_t i = l.out.size(); i < all.size(); ++i) summed.push_back(std::int64_t(i));
  return summed.empty() ? product : sum(b, product, summed);
}

std::int64_t entry(const Builder& b, const Axes& given, std::size_t i, std::size_t sizes,
                   std::int64_t otherwise, const char* what) {
  if (given.empty()) return otherwise;
  if (given.size() != 1 && given.size() != sizes) {
    throw Error(fmt::format("a convolution over {} sizes got {} for its {}", sizes,
                            fmt::join(given, ", "), what),
                {{b.where(), ""}}, "give one for all sizes, or one for each");
  }
  return given.size() == 1 ? given[0] : given[i];
}

// Every `stride`-th of the elements from `start` on, `count` of them.
Value* strided(Builder& b, Value* x, std::int64_t axis, std::int64_t start, std::int64_t stride,
               std::int64_t count) {
  if (stride == 1) return slice(b, x, axis, start, count);
  const std::int64_t reach = start + count * stride - axis_size(b, x, axis, "strided over");
  Value* long_enough = reach > 0 ? pad(b, x, axis, 0, reach) : x;
  Shape split = x->type.shape(), kept = split;
  split[std::size_t(axis)] = count;
  kept[std::size_t(axis)] = count;
  split.insert(split.begin() + axis + 1, stride);
  Value* part = reshape(b, slice(b, long_enough, axis, start, count * stride), split);
  return reshape(b, slice(b, part, axis + 1, 0, 1), kept);
}

Value* padded(Builder& b, Value* x, std::int64_t axis, std::int64_t amount, Value* outside) {
  if (amount == 0) return x;
  if (outside == nullptr) return pad(b, x, axis, amount, amount);
  Shape shape = x->type.shape();
  shape[std::size_t(axis)] = amount;
  Value* edge = broadcast_scalar(b, outside, shape);
  return concat(b, {edge, x, edge}, axis);
}

}  // namespace

Value* einsum(Builder& b, std::string_view letters, Value* x, Value* y) {
  Letters l = parsed(b, letters, x, y);
  x = diagonals(b, letters, x, l.x);
  y = diagonals(b, letters, y, l.y);
  check_shared(b, letters, l, x, y);
  x = without_lost(b, x, l.x, l.all_of(l.x, true, false, false));
  y = without_lost(b, y, l.y, l.all_of(l.y, false, true, false));
  return is_of_matrices(x, y, l) ? as_matrices(b, x, y, l) : as_sum(b, x, y, l);
}

Value* batched_matmul(Builder& b, Value* x, Value* y, bool tx, bool ty) {
  const auto front_of = [](const Value* v) {
    return v->type.is_tensor() ? std::int64_t(v->type.rank()) - 2 : -1;
  };
  const std::int64_t fx = front_of(x), fy = front_of(y), most = std::max(fx, fy);
  const auto same_axes = [&] {
    const Shape &a = x->type.shape(), &c = y->type.shape();
    return fx == fy && std::equal(a.begin(), a.end() - 2, c.begin());
  };
  if (fx < 0 || fy < 0 || most < 1 || most > 10 || !(fx == 0 || fy == 0 || same_axes())) {
    throw Error(fmt::format("'matmul' multiplies stacks of matrices, got {} and {}", described(*x),
                            described(*y)),
                {{b.where(), ""}}, "give both the same axes in front of the last two, or one none");
  }
  const std::string front = std::string("abcdefghjl").substr(0, std::size_t(most));
  const std::string left = (fx > 0 ? front : "") + (tx ? "ki" : "ik");
  const std::string right = (fy > 0 ? front : "") + (ty ? "mk" : "km");
  return einsum(b, left + "," + right + "->" + front + "im", x, y);
}

Value* windows_of(Builder& b, Value* x, const Axes& size, const Windows& windows, Value* outside) {
  if (x->type.rank() != size.size() + 2) {
    throw Error(
        fmt::format("windows of {} sizes are taken of [channels, sizes ..., samples], got {}",
                    size.size(), x->type.str()),
        {{b.where(), ""}}, "reshape the input to that");
  }
  Axes stride, count;
  Shape result{x->type.shape()[0], 1};
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < size.size(); ++i) {
    stride.push_back(entry(b, windows.stride, i, size.size(), 1, "stride"));
    const std::int64_t amount = entry(b, windows.padding, i, size.size(), 0, "padding");
    x = padded(b, x, std::int64_t(i) + 1, amount, outside);
    const std::int64_t has = axis_size(b, x, std::int64_t(i) + 1, "walked over by windows");
    if (size[i] < 1 || stride[i] < 1 || amount < 0 || has < size[i]) {
      throw Error(
          fmt::format("a window of {} does not fit into {}, padding included", size[i], has),
          {{b.where(), ""}}, "take a smaller window, or more padding");
    }
    count.push_back((has - size[i]) / stride[i] + 1);
    result.push_back(count[i]);
    elements *= size[i];
  }
  result.push_back(x->type.shape().back());
  std::vector<Value*> parts;
  for (std::int64_t e = 0; e < elements; ++e) {
    Value* part = x;
    std::int64_t rest = e;
    for (std::size_t i = size.size(); i-- > 0;) {
      part = strided(b, part, std::int64_t(i) + 1, rest % size[i], stride[i], count[i]);
      rest /= size[i];
    }
    parts.push_back(reshape(b, part, result));
  }
  return concat(b, parts, 1);
}

// One product of matrices: [outputs, channels * window] with the windows as columns.
Value* convolution(Builder& b, Value* x, Value* weights, const Windows& windows) {
  const Shape& w = weights->type.shape();
  const std::size_t sizes = x->type.rank() < 2 ? 0 : x->type.rank() - 2;
  if (sizes < 1 || w.size() != sizes + 2 || w[1] != x->type.shape()[0]) {
    throw Error(fmt::format("a convolution wants [channels, sizes ..., samples] and weights of "
                            "[outputs, channels, sizes ...], got {} and {}",
                            x->type.str(), weights->type.str()),
                {{b.where(), ""}}, "give weights of as many channels and sizes as the input");
  }
  Axes size;
  for (std::size_t i = 0; i < sizes; ++i) {
    size.push_back(axis_size(b, weights, std::int64_t(i) + 2, "a window's size"));
  }
  Value* columns = windows_of(b, x, size, windows, nullptr);
  const Shape& at = columns->type.shape();
  Shape merged(at.begin() + 1, at.end());
  merged[0] = at[0] * at[1];
  const std::string positions = std::string("abcdefgh").substr(0, at.size() - 2);
  return einsum(b, "ok,k" + positions + "->o" + positions, reshape(b, weights, {w[0], merged[0]}),
                reshape(b, columns, merged));
}

}  // namespace nodec
