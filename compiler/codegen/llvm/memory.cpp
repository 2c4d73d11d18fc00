// Loads and stores in LLVM IR. Accesses are aligned to their element only, which costs nothing on
// addresses that happen to be aligned further.
#include <llvm/IR/Intrinsics.h>

#include "compiler/codegen/llvm/emitter.h"
#include "ir/error.h"

namespace nodec {
namespace {

llvm::Align alignment(Dtype stored) { return llvm::Align(bytes(stored)); }

Scalar loaded_scalar(Dtype stored) {
  return stored == Dtype::Bool ? Scalar::I32 : scalar_kind(stored);
}

}  // namespace

llvm::Type* LlvmEmitter::memory_type(Dtype dtype) {
  if (dtype == Dtype::Bool || dtype == Dtype::U8) return build_.getInt8Ty();
  return scalar_type(loaded_scalar(dtype));
}

llvm::Value* LlvmEmitter::address(Code base, Code offset, Dtype stored) {
  NODEC_CHECK(base.scalar == Scalar::Pointer && offset.scalar == Scalar::Index,
              "address of kinds {}, {}", int(base.scalar), int(offset.scalar));
  return build_.CreateInBoundsGEP(memory_type(stored), value(base), value(offset));
}

Code LlvmEmitter::from_memory(llvm::Value* raw, Dtype stored, bool varying) {
  const Scalar scalar = loaded_scalar(stored);
  if (bytes(stored) == 1) raw = build_.CreateZExt(raw, type(scalar, varying));
  return code(raw, scalar, varying);
}

llvm::Value* LlvmEmitter::to_memory(Code stored_value, Dtype stored) {
  llvm::Value* raw = value(stored_value);
  if (bytes(stored) == 1) {
    NODEC_CHECK(stored_value.scalar == Scalar::I32 || stored_value.scalar == Scalar::Pred,
                "a byte from kind {}", int(stored_value.scalar));
    llvm::Type* byte = memory_type(stored);
    return build_.CreateZExtOrTrunc(raw, stored_value.varying ? vector_of(byte) : byte);
  }
  NODEC_CHECK(stored_value.scalar == loaded_scalar(stored), "a {} stored from kind {}",
              name(stored), int(stored_value.scalar));
  return raw;
}

Code LlvmEmitter::quotient(Code a, Code b) {
  NODEC_CHECK(a.scalar == Scalar::Index && b.scalar == Scalar::Index, "a quotient of kinds {}, {}",
              int(a.scalar), int(b.scalar));
  return code(build_.CreateSDiv(value(a), value(b)), Scalar::Index, false);
}

Code LlvmEmitter::pointer_add(Code base, Code bytes) {
  return code(build_.CreateInBoundsGEP(build_.getInt8Ty(), value(base), value(bytes)),
              Scalar::Pointer, false);
}

Code LlvmEmitter::load(Code base, Code offset, Dtype stored) {
  llvm::Value* at = address(base, offset, stored);
  return from_memory(build_.CreateAlignedLoad(memory_type(stored), at, alignment(stored)), stored,
                     false);
}

Code LlvmEmitter::load_lanes(Code base, Code offset, Dtype stored) {
  llvm::Value* at = address(base, offset, stored);
  llvm::Type* vector = vector_of(memory_type(stored));
  return from_memory(build_.CreateAlignedLoad(vector, at, alignment(stored)), stored, true);
}

void LlvmEmitter::store(Code base, Code offset, Dtype stored, Code stored_value) {
  llvm::Value* raw = to_memory(stored_value, stored);
  build_.CreateAlignedStore(raw, address(base, offset, stored), alignment(stored));
}

// The mask of the lanes below `count`; a count beyond the lanes means all of them.
llvm::Value* LlvmEmitter::first_lanes(Code count) {
  llvm::Value* most = llvm::ConstantInt::get(value(count)->getType(), lanes());
  llvm::Value* clamped = build_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, value(count), most);
  llvm::Value* narrow = build_.CreateTrunc(clamped, build_.getInt32Ty());
  return build_.CreateICmpSLT(value(lane_index()), splat(narrow));
}

