// A program grows op by op from a pool of values: each op picks operands that fit it, and puts what
// it makes back. What could grow without bound passes tanh, so that double precision decides
// nothing.
#include "tests/compiler/random_program.h"

#include <algorithm>
#include <functional>
#include <random>

#include "kernels/build.h"

namespace nodec::testing {
namespace {

using Axes = std::vector<std::int64_t>;
using Fits = std::function<bool(const Value*)>;

struct Draw {
  std::mt19937_64 bits;
  bool batch = false;  // whether values may have it
  bool asks = false;   // whether a loop's test looks at what the loop works on

  explicit Draw(std::uint64_t seed) : bits(seed) { batch = below(3) != 0; }
  std::size_t below(std::size_t n) { return bits() % n; }
  bool coin() { return below(2) == 0; }
  Dim size() { return Dim(std::int64_t(std::array{1, 2, 3, 5}[below(4)])); }
  Axes order(std::size_t rank) {
    Axes axes(rank);
    for (std::size_t i = 0; i < rank; ++i) axes[i] = std::int64_t(i);
    for (std::size_t i = rank; i > 1; --i) std::swap(axes[i - 1], axes[below(i)]);
    return axes;
  }
};

bool real(const Value* v) { return is_float(v->type.dtype()); }
bool tensor(const Value* v) { return real(v) && v->type.rank() > 0; }
bool matrix(const Value* v) { return real(v) && v->type.rank() == 2; }
bool number(const Value* v) { return real(v) && v->type.rank() == 0; }
bool index(const Value* v) { return v->type.dtype() == Dtype::I32 && v->type.rank() < 2; }

class Maker {
 public:
  Maker(Region& region, Draw& draw, int depth) : b_(region), draw_(draw), depth_(depth) {
    b_.at({"random", 1});  // a refusal has to point somewhere
    for (const auto& arg : region.args) pool_.push_back(arg.get());
  }

  // An op that finds no operands makes nothing.
  void grow(std::size_t ops) {
    while (ops-- > 0) step();
  }
  // The latest of two drawn at random; null when nothing fits.
  Value* pick(const Fits& fits) {
    Values all;
    std::copy_if(pool_.begin(), pool_.end(), std::back_inserter(all), fits);
    if (all.empty()) return nullptr;
    return all[std::max(draw_.below(all.size()), draw_.below(all.size()))];
  }
  Value* like(const Type& type) {
    return pick([&](const Value* v) { return v->type == type; });
  }
  Values& pool() { return pool_; }

  void loop() {
    Values operands = picked(3);
    operands.insert(operands.begin(), integer(b_, Dtype::I32, 0));
    auto test = region_over(operands), body = region_over(operands);
    Builder in_test(*test), in_body(*body);
    Value* goes_on = lt(in_test, test->arg(0), integer(in_test, Dtype::I32, 3));
    for (std::size_t n = draw_.asks ? 1 + draw_.below(2) : 0; n > 0; --n) {
      goes_on = logical_and(in_test, goes_on, question(*test));
    }
    test->results = {goes_on};
    Value* next = add(in_body, body->arg(0), integer(in_body, Dtype::I32, 1));
    Value* first = fill(*body, 1);
    body->results = {next, first, draw_.coin() ? body->arg(2) : fill(*body, 2)};
    const Op& op = while_loop(b_, operands, 3, std::move(test), std::move(body));
    put(op.result(1)), put(op.result(2));
  }

 private:
  void put(Value* v) { pool_.push_back(v); }
  std::size_t axis(const Value* v) { return draw_.below(v->type.rank()); }
  std::int64_t width(const Value* v, std::size_t axis) {
    const Dim& dim = v->type.shape()[axis];
    return dim.is_constant() ? dim.constant() : 0;
  }

  void step() {
    static constexpr void (Maker::*const kinds[])() = {
        &Maker::unary, &Maker::unary, &Maker::binary,  &Maker::binary,  &Maker::widen,
        &Maker::fold,  &Maker::fold,  &Maker::product, &Maker::product, &Maker::product,
        &Maker::move,  &Maker::cut,   &Maker::join,    &Maker::rows,    &Maker::generate};
    static constexpr void (Maker::*const nested[])() = {&Maker::block, &Maker::branch, &Maker::loop,
                                                        &Maker::solve};
    const std::size_t kind = draw_.below(std::size(kinds) + (depth_ < 2 ? std::size(nested) : 0));
    kind < std::size(kinds) ? (this->*kinds[kind])() : (this->*nested[kind - std::size(kinds)])();
  }

