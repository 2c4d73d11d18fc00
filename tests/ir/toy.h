// A handful of primitives for tests of ir/, which knows none of the real ones: enough to reach
// every path of the builder, the text, the verifier and the interpreter.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>

#include "ir/builder.h"
#include "ir/interpret.h"
#include "ir/parse.h"
#include "ir/primitive.h"
#include "ir/print.h"
#include "ir/verify.h"

namespace nodec::toy {

inline std::vector<Type> same(const Op& op) {
  const Type& first = op.operands.at(0)->type;
  for (const Value* operand : op.operands) {
    if (operand->type == first) continue;
    throw Error(fmt::format("'{}' takes operands of one type, got {} and {}", op.name(),
                            first.str(), operand->type.str()),
                {}, "broadcast one of them");
  }
  return {first};
}

inline std::vector<Type> region_results(const Op& op) {
  std::vector<Type> types;
  for (const Value* result : op.region().results) types.push_back(result->type);
  return types;
}

inline const Primitive add_p{.name = "add",
                             .arity = 2,
                             .type = same,
                             .scalar = [](std::span<const double> x) { return x[0] + x[1]; },
                             .integer =
                                 [](std::span<const std::int64_t> x) {
                                   return std::int64_t(std::uint64_t(x[0]) + std::uint64_t(x[1]));
                                 }};

// No integer rule, on purpose.
inline const Primitive twice_p{
    .name = "twice", .arity = 1, .type = same, .scalar = [](std::span<const double> x) {
      return 2 * x[0];
    }};

// Any operands, any attributes; `to` is the type's dtype.
inline const Primitive blob_p{
    .name = "blob.any", .type = [](const Op& op) {
      return std::vector<Type>{Type::scalar(op.attrs.get_or<Dtype>("to", Dtype::F32))};
    }};

inline const Primitive fill_p{
    .name = "fill",
    .arity = 0,
    .type =
        [](const Op& op) {
          return std::vector<Type>{Type::tensor(Dtype::F64, op.attrs.get<Shape>("shape"))};
        },
    .eval =
        [](const Op& op, std::span<const Datum>, Interpreter& interpreter) {
          std::vector<std::int64_t> dims;
          for (const Dim& dim : op.attrs.get<Shape>("shape")) {
            dims.push_back(dim.evaluate(interpreter.bindings()));
          }
          Array array = Array::zeros(Dtype::F64, dims);
          for (double& real : array.reals) real = op.attrs.get<double>("value");
          return std::vector<Datum>{array};
        }};

inline const Primitive tuple_p{.name = "tuple",
                               .type =
                                   [](const Op& op) {
                                     std::vector<Type> types;
                                     for (const Value* operand : op.operands)
                                       types.push_back(operand->type);
                                     return std::vector<Type>{Type::tuple(types)};
                                   },
                               .eval =
                                   [](const Op&, std::span<const Datum> operands, Interpreter&) {
                                     Datum all;
                                     all.kind = Type::Kind::Tuple;
                                     all.elements.assign(operands.begin(), operands.end());
                                     return std::vector<Datum>{all};
                                   }};

inline const Primitive split_p{
    .name = "split",
    .arity = 1,
    .type = [](const Op& op) { return op.operands.at(0)->type.elements(); },
    .eval = [](const Op&, std::span<const Datum> operands,
               Interpreter&) { return operands[0].elements; }};

inline const Primitive call_p{
    .name = "call",
    .form = Form::Control,
    .type = region_results,
    .eval = [](const Op& op, std::span<const Datum> operands, Interpreter& interpreter) {
      return interpreter.run(op.region(), operands);
    }};

inline const Primitive box_new_p{
    .name = "box.new",
    .arity = 1,
    .type = [](const Op& op) { return std::vector<Type>{Type::box(op.operands[0]->type)}; },
    .eval =
        [](const Op&, std::span<const Datum> operands, Interpreter&) {
          Datum box;
          box.kind = Type::Kind::Box;
          box.cell = std::make_shared<Datum>(operands[0]);
          return std::vector<Datum>{box};
        }};

inline const Primitive box_load_p{
    .name = "box.load",
    .arity = 1,
    .type = [](const Op& op) { return op.operands.at(0)->type.elements(); },
    .eval = [](const Op&, std::span<const Datum> operands,
               Interpreter&) { return std::vector<Datum>{*operands[0].cell}; }};

inline const Primitive box_store_p{
    .name = "box.store",
    .arity = 2,
    .type = [](const Op&) { return std::vector<Type>{}; },
    .eval =
        [](const Op&, std::span<const Datum> operands, Interpreter&) {
          *operands[0].cell = operands[1];
          return std::vector<Datum>{};
        }};

// Claims one shape, evaluates to another.
inline const Primitive liar_p{.name = "liar",
                              .arity = 1,
                              .type = same,
                              .eval = [](const Op&, std::span<const Datum>, Interpreter&) {
                                return std::vector<Datum>{Array::zeros(Dtype::F64, {99})};
                              }};

inline const Primitive* lookup(std::string_view name) {
  for (const Primitive* primitive : {&add_p, &twice_p, &blob_p, &fill_p, &tuple_p, &split_p,
                                     &call_p, &box_new_p, &box_load_p, &box_store_p, &liar_p}) {
    if (primitive->name == name) return primitive;
  }
  return nullptr;
}

// The whole text of the Error that `act` throws; "nothing thrown" when it throws none.
template <class Act>
std::string error_of(Act act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

inline std::unique_ptr<Graph> read(std::string_view text) { return parse(text, lookup, "t.ir"); }

}  // namespace nodec::toy
