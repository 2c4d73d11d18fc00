// A loop ends each turn with copies of the next values into its carries:
//   r = add while#1, call#2 -> add#3        the one kernel that makes the next value
//   ...                                     reads add#3, and while#1 no more
//   copy add#3 -> while#1
// Where nothing reads the carry behind that kernel, the kernel writes the carry and the copy goes.
// The kernel itself may read the carry element by element: what it writes to an element comes after
// everything it reads of it. Samples are kept apart by their chunks, so the order of the plan's
// text is the order in which one sample meets the kernels.
#include "compiler/lower/carries_in_place.h"

#include "ir/plan_in_place.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

// A kernel or another node of a loop's body, in the order of the text.
struct Item {
  Kernel* kernel = nullptr;
  Node* node = nullptr;
  bool direct = true;  // happens once in every turn

  void visit(const Access& access) const {
    kernel != nullptr ? plan::visit(*kernel, access) : plan::visit(*node, access);
  }
};

void list_items(Nodes& nodes, bool direct, std::vector<Item>& items) {
  for (Node& node : nodes) {
    if (Tiles* tiles = std::get_if<Tiles>(&node.what)) {
      for (Kernel& kernel : tiles->kernels) items.push_back({&kernel, nullptr, direct});
      continue;
    }
    items.push_back({nullptr, &node, direct});
    const bool once = direct && std::holds_alternative<Phase>(node.what);
    for (Nodes* list : inside(node)) list_items(*list, once, items);
  }
}

struct Uses {
  int reads = 0, writes = 0;
};

Uses uses_of(int buffer, const std::vector<Item>& items) {
  Uses uses;
  Access a;
  a.read = [&](Ref& r) { uses.reads += r.buffer == buffer; };
  a.write = [&](Ref& r) { uses.writes += r.buffer == buffer; };
  a.read_buffer = [&](int b) { uses.reads += b == buffer; };
  a.write_buffer = [&](int b) { uses.writes += b == buffer; };
  for (const Item& item : items) item.visit(a);
  return uses;
}

// The copy of a whole varying value that a kernel is.
struct Copy {
  int from, to;
};
std::optional<Copy> copy_in(const Kernel& kernel) {
  const Map* map = std::get_if<Map>(&kernel);
  if (map == nullptr || map->computes.size() != 1) return std::nullopt;
  const Compute& only = map->computes.front();
  if (only.op != nullptr || only.operands.size() != 1 || !only.to) return std::nullopt;
  const Ref* from = std::get_if<Ref>(&only.operands[0]);
  if (from == nullptr || !same_elements(*only.to, *from)) return std::nullopt;
  return Copy{from->buffer, only.to->buffer};
}

class CarriesInPlace {
 public:
  CarriesInPlace(Plan& plan, const std::set<int>& kept) : plan_(plan), kept_(kept) {
    list_items(plan.body, true, all_);
    for (Function& f : plan.functions) {
      if (f.team) list_items(f.body, true, all_);
    }
  }

  void run() {
    for (const Item& item : all_) {
      While* loop = item.node != nullptr ? std::get_if<While>(&item.node->what) : nullptr;
      if (loop != nullptr) in_loop(*loop);
    }
    remove_copies(plan_.body);
    for (Function& f : plan_.functions) remove_copies(f.body);
  }

 private:
  void in_loop(While& loop) {
    std::vector<Item> body;
    list_items(loop.body, true, body);
    for (std::size_t i = 0; i < body.size(); ++i) {
      if (body[i].kernel == nullptr || !body[i].direct) continue;
      const std::optional<Copy> copy = copy_in(*body[i].kernel);
      if (!copy) continue;
      const auto [next, carry] = *copy;
      if (alike(next, carry) && may_be_written_early(next, carry, body, i)) rename(next, carry);
    }
  }

  // Both hold a value of each sample, of one size, and the plan shows all that reads the first.
  bool alike(int next, int carry) const {
    if (next < 0 || carry < 0 || next == carry || kept_.contains(next)) return false;
    const Buffer &from = plan_.buffer(next), &to = plan_.buffer(carry);
    const auto own = [](Buffer::Space s) {
      return s == Buffer::Space::Local || s == Buffer::Space::Lanes;
    };
    return own(from.space) && to.space == Buffer::Space::Lanes && from.dtype == to.dtype &&
           from.elements == to.elements;
  }

  bool may_be_written_early(int next, int carry, const std::vector<Item>& body,
                            std::size_t copy) const {
    if (uses_of(carry, body).writes != 1) return false;
    const Uses everywhere = uses_of(next, all_), here = uses_of(next, body);
    if (everywhere.writes != 1 || here.writes != 1 || here.reads != everywhere.reads) return false;
    std::size_t maker = 0;
    while (uses_of(next, {body[maker]}).writes == 0) ++maker;
    if (maker >= copy || !body[maker].direct || body[maker].kernel == nullptr) return false;
    const std::vector<Item> behind(body.begin() + std::ptrdiff_t(maker) + 1, body.end());
    return uses_of(carry, behind).reads == 0 && may_write(*body[maker].kernel, next, carry);
  }

  static bool may_write(Kernel& kernel, int next, int carry) {
    const Map* map = std::get_if<Map>(&kernel);
    if (map != nullptr) return writes_after_reads(map->computes, next, carry);
    return uses_of(carry, {{&kernel, nullptr, true}}).reads == 0;
  }

  void rename(int next, int carry) {
    Access a;
    a.read = a.write = [&](Ref& r) {
      if (r.buffer == next) r.buffer = carry;
    };
    for (const Item& item : all_) item.visit(a);
  }

  // A copy of a carry into itself is what a renaming leaves.
  static void remove_copies(Nodes& nodes) {
    for (Node& node : nodes) {
      for (Nodes* list : inside(node)) remove_copies(*list);
      Tiles* tiles = std::get_if<Tiles>(&node.what);
      if (tiles == nullptr) continue;
      std::erase_if(tiles->kernels, [](const Kernel& kernel) {
        const std::optional<Copy> copy = copy_in(kernel);
        return copy && copy->from == copy->to;
      });
    }
  }

  Plan& plan_;
  const std::set<int>& kept_;
  std::vector<Item> all_;
};

}  // namespace

void make_carries_in_place(Plan& plan, const std::set<int>& kept) {
  CarriesInPlace(plan, kept).run();
}

}  // namespace nodec::lowering
