// A map of many computations as maps of fewer: what one makes for a later one is stored, in tensors
// of the maps' own extents, and read there. A sum of many terms as sums of fewer.
#include <optional>
#include <utility>

#include "compiler/lower/cut.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

// Row-major over extents of which all but the first are numbers; none where they are not.
std::optional<std::vector<std::int64_t>> row_major(const auto& extents) {
  std::vector<std::int64_t> strides(extents.size());
  std::int64_t next = 1;
  for (std::size_t i = extents.size(); i-- > 0;) {
    strides[i] = next;
    const Dim extent(extents[i]);
    if (!extent.is_constant()) return i == 0 ? std::optional(strides) : std::nullopt;
    next *= extent.constant();
  }
  return strides;
}

template <class M>
class MapCut {
 public:
  MapCut(Plan& plan, M& map, std::int64_t longest)
      : plan_(plan),
        map_(map),
        count_(piece_count(length_of(map), longest)),
        homes_(map.computes.size()),
        row_(plan, Buffer::Space::Local) {}

  std::vector<M> run() {
    const auto strides = row_major(map_.extents);
    std::vector<M> made;
    if (count_ <= 1 || !strides) {
      made.push_back(std::move(map_));
      return made;
    }
    divide();
    find_crossing(*strides);
    std::vector<std::size_t> place(map_.computes.size());
    for (std::size_t i = 0; i < map_.computes.size(); ++i) {
      if (piece_of(i) == made.size()) made.push_back(M{map_.extents, {}});
      std::vector<Compute>& to = made.back().computes;
      Compute c = std::move(map_.computes[i]);
      for (Source& s : c.operands) move_source(s, piece_of(i), place);
      const bool copied = homes_[i] && c.to && !(same_place(*c.to, *homes_[i]));
      if (homes_[i] && !c.to) c.to = homes_[i];
      place[i] = to.size();
      to.push_back(std::move(c));
      if (copied) to.push_back({nullptr, {Register{place[i]}}, homes_[i]});
    }
    return made;
  }

 private:
  static constexpr bool kTile = std::is_same_v<M, Map>;

  // Pieces of about one length, none of them empty.
  void divide() {
    const std::int64_t all = length_of(map_.computes);
    std::int64_t before = 0, share = 0;
    std::size_t piece = 0;
    for (const Compute& c : map_.computes) {
      piece += std::exchange(share, before * count_ / all) != before * count_ / all;
      pieces_.push_back(piece);
      before += length_of(c);
    }
  }
  std::size_t piece_of(std::size_t i) const { return pieces_[i]; }

  static bool same_place(const Ref& a, const Ref& b) {
    return a.buffer == b.buffer && a.start == b.start && a.strides == b.strides;
  }

  Dtype dtype_of(std::size_t i) const {
    const Compute& c = map_.computes[i];
    if (c.op) return c.op->result()->type.dtype();
    if (const Register* r = std::get_if<Register>(&c.operands[0])) return dtype_of(r->compute);
    if (const Zero* zero = std::get_if<Zero>(&c.operands[0])) return zero->dtype;
    const Ref& from = std::get<Ref>(c.operands[0]);
    return from.scalar >= 0 ? plan_.scalars[std::size_t(from.scalar)]
                            : plan_.buffer(from.buffer).dtype;
  }

  // Where a later piece reads what is made here.
  void find_crossing(const std::vector<std::int64_t>& strides) {
    std::vector<bool> crosses(homes_.size());
    for (std::size_t i = 0; i < homes_.size(); ++i) {
      for (const Source& s : map_.computes[i].operands) {
        const Register* r = std::get_if<Register>(&s);
        if (r && piece_of(r->compute) != piece_of(i)) crosses[r->compute] = true;
      }
    }
    for (std::size_t i = 0; i < homes_.size(); ++i) {
      if (!crosses[i]) continue;
      const std::optional<Ref>& to = map_.computes[i].to;
      homes_[i] = to && readable(*to) ? *to : new_home(dtype_of(i), strides);
    }
  }

  bool readable(const Ref& to) const {
    const Buffer::Space space = plan_.buffer(to.buffer).space;
    return space == Buffer::Space::Local || space == Buffer::Space::Lanes ||
           space == Buffer::Space::Dense;
  }

