// Which samples come when. A loader's order is a function of its seed and the epoch alone, so where
// it stands is two numbers, an epoch and a batch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "compiler/nn/by_name.h"
#include "compiler/train/table.h"

namespace nodec::nn {

// What a batch is of. A table y that is empty: the samples are their own targets.
struct Tables {
  Table x, y;
};

// Where a batch stands. Epochs count from 1, batches from 0. Arrays at hand stand in no epoch,
// which 0 batches say.
struct Place {
  std::uint64_t seed = 0;
  std::int64_t epoch = 1, index = 0, batches = 1;
  std::int64_t batch = 0, samples = 0;  // the loader's sizes
  bool shuffle = false;
  bool is_last() const { return index + 1 == batches; }
};

// Rows of tables. Cheap to copy; the rows live as long as the loader stays in the epoch, or as long
// as the batch, if it was made by `of`. Rows of one's own that the tables do not have are an Error.
struct Batch {
  std::shared_ptr<const Tables> tables;
  std::span<const std::int32_t> rows;
  Place place;
  std::shared_ptr<const std::vector<std::int32_t>> order;  // holds the rows

  // All samples of these arrays, in order.
  static Batch of(Table x, Table y = {});
  std::int64_t samples() const { return std::int64_t(rows.size()); }
};

struct LoaderOptions {
  std::int64_t batch = 128;
  ByName by_name = ByName();
  bool shuffle = false;
  std::uint64_t seed = 0;
  bool partial = true;  // whether the last batch may be short, or is left out then
};

class Loader {
 public:
  Loader(Table x, Table y, LoaderOptions options = {});
  explicit Loader(Table x, LoaderOptions options = {});
  // No move: what would have been moved from stays a loader.
  Loader(const Loader&) = default;
  Loader& operator=(const Loader&) = default;

  // The first n samples; the first round(share n) and the rest; all of them without a shuffle, the
  // last batch included. These begin at epoch 1.
  Loader take(std::int64_t samples) const;
  std::pair<Loader, Loader> split(double share) const;
  Loader in_order() const;

  const Tables& tables() const { return *tables_; }
  const LoaderOptions& options() const { return options_; }
  std::int64_t samples() const { return count_; }
  std::int64_t batches() const;  // in an epoch

  // A pass over the loader goes from where it stands to the epoch's end; the next begins the next
  // epoch. A batch that was given out counts as taken, also where the pass is left then.
  class Iterator {
   public:
    Batch operator*() const { return loader_->give(epoch_, index_); }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    friend class Loader;
    Iterator(Loader* loader, std::int64_t epoch, std::int64_t index)
        : loader_(loader), epoch_(epoch), index_(index) {}
    Loader* loader_;
    std::int64_t epoch_, index_;
  };
  // Error where an epoch has no batch: a loop over epochs would have no end.
  Iterator begin();
  Iterator end() { return {this, epoch_, batches()}; }

  // Where it stands: the batch that comes next.
  Place place() const;
  void seek(std::int64_t epoch, std::int64_t index);
  // Any batch that there is, without moving the loader. It shares the rows of the last call for
  // that epoch.
  Batch batch(std::int64_t epoch, std::int64_t index) const;

 private:
  Batch give(std::int64_t epoch, std::int64_t index);

  std::shared_ptr<const Tables> tables_;
  LoaderOptions options_;
  std::int64_t first_ = 0, count_ = 0;
  std::int64_t epoch_ = 1, index_ = 0;  // the next batch
  mutable std::shared_ptr<const std::vector<std::int32_t>> order_;
  mutable std::int64_t order_epoch_ = 0;
};

}  // namespace nodec::nn
