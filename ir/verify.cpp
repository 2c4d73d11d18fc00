// Checks what every stage must leave true. Each failure carries the op's text, since a broken graph
// is our own mistake and the text is the evidence.
#include "ir/verify.h"

#include <unordered_set>

#include "ir/primitive.h"
#include "ir/print.h"

namespace nodec {
namespace {

class Verifier {
 public:
  explicit Verifier(std::string_view after) : after_(after) {}

  void region(const Region& region, const Op* parent) {
    NODEC_CHECK(region.parent == parent,
                "after {}: a region's parent is not the op that holds it{}", after_,
                parent ? ":\n" + print(*parent) : "");
    std::unordered_set<const Value*> defined;
    for (std::size_t i = 0; i < region.args.size(); ++i) {
      owned(*region.args[i], region, nullptr, i);
      defined.insert(region.arg(i));
    }
    for (const auto& op : region.ops) this->op(*op, region, defined);
    for (const Value* result : region.results) {
      NODEC_CHECK(defined.contains(result), "after {}: a yielded value is not of its region:\n{}",
                  after_, print(region));
    }
  }

 private:
  void op(const Op& op, const Region& region, std::unordered_set<const Value*>& defined) {
    NODEC_CHECK(op.primitive != nullptr, "after {}: an op has no primitive", after_);
    NODEC_CHECK(op.parent == &region, "after {}: an op's parent is not its region:\n{}", after_,
                print(op));
    for (const Value* operand : op.operands) {
      NODEC_CHECK(defined.contains(operand),
                  "after {}: an operand is not defined before its use in the region:\n{}", after_,
                  print(op));
    }
    const int arity = op.primitive->arity;
    NODEC_CHECK(arity < 0 || op.operands.size() == std::size_t(arity),
                "after {}: '{}' takes {} operands:\n{}", after_, op.name(), arity, print(op));
    for (const auto& nested : op.regions) this->region(*nested, &op);
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      owned(*op.results[i], region, &op, i);
      defined.insert(op.result(i));
    }
    types(op);
  }

  void owned(const Value& value, const Region& region, const Op* op, std::size_t index) {
    NODEC_CHECK(value.region == &region && value.op == op && value.index == int(index),
                "after {}: value {} '{}' of {} does not point back at its owner", after_, index,
                value.name, op ? op->name() : "a region's arguments");
  }

  void types(const Op& op) {
    std::vector<Type> derived;
    try {
      derived = result_types(op);
    } catch (const Error& error) {
      NODEC_CHECK(false, "after {}: an op does not type: {}:\n{}", after_, error.message(),
                  print(op));
    }
    NODEC_CHECK(derived.size() == op.results.size(), "after {}: '{}' has {} results, typed {}:\n{}",
                after_, op.name(), op.results.size(), derived.size(), print(op));
    for (std::size_t i = 0; i < derived.size(); ++i) {
      NODEC_CHECK(identical(derived[i], op.result(i)->type),
                  "after {}: result {} is {} but its type rule gives {}:\n{}", after_, i,
                  op.result(i)->type.str(), derived[i].str(), print(op));
    }
  }

  std::string_view after_;
};

void verify_outputs(const Graph& graph, std::string_view after) {
  const Region& body = graph.body;
  const std::size_t count = body.results.size();
  NODEC_CHECK(graph.result_names.empty() || graph.result_names.size() == count,
              "after {}: {} result names for {} results", after, graph.result_names.size(), count);
  NODEC_CHECK(graph.aliases.empty() || graph.aliases.size() == count,
              "after {}: {} aliases for {} results", after, graph.aliases.size(), count);
  std::unordered_set<int> written;
  for (std::size_t i = 0; i < graph.aliases.size(); ++i) {
    const int input = graph.aliases[i];
    if (input < 0) continue;
    NODEC_CHECK(std::size_t(input) < body.args.size(),
                "after {}: result {} is over argument {} of {}", after, i, input, body.args.size());
    NODEC_CHECK(written.insert(input).second, "after {}: two results are over argument {}", after,
                input);
    NODEC_CHECK(body.results[i]->type == body.arg(std::size_t(input))->type,
                "after {}: result {} of type {} is over argument {} of type {}", after, i,
                body.results[i]->type.str(), input, body.arg(std::size_t(input))->type.str());
  }
}

}  // namespace

void verify(const Graph& graph, std::string_view after) {
  Verifier(after).region(graph.body, nullptr);
  verify_outputs(graph, after);
}

}  // namespace nodec
