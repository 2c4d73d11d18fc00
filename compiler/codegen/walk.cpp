// Functions, and where things are: fields of the call frame, sizes, the address of a buffer.
#include "compiler/codegen/walk.h"

#include <cstddef>

#include "ir/abi.h"

namespace nodec {

using namespace plan;

Walker::Walker(Emitter& emitter, const Plan& plan, const Schedule& schedule)
    : e_(emitter),
      plan_(plan),
      schedule_(schedule),
      scalars_(plan.scalars.size()),
      frames_(static_cast<std::size_t>(plan.frames)) {}

void Walker::functions() {
  for (const Function& f : plan_.functions) {
    functions_.push_back(f.team ? team_function(f) : tile_function(f));
  }
}

void Walker::take_scalars(const Function& f, std::span<const Code> x) {
  for (std::size_t i = 0; i < f.scalars.size(); ++i) {
    scalars_[static_cast<std::size_t>(f.scalars[i])] = x[i];
  }
}

int Walker::tile_function(const Function& f) {
  std::vector<Scalar> kinds{Scalar::Pointer};
  for (const Dtype d : f.scalar_dtypes) kinds.push_back(scalar_kind(d));
  kinds.insert(kinds.end(), f.pointers.size(), Scalar::Pointer);
  return e_.function(f.name, kinds, [&](std::span<const Code> x) {
    begin(x[0], i64(0));  // tiles know no threads
    take_scalars(f, x.subspan(1));
    for (std::size_t i = 0; i < f.pointers.size(); ++i) {
      arguments_[f.pointers[i]] = x[1 + f.scalars.size() + i];
    }
    for (const Node& node : f.body) {
      if (const Scalars* s = std::get_if<Scalars>(&node.what)) {
        scalars(*s);
      } else {
        kernels(node);
      }
    }
  });
}

// Its parameters: frame, thread, where its answer goes, scalars. The answer: whether it stopped
// the program, and its results, 8 bytes each.
int Walker::team_function(const Function& f) {
  std::vector<Scalar> kinds{Scalar::Pointer, Scalar::I64, Scalar::Pointer};
  for (const Dtype d : f.scalar_dtypes) kinds.push_back(scalar_kind(d));
  return e_.function(f.name, kinds, [&](std::span<const Code> x) {
    begin(x[0], x[1]);
    answer_ = x[2];
    take_scalars(f, x.subspan(3));
    walk(f.body);
    for (std::size_t i = 0; i < f.results.size(); ++i) {
      const auto id = static_cast<std::size_t>(f.results[i]);
      const Dtype dtype = plan_.scalars[id];
      e_.store(*answer_, answer_place(i, dtype), dtype, scalars_[id]);
    }
  });
}

Code Walker::answer_place(std::size_t result, Dtype dtype) {
  return i64(static_cast<std::int64_t>(8 * (result + 1) / bytes(dtype)));
}

// Every thread calls; where the function stopped the program, this one stops too.
void Walker::call(const Call& node) {
  const Function& f = plan_.functions[static_cast<std::size_t>(node.function)];
  const Code answer = e_.local(static_cast<std::int64_t>(8 * (1 + f.results.size())));
  e_.store(answer, zero_, Dtype::I64, zero_);
  std::vector<Code> arguments{frame_, thread_, answer};
  for (const int id : node.arguments) {
    arguments.push_back(scalars_[static_cast<std::size_t>(id)]);
  }
  e_.call(functions_[static_cast<std::size_t>(node.function)], arguments);
  leave_if(e_.compare(Compare::Ne, e_.load(answer, zero_, Dtype::I64), zero_));
  for (std::size_t i = 0; i < node.results.size(); ++i) {
    const auto id = static_cast<std::size_t>(node.results[i]);
    const Dtype dtype = plan_.scalars[id];
    scalars_[id] = in_register(e_.load(answer, answer_place(i, dtype), dtype), dtype);
  }
}

void Walker::leave_if(Code stops) {
  if (answer_) e_.store(*answer_, zero_, Dtype::I64, e_.convert(stops, Scalar::I64));
  e_.return_if(stops);
}

void Walker::entry(Code frame, Code thread) {
  begin(frame, thread);
  walk(plan_.body);
}

void Walker::begin(Code frame, Code thread) {
  frame_ = frame;
  thread_ = thread;
  zero_ = i64(0);
  one_ = i64(1);
  answer_.reset();
  tile_ = {};
  arguments_.clear();
  locals_.clear();
  for (const Place& place : schedule_.places) {
    if (place.kind != Place::Kind::Own) continue;
    own_ = e_.pointer_add(scratch(place), times(thread_, place.block_bytes));
    break;
  }
}

void Walker::call_shared(std::size_t number, std::span<const Scalar> kinds,
                         std::vector<Code> arguments,
                         const std::function<void(std::span<const Code>)>& body) {
  if (how_->functions.empty()) return body(arguments);
  const std::string& name = how_->functions.at(number);
  auto found = shared_.find(name);
  if (found == shared_.end()) {
    const auto here =
        std::tuple(frame_, thread_, own_, answer_, zero_, one_, tile_, arguments_, locals_);
    std::vector<Scalar> parameters{Scalar::Pointer, Scalar::I64};
    parameters.insert(parameters.end(), kinds.begin(), kinds.end());
    const int made = e_.function(name, parameters, [&](std::span<const Code> x) {
      begin(x[0], x[1]);
      body(x.subspan(2));
    });
    std::tie(frame_, thread_, own_, answer_, zero_, one_, tile_, arguments_, locals_) = here;
    found = shared_.emplace(name, made).first;
  }
  arguments.insert(arguments.begin(), {frame_, thread_});
  e_.call(found->second, arguments);
}

Code Walker::as_pointer(Code integer) {
  return e_.pointer_add(e_.constant_bits(Scalar::Pointer, 0), integer);
}

Code Walker::field(std::int64_t offset) {
  return as_pointer(e_.load(frame_, i64(offset / 8), Dtype::I64));
}

Code Walker::symbol(std::string_view name) {
  const auto& symbols = plan_.signature.symbols;
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i] == name) {
      return e_.load(field(offsetof(CallFrame, symbols)), i64(static_cast<std::int64_t>(i)),
                     Dtype::I64);
    }
  }
  NODEC_CHECK(false, "the signature has no symbol '{}'", name);
}

