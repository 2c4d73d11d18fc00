// What a program asks of its call and of its team, in the prologue's words.
#include <fmt/format.h>

#include "compiler/codegen/cuda/emitter.h"

namespace nodec {

Code CudaEmitter::symbol(int number) {
  return known(Scalar::Index, fmt::format("(int)frame.symbols[{}]", number));
}

Code CudaEmitter::port(int number) {
  return known(Scalar::Pointer, fmt::format("frame.ports[{}]", number));
}

Code CudaEmitter::scratch(int number) {
  return known(Scalar::Pointer, fmt::format("frame.scratch[{}]", number));
}

Code CudaEmitter::outcome() { return known(Scalar::Pointer, "(u8*)frame.report"); }
Code CudaEmitter::member() { return known(Scalar::Index, "member()"); }
Code CudaEmitter::members() { return known(Scalar::Index, "members()"); }
Code CudaEmitter::thread() { return known(Scalar::Index, "team_thread()"); }
Code CudaEmitter::is_first() { return known(Scalar::Pred, "is_first()"); }
Code CudaEmitter::shared() { return known(Scalar::Pointer, "shared_memory(frame)"); }
Code CudaEmitter::arena(Code chunk) {
  return known(Scalar::Pointer, fmt::format("arena(frame, {})", name(chunk)));
}
Code CudaEmitter::arenas() { return known(Scalar::Pointer, "frame.arenas"); }
Code CudaEmitter::arenas_shared() { return known(Scalar::Pred, "frame.arenas_shared != 0"); }

void CudaEmitter::barrier(Scope scope) {
  here_.loads.clear();
  line(scope == Scope::Member ? "meet();" : "team_meet(frame);");
}

// Not an expression without effects: threads meet for it.
Code CudaEmitter::any(Code pred) {
  here_.loads.clear();
  return named(Scalar::Pred, fmt::format("meet_any({})", name(pred)), false);
}

void CudaEmitter::once(const std::function<void()>& body) {
  line("if (is_first()) {");
  indented(body);
  put("}");
}

// Every thread keeps its own count of frames, alike.
Code CudaEmitter::tape_frame(Code tape, Code n, bool writes) {
  return named(Scalar::Pointer,
               fmt::format("{}(frame, {}, {}, written[{}])", writes ? "tape_write" : "tape_read",
                           name(tape), name(n), name(tape)),
               false);
}

Code CudaEmitter::is_null(Code pointer) {
  return known(Scalar::Pred, name(pointer) + " == nullptr", pointer.varying);
}

}  // namespace nodec
