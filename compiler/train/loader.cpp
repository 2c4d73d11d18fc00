// Batches in an order drawn from the same counter-based generator as the compiled programs' random
// numbers.
#include "compiler/train/loader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ir/error.h"
#include "ir/philox.h"

namespace nodec::nn {
namespace {

constexpr std::uint64_t kShuffleStream = 0x73687566;  // apart from whatever else the seed draws

void check_tables(const Table& x, const Table& y) {
  if (x.empty()) throw Error("a loader has no samples", {}, "give it a table of them");
  if (!y.empty() && y.samples() != x.samples()) {
    throw Error(fmt::format("a loader got {} samples and {} targets: {} and {}", x.samples(),
                            y.samples(), x.view().type(), y.view().type()),
                {}, "give one target for each sample, along the first axis");
  }
  if (x.samples() > std::numeric_limits<std::int32_t>::max()) {
    throw Error(fmt::format("a loader got {} samples, of at most 2^31 - 1", x.samples()), {},
                "split the table");
  }
}

[[noreturn]] void refuse_batch(std::int64_t batches, std::int64_t epoch, std::int64_t index) {
  throw Error(
      fmt::format("a loader of {} batches has no batch {} of epoch {}", batches, index, epoch), {},
      "epochs count from 1, batches from 0");
}

[[noreturn]] void refuse_pass(std::int64_t samples, const LoaderOptions& options) {
  if (samples == 0) throw Error("a loader has no samples", {}, "give it one or more");
  throw Error(fmt::format("a loader of {} samples has no batch: a batch has {}, and a short one is "
                          "left out",
                          samples, options.batch),
              {}, fmt::format("give it a batch of at most {}, or partial = true", samples));
}

}  // namespace

Batch Batch::of(Table x, Table y) {
  check_tables(x, y);
  auto rows = std::make_shared<std::vector<std::int32_t>>(std::size_t(x.samples()));
  std::iota(rows->begin(), rows->end(), 0);
  Batch batch;
  batch.tables = std::make_shared<const Tables>(Tables{std::move(x), std::move(y)});
  batch.rows = *rows;
  batch.place.batches = 0;
  batch.place.batch = batch.place.samples = batch.samples();
  batch.order = std::move(rows);
  return batch;
}

Loader::Loader(Table x, Table y, LoaderOptions options) : options_(options) {
  check_tables(x, y);
  count_ = x.samples();
  if (options.batch < 1) {
    throw Error(fmt::format("a loader's batch has {} samples", options.batch), {},
                "give it one or more");
  }
  tables_ = std::make_shared<const Tables>(Tables{std::move(x), std::move(y)});
}

Loader::Loader(Table x, LoaderOptions options) : Loader(std::move(x), Table(), options) {}

Loader Loader::take(std::int64_t samples) const {
  if (samples < 0 || samples > count_) {
    throw Error(fmt::format("a loader of {} samples has no first {}", count_, samples), {},
                "take at most what there is");
  }
  Loader part = *this;
  part.count_ = samples;
  part.order_ = nullptr;
  part.seek(1, 0);
  return part;
}

std::pair<Loader, Loader> Loader::split(double share) const {
  if (!(share >= 0 && share <= 1)) {
    throw Error(fmt::format("a loader is split at a share in [0, 1], not {}", share), {},
                "give the first part's share of the samples: 0.9");
  }
  Loader front = take(std::llround(share * double(count_)));
  Loader rest = take(count_ - front.count_);
  rest.first_ += front.count_;
  return {std::move(front), std::move(rest)};
}

Loader Loader::in_order() const {
  Loader other = take(count_);
  other.options_.shuffle = false;
  other.options_.partial = true;
  return other;
}

std::int64_t Loader::batches() const {
  return (count_ + (options_.partial ? options_.batch - 1 : 0)) / options_.batch;
}

Place Loader::place() const {
  return {options_.seed, epoch_, index_, batches(), options_.batch, count_, options_.shuffle};
}

void Loader::seek(std::int64_t epoch, std::int64_t index) {
  if (epoch < 1 || index < 0 || index > batches()) {
    refuse_batch(batches(), epoch, index);
  }
  epoch_ = epoch;
  index_ = index;
  if (index_ > 0 && index_ == batches()) {
    ++epoch_;
    index_ = 0;
  }
}

Loader::Iterator Loader::begin() {
  if (batches() == 0) refuse_pass(count_, options_);
  return {this, epoch_, index_};
}

Batch Loader::batch(std::int64_t epoch, std::int64_t index) const {
  if (batches() == 0) refuse_pass(count_, options_);
  if (epoch < 1 || index < 0 || index >= batches()) refuse_batch(batches(), epoch, index);
  const std::int64_t drawn = options_.shuffle ? epoch : 1;  // else all epochs are one
  if (order_ == nullptr || order_epoch_ != drawn) {
    auto order = std::make_shared<std::vector<std::int32_t>>(std::size_t(count_));
    std::iota(order->begin(), order->end(), std::int32_t(first_));
    if (options_.shuffle) {
      const std::uint64_t key = philox::fold_in(options_.seed, kShuffleStream);
      philox::shuffle(std::span(*order), philox::fold_in(key, std::uint64_t(epoch)));
    }
    order_ = std::move(order);
    order_epoch_ = drawn;
  }
  const std::int64_t begin = index * options_.batch,
                     size = std::min(options_.batch, count_ - begin);
  Batch batch;
  batch.tables = tables_;
  batch.rows = std::span(*order_).subspan(std::size_t(begin), std::size_t(size));
  batch.place = {options_.seed, epoch, index, batches(), options_.batch, count_, options_.shuffle};
  batch.order = order_;
  return batch;
}

Batch Loader::give(std::int64_t epoch, std::int64_t index) {
  seek(epoch, index + 1);
  return batch(epoch, index);
}

}  // namespace nodec::nn
