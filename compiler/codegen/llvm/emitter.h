// The Emitter on LLVM's IRBuilder: a uniform Code is a scalar llvm::Value, a varying one a vector
// of `lanes` elements. Nothing here decides anything; LLVM is only asked to select instructions,
// allocate registers and schedule. No fast-math flag is ever set and no transcendental intrinsic
// used, so the bits are those of the operations as written.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/codegen/llvm/cpu_target.h"
#include "compiler/codegen/llvm/lines.h"
#include "ir/debug.h"
#include "ir/emitter.h"

namespace nodec {

class LlvmEmitter : public Emitter {
 public:
  LlvmEmitter(llvm::Module& module, const CpuTarget& target, const Debug& debug);

  int lanes() const override { return target_.lanes; }

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
  Code usually(Code usual, Code x, const std::function<Code()>& always) override;
  Code bitcast(Code a, Scalar to) override;
  Code convert(Code a, Scalar to) override;
  Code convert_in_range(Code a, Scalar to) override;

  // call.cpp
  Code symbol(int number) override;
  Code port(int number) override;
  Code scratch(int number) override;
  Code outcome() override;
  Code shared() override;
  Code arena(Code chunk) override;
  Code arenas() override;
  Code arenas_shared() override;
  Code member() override;
  Code members() override;
  void barrier(Scope scope) override;
  Code any(Code pred) override;
  Code is_first() override;
  void once(const std::function<void()>& body) override;
  Code tape_frame(Code tape, Code n, bool writes) override;
  Code is_null(Code pointer) override;
  void count_chunks(Code n) override;
  llvm::LLVMContext& context() { return module_.getContext(); }
  // A routine of the runtime, found when linked.
  llvm::Value* call_runtime(const char* name, llvm::Type* result,
                            std::vector<llvm::Value*> arguments);

  // memory.cpp
  Code quotient(Code a, Code b) override;
  Code pointer_add(Code base, Code bytes) override;
  Code load(Code base, Code offset, Dtype stored) override;
  Code load_lanes(Code base, Code offset, Dtype stored) override;
  void store(Code base, Code offset, Dtype stored, Code value) override;
  Code load_lanes_masked(Code base, Code offset, Dtype stored, Code count) override;
  void store_masked(Code base, Code offset, Dtype stored, Code value, Code count) override;
  void claim(Code base, Code offset, Dtype stored) override;
  Code gather(Code base, Code offsets, Dtype stored) override;
  void scatter(Code base, Code offsets, Dtype stored, Code value) override;
  Code data(Dtype stored, std::span<const double> values) override;
  Code local(std::int64_t bytes) override;

  // lanes.cpp
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

  // The program's visible function (see LlvmModule::begin_entry).
  void begin_entry(std::string_view name);
  void end_function();  // returns from the function being written
  void finish();        // the module is complete

 private:
  // The function being written. Locals live in its first block, which branches to the code. Of its
  // arguments `call` is the CallFrame and `member`, where it works for the team, who runs it.
  struct Frame {
    llvm::Function* function = nullptr;
    llvm::BasicBlock* locals = nullptr;
    llvm::BasicBlock* leave = nullptr;
    llvm::Value* call = nullptr;
    llvm::Value* member = nullptr;
  };
  struct Callee {
    llvm::Function* function = nullptr;
    Scope scope = Scope::Member;
  };

  // Types and shapes of values.
  llvm::Type* scalar_type(Scalar scalar);
  llvm::Type* memory_type(Dtype dtype);
  llvm::Type* type(Scalar scalar, bool varying);
  llvm::Type* vector_of(llvm::Type* element);
  llvm::Value* value(const Code& code) const { return static_cast<llvm::Value*>(code.handle); }
  Code code(llvm::Value* value, Scalar scalar, bool varying) const {
    return {value, scalar, varying};
  }
  Code as(const Code& code, bool varying);  // broadcasts when it must
  bool align(Code& a, Code& b);             // to one kind; true: varying

  // Arithmetic.
  Code unary(llvm::Intrinsic::ID intrinsic, Code a);
  Code bitwise(llvm::Instruction::BinaryOps op, Code a, Code b);
  Code shift(llvm::Instruction::BinaryOps op, Code a, int bits);
  Code float_to_integer(Code a, Scalar to, bool in_range);

  // The call.
  llvm::Value* fixed(llvm::Type* type, llvm::Value* array, std::size_t number);
  llvm::Value* field(std::size_t offset, llvm::Type* type);
  llvm::Value* entry_of(std::size_t offset, int number, llvm::Type* type);

  // Memory.
  llvm::Value* address(Code base, Code offset, Dtype stored);
  Code from_memory(llvm::Value* raw, Dtype stored, bool varying);
  llvm::Value* to_memory(Code value, Dtype stored);
  llvm::Value* first_lanes(Code count);
  llvm::Value* splat(llvm::Value* scalar);
  std::vector<Code> row_starts(Code rows, Code stride, Code column);
  std::vector<llvm::Value*> transpose_vectors(std::vector<llvm::Value*> rows);

  // Control.
  llvm::Function* make_function(std::string_view name, llvm::FunctionType* type, bool visible);
  void enter(llvm::Function* function, Scope scope);
  llvm::BasicBlock* block(const char* name);
  void never_unroll(llvm::Instruction* back_edge);

  llvm::Module& module_;
  CpuTarget target_;
  bool unwinds_;                    // functions say how to return from them
  std::optional<LlvmLines> lines_;  // of the user's program, where they are asked for
  llvm::IRBuilder<> build_;
  Frame frame_;
  std::vector<Callee> functions_;
  std::map<std::string, llvm::Function*> expansions_;
};

}  // namespace nodec
