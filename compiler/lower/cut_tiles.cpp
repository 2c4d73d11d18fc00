// Kernels of one tile list as functions of one tile. What is cut out of a phase is told its place
// and reaches what the phase does; all that is passed are the tile's own values that several pieces
// use, packed into one array, and scalars. What is cut out of a function of one tile, which does
// not know its place either, is passed every array that it was passed.
#include <algorithm>
#include <set>

#include "compiler/lower/cut.h"
#include "ir/plan_scalars.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

bool asks_for_samples(const std::vector<Compute>& computes) {
  return std::any_of(computes.begin(), computes.end(), [](const Compute& c) {
    return std::any_of(c.operands.begin(), c.operands.end(), [](const Source& s) {
      return std::holds_alternative<SampleIndex>(s) ||
             std::holds_alternative<SampleElementIndex>(s);
    });
  });
}

// A function of one tile does not know which samples its tile has.
bool moves_unplaced(const Kernel& kernel) {
  if (const Map* map = std::get_if<Map>(&kernel)) return !asks_for_samples(map->computes);
  if (const FoldElements* k = std::get_if<FoldElements>(&kernel))
    return !asks_for_samples(k->computes);
  return std::holds_alternative<MatVec>(kernel) || std::holds_alternative<GatherRows>(kernel) ||
         std::holds_alternative<ScatterRows>(kernel) || std::holds_alternative<Invoke>(kernel);
}

// Kernels [first, last) of a list that become one function.
struct Span {
  std::size_t first, last;
};

class TileCut {
 public:
  TileCut(Pieces& pieces, int owner, bool placed, Tiles& tiles)
      : pieces_(pieces), owner_(owner), placed_(placed), tiles_(tiles) {}

  void run() {
    divide();
    note_users();
    pack();
    std::vector<Kernel> all;
    std::size_t next = 0;
    for (std::size_t p = 0; p < spans_.size(); ++p) {
      while (next < spans_[p].first) all.push_back(std::move(tiles_.kernels[next++]));
      all.emplace_back(piece(p));
      next = spans_[p].last;
    }
    while (next < tiles_.kernels.size()) all.push_back(std::move(tiles_.kernels[next++]));
    tiles_.kernels = std::move(all);
  }

 private:
  bool moves(const Kernel& kernel) const { return placed_ || moves_unplaced(kernel); }

  // Runs of kernels that move, each piece as long as it may be.
  void divide() {
    const std::vector<Kernel>& kernels = tiles_.kernels;
    for (std::size_t first = 0, end = 0; first < kernels.size(); first = end + 1) {
      std::int64_t length = 0;
      for (end = first; end < kernels.size() && moves(kernels[end]); ++end) {
        length += length_of(kernels[end]);
      }
      if (length < pieces_.longest / 4) continue;
      std::int64_t taken = pieces_.longest;
      for (std::size_t i = first; i < end; ++i) {
        const std::int64_t more = length_of(kernels[i]);
        if (i == first || taken + more > pieces_.longest) {
          spans_.push_back({i, i});
          taken = 0;
        }
        spans_.back().last = i + 1;
        taken += more;
      }
    }
  }

  static void each_ref(Kernel& kernel, const std::function<void(Ref&)>& f) {
    Access access;
    access.read = access.write = f;
    visit(kernel, access);
  }

  // Which pieces use a tile's own values, -1 for the list itself.
  void note_users() {
    int p = -1;
    std::size_t span = 0;
    for (std::size_t i = 0; i < tiles_.kernels.size(); ++i) {
      while (span < spans_.size() && spans_[span].last <= i) ++span;
      p = span < spans_.size() && spans_[span].first <= i ? int(span) : -1;
      Access access;
      access.read = access.write = [&](Ref& r) { users_[r.buffer].insert(p); };
      access.read_buffer = access.write_buffer = [&](int b) { users_[b].insert(p); };
      visit(tiles_.kernels[i], access);
    }
  }

  bool is_shared(int id) const {
    const auto users = users_.find(id);
    return pieces_.plan.buffer(id).space == Buffer::Space::Local &&
           (users == users_.end() || users->second.size() > 1);
  }

