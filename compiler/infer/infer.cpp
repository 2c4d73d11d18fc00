// The fixed point. Types are recomputed on a copy of the graph, since a type rule looks at an op's
// operands: every value of the copy starts as `never`, and sweeps in program order raise it. As
// operands come before their uses, one sweep settles all but what flows backwards, from the end of
// a loop to its start and from a store to the loads before it; only a rise there asks for another
// sweep.
#include "compiler/infer/infer.h"

#include <algorithm>
#include <memory>
#include <unordered_set>

#include "compiler/infer/box_uses.h"
#include "compiler/infer/carried.h"
#include "ir/primitive.h"
#include "kernels/boxes.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

bool is_any(const Type& type) {
  if (type.kind() == Type::Kind::Any) return true;
  return std::any_of(type.elements().begin(), type.elements().end(), is_any);
}

bool is_never(const Type& type) { return type.kind() == Type::Kind::Never; }

bool is_box(const Value* value) { return value->type.kind() == Type::Kind::Box; }

enum class View : std::uint8_t { Seen, Proven };

class FixedPoint {
 public:
  FixedPoint(const Graph& graph, View view)
      : copy_(clone(graph)), view_(view), origins_(box_origins(copy_->body)) {
    find_captured();
    remember(copy_->body);
    for (const auto& arg : copy_->body.args) arg->type = witness(arg.get());
    do {
      changed_ = false;
      sweep(copy_->body);
    } while (changed_);
  }

  const Region& body() const { return copy_->body; }
  Type content(const Value* box) const {
    const auto found = contents_.find(box);
    return found == contents_.end() ? Type::never() : found->second;
  }

 private:
  // Keeps the traced types (the witnesses) aside and clears the copy's.
  void remember(Region& region) {
    const auto take = [&](Value* value) {
      witnesses_[value] = std::exchange(value->type, Type::never());
    };
    for (const auto& arg : region.args) take(arg.get());
    for (const auto& op : region.ops) {
      for (const auto& result : op->results) take(result.get());
      for (const auto& nested : op->regions) remember(*nested);
    }
  }

  void find_captured() {
    for (const auto& [value, box] : origins_) {
      if (value != box) captured_.insert(box);
    }
  }

  const Type& witness(const Value* value) const { return witnesses_.at(value); }

  static bool raise(Value* value, const Type& type) {
    if (identical(type, value->type)) return false;
    Type joined = join(value->type, type);
    if (identical(joined, value->type)) return false;
    value->type = std::move(joined);
    return true;
  }

  void sweep(Region& region) {
    for (const auto& op : region.ops) {
      if (op->primitive->form == Form::State && box_op(*op)) continue;
      if (op->regions.empty()) {
        plain(*op);
      } else {
        with_regions(*op);
      }
    }
  }

  // Boxes: the content is kept beside the values, so that a store is seen by every load.
  bool box_op(Op& op) {
    if (makes_box(op)) {
      raise_content(op.result(), op.operands[0]->type);  // every load is still to come
      raise(op.result(), witness(op.result()));
      return true;
    }
    if (!loads_box(op) && !stores_box(op)) return false;
    const auto origin = origins_.find(op.operands[0]);
    NODEC_CHECK(origin != origins_.end(), "a box '{}' comes from nowhere", op.operands[0]->name);
    if (stores_box(op)) changed_ |= raise_content(origin->second, op.operands[1]->type);
    if (loads_box(op)) raise(op.result(), loaded(op, origin->second));
    return true;
  }

  bool raise_content(const Value* box, const Type& type) {
    Type& content = contents_[box];
    Type joined = join(content, type);
    if (identical(joined, content)) return false;
    content = std::move(joined);
    return true;
  }

  Type loaded(const Op& op, const Value* box) const {
    const bool opaque =
        view_ == View::Seen && op.primitive == &box_load_p && captured_.contains(box);
    return opaque ? Type::any() : content(box);
  }

  void plain(Op& op) {
    bool any = false;
    for (const Value* operand : op.operands) {
      if (is_never(operand->type)) return;
      any |= is_any(operand->type);
    }
    const std::vector<Type> types = any ? std::vector<Type>{} : ruled(op);
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      raise(op.result(i), i < types.size() ? types[i] : Type::any());
    }
  }

  // Nothing when the attributes of the trace no longer fit what the operands have become.
  static std::vector<Type> ruled(const Op& op) {
    try {
      return result_types(op);
    } catch (const Error&) {
      return {};
    }
  }

  void with_regions(Op& op) {
    for (std::size_t r = 0; r < op.regions.size(); ++r) {
      Region& region = op.region(r);
      const Flow f = flow(op, r);
      for (std::size_t i = 0; i < region.args.size(); ++i) {
        raise(region.arg(i),
              f.known ? op.operands[std::size_t(f.enters[i])]->type : witness(region.arg(i)));
      }
      sweep(region);
      for (std::size_t i = 0; i < region.results.size(); ++i) {
        if (!f.known) continue;
        if (f.loops[i] >= 0) {
          changed_ |= raise(region.arg(std::size_t(f.loops[i])), region.results[i]->type);
        }
        if (f.leaves[i] >= 0) raise(op.result(std::size_t(f.leaves[i])), region.results[i]->type);
      }
    }
    raise_results(op);
  }

  // What does not come out of a region: a loop that never turns gives back what entered, and a
  // solve's counters and a vjp's cotangents are typed as the trace did.
  void raise_results(Op& op) {
    const Flow f = flow(op, op.regions.size() - 1);
    std::vector<bool> left(op.results.size(), false);
    for (int result : f.leaves) {
      if (result >= 0) left[std::size_t(result)] = true;
    }
    const bool loops = is_loop(op);
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      if (loops) raise(op.result(i), op.operands[i]->type);
      if (!left[i]) raise(op.result(i), witness(op.result(i)));
    }
  }

  std::unique_ptr<Graph> copy_;
  View view_;
  BoxOrigins origins_;
  std::unordered_set<const Value*> captured_;
  std::unordered_map<const Value*, Type> witnesses_, contents_;
  bool changed_ = false;
};