  void unary() {
    Value* x = pick(real);
    switch (draw_.below(7)) {
      case 0:
        return put(sin(b_, x));
      case 1:
        return put(sigmoid(b_, x));
      case 2:
        return put(relu(b_, x));
      case 3:
        return put(neg(b_, abs(b_, x)));
      case 4:
        return put(softplus(b_, tanh(b_, x)));
      case 5:
        return put(exp(b_, tanh(b_, x)));
      default:
        return put(tanh(b_, x));
    }
  }

  void binary() {
    Value *x = pick(real), *y = like(x->type);
    switch (draw_.below(5)) {
      case 0:
        return put(tanh(b_, add(b_, x, y)));
      case 1:
        return put(tanh(b_, mul(b_, x, y)));
      case 2:
        return put(div(b_, x, add(b_, softplus(b_, y), splat(b_, y, 1))));
      case 3:
        return put(select(b_, lt(b_, x, y), sin(b_, x), max(b_, x, y)));
      default:
        return put(sub(b_, x, y));
    }
  }

  // New axes, one of them perhaps the batch.
  void widen() {
    Value* x = pick([](const Value* v) { return real(v) && v->type.rank() < 3; });
    if (!x) return;
    const std::size_t rank = x->type.rank() + 1 + draw_.below(3 - x->type.rank());
    Axes kept = draw_.order(rank);
    kept.resize(x->type.rank());
    std::sort(kept.begin(), kept.end());
    Shape shape;
    bool batch = draw_.batch && !x->type.mentions("B");
    for (std::size_t i = 0, next = 0; i < rank; ++i) {
      const bool old = next < kept.size() && kept[next] == std::int64_t(i);
      const bool samples = !old && batch && draw_.coin();
      batch = batch && !samples;
      shape.push_back(old ? x->type.shape()[next++] : samples ? Dim::symbol("B") : draw_.size());
    }
    put(broadcast_to(b_, x, shape, kept));
  }

  void fold() {
    Value* x = pick(tensor);
    if (!x) return;
    Axes axes = draw_.order(x->type.rank());
    axes.resize(1 + draw_.below(axes.size()));
    std::sort(axes.begin(), axes.end());
    switch (draw_.below(5)) {
      case 0:
        return put(mean(b_, x, axes));
      case 1:
        return put(max_over(b_, x, axes));
      case 2:
        return put(softmax(b_, x, axes[0]));
      case 3:
        return put(argmax(b_, x, axes[0]));
      default:
        return put(tanh(b_, sum(b_, x, axes)));
    }
  }

  void product() {
    Value* x = pick(matrix);
    const bool ta = draw_.coin(), tb = draw_.coin();
    Value* y = x ? pick([&](const Value* v) {
      return matrix(v) && v->type.shape()[tb ? 1 : 0] == x->type.shape()[ta ? 0 : 1];
    })
                 : nullptr;
    if (y) put(tanh(b_, matmul(b_, x, y, ta, tb)));
  }

  // A transpose, or two axes of fixed size merged.
  void move() {
    Value* x = pick([](const Value* v) { return real(v) && v->type.rank() > 1; });
    if (!x) return;
    const std::size_t at = draw_.below(x->type.rank() - 1);
    if (draw_.coin() || width(x, at) == 0 || width(x, at + 1) == 0) {
      return put(transpose(b_, x, draw_.order(x->type.rank())));
    }
    Shape shape = x->type.shape();
    shape[at] = shape[at] * shape[at + 1];
    shape.erase(shape.begin() + std::ptrdiff_t(at) + 1);
    put(reshape(b_, x, shape));
  }

  void cut() {
    Value* x = pick(tensor);
    if (!x) return;
    const std::size_t at = axis(x), n = std::size_t(width(x, at));
    if (n == 0) return;
    const std::size_t start = draw_.below(n);
    put(slice(b_, x, std::int64_t(at), std::int64_t(start),
              Dim(std::int64_t(1 + draw_.below(n - start)))));
  }

