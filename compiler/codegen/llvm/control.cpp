// Functions, loops and branches in LLVM IR. Loop state is carried by phis, so nothing has to be
// promoted from memory afterwards.
#include <fmt/format.h>
#include <llvm/IR/MDBuilder.h>

#include <algorithm>

#include "compiler/codegen/llvm/emitter.h"
#include "ir/error.h"
#include "ir/graph.h"

namespace nodec {
namespace {

void check_uniform(const Code& code, Scalar scalar, const char* what) {
  NODEC_CHECK(!code.varying && code.scalar == scalar, "{} must be uniform of kind {}, got kind {}",
              what, int(scalar), int(code.scalar));
}

}  // namespace

llvm::BasicBlock* LlvmEmitter::block(const char* name) {
  return llvm::BasicBlock::Create(module_.getContext(), name, frame_.function);
}

// For readers who put the printed IR through an optimiser: the plan has tiled this loop already.
void LlvmEmitter::never_unroll(llvm::Instruction* back_edge) {
  llvm::LLVMContext& context = module_.getContext();
  const auto flag = [&](const char* name) {
    return llvm::MDNode::get(context, llvm::MDString::get(context, name));
  };
  llvm::Metadata* no_vectors[] = {llvm::MDString::get(context, "llvm.loop.vectorize.enable"),
                                  llvm::ConstantAsMetadata::get(build_.getFalse())};
  llvm::Metadata* parts[] = {nullptr, flag("llvm.loop.unroll.disable"),
                             llvm::MDNode::get(context, no_vectors)};
  llvm::MDNode* loop = llvm::MDNode::getDistinct(context, parts);
  loop->replaceOperandWith(0, loop);
  back_edge->setMetadata("llvm.loop", loop);
}

namespace {

// Phis of a loop's state, filled from the entry now and from the end of the body later.
class StatePhis {
 public:
  StatePhis(llvm::IRBuilder<>& build, const Emitter::Values& state, llvm::BasicBlock* from) {
    for (const Code& entering : state) {
      auto* incoming = static_cast<llvm::Value*>(entering.handle);
      llvm::PHINode* phi = build.CreatePHI(incoming->getType(), 2);
      phi->addIncoming(incoming, from);
      phis_.push_back(phi);
      values_.push_back({phi, entering.scalar, entering.varying});
    }
  }
  const Emitter::Values& values() const { return values_; }
  void close(const Emitter::Values& yielded, llvm::BasicBlock* from) {
    for (std::size_t i = 0; i < phis_.size(); ++i) {
      phis_[i]->addIncoming(static_cast<llvm::Value*>(yielded[i].handle), from);
    }
  }

