// The split and the batches.
#include "examples/mnist/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace nodec::mnist;

namespace {

std::vector<std::int32_t> all(const Loader& loader) {
  std::vector<std::int32_t> order;
  for (std::int64_t i = 0; i < loader.batches(); ++i) {
    const auto batch = loader.batch(i);
    order.insert(order.end(), batch.begin(), batch.end());
  }
  return order;
}

}  // namespace

TEST_CASE("the last tenth is the test set") {
  CHECK(split(1500).train == 1350);
  CHECK(split(60000).train == 54000);
  CHECK(split(60000).test == 6000);
  CHECK(split(1504).train == 1354);  // 1353.6 rounds up
  CHECK(split(6).test == 1);
}

TEST_CASE("batches cover the range in order, the last one short") {
  const Loader loader(100, 300, 128);
  REQUIRE(loader.batches() == 3);
  CHECK(loader.batch(0).size() == 128);
  CHECK(loader.batch(2).size() == 44);
  const auto order = all(loader);
  REQUIRE(order.size() == 300);
  for (int i = 0; i < 300; ++i) CHECK(order[std::size_t(i)] == 100 + i);
  CHECK(Loader(0, 256, 128).batches() == 2);
  CHECK(Loader(0, 5, 128).batch(0).size() == 5);
}

TEST_CASE("a shuffle permutes, and depends on seed and epoch alone") {
  Loader a(0, 1350, 128), b(0, 1350, 128);
  a.shuffle(7, 3);
  b.shuffle(7, 1);
  CHECK(all(a) != all(b));
  b.shuffle(8, 3);
  CHECK(all(a) != all(b));
  b.shuffle(7, 3);
  CHECK(all(a) == all(b));
  const auto order = all(a);
  CHECK(std::set<std::int32_t>(order.begin(), order.end()).size() == 1350);
  CHECK(*std::max_element(order.begin(), order.end()) == 1349);
}

TEST_CASE("every place is about as likely") {
  // The first place of 6000 shuffles of six: 1000 each, standard deviation 29.
  std::array<int, 6> first{};
  Loader loader(0, 6, 6);
  for (std::uint64_t epoch = 0; epoch < 6000; ++epoch) {
    loader.shuffle(0, epoch);
    ++first[std::size_t(loader.batch(0)[0])];
  }
  for (const int n : first) CHECK(std::abs(n - 1000) < 150);
}
