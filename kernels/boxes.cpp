// Boxes are followed into regions by kernels/flow.h.
#include "kernels/boxes.h"

#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

void follow(const Region& region, BoxOrigins& origins) {
  for (const auto& op : region.ops) {
    if (makes_box(*op)) origins[op->result()] = op->result();
    for (std::size_t r = 0; r < op->regions.size(); ++r) {
      const Flow f = flow(*op, r);
      for (std::size_t i = 0; i < f.enters.size(); ++i) {
        const auto outer = origins.find(op->operands.at(std::size_t(f.enters[i])));
        if (outer == origins.end()) continue;
        Value* const made = outer->second;
        origins[op->region(r).arg(i)] = made;
      }
      follow(op->region(r), origins);
    }
  }
}

}  // namespace

bool makes_box(const Op& op) { return op.primitive == &box_new_p || op.primitive == &cell_new_p; }

bool loads_box(const Op& op) { return op.primitive == &box_load_p || op.primitive == &cell_load_p; }

bool stores_box(const Op& op) {
  return op.primitive == &box_store_p || op.primitive == &cell_store_p;
}

void set_written(Op& store, const std::vector<SourceLine>& lines) {
  store.where = lines.back();
  int others = 0;
  for (const SourceLine& line : lines) {
    if (line == store.where) continue;
    store.attrs.set(fmt::format("written_{}", others++), line.str());
  }
}

std::vector<SourceLine> written(const Op& store) {
  std::vector<SourceLine> lines;
  for (int i = 0;; ++i) {
    const auto text = store.attrs.get_or<std::string>(fmt::format("written_{}", i), "");
    const SourceLine line = SourceLine::read(text);
    if (!line.known()) break;
    lines.push_back(line);
  }
  lines.push_back(store.where);
  return lines;
}

bool stores_to(const Region& region, const Value* box) {
  for (const auto& op : region.ops) {
    if (stores_box(*op) && op->operands[0] == box) return true;
    for (std::size_t r = 0; r < op->regions.size(); ++r) {
      const Flow f = flow(*op, r);
      for (std::size_t i = 0; i < f.enters.size(); ++i) {
        const bool enters = op->operands[std::size_t(f.enters[i])] == box;
        if (enters && stores_to(op->region(r), op->region(r).arg(i))) return true;
      }
    }
  }
  return false;
}

BoxOrigins box_origins(const Region& body) {
  BoxOrigins origins;
  follow(body, origins);
  return origins;
}

}  // namespace nodec