Code LlvmEmitter::load_lanes_masked(Code base, Code offset, Dtype stored, Code count) {
  llvm::Value* at = address(base, offset, stored);
  llvm::Type* vector = vector_of(memory_type(stored));
  llvm::Value* raw = build_.CreateMaskedLoad(vector, at, alignment(stored), first_lanes(count),
                                             llvm::Constant::getNullValue(vector));
  return from_memory(raw, stored, true);
}

void LlvmEmitter::store_masked(Code base, Code offset, Dtype stored, Code stored_value,
                               Code count) {
  llvm::Value* raw = to_memory(as(stored_value, true), stored);
  build_.CreateMaskedStore(raw, address(base, offset, stored), alignment(stored),
                           first_lanes(count));
}

// A store, for a processor may take a prefetch for writing as done where it has the line to read.
void LlvmEmitter::claim(Code base, Code offset, Dtype stored) {
  llvm::Value* at = address(base, offset, stored);
  llvm::Type* bits = build_.getIntNTy(unsigned(8 * bytes(stored)));
  build_.CreateAlignedStore(build_.CreateAlignedLoad(bits, at, alignment(stored), true), at,
                            alignment(stored), true);
}

Code LlvmEmitter::gather(Code base, Code offsets, Dtype stored) {
  offsets = as(offsets, true);
  llvm::Type* element = memory_type(stored);
  llvm::Value* at = build_.CreateInBoundsGEP(element, value(base), value(offsets));
  return from_memory(build_.CreateMaskedGather(vector_of(element), at, alignment(stored)), stored,
                     true);
}

// Lanes with one offset write in lane order, so the last wins.
void LlvmEmitter::scatter(Code base, Code offsets, Dtype stored, Code stored_value) {
  offsets = as(offsets, true);
  llvm::Value* raw = to_memory(as(stored_value, true), stored);
  llvm::Value* at = build_.CreateInBoundsGEP(memory_type(stored), value(base), value(offsets));
  build_.CreateMaskedScatter(raw, at, alignment(stored));
}

namespace {

template <class T>
llvm::Constant* array_of(llvm::LLVMContext& context, std::span<const double> values) {
  std::vector<T> numbers;
  numbers.reserve(values.size());
  for (const double x : values) {
    if constexpr (std::is_floating_point_v<T>) {
      numbers.push_back(static_cast<T>(x));
    } else {
      numbers.push_back(static_cast<T>(std::int64_t(x)));
    }
  }
  return llvm::ConstantDataArray::get(context, llvm::ArrayRef<T>(numbers));
}

llvm::Constant* array_of(llvm::LLVMContext& context, Dtype stored, std::span<const double> values) {
  switch (stored) {
    case Dtype::F32:
      return array_of<float>(context, values);
    case Dtype::F64:
      return array_of<double>(context, values);
    case Dtype::I32:
      return array_of<std::uint32_t>(context, values);
    case Dtype::I64:
      return array_of<std::uint64_t>(context, values);
    default:
      NODEC_CHECK(bytes(stored) == 1, "data of {}", name(stored));
      return array_of<std::uint8_t>(context, values);
  }
}

}  // namespace

Code LlvmEmitter::data(Dtype stored, std::span<const double> values) {
  llvm::Constant* numbers = array_of(module_.getContext(), stored, values);
  auto* made = new llvm::GlobalVariable(module_, numbers->getType(), true,
                                        llvm::GlobalValue::PrivateLinkage, numbers, "table");
  made->setAlignment(llvm::Align(64));
  return code(made, Scalar::Pointer, false);
}

Code LlvmEmitter::local(std::int64_t bytes) {
  const llvm::IRBuilder<>::InsertPointGuard guard(build_);
  build_.SetInsertPoint(frame_.locals, frame_.locals->begin());
  llvm::AllocaInst* storage =
      build_.CreateAlloca(llvm::ArrayType::get(build_.getInt8Ty(), std::uint64_t(bytes)));
  storage->setAlignment(llvm::Align(64));
  return code(storage, Scalar::Pointer, false);
}

}  // namespace nodec