  // A tile's own values that several pieces use, in a row.
  void pack() {
    std::map<int, Ref> homes;
    Row row(pieces_.plan, Buffer::Space::Local);
    for (const auto& [id, users] : users_) {
      if (id < 0 || !is_shared(id)) continue;
      homes.emplace(id, row.add(pieces_.plan.buffer(id).dtype, pieces_.plan.buffer(id).elements));
    }
    for (Kernel& kernel : tiles_.kernels) {
      each_ref(kernel, [&](Ref& r) {
        const auto found = homes.find(r.buffer);
        if (found == homes.end()) return;
        r.buffer = found->second.buffer;
        r.start += found->second.start;
      });
    }
  }

  bool is_passed(int id) const {
    return is_shared(id) || (!placed_ && pieces_.plan.buffer(id).space != Buffer::Space::Local &&
                             pieces_.plan.buffer(id).space != Buffer::Space::Table);
  }

  Invoke piece(std::size_t p) {
    Function f;
    f.name = pieces_.name(owner_);
    f.placed = placed_;
    Invoke call;
    std::map<int, int> arguments;  // of buffers
    std::set<int> frames;
    Tiles body;
    for (std::size_t i = spans_[p].first; i < spans_[p].last; ++i) {
      Kernel& kernel = tiles_.kernels[i];
      each_ref(kernel, [&](Ref& r) {
        if (r.buffer < 0) return;
        const Buffer& b = pieces_.plan.buffer(r.buffer);
        if (b.tape >= 0) frames.insert(b.index);
        if (is_passed(r.buffer)) r.buffer = argument(r.buffer, arguments, f, call);
      });
      body.kernels.push_back(std::move(kernel));
    }
    f.body.push_back({std::move(body)});
    const std::vector<int> scalars = scalars_of(f.body[0]).read;
    for (const int scalar : std::set<int>(scalars.begin(), scalars.end())) {
      if (pieces_.is_constant(scalar)) continue;
      f.scalars.push_back(scalar);
      f.scalar_dtypes.push_back(pieces_.plan.scalars[std::size_t(scalar)]);
      call.scalars.push_back(Ref{-1, scalar, {}, 0});
    }
    f.frames.assign(frames.begin(), frames.end());
    pieces_.take_constants(scalars, f);
    call.function = pieces_.add(owner_, std::move(f));
    return call;
  }

  int argument(int id, std::map<int, int>& arguments, Function& f, Invoke& call) {
    const auto found = arguments.find(id);
    if (found != arguments.end()) return found->second;
    const Buffer& from = pieces_.plan.buffer(id);
    Buffer b;
    b.name = from.name;
    b.dtype = from.dtype;
    b.space = from.varying() ? Buffer::Space::ArgLanes : Buffer::Space::ArgDense;
    if (from.varying()) b.elements = from.elements;
    b.index = int(f.pointers.size());
    const int made = int(pieces_.plan.buffers.size());
    pieces_.plan.buffers.push_back(std::move(b));
    f.pointers.push_back(made);
    call.pointers.push_back(Ref{id, -1, {}, 0});
    arguments.emplace(id, made);
    // A reference that was moved is met again where a kernel both reads and writes it.
    arguments.emplace(made, made);
    return made;
  }

  Pieces& pieces_;
  const int owner_;
  const bool placed_;
  Tiles& tiles_;
  std::vector<Span> spans_;
  std::map<int, std::set<int>> users_;
};

void cut(Pieces& pieces, int owner, bool placed, Nodes& nodes, std::int64_t least) {
  for (Node& node : nodes) {
    for (Nodes* list : inside(node)) cut(pieces, owner, placed, *list, least);
    Tiles* tiles = std::get_if<Tiles>(&node.what);
    if (tiles && length_of(node) > least) TileCut(pieces, owner, placed, *tiles).run();
  }
}

}  // namespace

void cut_tiles(Pieces& pieces) {
  Plan& plan = pieces.plan;
  for (std::size_t i = 0; i < plan.functions.size(); ++i) {
    Nodes& body = plan.functions[i].body;
    cut(pieces, int(i), plan.functions[i].team, body, pieces.least(body));
  }
  cut(pieces, int(plan.functions.size()), true, plan.body, pieces.least(plan.body));
}

}  // namespace nodec::lowering