  void join() {
    Value* x = pick(tensor);
    if (!x) return;
    const std::size_t at = axis(x);
    if (width(x, at) == 0) return;
    if (draw_.coin()) return put(concat(b_, {x, like(x->type)}, std::int64_t(at)));
    put(pad(b_, x, std::int64_t(at), Dim(std::int64_t(draw_.below(3))),
            Dim(std::int64_t(draw_.below(3)))));
  }

  void rows() {
    Value *at = pick(index), *x = pick(tensor);
    if (!at || !x) return;
    if (draw_.below(3) == 0) return put(one_hot(b_, at, 4, Dtype::F64));
    if (x->type.rank() + at->type.rank() < 4) put(gather(b_, x, at));
  }

  void generate() {
    Value* x = pick(real);
    switch (draw_.below(3)) {
      case 0:
        return put(splat(b_, x, 0.25 * double(1 + draw_.below(3))));
      case 1:
        return put(constant(b_, Dtype::F64, {3}, std::vector<double>{0.5, -0.25, 0.125}));
      default:
        return put(iota(b_, draw_.coin() ? Dtype::F64 : Dtype::I32, {Dim(4)}, 0));
    }
  }

  std::unique_ptr<Region> region_over(const Values& operands) {
    auto region = std::make_unique<Region>();
    for (const Value* x : operands) region->add_arg(x->type);
    return region;
  }
  Values picked(std::size_t n) {
    Values all;
    while (n-- > 0) all.push_back(pick(real));
    return all;
  }
  // A body over all operands that ends with a value of its argument's type.
  Value* fill(Region& body, std::size_t argument) {
    Maker inner(body, draw_, depth_ + 1);
    inner.grow(1 + draw_.below(5));
    Value* end = inner.like(body.arg(argument)->type);
    return nodec::tanh(inner.b_, end);
  }

  void block() {
    const Values operands = picked(3);
    auto body = region_over(operands);
    body->results = {fill(*body, 0), fill(*body, 1)};
    auto again = clone(*body);
    const Op& first = call(b_, operands, std::move(body), "block");
    put(first.result(0)), put(first.result(1));
    if (draw_.coin()) put(call(b_, operands, std::move(again), "block").result(0));
  }

  void branch() {
    Value* on = pick(number);
    if (!on) return;
    const Values operands = picked(3);
    auto yes = region_over(operands), no = region_over(operands);
    yes->results = {fill(*yes, 0)}, no->results = {fill(*no, 0)};
    Value* pred = gt(b_, on, scalar(b_, Dtype::F64, 0.1));
    put(cond(b_, pred, operands, std::move(yes), std::move(no)).result(0));
  }

  // Whether some number made of the region's arguments is large.
  Value* question(Region& test) {
    Maker inner(test, draw_, depth_ + 1);
    inner.grow(1 + draw_.below(4));
    Value* x = inner.pick(real);
    if (x->type.rank() > 0) {
      const Axes axes = all_axes(x->type);
      x = draw_.coin() ? sum(inner.b_, x, axes) : max_over(inner.b_, x, axes);
    }
    return gt(inner.b_, x, scalar(inner.b_, Dtype::F64, 0.25 * double(draw_.below(5)) - 0.6));
  }

  void solve() {
    const bool adaptive = draw_.coin();
    const Type time = Type::scalar(Dtype::F64);
    const auto number = [&](double x) { return scalar(b_, Dtype::F64, x); };
    const Values state = picked(3);  // the last two are captured
    Values operands{number(0),    number(draw_.coin() ? 1 : -1), number(1e-4),
                    number(1e-5), number(adaptive ? 0 : 0.3),    integer(b_, Dtype::I32, 1000)};
    operands.insert(operands.end(), state.begin(), state.end());
    std::vector<std::unique_ptr<Region>> regions;
    regions.push_back(std::make_unique<Region>());
    Region& f = *regions[0];
    f.add_arg(time);
    for (const Value* x : state) f.add_arg(x->type);
    f.results = {fill(f, 1)};
    const Attrs attrs{{"method", adaptive ? "tsit5" : "rk4"},
                      {"controller", "pi"},
                      {"adjoint", "discrete"},
                      {"states", std::int64_t(1)}};
    put(b_.op(solve_p, operands, attrs, std::move(regions)).result(0));
  }

