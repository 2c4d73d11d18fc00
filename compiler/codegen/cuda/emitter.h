// The Emitter on text: CUDA C++ that stands behind prologue.cu, for NVRTC, for the emulator and for
// whoever wants to read it. Nothing here decides anything.
//
// A thread is a lane, so a varying value looks like a uniform one; only its Code remembers. Every
// value is a constant of its own, named by the op it is made for or by its kind (p_ pointers, n_
// Index, b_ predicates, x_ floats, i_ integers) and numbered, and a Code points at what stands for
// it: that name, or a literal. Expressions without effects that this block or one around it has
// already made are not written again.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/emitter.h"

namespace nodec {

class CudaEmitter : public Emitter {
 public:
  // `lines`: with the user's lines for debuggers, instead of as remarks.
  explicit CudaEmitter(bool lines = false) : lines_(lines) {}

  // What was written: tables and functions in the order they need, and the statements of the entry.
  struct Text {
    std::string functions, entry;
  };
  Text text() const;
  // A value that the prologue knows, such as slot(): an expression without effects.
  Code known(Scalar scalar, std::string expression, bool varying = false);
  // What stands for the value in an expression.
  const std::string& name(const Code& code) const { return value(code).text; }

  int lanes() const override { return 1; }

  // arithmetic.cpp
  Code constant(Scalar scalar, double value) override;
  Code constant_bits(Scalar scalar, std::uint64_t bits) override;
  Code add(Code a, Code b) override;
  Code sub(Code a, Code b) override;
  Code mul(Code a, Code b) override;
  Code neg(Code a) override;
  Code div(Code a, Code b) override;
  Code fma(Code a, Code b, Code c) override;
  Code sqrt(Code a) override;
  Code abs(Code a) override;
  Code round_even(Code a) override;
  Code floor(Code a) override;
  Code bit_and(Code a, Code b) override;
  Code bit_or(Code a, Code b) override;
  Code bit_xor(Code a, Code b) override;
  Code shift_left(Code a, int bits) override;
  Code shift_right(Code a, int bits) override;
  Code shift_right_signed(Code a, int bits) override;
  Code mul_high_u32(Code a, Code b) override;
  Code compare(Compare how, Code a, Code b) override;
  Code select(Code pred, Code if_true, Code if_false) override;
  Code bitcast(Code a, Scalar to) override;
  Code convert(Code a, Scalar to) override;
  Code convert_in_range(Code a, Scalar to) override;

  // call.cpp
  Code symbol(int number) override;
  Code port(int number) override;
  Code scratch(int number) override;
  Code outcome() override;
  Code member() override;
  Code members() override;
  Code thread() override;
  Code is_first() override;
  Code shared() override;
  Code arena(Code chunk) override;
  Code arenas() override;
  Code arenas_shared() override;
  void barrier(Scope scope) override;
  Code any(Code pred) override;
  void once(const std::function<void()>& body) override;
  Code tape_frame(Code tape, Code n, bool writes) override;
  Code is_null(Code pointer) override;

  // memory.cpp
  Code quotient(Code a, Code b) override;
  Code pointer_add(Code base, Code bytes) override;
  Code load(Code base, Code offset, Dtype stored) override;
  std::vector<Code> load_run(Code base, Code offset, int n, Dtype stored) override;
  Code load_lanes(Code base, Code offset, Dtype stored) override;
  void store(Code base, Code offset, Dtype stored, Code value) override;
  Code load_lanes_masked(Code base, Code offset, Dtype stored, Code count) override;
  void store_masked(Code base, Code offset, Dtype stored, Code value, Code count) override;
  Code gather(Code base, Code offsets, Dtype stored) override;
  void scatter(Code base, Code offsets, Dtype stored, Code value) override;
  Code data(Dtype stored, std::span<const double> values) override;
  Code local(std::int64_t bytes) override;
  std::vector<Code> load_rows(Code base, Code rows, Code stride, Code column, int n,
                              Dtype stored) override;
  void store_rows(Code base, Code rows, Code stride, Code column, Dtype stored,
                  std::span<const Code> values) override;
  Code broadcast(Code uniform) override;
  Code lane_index() override;
  Code shift_lanes(Code x, int distance) override;

