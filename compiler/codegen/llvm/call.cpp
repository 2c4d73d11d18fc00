// What a program asks of its call and of its team, in LLVM IR: fields of the call frame, and the
// runtime's routines (ir/abi.h).
#include <llvm/IR/MDBuilder.h>

#include <cstddef>

#include "compiler/codegen/llvm/emitter.h"
#include "ir/abi.h"
#include "ir/error.h"

namespace nodec {

// The frame, and the arrays that it points at, stay as they are while a call lasts. LLVM would
// search all stores before a load for one that may change it, and load again behind each.
llvm::Value* LlvmEmitter::fixed(llvm::Type* type, llvm::Value* array, std::size_t number) {
  llvm::Value* at = build_.CreateInBoundsGEP(type, array, build_.getInt64(number));
  llvm::LoadInst* made = build_.CreateAlignedLoad(type, at, llvm::Align(sizeof(std::int64_t)));
  made->setMetadata(llvm::LLVMContext::MD_invariant_load,
                    llvm::MDNode::get(module_.getContext(), {}));
  return made;
}

// A pointer-sized field of the call frame.
llvm::Value* LlvmEmitter::field(std::size_t offset, llvm::Type* type) {
  return fixed(type, frame_.call, offset / sizeof(std::int64_t));
}

// Entry `number` of the array that a field points at.
llvm::Value* LlvmEmitter::entry_of(std::size_t offset, int number, llvm::Type* type) {
  return fixed(type, field(offset, build_.getPtrTy()), std::size_t(number));
}

Code LlvmEmitter::symbol(int number) {
  return code(entry_of(offsetof(CallFrame, symbols), number, build_.getInt64Ty()), Scalar::Index,
              false);
}

Code LlvmEmitter::port(int number) {
  return code(entry_of(offsetof(CallFrame, ports), number, build_.getPtrTy()), Scalar::Pointer,
              false);
}

Code LlvmEmitter::scratch(int number) {
  return code(entry_of(offsetof(CallFrame, scratch), number, build_.getPtrTy()), Scalar::Pointer,
              false);
}

Code LlvmEmitter::outcome() {
  return code(field(offsetof(CallFrame, outcome), build_.getPtrTy()), Scalar::Pointer, false);
}

// A member has one lane's registers and its stack.
Code LlvmEmitter::shared() { NODEC_CHECK(false, "a thread shares no memory with itself"); }
Code LlvmEmitter::arena(Code) { NODEC_CHECK(false, "a thread has no arenas"); }
Code LlvmEmitter::arenas() { NODEC_CHECK(false, "a thread has no arenas"); }
Code LlvmEmitter::arenas_shared() { NODEC_CHECK(false, "a thread has no arenas"); }

Code LlvmEmitter::member() {
  NODEC_CHECK(frame_.member != nullptr, "a member's own function asks who runs it");
  return code(frame_.member, Scalar::Index, false);
}

Code LlvmEmitter::members() {
  return code(field(offsetof(CallFrame, threads), build_.getInt64Ty()), Scalar::Index, false);
}

llvm::Value* LlvmEmitter::call_runtime(const char* name, llvm::Type* result,
                                       std::vector<llvm::Value*> arguments) {
  std::vector<llvm::Type*> types;
  for (const llvm::Value* argument : arguments) types.push_back(argument->getType());
  llvm::FunctionCallee routine =
      module_.getOrInsertFunction(name, llvm::FunctionType::get(result, types, false));
  llvm::CallInst* made = build_.CreateCall(routine, arguments);
  made->setDoesNotThrow();
  return made;
}

// A member is one thread here: it need not wait for itself.
void LlvmEmitter::barrier(Scope scope) {
  if (scope == Scope::Member) return;
  call_runtime("nodec_barrier", build_.getVoidTy(), {frame_.call, value(member())});
}

Code LlvmEmitter::is_first() { return compare(Compare::Eq, member(), index(0)); }

void LlvmEmitter::once(const std::function<void()>& body) {
  branch(
      is_first(),
      [&] {
        body();
        return Values{};
      },
      [] { return Values{}; });
}

// The frame's address from the thread's cursor where that is at its segment, as it is for all but
// the first of a segment; else the runtime's answer, which moves the cursor there.
Code LlvmEmitter::tape_frame(Code tape, Code n, bool writes) {
  llvm::Type *bytes = build_.getInt8Ty(), *number = build_.getInt64Ty();
  llvm::Value* place =
      build_.CreateNSWAdd(build_.CreateNSWMul(value(tape), value(members())), value(member()));
  llvm::Value* cursor =
      build_.CreateInBoundsGEP(bytes, field(offsetof(CallFrame, cursors), build_.getPtrTy()),
                               build_.CreateNSWMul(place, build_.getInt64(sizeof(TapeCursor))));
  const auto part = [&](std::size_t offset) {
    return build_.CreateInBoundsGEP(bytes, cursor, build_.getInt64(offset));
  };
  const auto known = [&](std::size_t offset, llvm::Type* type) {
    return build_.CreateAlignedLoad(type, part(offset), llvm::Align(sizeof(std::int64_t)));
  };
  llvm::Value* away = build_.CreateSub(value(n), known(offsetof(TapeCursor, first), number));
  llvm::Value* near = build_.CreateICmpULT(away, known(offsetof(TapeCursor, count), number));
  llvm::Value* written = known(offsetof(TapeCursor, written), number);
  llvm::Value* fits =
      writes ? build_.CreateICmpSLE(value(n), written) : build_.CreateICmpSLT(value(n), written);
  llvm::BasicBlock* before = build_.GetInsertBlock();
  const Values found = branch(
      code(build_.CreateAnd(near, fits), Scalar::Pred, false),
      [&] {
        if (writes) {
          llvm::Value* next = build_.CreateNSWAdd(value(n), build_.getInt64(1));
          llvm::Value* last = build_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, written, next);
          build_.CreateAlignedStore(last, part(offsetof(TapeCursor, written)),
                                    llvm::Align(sizeof(std::int64_t)));
        }
        llvm::Value* at = build_.CreateNSWMul(away, known(offsetof(TapeCursor, stride), number));
        llvm::Value* base = known(offsetof(TapeCursor, base), build_.getPtrTy());
        return Values{code(build_.CreateInBoundsGEP(bytes, base, at), Scalar::Pointer, false)};
      },
      [&] {
        llvm::Value* asked =
            call_runtime(writes ? "nodec_tape_frame" : "nodec_tape_read", build_.getPtrTy(),
                         {frame_.call, cursor, value(tape), value(n)});
        return Values{code(asked, Scalar::Pointer, false)};
      });
  before->getTerminator()->setMetadata(
      llvm::LLVMContext::MD_prof,
      llvm::MDBuilder(module_.getContext()).createLikelyBranchWeights());
  return found[0];
}

Code LlvmEmitter::is_null(Code pointer) {
  return code(build_.CreateIsNull(value(pointer)), Scalar::Pred, false);
}

// Counters stand a cache line apart.
void LlvmEmitter::count_chunks(Code n) {
  constexpr std::int64_t kApart = 8;
  const Code counters =
      code(field(offsetof(CallFrame, chunks_done), build_.getPtrTy()), Scalar::Pointer, false);
  const Code mine = mul(member(), index(kApart));
  const Code before = load(counters, mine, Dtype::I64);
  store(counters, mine, Dtype::I64, add(before, convert(n, Scalar::I64)));
}

}  // namespace nodec