 private:
  std::vector<llvm::PHINode*> phis_;
  Emitter::Values values_;
};

void check_yield(const Emitter::Values& entered, const Emitter::Values& yielded) {
  NODEC_CHECK(entered.size() == yielded.size(), "a loop of {} states yields {}", entered.size(),
              yielded.size());
  for (std::size_t i = 0; i < entered.size(); ++i) {
    NODEC_CHECK(
        entered[i].scalar == yielded[i].scalar && (entered[i].varying || !yielded[i].varying),
        "loop state {} enters as kind {}{} and is yielded as kind {}{}", i, int(entered[i].scalar),
        entered[i].varying ? " varying" : " uniform", int(yielded[i].scalar),
        yielded[i].varying ? " varying" : " uniform");
  }
}

}  // namespace

Emitter::Values LlvmEmitter::loop(Code begin, Code end, Code step, Values state,
                                  const std::function<Values(Code, Values)>& body, std::int64_t) {
  check_uniform(begin, Scalar::Index, "a loop's begin");
  check_uniform(end, Scalar::Index, "a loop's end");
  check_uniform(step, Scalar::Index, "a loop's step");
  state.insert(state.begin(), begin);
  const auto test = [&](const Values& now) { return compare(Compare::Lt, now[0], end); };
  const auto turn = [&](Values now) {
    const Code index = now[0];
    Values next = body(index, Values(now.begin() + 1, now.end()));
    llvm::Value* advanced = build_.CreateNSWAdd(value(index), value(step));
    next.insert(next.begin(), code(advanced, Scalar::Index, false));
    return next;
  };
  Values last = while_loop(std::move(state), test, turn);
  last.erase(last.begin());
  return last;
}

Emitter::Values LlvmEmitter::while_loop(Values state,
                                        const std::function<Code(const Values&)>& test,
                                        const std::function<Values(Values)>& body) {
  llvm::BasicBlock* head = block("loop");
  llvm::BasicBlock* from = build_.GetInsertBlock();
  build_.CreateBr(head);
  build_.SetInsertPoint(head);
  StatePhis phis(build_, state, from);
  const Code go_on = test(phis.values());
  check_uniform(go_on, Scalar::Pred, "a loop's test");
  llvm::BasicBlock* inside = block("body");
  llvm::BasicBlock* after = block("after");
  build_.CreateCondBr(value(go_on), inside, after);
  build_.SetInsertPoint(inside);
  Values yielded = body(phis.values());
  check_yield(state, yielded);
  for (std::size_t i = 0; i < state.size(); ++i) yielded[i] = as(yielded[i], state[i].varying);
  phis.close(yielded, build_.GetInsertBlock());
  never_unroll(build_.CreateBr(head));
  after->moveAfter(build_.GetInsertBlock());
  build_.SetInsertPoint(after);
  return phis.values();
}

Emitter::Values LlvmEmitter::branch(Code pred, const std::function<Values()>& then_body,
                                    const std::function<Values()>& else_body) {
  check_uniform(pred, Scalar::Pred, "a branch's predicate");
  llvm::BasicBlock *then_block = block("then"), *else_block = block("else");
  build_.CreateCondBr(value(pred), then_block, else_block);
  build_.SetInsertPoint(then_block);
  Values if_true = then_body();
  llvm::BasicBlock* then_end = build_.GetInsertBlock();
  else_block->moveAfter(then_end);
  build_.SetInsertPoint(else_block);
  Values if_false = else_body();
  llvm::BasicBlock* else_end = build_.GetInsertBlock();
  NODEC_CHECK(if_true.size() == if_false.size(), "branches yield {} and {} values", if_true.size(),
              if_false.size());

  llvm::BasicBlock* join = block("join");
  const auto widen = [&](Values& mine, const Values& other, llvm::BasicBlock* at) {
    build_.SetInsertPoint(at);
    for (std::size_t i = 0; i < mine.size(); ++i) {
      mine[i] = as(mine[i], mine[i].varying || other[i].varying);
    }
    build_.CreateBr(join);
  };
  widen(if_true, if_false, then_end);
  widen(if_false, if_true, else_end);
  build_.SetInsertPoint(join);
  StatePhis phis(build_, if_true, then_end);
  phis.close(if_false, else_end);
  return phis.values();
}

// A jump, which is foreseen. Lanes would have to agree on it.
Code LlvmEmitter::usually(Code usual, Code x, const std::function<Code()>& always) {
  if (usual.varying || x.varying) return always();
  llvm::BasicBlock *from = build_.GetInsertBlock(), *aside = block("rare"), *join = block("join");
  llvm::MDBuilder weights(module_.getContext());
  build_.CreateCondBr(value(usual), join, aside, weights.createLikelyBranchWeights());
  aside->moveAfter(from);
  build_.SetInsertPoint(aside);
  const Code other = always();
  NODEC_CHECK(!other.varying && other.scalar == x.scalar, "a rare value of kind {} for kind {}",
              int(other.scalar), int(x.scalar));
  llvm::BasicBlock* rare_end = build_.GetInsertBlock();
  build_.CreateBr(join);
  join->moveAfter(rare_end);
  build_.SetInsertPoint(join);
  llvm::PHINode* phi = build_.CreatePHI(value(x)->getType(), 2);
  phi->addIncoming(value(x), from);
  phi->addIncoming(value(other), rare_end);
  return code(phi, x.scalar, false);
}

llvm::Function* LlvmEmitter::make_function(std::string_view name, llvm::FunctionType* type,
                                           bool visible) {
  const auto linkage = visible ? llvm::Function::ExternalLinkage : llvm::Function::InternalLinkage;
  auto* function = llvm::Function::Create(type, linkage, llvm::StringRef(name), module_);
  if (!visible) {
    function->setCallingConv(llvm::CallingConv::Fast);
    function->addFnAttr(llvm::Attribute::NoInline);
  }
  function->addFnAttr(llvm::Attribute::NoUnwind);
  if (unwinds_) function->setUWTableKind(llvm::UWTableKind::Async);
  function->addFnAttr("target-cpu", target_.cpu);
  function->addFnAttr("target-features", target_.features);
  function->addFnAttr("no-builtins");
  function->addFnAttr("prefer-vector-width", std::to_string(32 * std::max(target_.lanes, 8)));
  return function;
}

void LlvmEmitter::enter(llvm::Function* function, Scope scope) {
  build_.SetCurrentDebugLocation({});
  frame_.function = function;
  frame_.call = function->getArg(0);
  frame_.member = scope == Scope::Team ? function->getArg(1) : nullptr;
  frame_.locals = block("locals");
  frame_.leave = block("leave");
  build_.SetInsertPoint(frame_.leave);
  build_.CreateRetVoid();
  build_.SetInsertPoint(block("entry"));
}

void LlvmEmitter::end_function() {
  build_.CreateBr(frame_.leave);
  frame_.leave->moveAfter(build_.GetInsertBlock());
  llvm::BasicBlock* first = frame_.locals->getNextNode();
  build_.SetInsertPoint(frame_.locals);
  build_.CreateBr(first);
  frame_ = {};
}

void LlvmEmitter::begin_entry(std::string_view name) {
  NODEC_CHECK(frame_.function == nullptr, "an entry inside a function");
  llvm::Type* parameters[] = {build_.getPtrTy(), build_.getInt64Ty()};
  auto* type = llvm::FunctionType::get(build_.getVoidTy(), parameters, false);
  llvm::Function* entry = make_function(name, type, true);
  entry->addParamAttr(0, llvm::Attribute::NonNull);
  enter(entry, Scope::Team);
}

// Before its own parameters come the call frame and, where it works for the team, who runs it.
int LlvmEmitter::function(Scope scope, std::string_view name, std::span<const Scalar> parameters,
                          const std::function<void(std::span<const Code>)>& body) {
  std::vector<llvm::Type*> types{build_.getPtrTy()};
  if (scope == Scope::Team) types.push_back(build_.getInt64Ty());
  const unsigned first = unsigned(types.size());
  for (Scalar scalar : parameters) types.push_back(scalar_type(scalar));
  auto* type = llvm::FunctionType::get(build_.getVoidTy(), types, false);
  llvm::Function* made = make_function(name, type, false);

  const llvm::IRBuilder<>::InsertPointGuard guard(build_);
  const Frame outer = frame_;
  enter(made, scope);
  Values arguments;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    arguments.push_back(code(made->getArg(first + unsigned(i)), parameters[i], false));
  }
  body(arguments);
  end_function();
  frame_ = outer;
  functions_.push_back({made, scope});
  return int(functions_.size()) - 1;
}