Code Walker::evaluate(const Dim& dim) {
  if (dim.is_constant()) return i64(dim.constant());
  Code sum = zero_;
  for (const auto& [factors, count] : dim.terms()) {
    Code product = i64(count);
    for (const std::string& name : factors) product = e_.mul(product, symbol(name));
    sum = e_.add(sum, product);
  }
  return sum;
}

std::vector<Code> Walker::evaluate(const std::vector<Dim>& dims) {
  std::vector<Code> sizes;
  for (const Dim& d : dims) sizes.push_back(evaluate(d));
  return sizes;
}

Code Walker::minimum(Code a, Code b) { return e_.select(e_.compare(Compare::Lt, a, b), a, b); }

Code Walker::times(Code a, std::int64_t n) { return n == 1 ? a : e_.mul(a, i64(n)); }

Code Walker::table(int buffer) {
  const auto found = tables_.find(buffer);
  if (found != tables_.end()) return found->second;
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(buffer)];
  return tables_[buffer] = e_.data(b.dtype, b.constant->attrs.get<std::vector<double>>("values"));
}

Code Walker::scratch(const Place& place) {
  return as_pointer(e_.load(field(offsetof(CallFrame, scratch)), i64(place.scratch), Dtype::I64));
}

std::int64_t Walker::block_bytes(int buffer) const {
  const Place& place = schedule_.places[static_cast<std::size_t>(buffer)];
  return place.kind == Place::Kind::Arena
             ? place.block_bytes
             : plan_.buffers[static_cast<std::size_t>(buffer)].block_bytes;
}

// The address of a buffer's first element for the current tile, slot or team.
Code Walker::base(int buffer) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(buffer)];
  const Place& place = schedule_.places[static_cast<std::size_t>(buffer)];
  const auto size = static_cast<std::int64_t>(bytes(b.dtype));
  const auto tile_bytes = [&] {
    return e_.add(times(tile_.block, block_bytes(buffer)), times(tile_.lane, size));
  };
  switch (place.kind) {
    case Place::Kind::Plan:
      break;
    case Place::Kind::Stack: {
      const auto found = locals_.find(buffer);
      if (found != locals_.end()) return found->second;
      return locals_[buffer] = e_.local(b.elements * kBlock * size);
    }
    case Place::Kind::Arena: {
      const Code start = scratch(place);
      return e_.pointer_add(start, e_.add(i64(place.before), tile_bytes()));
    }
    case Place::Kind::Own:
      return e_.pointer_add(*own_, i64(place.before));
    case Place::Kind::Slots:
    case Place::Kind::Team:
      return scratch(place);
  }
  switch (b.space) {
    case Buffer::Space::Input:
    case Buffer::Space::Output:
      return as_pointer(e_.load(field(offsetof(CallFrame, ports)), i64(b.index), Dtype::I64));
    case Buffer::Space::Table:
      return table(buffer);
    case Buffer::Space::Frame:
      return e_.pointer_add(frames_[static_cast<std::size_t>(b.index)],
                            e_.add(evaluate(b.offset), tile_bytes()));
    case Buffer::Space::FrameDense:
      return e_.pointer_add(frames_[static_cast<std::size_t>(b.index)], evaluate(b.offset));
    case Buffer::Space::ArgLanes:
    case Buffer::Space::ArgDense:
      return arguments_.at(buffer);
    default:
      NODEC_CHECK(false, "buffer '{}' has no place", b.name);
  }
}

}  // namespace nodec
