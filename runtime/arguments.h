// Holds a call's arrays against the program's signature, and finds the value of every symbol.
//
// A symbol's value comes from the call's options or from the first dim that is that symbol alone,
// inputs before outputs; every other dim must then agree. A fit costs a few comparisons, and
// nothing but them where the call before asked the same; only a misfit is looked at a second time,
// to word all its differences.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/abi.h"
#include "runtime/tensor.h"

namespace nodec {

class ArgumentCheck {
 public:
  // The signature must outlive this. `device`: where arrays may lie beside the host; null: nowhere.
  explicit ArgumentCheck(const Signature& signature, const Device* device = nullptr);

  using Values = std::vector<std::int64_t>;  // of symbols; -1: not known

  // What the check of one call works on, kept between calls so that a later one allocates nothing.
  struct Room {
    Values values;                             // the answer
    std::vector<TensorView> views;             // inputs, then outputs
    std::vector<std::uintptr_t> begins, ends;  // where the arrays lie
    // What the answer goes by: of this call, and of the one it was found for.
    std::vector<std::uintptr_t> asked, answered;
    Bindings given;
  };
  // Leaves values in the order of Signature::symbols; an Error states every misfit.
  void bind(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
            const Bindings& given, int threads, Room& room) const;
  // The symbols the inputs and the options give, to size outputs with; an Error states every input
  // that does not fit.
  Bindings symbols_of(std::span<const TensorView> inputs, const Bindings& given) const;

 private:
  // A dim in the form it is checked fastest: a number, or a symbol, or (neither) a polynomial.
  struct Rule {
    Dim dim;
    std::int64_t constant = -1;
    int symbol = -1;
  };
  // A dim that is a symbol alone.
  struct Source {
    std::size_t port = 0, axis = 0;
    int symbol = -1;
  };
  struct TableRule {
    Rule rows, picked;
  };
  struct PartRule {
    Dim size, left;  // of the part, and what lies behind it
  };

  std::size_t port_count() const { return signature_.inputs.size() + signature_.outputs.size(); }
  const Port& port(std::size_t i) const;
  std::string title(std::size_t i) const;  // "input 'x'"
  int symbol_index(std::string_view symbol) const;
  void start(const Bindings& given, Values& values) const;
  [[noreturn]] void refuse_symbol(const std::string& symbol) const;
  // The symbols that the first ports' arrays tell.
  void learn(std::span<const TensorView> views, Values& values) const;
  bool is_within_reach(const TensorView& view) const {
    return view.device == nullptr || view.device == device_;
  }
  bool fits(std::size_t i, const TensorView& view, const Values& values) const;
  Rule rule_for(const Dim& dim);
  std::int64_t value_of(const Rule& rule, const Values& values) const;
  bool is_negative(const Dim& dim, const Values& values) const;  // as far as is known
  std::int64_t wanted_dim(std::size_t i, std::size_t axis, const Values& values) const {
    return value_of(rules_[i][axis], values);
  }
  void derive(Values& values, int threads) const;
  std::string misfit(std::size_t i, const TensorView& view, const Values& values,
                     std::string& help) const;
  std::string known_symbols(const Type& type, const Values& values) const;
  [[noreturn]] void explain(std::span<const TensorView> views, const Values& values) const;
  void check_tables(const Values& values) const;
  void check_parts(const Values& values) const;
  void check_overlap(Room& room) const;
  void explain_overlap(std::size_t out, std::span<const TensorView> views) const;

  const Signature& signature_;
  const Device* device_;
  std::vector<std::string> symbols_;      // the signature's, then any that only dims mention
  std::vector<std::vector<Rule>> rules_;  // by port, inputs then outputs
  std::vector<Source> sources_;           // in the order of ports
  std::vector<TableRule> tables_;         // of the signature's tables
  std::vector<PartRule> parts_;           // of the signature's parts
};

}  // namespace nodec