  Builder b_;
  Draw& draw_;
  int depth_;
  Values pool_;
};

void add_arguments(Region& region, bool batch) {
  const Dim B = Dim::symbol("B");
  std::vector<Shape> shapes{{}, {3}, {5, 3}, {2, 5}, {3, 3}};
  if (batch) shapes.insert(shapes.end(), {{3, B}, {5, B}, {B, 3}, {B}});
  for (const Shape& shape : shapes) {
    region.add_arg(Type::tensor(Dtype::F64, shape), fmt::format("x{}", region.args.size()));
  }
  region.add_arg(Type::tensor(Dtype::I32, {batch ? B : Dim(4)}), "places");
}

std::unique_ptr<Graph> graph_for(std::uint64_t seed, const Draw& draw) {
  auto graph = std::make_unique<Graph>();
  graph->name = fmt::format("random_{}", seed);
  if (draw.batch) graph->batch = "B";
  return graph;
}

void name_results(Graph& graph) {
  for (std::size_t i = 0; i < graph.body.results.size(); ++i) {
    graph.result_names.push_back(fmt::format("y{}", i));
  }
  graph.aliases.assign(graph.body.results.size(), -1);
}

template <class Grow>
std::unique_ptr<Graph> grown(std::uint64_t seed, Draw& draw, Grow grow) {
  auto graph = graph_for(seed, draw);
  add_arguments(graph->body, draw.batch);
  Maker maker(graph->body, draw, 0);
  grow(maker);
  const std::size_t all = maker.pool().size(), some = std::min<std::size_t>(4, all);
  graph->body.results.assign(maker.pool().end() - std::ptrdiff_t(some), maker.pool().end());
  name_results(*graph);
  return graph;
}

}  // namespace

std::unique_ptr<Graph> random_program(std::uint64_t seed) {
  Draw draw(seed);
  return grown(seed, draw, [&](Maker& maker) { maker.grow(4 + draw.below(16)); });
}

std::unique_ptr<Graph> random_loops(std::uint64_t seed) {
  Draw draw(seed);
  draw.asks = true;
  return grown(seed, draw, [&](Maker& maker) {
    for (int i = 0; i < 2; ++i) {
      maker.grow(1 + draw.below(4));
      maker.loop();
    }
  });
}

namespace {

void make_loss(Region& f, Draw& draw) {
  add_arguments(f, draw.batch);
  Maker maker(f, draw, 0);
  maker.grow(3 + draw.below(9));
  Builder inner(f);
  Value* loss = scalar(inner, Dtype::F64, 0);
  for (std::size_t i = 0, n = maker.pool().size(); i < 4; ++i) {
    Value* x = maker.pool()[n - 1 - i];
    if (!real(x)) continue;
    x = tanh(inner, x);
    loss = add(inner, loss, x->type.rank() > 0 ? sum(inner, x, all_axes(x->type)) : x);
  }
  f.results = {loss};
}

}  // namespace

std::unique_ptr<Graph> random_loss(std::uint64_t seed) {
  Draw draw(seed);
  auto graph = graph_for(seed, draw);
  make_loss(graph->body, draw);
  name_results(*graph);
  return graph;
}

std::unique_ptr<Graph> random_gradient(std::uint64_t seed) {
  Draw draw(seed);
  auto graph = graph_for(seed, draw);
  auto f = std::make_unique<Region>();
  make_loss(*f, draw);
  Builder b(graph->body);
  Values operands;
  Axes wrt;
  for (const auto& arg : f->args) {
    operands.push_back(graph->body.add_arg(arg->type, arg->name));
    if (real(arg.get())) wrt.push_back(std::int64_t(arg->index));
  }
  operands.push_back(scalar(b, Dtype::F64, 1));
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(f));
  const Op& op = b.op(vjp_p, operands, {{"wrt", wrt}, {"seeds", Axes{0}}}, std::move(regions));
  for (const auto& result : op.results) graph->body.results.push_back(result.get());
  name_results(*graph);
  return graph;
}

}  // namespace nodec::testing
