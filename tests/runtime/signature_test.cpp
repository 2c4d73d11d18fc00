// Signatures survive the way to bytes and back; damaged bytes are told from sound ones.
#include "runtime/signature.h"

#include <doctest/doctest.h>

using namespace nodec;

namespace {

Signature sample() {
  const Dim b = Dim::symbol("B"), n = Dim::symbol("n");
  Signature signature;
  signature.entry = "nodec_entry";
  signature.name = "train_step";
  signature.batch = "B";
  signature.inputs = {{"x", Type::tensor(Dtype::U8, {b, 784})},
                      {"w", Type::tensor(Dtype::F32, {20, 784})},
                      {"seed", Type::scalar(Dtype::Key)}};
  signature.outputs = {{"w'", Type::tensor(Dtype::F32, {20, 784}), 1},
                       {"odd", Type::tensor(Dtype::F64, {b * b * 3 - n * 2 + 1, n - b - 4})}};
  signature.symbols = {"B", "n", "blocks", "chunks", "threads"};
  signature.scratch = {{"activations", Dim::symbol("blocks") * 64 * 20}, {"none", Dim(0)}};
  signature.tapes = {{"steps", Dim::symbol("blocks") * 640}};
  signature.tables = {{"gather", "images", Type::tensor(Dtype::U8, {n - 1, 784}), b * 784}};
  signature.parts = {{"slice", "x", Type::tensor(Dtype::F64, {3, n}), 1, 2, n - b}};
  signature.sites = {{{"model.cpp", 42, "layer_2"}, 3, "u[20]; v[2, 5]", "div"}, {}};
  signature.lanes = 8;
  return signature;
}

}  // namespace

TEST_CASE("a signature comes back from its bytes as it was") {
  const Signature before = sample();
  const auto after = deserialize_signature(serialize(before));
  REQUIRE(after);
  CHECK(serialize(*after) == serialize(before));
  CHECK(after->entry == "nodec_entry");
  CHECK(after->name == "train_step");
  CHECK(after->batch == "B");
  CHECK(after->inputs.at(2).type == before.inputs[2].type);
  CHECK(after->outputs.at(0).alias == 1);
  CHECK(after->outputs.at(1).type == before.outputs[1].type);
  CHECK(after->scratch.at(0).bytes == before.scratch[0].bytes);
  CHECK(after->scratch.at(1).bytes == Dim(0));
  CHECK(after->tapes.at(0).frame_bytes == before.tapes[0].frame_bytes);
  CHECK(after->symbols == before.symbols);
  CHECK(after->tables.at(0).op == "gather");
  CHECK(after->tables.at(0).name == "images");
  CHECK(after->tables.at(0).type == before.tables[0].type);
  CHECK(after->tables.at(0).picked == before.tables[0].picked);
  REQUIRE(after->parts.size() == 1);
  CHECK(after->parts[0].op == "slice");
  CHECK(after->parts[0].name == "x");
  CHECK(after->parts[0].type == before.parts[0].type);
  CHECK(after->parts[0].axis == 1);
  CHECK(after->parts[0].start == 2);
  CHECK(after->parts[0].size == before.parts[0].size);
  REQUIRE(after->sites.size() == 2);
  CHECK(after->sites[0].where == before.sites[0].where);
  CHECK(after->sites[0].traced == 3);
  CHECK(after->sites[0].states == "u[20]; v[2, 5]");
  CHECK(after->sites[0].op == "div");
  CHECK(after->lanes == 8);
}

TEST_CASE("no truncation of a signature is taken for one, nor are trailing bytes") {
  const std::string bytes = serialize(sample());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK_FALSE(deserialize_signature(std::string_view(bytes).substr(0, length)));
  }
  CHECK_FALSE(deserialize_signature(bytes + "x"));
}

TEST_CASE("no changed byte of a signature makes reading it fail badly") {
  const std::string bytes = serialize(sample());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (char flip : {'\x01', '\x40', '\x80', '\xff'}) {
      std::string damaged = bytes;
      damaged[at] = char(damaged[at] ^ flip);
      CHECK_NOTHROW(static_cast<void>(deserialize_signature(damaged)));
    }
  }
}