void LlvmEmitter::call(int function, std::span<const Code> arguments) {
  const auto& [callee, scope] = functions_.at(std::size_t(function));
  std::vector<llvm::Value*> values{frame_.call};
  if (scope == Scope::Team) values.push_back(value(member()));
  for (const Code& argument : arguments) values.push_back(value(argument));
  build_.CreateCall(callee, values)->setCallingConv(callee->getCallingConv());
}

Code LlvmEmitter::expansion(std::string_view primitive, std::span<const Code> x,
                            const std::function<Code(std::span<const Code>)>& write) {
  const auto is_varying = [](const Code& code) { return code.varying; };
  const bool varying = std::any_of(x.begin(), x.end(), is_varying);
  const std::string name = fmt::format("{}.{}{}", primitive, int(x[0].scalar), varying ? ".v" : "");
  std::vector<llvm::Value*> values;
  for (const Code& argument : x) values.push_back(value(as(argument, varying)));
  auto found = expansions_.find(name);
  if (found == expansions_.end()) {
    std::vector<llvm::Type*> types;
    for (const Code& argument : x) types.push_back(type(argument.scalar, varying));
    llvm::Type* result = type(x[0].scalar, varying);
    llvm::Function* made =
        make_function(name, llvm::FunctionType::get(result, types, false), false);
    const llvm::IRBuilder<>::InsertPointGuard guard(build_);
    build_.SetInsertPoint(llvm::BasicBlock::Create(module_.getContext(), "entry", made));
    build_.SetCurrentDebugLocation({});
    Values arguments;
    for (std::size_t i = 0; i < x.size(); ++i) {
      arguments.push_back(code(made->getArg(unsigned(i)), x[i].scalar, varying));
    }
    build_.CreateRet(value(write(arguments)));
    found = expansions_.emplace(name, made).first;
  }
  llvm::CallInst* call = build_.CreateCall(found->second, values);
  call->setCallingConv(found->second->getCallingConv());
  return code(call, x[0].scalar, varying);
}

void LlvmEmitter::return_if(Code pred) {
  check_uniform(pred, Scalar::Pred, "return_if's predicate");
  llvm::BasicBlock* go_on = block("go_on");
  build_.CreateCondBr(value(pred), frame_.leave, go_on);
  build_.SetInsertPoint(go_on);
}

// What follows is for its line, until another is known or the function ends.
void LlvmEmitter::at(const Op* op) {
  if (!lines_ || op == nullptr || !op->where.known()) return;
  build_.SetCurrentDebugLocation(lines_->at(*build_.GetInsertBlock()->getParent(), op->where));
}

void LlvmEmitter::finish() {
  if (lines_) lines_->finish();
}

}  // namespace nodec