  // A tile's values lie in a row, so that a function is passed one place.
  Ref new_home(Dtype dtype, const std::vector<std::int64_t>& strides) {
    if constexpr (kTile) {
      std::int64_t elements = 1;
      for (const std::int64_t n : map_.extents) elements *= n;
      Ref home = row_.add(dtype, elements);
      home.strides = strides;
      return home;
    } else {
      Buffer b = between(Buffer::Space::Dense, dtype);
      b.count = Dim(1);
      for (const Dim& extent : map_.extents) b.count = b.count * extent;
      plan_.buffers.push_back(std::move(b));
      return Ref{int(plan_.buffers.size()) - 1, -1, strides, 0};
    }
  }

  void move_source(Source& s, std::size_t piece, const std::vector<std::size_t>& place) const {
    const Register* r = std::get_if<Register>(&s);
    if (!r) return;
    const std::size_t from = r->compute;
    if (piece_of(from) == piece) {
      s = Register{place[from]};
    } else {
      s = *homes_[from];
    }
  }

  Plan& plan_;
  M& map_;
  const std::int64_t count_;
  std::vector<std::size_t> pieces_;        // each computation's
  std::vector<std::optional<Ref>> homes_;  // of what crosses
  Row row_;
};

bool is_long(const Map* map, std::int64_t longest) { return map && length_of(*map) > longest; }

void cut(Plan& plan, Tiles& tiles, std::int64_t longest) {
  std::vector<Kernel> all;
  for (Kernel& kernel : tiles.kernels) {
    Map* map = std::get_if<Map>(&kernel);
    if (!is_long(map, longest)) {
      all.push_back(std::move(kernel));
    } else {
      for (Map& piece : MapCut<Map>(plan, *map, longest).run()) all.push_back(std::move(piece));
    }
  }
  tiles.kernels = std::move(all);
}

// A sum over terms as sums over fewer, each of which goes on from what the one before it left: the
// same chain.
template <class Sum>
std::vector<Sum> parted(Sum sum, std::int64_t longest) {
  const std::int64_t whole = length_of(Node{DenseKernel(sum)}), count = piece_count(whole, longest);
  const auto terms = std::exchange(sum.terms, {});
  std::vector<Sum> parts;
  std::int64_t share = -1;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const std::int64_t mine = std::int64_t(i) * count / std::int64_t(terms.size());
    if (std::exchange(share, mine) != mine) {
      parts.push_back(sum);
      sum.accumulate = true;
    }
    parts.back().terms.push_back(terms[i]);
  }
  return parts;
}

void cut(Plan& plan, DenseKernel& kernel, std::int64_t longest, Nodes& to) {
  const auto put = [&to](auto pieces) {
    for (auto& piece : pieces) to.push_back({DenseKernel(std::move(piece))});
  };
  if (DenseMap* map = std::get_if<DenseMap>(&kernel)) {
    put(MapCut<DenseMap>(plan, *map, longest).run());
  } else if (DenseScatter* scatter = std::get_if<DenseScatter>(&kernel)) {
    put(parted(std::move(*scatter), longest));
  } else if (LargeContract* contract = std::get_if<LargeContract>(&kernel)) {
    put(parted(std::move(*contract), longest));
  } else {
    to.push_back({std::move(kernel)});
  }
}

void cut(Plan& plan, Nodes& nodes, std::int64_t longest) {
  Nodes all;
  for (Node& node : nodes) {
    for (Nodes* list : inside(node)) cut(plan, *list, longest);
    if (Tiles* tiles = std::get_if<Tiles>(&node.what)) cut(plan, *tiles, longest);
    DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
    if (dense && length_of(node) > longest) {
      cut(plan, *dense, longest, all);
    } else {
      all.push_back(std::move(node));
    }
  }
  nodes = std::move(all);
}

}  // namespace

void cut_kernels(Plan& plan, std::int64_t longest) {
  for (Function& f : plan.functions) cut(plan, f.body, longest);
  cut(plan, plan.body, longest);
}

}  // namespace nodec::lowering
