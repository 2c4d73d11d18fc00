// The jvp op: operands are the function's arguments, then its captures, then the tangents.
#include "compiler/trace/forward.h"

#include <numeric>

#include "compiler/trace/access.h"
#include "compiler/trace/bodies.h"
#include "compiler/trace/control.h"
#include "kernels/build.h"

namespace nodec::tracing {
namespace {

bool is_real(const Type& type) { return type.is_tensor() && is_float(type.dtype()); }

void check_argument(const Type& type, const SourceLine& where) {
  if (is_real(type)) return;
  throw Error(fmt::format("a derivative with respect to {} is asked for", type.str()),
              {{where, ""}}, "only floats have derivatives; let the function capture the others");
}

void check_tangents(const std::vector<Value*>& args, const std::vector<Value*>& tangents,
                    const SourceLine& where) {
  if (args.size() != tangents.size()) {
    throw Error(fmt::format("the function has {} arguments and is given {} tangents", args.size(),
                            tangents.size()),
                {{where, ""}}, "give one tangent for each argument");
  }
  for (std::size_t i = 0; i < args.size(); ++i) {
    const Type &type = args[i]->type, &moved = tangents[i]->type;
    check_argument(type, where);
    if (type == moved) continue;
    throw Error(fmt::format("argument {} is {} and its tangent {}", i, type.str(), moved.str()),
                {{where, ""}}, "a tangent has the type of its argument");
  }
}

void check_results(const std::vector<Type>& results, const SourceLine& where) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    for (const Type& leaf : leaf_types(results[i])) {
      if (is_real(leaf)) continue;
      throw Error(fmt::format("result {} is {} and has no tangent", i, leaf.str()), {{where, ""}},
                  "only floats have derivatives; assign it to a variable declared outside");
    }
  }
}

std::int64_t elements_of(const Type& type, std::string_view what, const SourceLine& where) {
  const Dim count = element_count(type.shape());
  if (count.is_constant()) return count.constant();
  throw Error(fmt::format("a {} has one row or column for each element, and {} has {} of them",
                          what, type.str(), count.str()),
              {{where, ""}}, "the sizes must be numbers: take it of one sample, or use jvp or vjp");
}

// `rows` times along a first axis: a loop that asks for each unit vector's row, an `each`.
Var stacked_rows(std::int64_t rows, const Type& each,
                 const std::function<Var(const Var& unit)>& row, Here where) {
  const Shape line{Dim(rows)};
  Shape whole = each.shape();
  whole.insert(whole.begin(), Dim(rows));
  Axes behind(each.rank());
  std::iota(behind.begin(), behind.end(), 1);
  const auto at = [&](const Var& x) { return Operand(x, where); };
  const Var start = zeros(Type::scalar(Dtype::I32), where);
  const Var none = zeros(each.with_shape(whole), where);
  const auto test = [&](Var i, const Var&) { return at(i) < Operand(rows, where); };
  const auto body = [&](Var i, Var all) {
    const Var here = at(iota(Dtype::I32, line, 0, where)) == at(broadcast_to(at(i), line, Axes{}));
    const Var made = row(cast(at(here), each.dtype()));
    const Var there = broadcast_to(at(here), whole, Axes{0});
    const Var spread = broadcast_to(at(made), whole, behind);
    return std::tuple(at(i) + Operand(1, where), select(at(there), at(spread), at(all)));
  };
  return std::get<1>(while_loop(std::tuple(start, none), test, body, {}, where));
}

// A tensor of a number of elements as a vector; one of samples as it stands.
Type flattened(const Type& type) {
  const Dim count = element_count(type.shape());
  return count.is_constant() ? type.with_shape({count}) : type;
}

Var as(const Var& x, const Type& type, Here where) {
  return x.type(where) == type ? x : reshape(Operand(x, where), type.shape());
}

// The axes of `rank` with the first one last.
Axes first_axis_last(std::size_t rank) {
  Axes axes(rank);
  std::iota(axes.begin(), axes.end(), 1);
  axes.back() = 0;
  return axes;
}

// Whether by columns, a forward sweep each; by rows else.
bool by_columns(const Type& in, const Type& out, std::string_view what, const SourceLine& where) {
  const Dim columns = element_count(in.shape()), rows = element_count(out.shape());
  if (!rows.is_constant()) elements_of(in, what, where);
  return columns.is_constant() && (!rows.is_constant() || columns.constant() <= rows.constant());
}

}  // namespace

Moved run_jvp(const Contents& args, const Contents& tangents, const Traced1& body,
              const SourceLine& where) {
  const std::vector<Value*> primals = flat(args), moved = flat(tangents);
  check_tangents(primals, moved, where);
  Opened frame(Body::Flow, "derivative", where);
  const Contents inside = body(add_arguments(*frame, args));
  check_results(types_of(inside), where);
  set_results(*frame, inside);
  frame.close();
  const Ended ended = end_flow({&*frame}, false);
  Builder b = builder_at(where);
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(frame->own_region));
  std::vector<std::int64_t> wrt(primals.size());
  std::iota(wrt.begin(), wrt.end(), 0);
  const Op& op = b.op(jvp_p, joined(joined(primals, ended.captures), moved), {{"wrt", wrt}},
                      std::move(regions));
  std::vector<Value*> values = op.all_results();
  std::span<Value* const> rest(values);
  Moved out;
  out.results = unflat(types_of(inside), rest);
  rebind_stored(ended, rest, current(where));
  out.tangents = unflat(types_of(inside), rest);
  return out;
}

Var jacobian(const std::function<Var(Var)>& f, const Var& x, std::string_view what, Here where) {
  const SourceLine line = SourceLine::of(where);
  const Type in = x.type(where), out = f(Var(x, where)).type(where);
  check_argument(in, line);
  check_results({out}, line);
  const bool forward = by_columns(in, out, what, line);
  const Type &counted = forward ? in : out, each = flattened(forward ? out : in);
  const auto row = [&](const Var& unit) {
    const Var moved = reshape(Operand(unit, where), counted.shape());
    return as(forward ? jvp(f, x, moved, where).second : vjp(f, x, moved, where).second, each,
              where);
  };
  Var all = stacked_rows(elements_of(counted, what, line), each, row, where);
  if (forward) all = transpose(Operand(all, where), first_axis_last(all.rank(where)));
  Shape shape = out.shape();
  shape.insert(shape.end(), in.shape().begin(), in.shape().end());
  return reshape(Operand(all, where), shape);
}

}  // namespace nodec::tracing
