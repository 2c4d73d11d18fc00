// A function's name says all that its code depends on, how it is walked included, so that kernels
// with one name are alike but for where their operands lie. What is in a scalar has no place to
// pass: such a kernel is written where it stands.
#include "compiler/schedule/functions.h"

#include <algorithm>

#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

class Naming {
 public:
  Naming(const Plan& plan, Schedule& how) : plan_(plan), how_(how) {}

  void run() {
    for (const Function& f : plan_.functions) walk(f.body);
    walk(plan_.body);
  }

 private:
  using Names = std::vector<std::string>;

  void walk(const Nodes& nodes) {
    for (const Node& node : nodes) {
      auto number = std::size_t(node.kernel);
      if (const FoldSlots* fold = std::get_if<FoldSlots>(&node.what)) set(number, *fold);
      if (const DenseKernel* dense = std::get_if<DenseKernel>(&node.what)) {
        std::visit([&](const auto& k) { set(number, k); }, *dense);
      }
      if (const Tiles* tiles = std::get_if<Tiles>(&node.what)) {
        for (const Kernel& kernel : tiles->kernels) {
          std::visit([&](const auto& k) { set(number, k); }, kernel);
          ++number;
        }
      }
      for (const Nodes* list : inside(node)) walk(*list);
    }
  }

  void set(std::size_t number, const auto& kernel) {
    Loops& loops = how_.loops.at(number);
    loops.functions = names(kernel, loops);
  }

  Names names(const auto&, const Loops&) const { return {}; }

  Names names(const FoldSlots& k, const Loops&) const {
    const std::string_view what = k.op ? k.op->name() : "sum";
    const Place& place = how_.places[std::size_t(k.slots)];
    const bool arena = place.kind == Place::Kind::Chunk;
    return {fmt::format("fold_{}_{}{}", what, dtype(k.slots), arena ? "_arenas" : "")};
  }

  Names names(const TransposeRows& k, const Loops&) const {
    return {fmt::format("transpose_{}x{}_{}", k.width, k.x.strides[0], dtype(k.x.buffer))};
  }

  Names names(const DenseMatmul& k, const Loops& loops) const {
    const Ref* refs[] = {&k.a, &k.b, k.start ? &*k.start : nullptr, &k.out};
    const auto in_scalar = [](const Ref* r) { return r && r->scalar >= 0; };
    if (std::any_of(std::begin(refs), std::end(refs), in_scalar)) return {};
    std::string name = fmt::format("product_{}x{}x{}_{}", k.rows.str(), k.inner.str(),
                                   k.columns.str(), dtype(k.out.buffer));
    for (const Ref* r : refs) {
      name += "_";
      if (r) name += fmt::format("{}{}", r->strides.empty() ? "" : "_", fmt::join(r->strides, "_"));
    }
    if (k.start) name += "_on";
    name += fmt::format("_{}", int(loops.who));
    for (const Axis& a : loops.axes) name += fmt::format("_{}{:d}{:d}", a.tile, a.lanes, a.team);
    return {name};
  }

  // The terms of a solver's stages differ in nothing but where they lie: one function adds each to
  // what is in memory.
  Names names(const LargeContract& k, const Loops&) const {
    const bool alike = std::all_of(k.terms.begin(), k.terms.end(), [](const RowsTerm& term) {
      return std::holds_alternative<SampleRows>(term.h) && term.g.buffer >= 0 && !term.scale;
    });
    if (k.terms.size() == 1 || !alike) return {};
    Names names;
    for (const RowsTerm& term : k.terms) {
      const bool on = k.accumulate || !names.empty();
      names.push_back(fmt::format("contract_{}x{}_{}_{}_{}_{}_{}", k.rows, k.columns,
                                  dtype(std::get<SampleRows>(term.h).buffer), dtype(k.out.buffer),
                                  term.g.strides[0], block_elements(term.g.buffer),
                                  on ? "on" : "new"));
    }
    return names;
  }

  std::string_view dtype(int id) const { return name(plan_.buffer(id).dtype); }

  std::int64_t block_elements(int id) const {
    const Buffer& b = plan_.buffer(id);
    if (!b.varying()) return 0;
    const Place& place = how_.places[std::size_t(id)];
    const bool arena = place.kind == Place::Kind::Arena;
    const auto size = std::int64_t(bytes(b.dtype));
    return (arena ? place.block_bytes : b.block_bytes) / size;
  }

  const Plan& plan_;
  Schedule& how_;
};

// Arguments for which every caller gives one array, whole, that `is_known` wherever a function is.
std::map<int, int> given(const Plan& plan,
                         bool (*is_known)(const Function& callee, Buffer::Space space)) {
  std::map<int, int> found;
  std::set<int> others;
  const auto look = [&](const Invoke& call) {
    const Function& f = plan.functions[std::size_t(call.function)];
    const std::vector<int>& own = f.pointers;
    for (std::size_t i = 0; i < own.size(); ++i) {
      const Ref& ref = call.pointers[i];
      const Buffer& b = plan.buffer(ref.buffer);
      const bool alike = found.emplace(own[i], ref.buffer).first->second == ref.buffer;
      if (!is_known(f, b.space) || ref.start != 0 || !alike) others.insert(own[i]);
    }
  };
  const std::function<void(const Nodes&)> walk = [&](const Nodes& nodes) {
    for (const Node& node : nodes) {
      if (const Tiles* tiles = std::get_if<Tiles>(&node.what)) {
        for (const Kernel& kernel : tiles->kernels) {
          if (const Invoke* call = std::get_if<Invoke>(&kernel)) look(*call);
        }
      }
      for (const Nodes* list : inside(node)) walk(*list);
    }
  };
  for (const Function& f : plan.functions) walk(f.body);
  walk(plan.body);
  for (const int id : others) found.erase(id);
  return found;
}

bool is_port(const Function&, Buffer::Space space) {
  return space == Buffer::Space::Input || space == Buffer::Space::Output;
}

bool is_port_or_local(const Function& callee, Buffer::Space space) {
  return is_port(callee, space) || (callee.placed && space == Buffer::Space::Local);
}

}  // namespace

void name_functions(const Plan& plan, Schedule& how) { Naming(plan, how).run(); }

std::map<int, int> given_ports(const Plan& plan) { return given(plan, is_port); }

std::map<int, int> given_ports_and_locals(const Plan& plan) {
  return given(plan, is_port_or_local);
}

}  // namespace nodec::plan
