// Tapes: what a reverse sweep's loop reads back, frame by frame. A tape is a value with one
// history: after a write the tape as it was before must not be used, so compiled code writes in
// place, and so does the interpreter.
#include "kernels/build.h"
#include "kernels/rules.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

Pushed push_tape(ForwardDifferentiator& ad, Builder& b, const Op& op,
                 std::span<Value* const> operands, std::span<Value* const> tangents);

constexpr Gradient no_second_sweep =
    no_gradient("a tape already belongs to a reverse sweep", push_tape);

const Types& frame_of(const Op& op) {
  require_operands(op, 2);
  const Type& tape = op.operands[0]->type;
  if (tape.kind() != Type::Kind::Tape) {
    fail(op, fmt::format("wants a tape, got {}", described(*op.operands[0])));
  }
  scalar_of(op, 1, Dtype::I32);
  if (const auto index = uniform(op.operands[1]); index && index->integer < 0) {
    fail(op, fmt::format("names frame {}", index->integer), "count frames from 0 on");
  }
  return tape.elements();
}

Types tape_type(const Op& op) {
  Types frame;
  for (std::size_t i = 0; i < op.operands.size(); ++i) frame.push_back(tensor(op, i));
  return {Type::tape(std::move(frame))};
}

Types write_type(const Op& op) {
  const Types& frame = frame_of(op);
  const std::size_t given = op.operands.size() - 2;
  if (given != frame.size() && given != frame.size() + kProgress) {
    fail(op, fmt::format("writes {} into a frame of {}", count_of(given, "value"), frame.size()));
  }
  std::string wrong;
  for (std::size_t i = 0; i < frame.size(); ++i) {
    const Value& value = *op.operands[i + 2];
    if (value.type == frame[i]) continue;
    wrong +=
        fmt::format("{}{} for {}", wrong.empty() ? "" : "; ", described(value), frame[i].str());
  }
  if (!wrong.empty()) fail(op, fmt::format("writes {}", wrong));
  if (given > frame.size()) require_progress(op, frame.size() + 2);
  require_site(op);
  return {op.operands[0]->type};
}

// The frames live behind `cell`, shared by every copy of the tape.
std::vector<Datum>& frames(const Datum& tape) { return tape.cell->elements; }

std::vector<Datum> eval_write(const Op& op, Data x, Interpreter&) {
  std::vector<Datum>& all = frames(x[0]);
  const std::int64_t index = x[1].array.integer();
  if (index < 0 || index > std::int64_t(all.size())) {
    fail(op, fmt::format("writes frame {} of a tape of {}", index, all.size()));
  }
  Datum frame;
  frame.kind = Type::Kind::Tuple;
  const std::size_t values = op.operands[0]->type.elements().size();
  frame.elements.assign(x.begin() + 2, x.begin() + 2 + std::ptrdiff_t(values));
  if (std::size_t(index) == all.size()) all.emplace_back();
  all[std::size_t(index)] = std::move(frame);
  return {x[0]};
}

std::vector<Datum> eval_read(const Op& op, Data x, Interpreter&) {
  const std::vector<Datum>& all = frames(x[0]);
  const std::int64_t index = x[1].array.integer();
  if (index < 0 || index >= std::int64_t(all.size())) {
    fail(op, fmt::format("reads frame {} of a tape of {}", index, all.size()));
  }
  return all[std::size_t(index)].elements;
}

// Beside a tape runs another, of the tangents.
Pushed push_tape(ForwardDifferentiator& ad, Builder& b, const Op& op,
                 std::span<Value* const> operands, std::span<Value* const> tangents) {
  const Op& y = b.op(*op.primitive, {operands.begin(), operands.end()}, op.attrs);
  Pushed out;
  out.results = y.all_results();
  out.tangents.assign(y.results.size(), nullptr);
  if (op.primitive == &tape_new_p) {
    if (const auto type = ad.tangent_type(*op.result())) out.tangents[0] = zeros(b, *type);
    return out;
  }
  const std::vector<std::size_t> parts = ad.tangent_parts(*op.operands[0]);
  Values frame;
  for (const std::size_t part : parts) {
    if (op.primitive == &tape_read_p) break;
    Value* dx = tangents[part + 2];
    frame.push_back(dx != nullptr ? dx : zeros(b, operands[part + 2]->type));
  }
  if (op.primitive == &tape_write_p) {
    Values written{tangents[0], operands[1]};
    written.insert(written.end(), frame.begin(), frame.end());
    const std::size_t values = op.operands[0]->type.elements().size();  // then the progress
    written.insert(written.end(), operands.begin() + 2 + std::ptrdiff_t(values), operands.end());
    out.tangents[0] = b.value(tape_write_p, std::move(written), op.attrs);
    return out;
  }
  const Op& dy = tape_read(b, tangents[0], operands[1]);
  for (std::size_t i = 0; i < parts.size(); ++i) out.tangents[parts[i]] = dy.result(i);
  return out;
}

void sample_tape(Builder& b, Dtype real) {
  Value *x = sample_arg(b, real), *y = sample_arg(b, real, {});
  Value *zero = integer(b, Dtype::I32, 0), *one = integer(b, Dtype::I32, 1);
  Value* tape = tape_new(b, {x, y});
  tape = tape_write(b, tape, zero, {x, y});
  tape = tape_write(b, tape, one, {neg(b, x), y});
  tape = tape_write(b, tape, zero, {exp(b, x), neg(b, y)});
  const Op &first = tape_read(b, tape, zero), &second = tape_read(b, tape, one);
  b.region().results = {first.result(0), first.result(1), second.result(0), second.result(1)};
}

}  // namespace

// No frames yet. The operands show what a frame holds; their values are not kept.
constexpr Primitive tape_new_p = complete({
    .name = "tape.new",
    .form = Form::Tape,
    .type = tape_type,
    .eval =
        [](const Op&, Data, Interpreter&) {
          Datum tape;
          tape.kind = Type::Kind::Tape;
          tape.cell = std::make_shared<Datum>();
          return std::vector<Datum>{std::move(tape)};
        },
    .gradient = no_second_sweep,
    .sample = sample_tape,
});

// tape.write(tape, index, values... [, t, dt, accepted, rejected]): frame `index` is overwritten,
// or made when it is the next. Where the tape may not grow to hold it the program stops, reporting
// its progress as fail_if does, with that op's attributes site and reverse.
constexpr Primitive tape_write_p = complete({
    .name = "tape.write",
    .form = Form::Tape,
    .type = write_type,
    .eval = eval_write,
    .gradient = no_second_sweep,
    .sample = sample_tape,
});

// tape.read(tape, index) -> the frame's values.
constexpr Primitive tape_read_p = complete({
    .name = "tape.read",
    .arity = 2,
    .form = Form::Tape,
    .type = [](const Op& op) -> Types { return frame_of(op); },
    .eval = eval_read,
    .gradient = no_second_sweep,
    .sample = sample_tape,
});

}  // namespace nodec
