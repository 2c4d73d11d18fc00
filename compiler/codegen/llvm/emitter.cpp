// Types of values, and the broadcast of uniform ones where they meet varying ones.
#include "compiler/codegen/llvm/emitter.h"

#include "ir/error.h"

namespace nodec {

LlvmEmitter::LlvmEmitter(llvm::Module& module, const CpuTarget& target, const Debug& debug)
    : module_(module), target_(target), unwinds_(debug.any()), build_(module.getContext()) {
  if (debug.lines) lines_.emplace(module);
}

llvm::Type* LlvmEmitter::scalar_type(Scalar scalar) {
  switch (scalar) {
    case Scalar::Pred:
      return build_.getInt1Ty();
    case Scalar::I32:
      return build_.getInt32Ty();
    case Scalar::I64:
    case Scalar::Index:
      return build_.getInt64Ty();
    case Scalar::F32:
      return build_.getFloatTy();
    case Scalar::F64:
      return build_.getDoubleTy();
    case Scalar::Pointer:
      return build_.getPtrTy();
  }
  NODEC_CHECK(false, "unknown scalar {}", int(scalar));
}

llvm::Type* LlvmEmitter::vector_of(llvm::Type* element) {
  return llvm::FixedVectorType::get(element, unsigned(lanes()));
}

llvm::Type* LlvmEmitter::type(Scalar scalar, bool varying) {
  llvm::Type* element = scalar_type(scalar);
  return varying ? vector_of(element) : element;
}

Code LlvmEmitter::as(const Code& given, bool varying) {
  if (given.varying == varying) return given;
  NODEC_CHECK(varying, "a varying value where a uniform one is needed");
  return code(splat(value(given)), given.scalar, true);
}

bool LlvmEmitter::align(Code& a, Code& b) {
  NODEC_CHECK(a.scalar == b.scalar, "operands of kinds {} and {}", int(a.scalar), int(b.scalar));
  const bool varying = a.varying || b.varying;
  a = as(a, varying);
  b = as(b, varying);
  return varying;
}

}  // namespace nodec
