// A tensor of the team's becomes each thread's own when all that writes it is small work without a
// batch. What such work writes where others see it is the first thread's to write.
#include "compiler/schedule/own.h"

#include <algorithm>
#include <map>

#include "ir/plan_visit.h"
#include "ir/plan_work.h"

namespace nodec::plan {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{1} << 17;  // of a thread's copies
constexpr std::int64_t kLine = 128;  // no two threads' copies share what caches move

class OwnCopies {
 public:
  explicit OwnCopies(const Plan& plan) : plan_(plan) {}

  std::set<int> run() {
    for (const Function& f : plan_.functions) note(f.body, f.team);
    note(plan_.body, true);
    std::int64_t all = 0;
    for (const int id : small_) {
      const Buffer& b = plan_.buffer(id);
      if (large_.contains(id) || b.space != Buffer::Space::Dense || !b.count.is_constant())
        continue;
      if (all + own_bytes(b) > kMostBytes) continue;
      all += own_bytes(b);
      own_.insert(id);
    }
    while (drop_overwritten()) {
    }
    return std::move(own_);
  }

 private:
  const Plan& plan_;
  std::vector<Uses> kernels_;    // small ones
  std::set<int> small_, large_;  // written by small work; by other, or touched on a tile
  std::set<int> own_;

  void note(const Nodes& nodes, bool team) {
    for (const Node& node : nodes) {
      const DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
      const bool alike =
          team && ((dense && is_small(*dense)) || std::holds_alternative<StoreScalar>(node.what));
      Uses touched = uses_of(node);
      (alike ? small_ : large_).insert(touched.written.begin(), touched.written.end());
      if (!team) large_.insert(touched.read.begin(), touched.read.end());
      if (alike) kernels_.push_back(std::move(touched));
      for (const Nodes* list : inside(node)) note(*list, team);
    }
  }

  // A kernel that reads what others see and writes there too is the first thread's alone: one that
  // comes late would read what the first has written.
  bool drop_overwritten() {
    bool dropped = false;
    for (const Uses& kernel : kernels_) {
      const bool overwrites =
          std::any_of(kernel.written.begin(), kernel.written.end(),
                      [&](int id) { return !own_.contains(id) && reads(kernel, id); });
      if (!overwrites) continue;
      for (const int id : kernel.written) dropped = own_.erase(id) > 0 || dropped;
    }
    return dropped;
  }

  bool reads(const Uses& kernel, int id) const {
    return kernel.read.contains(id) || kernel.read.contains(plan_.array_of(id));
  }
};

}  // namespace

std::set<int> own_copies(const Plan& plan) { return OwnCopies(plan).run(); }

std::int64_t own_bytes(const Buffer& b) {
  const std::int64_t all = std::int64_t(bytes(b.dtype)) * b.count.constant();
  return (all + kLine - 1) / kLine * kLine;
}

Who who(const std::vector<Place>& places, const DenseKernel& kernel, bool gpu) {
  const std::set<int> written = uses_of(kernel).written;
  const bool own = std::any_of(written.begin(), written.end(), [&](int id) {
    return places[std::size_t(id)].kind == Place::Kind::Own;
  });
  if (own) return Who::Each;
  const std::optional<std::int64_t> many = outputs(kernel);
  // One thread of a GPU is slow, and a meeting of one block takes it a few outputs.
  const bool small = gpu ? many && *many < kWarp : is_small(kernel);
  return small || many == 1 ? Who::First : Who::Team;
}

}  // namespace nodec::plan
