// Types: printing, the lattice's laws, substitution.
#include "ir/type.h"

#include <doctest/doctest.h>

#include "ir/error.h"

using namespace nodec;

namespace {

const Dim kBatch = Dim::symbol("B");

Type f32(Shape shape) { return Type::tensor(Dtype::F32, std::move(shape)); }

// Types of every kind, some pairs of which join below any.
std::vector<Type> samples() {
  return {Type::never(),
          Type::any(),
          f32({3}),
          f32({4}),
          f32({kBatch}),
          f32({Dim::unknown()}),
          f32({3, 4}),
          Type::tensor(Dtype::F64, {3}),
          Type::tuple({f32({3}), f32({4})}),
          Type::tuple({f32({4}), Type::never()}),
          Type::tuple({}),
          Type::record({{"a", f32({3})}}),
          Type::record({{"a", f32({4})}}),
          Type::record({{"b", f32({3})}}),
          Type::box(f32({3})),
          Type::box(f32({4})),
          Type::tape({f32({3})})};
}

}  // namespace

TEST_CASE("types print as they are written") {
  CHECK(f32({20, kBatch}).str() == "f32[20, B]");
  CHECK(Type::scalar(Dtype::I32).str() == "i32[]");
  CHECK(Type::tuple({f32({3}), Type::scalar(Dtype::Key)}).str() == "(f32[3], key[])");
  CHECK(Type::record({{"scale", f32({20})}, {"a b", Type::any()}}).str() ==
        "{scale: f32[20], \"a b\": any}");
  CHECK(Type::box(f32({Dim::unknown()})).str() == "box<f32[?]>");
  CHECK(Type::tape({f32({20, kBatch}), f32({})}).str() == "tape<f32[20, B], f32[]>");
  CHECK(Type().str() == "never");
}

TEST_CASE("dtypes have names and sizes") {
  for (int i = 0; i < 7; ++i) CHECK(parse_dtype(name(Dtype(i))) == Dtype(i));
  CHECK_FALSE(parse_dtype("f16"));
  CHECK(bytes(Dtype::Bool) == 1);
  CHECK(bytes(Dtype::Key) == 8);
  CHECK(is_integer(Dtype::U8));
  CHECK_FALSE(is_integer(Dtype::Bool));
  CHECK_FALSE(is_integer(Dtype::Key));
  CHECK(is_float(Dtype::F64));
}

TEST_CASE("join is the least type above both, as the lattice says") {
  CHECK(join(f32({3}), f32({3})) == f32({3}));
  CHECK(join(f32({3, kBatch}), f32({4, kBatch})) == f32({Dim::unknown(), kBatch}));
  CHECK(join(f32({3}), f32({3, 4})) == Type::any());
  CHECK(join(f32({3}), Type::tensor(Dtype::F64, {3})) == Type::any());
  CHECK(join(Type::box(f32({3})), Type::box(f32({4}))) == Type::any());
  CHECK(join(Type::record({{"a", f32({3})}}), Type::record({{"a", f32({4})}})) ==
        Type::record({{"a", f32({Dim::unknown()})}}));
  CHECK(join(Type::record({{"a", f32({3})}}), Type::record({{"b", f32({3})}})) == Type::any());
}

TEST_CASE("join is idempotent, commutative and associative, from never to any") {
  for (const Type& a : samples()) {
    CHECK(join(a, a) == a);
    CHECK(join(a, Type::never()) == a);
    CHECK(join(a, Type::any()) == Type::any());
    for (const Type& b : samples()) {
      CHECK(join(a, b) == join(b, a));
      CHECK(join(join(a, b), b) == join(a, b));
      for (const Type& c : samples()) CHECK(join(join(a, b), c) == join(a, join(b, c)));
    }
  }
}

TEST_CASE("substitution reaches every dim of every part") {
  const Type type = Type::record({{"t", Type::tuple({f32({kBatch, 3})})},
                                  {"b", Type::box(f32({kBatch * 2}))},
                                  {"p", Type::tape({f32({kBatch})})}});
  CHECK(type.mentions("B"));
  CHECK(substitute(type, {{"B", Dim(5)}}).str() ==
        "{t: (f32[5, 3]), b: box<f32[10]>, p: tape<f32[5]>}");
  CHECK_FALSE(substitute(type, {{"B", Dim(5)}}).mentions("B"));
  CHECK(substitute(type, {{"C", Dim(5)}}) == type);
}

TEST_CASE("a type answers for its own kind only") {
  CHECK_THROWS_AS((void)Type::any().shape(), std::logic_error);
  CHECK_THROWS_AS((void)Type::tuple({}).dtype(), std::logic_error);
  CHECK(f32({3}).with_dtype(Dtype::I32).str() == "i32[3]");
  CHECK(f32({3}).with_shape({}).str() == "f32[]");
  CHECK(Type::record({{"a", f32({})}, {"b", f32({})}}).field_index("b") == 1);
  CHECK(Type::record({{"a", f32({})}}).field_index("c") == -1);
  CHECK_THROWS_WITH_AS(Type::record({{"a", f32({})}, {"a", f32({})}}),
                       "error: a record has two fields named 'a'", Error);
}

TEST_CASE("shapes count their elements") {
  CHECK(element_count({}) == Dim(1));
  CHECK(element_count({20, kBatch}) == kBatch * 20);
  CHECK(str(Shape{20, kBatch + 1}) == "[20, B + 1]");
}

TEST_CASE("types nest as deep as their text may") {
  Type type = Type::scalar(Dtype::F32);
  for (int i = 0; i < kDepthLimit; ++i) type = Type::tuple({Type::scalar(Dtype::I32), type});
  CHECK_THROWS_WITH_AS(Type::box(type), doctest::Contains("types nest more than 64 deep"), Error);
}