  // control.cpp
  Values loop(Code begin, Code end, Code step, Values state,
              const std::function<Values(Code, Values)>& body, std::int64_t unroll = 1) override;
  Values while_loop(Values state, const std::function<Code(const Values&)>& test,
                    const std::function<Values(Values)>& body) override;
  Values branch(Code pred, const std::function<Values()>& then_body,
                const std::function<Values()>& else_body) override;
  int function(Scope scope, std::string_view name, std::span<const Scalar> parameters,
               const std::function<void(std::span<const Code>)>& body) override;
  void call(int function, std::span<const Code> arguments) override;
  Code expansion(std::string_view name, std::span<const Code> x,
                 const std::function<Code(std::span<const Code>)>& write) override;
  void return_if(Code pred) override;
  void at(const Op* op) override;

 private:
  // What a Code points at: a name or a literal, and the number if it is an integer's. Of an Index
  // or a Pointer it may be a sum that is not named, of a name and a number: addresses end in such
  // numbers, which machines add for nothing.
  struct Value {
    std::string text;
    std::optional<std::int64_t> number;
    std::string root = {};  // of a sum
    std::int64_t plus = 0;
  };
  // An Index or a Pointer as a sum; the root is empty where it is a number.
  struct Sum {
    std::string root;
    std::int64_t plus;
  };
  using Known = std::unordered_map<std::string, const Value*>;  // by expression
  // The function being written, and its open blocks from the outermost on.
  struct Function {
    std::string locals, text;
    std::vector<Known> blocks{1};
    Known loads;               // since anything was written
    std::string line, remark;  // of the user's program: told last, and yet to be told
    std::string place;         // as #line has it
    std::string op;            // that numbers are made for
  };
  struct Expansion {
    std::string name;
    Scalar result = Scalar::F32;
  };
  struct Table {
    std::string name, type, numbers;
    std::size_t count = 0, bytes = 0;
  };

  // emitter.cpp: kinds, names and lines.
  static bool is_float(Scalar scalar) { return scalar == Scalar::F32 || scalar == Scalar::F64; }
  static bool is_integer(Scalar scalar) {
    return scalar == Scalar::I32 || scalar == Scalar::I64 || scalar == Scalar::Index;
  }
  static const char* type(Scalar scalar);
  static const char* memory_type(Dtype dtype);
  static std::string parameter(Scalar scalar, const std::string& name);
  static void check_same(const Code& a, const Code& b);
  static void check_uniform(const Code& code, Scalar scalar, const char* what);
  const Value& value(const Code& code) const { return *static_cast<const Value*>(code.handle); }
  std::optional<std::int64_t> number(const Code& code) const { return value(code).number; }
  Code code(std::string text, Scalar scalar, bool varying);
  Code code(const Value* value, Scalar scalar, bool varying) const;
  Sum sum_of(const Code& code) const;
  Code plus(Code code, std::int64_t n);  // code + n
  std::string fresh(std::string_view stem);
  std::string fresh(Scalar scalar);
  Code variable(Scalar scalar, bool varying) { return code(fresh(scalar), scalar, varying); }
  Code named(Scalar scalar, const std::string& expression, bool varying);
  void line(std::string_view statement);
  void put(std::string_view statement);  // without a remark in front
  void remark();
  std::string indentation() const { return std::string(2 * here_.blocks.size(), ' '); }
  static std::string listed(const std::vector<std::string>& items, std::size_t column,
                            std::size_t further);
  void indented(const std::function<void()>& body);

  // arithmetic.cpp
  Code integer(Scalar scalar, std::uint64_t bits, bool varying);
  Code infix(Scalar scalar, Code a, const char* op, Code b);
  Code index_sum(Code a, const char* op, Code b);
  Code called(Scalar scalar, const char* function, std::initializer_list<Code> arguments);
  Code bitwise(Code a, const char* op, Code b);
  Code shift(Code a, const char* op, const char* function, int bits);

  // memory.cpp
  std::string element(Code base, Code offset, Dtype stored, bool writes);
  std::string narrowed(Code stored_value, Dtype stored) const;
  Code row_start(Code rows, Code stride, Code column);

  // control.cpp
  Values variables(const Values& state);
  void assign(const Values& variables, Values yielded);
  std::pair<std::string, Values> apart(const std::function<Values()>& body);
  Function written(const std::function<void()>& body);

  const bool lines_;
  std::deque<Value> values_;
  int names_ = 0;
  Function here_;          // at first the entry
  std::string functions_;  // complete ones
  std::vector<std::string> callees_;
  std::map<std::string, Expansion> expansions_;
  std::vector<Table> tables_;
};

}  // namespace nodec
