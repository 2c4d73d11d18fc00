// A scan is a `while` that counts: rows are read by index, and stacked rows are added to zeros,
// which `lower` makes in place. Its derivative is the loop's.
#include "compiler/trace/scan.h"

#include "compiler/trace/access.h"
#include "compiler/trace/bodies.h"
#include "ir/members.h"
#include "kernels/build.h"

namespace nodec::tracing {
namespace {

std::string described(const Content& table) {
  const bool named = table.value != nullptr && !table.value->name.empty();
  return named ? fmt::format("'{}' {}", table.value->name, table.type.str()) : table.type.str();
}

// Tables are walked together, so they have as many rows.
Dim rows_of(const Contents& tables, const SourceLine& where) {
  std::optional<Dim> rows;
  std::vector<std::string> wrong;
  for (const Content& table : tables) {
    if (!table.type.is_tensor() || table.type.rank() == 0) {
      wrong.push_back(fmt::format("{} has no rows", described(table)));
    } else if (!rows) {
      rows = table.type.shape()[0];
    } else if (table.type.shape()[0] != *rows) {
      wrong.push_back(fmt::format("{} has {} rows, the first {}", described(table),
                                  table.type.shape()[0].str(), rows->str()));
    }
  }
  if (wrong.empty() && rows) return *rows;
  if (wrong.empty()) wrong.push_back("there are none");
  throw Error(fmt::format("a scan walks the rows of tensors together: {}", fmt::join(wrong, "; ")),
              {{where, ""}}, "give it tensors of one size along axis 0");
}

// Rows are stacked by adding, so those of truth values and of bytes are numbers meanwhile.
Dtype stacked_as(Dtype row) { return row == Dtype::Bool || row == Dtype::U8 ? Dtype::I32 : row; }

Type stack_of(const Content& row, const Dim& rows, const SourceLine& where) {
  if (!row.type.is_tensor() || row.type.dtype() == Dtype::Key) {
    throw Error(fmt::format("a scan stacks tensors of numbers, got {}", row.type.str()),
                {{where, ""}}, "stack its parts, or carry it");
  }
  Shape shape = row.type.shape();
  shape.insert(shape.begin(), rows);
  return row.type.with_shape(shape).with_dtype(stacked_as(row.type.dtype()));
}

// One more carry, behind the own arguments, for what only the body's end knows of.
Value* add_late(Frame& frame, const Type& type) {
  return insert_argument(*frame.region, frame.own_args++, type);
}

Var variable(const Content& content, const SourceLine& where) {
  Var var;
  bind(var, content, where);
  return var;
}

Value* turns_of(Builder& b, const Operand& turns, const SourceLine& where) {
  Value* n = Access::value(b, turns);
  if (n->type == Type::scalar(Dtype::I32)) return n;
  throw Error("a loop's number of turns is an i32 scalar, got " + n->type.str(), {{where, ""}},
              "cast it to i32");
}

// What every turn looks at: variables of the frame around the loop.
struct Walked {
  Var turns;
  std::vector<Var> tables;
  Dim rows;

  Walked(Builder& b, const Contents& all, const std::optional<Operand>& count,
         const SourceLine& where) {
    if (!count) rows = rows_of(all, where);
    Value* n = count ? turns_of(b, *count, where) : cast(b, dim(b, rows), Dtype::I32);
    bind(turns, Content(n), where);
    for (const Content& table : all) tables.push_back(variable(table, where));
  }

  // The number of the turn's row, and the rows; without tables, the number itself.
  std::pair<Value*, Contents> at(Builder& b, Value* turn, bool reverse, const SourceLine& where) {
    Value* last =
        reverse ? sub(b, content_of(turns, where).value, integer(b, Dtype::I32, 1)) : turn;
    Value* row = reverse ? sub(b, last, turn) : turn;
    Contents rows_now;
    for (const Var& table : tables) {
      Value* whole = content_of(table, where).value;
      rows_now.emplace_back(b.value(gather_p, {whole, row}, {{"inside", true}}));
    }
    if (tables.empty()) rows_now.emplace_back(row);
    return {row, std::move(rows_now)};
  }
};

}  // namespace

Scanned run_scan(const Contents& carry, const Contents& tables, const std::optional<Operand>& turns,
                 const ScanOptions& options, const TracedScan& body, const SourceLine& where) {
  Builder b = builder_at(where);
  Walked walked(b, tables, turns, where);
  Contents start{Content(integer(b, Dtype::I32, 0))};
  start.insert(start.end(), carry.begin(), carry.end());

  Opened test_frame(Body::Flow, "while", where);
  Builder in_test = test_frame->builder(where);
  Value* count = add_arguments(*test_frame, start).front().value;
  set_results(*test_frame, {Content(lt(in_test, count, content_of(walked.turns, where).value))});
  test_frame.close();

  Opened body_frame(Body::Flow, "while", where);
  Builder in = body_frame->builder(where);
  Contents inside = add_arguments(*body_frame, start);
  Value* turn = inside.front().value;
  inside.erase(inside.begin());
  auto [row, rows] = walked.at(in, turn, options.reverse, where);
  const Scanned left = body(std::move(inside), std::move(rows));
  report_structures(carry, left.carry, *body_frame);
  Contents next = fitted_to(types_of(carry), left.carry, *body_frame);
  next.insert(next.begin(), Content(add(in, turn, integer(in, Dtype::I32, 1))));
  for (const Content& stacked : left.stacked) {
    const Type type = stack_of(stacked, walked.rows, where);
    add_late(*test_frame, type);
    Value* stack = add_late(*body_frame, type);
    Value* summed = cast(in, stacked.value, type.dtype());
    Attrs attrs{{"shape", type.shape()}, {"inside", true}};
    next.emplace_back(add(in, stack, in.value(scatter_add_p, {row, summed}, std::move(attrs))));
    start.emplace_back(zeros(b, type));
  }
  set_results(*body_frame, next);
  body_frame.close();

  const Ended ended = end_flow({&*test_frame, &*body_frame}, true);
  const std::vector<Value*> carries = joined(flat(start), ended.carried);
  Attrs attrs{{"carried", std::int64_t(carries.size())}};
  if (options.loop.tape_bytes != 0) attrs.set("tape_bytes", options.loop.tape_bytes);
  if (ended.open || !same_types(types_of(start), types_of(next))) attrs.set("open", true);
  Op& op =
      b.op(while_p, joined(carries, ended.captures), std::move(attrs), two(test_frame, body_frame));
  Contents results = results_of(op, types_of(next), ended, current(where));
  const auto stacked = results.begin() + std::ptrdiff_t(1 + carry.size());
  Scanned scanned{{results.begin() + 1, stacked}, {}};
  for (std::size_t i = 0; i < left.stacked.size(); ++i) {
    scanned.stacked.emplace_back(cast(b, stacked[i].value, left.stacked[i].type.dtype()));
  }
  return scanned;
}

}  // namespace nodec::tracing
