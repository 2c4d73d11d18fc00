// Batches: which samples, in which order, from where to where.
#include "compiler/train/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>

#include "tests/compiler/trace/traced.h"

namespace nodec::nn {
namespace {

using testing::message;

Loader numbered(std::int64_t samples, LoaderOptions options) {
  return {Table(Tensor(Dtype::F32, {samples, 2})), Table(Tensor(Dtype::U8, {samples})), options};
}

std::vector<std::int32_t> rows_of(Loader loader) {
  std::vector<std::int32_t> rows;
  for (const Batch& batch : loader) rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
  return rows;
}

}  // namespace

TEST_CASE("batches cover the samples in order, the last one short or left out") {
  Loader loader = numbered(300, {.batch = 128});
  REQUIRE(loader.batches() == 3);
  CHECK(loader.batch(1, 0).samples() == 128);
  CHECK(loader.batch(1, 2).samples() == 44);
  const auto rows = rows_of(loader);
  REQUIRE(rows.size() == 300);
  for (int i = 0; i < 300; ++i) CHECK(rows[std::size_t(i)] == i);
  CHECK(numbered(256, {.batch = 128}).batches() == 2);
  CHECK(numbered(5, {.batch = 128}).batch(1, 0).samples() == 5);
  const Loader whole = numbered(300, {.batch = 128, .partial = false});
  CHECK(rows_of(whole).size() == 256);
  CHECK(rows_of(whole.in_order()).size() == 300);
}

TEST_CASE("a split is in order, before any shuffle; parts begin anew") {
  Loader all = numbered(1504, {.batch = 128, .shuffle = true});
  all.seek(3, 4);
  const auto [train, test] = all.split(0.9);
  CHECK(train.samples() == 1354);  // 1353.6 rounds up
  CHECK(test.samples() == 150);
  CHECK(test.place().epoch == 1);
  const auto rows = rows_of(test);
  CHECK(*std::ranges::min_element(rows) == 1354);
  CHECK(rows_of(test.in_order())[0] == 1354);
  CHECK(rows_of(all.take(10).in_order()) ==
        std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("an order is a permutation, and depends on seed and epoch alone") {
  const auto order = [](std::uint64_t seed, std::int64_t epoch) {
    Loader loader = numbered(1350, {.batch = 128, .shuffle = true, .seed = seed});
    loader.seek(epoch, 0);
    return rows_of(loader);
  };
  CHECK(order(7, 3) != order(7, 1));
  CHECK(order(7, 3) != order(8, 3));
  CHECK(order(7, 3) == order(7, 3));
  const auto rows = order(7, 3);
  CHECK(std::set<std::int32_t>(rows.begin(), rows.end()).size() == 1350);
  CHECK(*std::ranges::max_element(rows) == 1349);
  Loader twice = numbered(1350, {.batch = 128, .shuffle = true, .seed = 7});
  CHECK(rows_of(twice) == order(7, 1));
  for (int pass = 0; pass < 2; ++pass) {
    for (const Batch& batch : twice) CHECK(batch.place.epoch == pass + 1);
  }
  CHECK(rows_of(twice) == order(7, 3));
}

TEST_CASE("every place is about as likely") {
  // The first place of 6000 shuffles of six: 1000 each, standard deviation 29.
  std::array<int, 6> first{};
  const Loader loader = numbered(6, {.batch = 6, .shuffle = true});
  for (std::int64_t epoch = 1; epoch <= 6000; ++epoch) {
    ++first[std::size_t(loader.batch(epoch, 0).rows[0])];
  }
  for (const int n : first) CHECK(std::abs(n - 1000) < 150);
}

TEST_CASE("a loader goes on where it stands, and a batch given out is taken") {
  Loader loader = numbered(100, {.batch = 32, .shuffle = true, .seed = 5});
  const Loader fresh = loader;
  for (const Batch& batch : loader) {
    if (batch.place.index == 1) break;
  }
  CHECK(loader.place().index == 2);
  loader.seek(2, 3);
  std::vector<std::int64_t> seen;
  for (const Batch& batch : loader) {
    seen.push_back(batch.place.index);
    CHECK(batch.place.is_last());
    CHECK(batch.samples() == 4);
    CHECK(std::ranges::equal(batch.rows, fresh.batch(2, 3).rows));
  }
  CHECK(seen == std::vector<std::int64_t>{3});
  CHECK(loader.place().epoch == 3);
  loader.seek(3, 4);  // the end of an epoch is the next one's begin
  CHECK(loader.place().epoch == 4);
  CHECK(loader.place().index == 0);
}

template <class... Numbers>
concept MakesOptions = requires(Numbers... numbers) {
  LoaderOptions{numbers...};
};

TEST_CASE("a loader's first number is its batch, and the others go by name") {
  CHECK(LoaderOptions{32}.batch == 32);
  static_assert(MakesOptions<std::int64_t>);
  static_assert(!MakesOptions<std::int64_t, bool>);
}

TEST_CASE("arrays at hand are one batch") {
  const Batch batch = Batch::of(Tensor(Dtype::F32, {3, 2}), Tensor(Dtype::F32, {3}));
  CHECK(std::ranges::equal(batch.rows, std::vector{0, 1, 2}));
  CHECK_FALSE(batch.place.is_last());
}

TEST_CASE("a pass without a batch, and a batch that there is not, are refused") {
  CHECK(message([] { rows_of(numbered(25, {.batch = 32, .partial = false})); }) ==
        R"(error: a loader of 25 samples has no batch: a batch has 32, and a short one is left out
  help: give it a batch of at most 25, or partial = true)");
  CHECK(message([] { rows_of(numbered(25, {}).take(0)); }) == R"(error: a loader has no samples
  help: give it one or more)");
  const Loader loader = numbered(25, {.batch = 10});
  CHECK(loader.batch(1, 2).samples() == 5);
  CHECK(message([&] { loader.batch(1, 3); }) ==
        R"(error: a loader of 3 batches has no batch 3 of epoch 1
  help: epochs count from 1, batches from 0)");
  CHECK(message([&] { loader.batch(1, -1); }).starts_with("error: a loader of 3 batches has no"));
  CHECK(message([&] { loader.batch(-3, 0); }) ==
        R"(error: a loader of 3 batches has no batch 0 of epoch -3
  help: epochs count from 1, batches from 0)");
  CHECK(message([&] { loader.split(90); }) ==
        R"(error: a loader is split at a share in [0, 1], not 90
  help: give the first part's share of the samples: 0.9)");
  CHECK(loader.split(0).first.place().epoch == 1);
}

TEST_CASE("tables that do not go together are refused") {
  CHECK(message([] {
          Loader(Tensor(Dtype::F32, {3, 2}), Tensor(Dtype::U8, {4}));
        }) ==
        R"(error: a loader got 3 samples and 4 targets: f32[3, 2] and u8[4]
  help: give one target for each sample, along the first axis)");
  CHECK(message([] { Loader(Tensor(Dtype::F32, {})); }) ==
        R"(error: a table has a first axis that counts its samples, got f32[]
  help: give it a tensor [samples, ...])");
  CHECK(message([] { numbered(3, {.batch = 0}); }) == R"(error: a loader's batch has 0 samples
  help: give it one or more)");
  CHECK(message([] { numbered(3, {}).take(4); }) ==
        R"(error: a loader of 3 samples has no first 4
  help: take at most what there is)");
  CHECK(message([] { numbered(3, {}).seek(1, 2); }) ==
        R"(error: a loader of 1 batches has no batch 2 of epoch 1
  help: epochs count from 1, batches from 0)");
}

}  // namespace nodec::nn