// Walks a graph and its copy in step.
template <class Visit>
void in_step(const Region& a, const Region& b, const Visit& visit) {
  for (std::size_t i = 0; i < a.args.size(); ++i) visit(a.arg(i), b.arg(i));
  for (std::size_t i = 0; i < a.ops.size(); ++i) {
    const Op &x = *a.ops[i], &y = *b.ops[i];
    for (std::size_t r = 0; r < x.regions.size(); ++r) in_step(x.region(r), y.region(r), visit);
    for (std::size_t r = 0; r < x.results.size(); ++r) visit(x.result(r), y.result(r));
  }
}

// Lists boxes and carries of the graph itself, in program order.
class Variables {
 public:
  Variables(const Graph& graph, Inference& inference) : inference_(inference) {
    inference_.origins = box_origins(graph.body);
    walk(graph.body);
    for (const auto& [value, box] : inference_.origins) {
      if (value != box) variable(box).captured = true;
    }
    for (const BoxedVariable& v : inference_.boxes) check_loads(v);
  }

 private:
  // The box.new behind what the op loads from or stores to.
  const Value* box_of(const Op& op) const { return inference_.origins.at(op.operands[0]); }

  // A load may say which of the stored types it was traced with, and no other.
  static void check_loads(const BoxedVariable& v) {
    for (const Value* load : v.loads) {
      const bool known = identical(load->type, v.first) ||
                         std::any_of(v.stores.begin(), v.stores.end(), [&](const Op* store) {
                           return identical(load->type, store->operands[1]->type);
                         });
      if (known) continue;
      throw Error(fmt::format("'{}' takes '{}' to hold {}, which is never stored in it",
                              load->op->name(), v.box->name, load->type.str()),
                  {{load->op->where, ""}}, fmt::format("it starts with {}", v.first.str()));
    }
  }

  BoxedVariable& variable(const Value* box) { return inference_.boxes[index_.at(box)]; }

  void walk(const Region& region) {
    for (const auto& op : region.ops) {
      if (makes_box(*op)) start(*op);
      if (stores_box(*op)) stored(*op);
      if (loads_box(*op)) {
        variable(box_of(*op)).loads.push_back(op->result());
      }
      for (const auto& nested : op->regions) walk(*nested);  // its causes come first
      if (is_loop(*op)) carries(*op);
      if (is_branch(*op)) branches(*op);
    }
  }

  void start(const Op& op) {
    index_[op.result()] = inference_.boxes.size();
    BoxedVariable v;
    v.box = op.result();
    v.first = v.odd = op.operands[0]->type;
    v.declared_cell = op.primitive == &cell_new_p;
    inference_.boxes.push_back(std::move(v));
  }

  void stored(const Op& op) {
    BoxedVariable& v = variable(box_of(op));
    v.stores.push_back(&op);
    if (identical(v.odd, v.first)) v.odd = op.operands[1]->type;
  }

  void carries(const Op& op) {
    for (const Changed& c : changed_carries(op)) {
      inference_.carries.push_back({&op, c.carry, op.operands[c.carry]->type, c.type});
    }
  }

  void branches(const Op& op) {
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      const Type &yes = op.region(0).results[i]->type, &no = op.region(1).results[i]->type;
      if (!identical(yes, no)) inference_.carries.push_back({&op, i, yes, no});
    }
  }

  Inference& inference_;
  std::unordered_map<const Value*, std::size_t> index_;
};

}  // namespace

Inference infer(const Graph& graph) {
  check_box_uses(graph);
  Inference inference;
  const Variables variables(graph, inference);
  const FixedPoint seen(graph, View::Seen), proven(graph, View::Proven);
  std::unordered_map<const Value*, Type> contents;
  in_step(graph.body, seen.body(),
          [&](const Value* value, const Value* copy) { inference.seen[value] = copy->type; });
  in_step(graph.body, proven.body(), [&](const Value* value, const Value* copy) {
    inference.proven[value] = copy->type;
    if (is_box(value)) contents[value] = proven.content(copy);
  });
  for (BoxedVariable& v : inference.boxes) v.content = contents.at(v.box);
  return inference;
}

}  // namespace nodec
