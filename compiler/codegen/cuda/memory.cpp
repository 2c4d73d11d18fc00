// Loads and stores in CUDA C++, rows and tables among them: a lane is a thread, so each is an
// indexed access of its own element.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "compiler/codegen/cuda/emitter.h"
#include "ir/error.h"

namespace nodec {
namespace {

Scalar loaded_as(Dtype stored) { return stored == Dtype::Bool ? Scalar::I32 : scalar_kind(stored); }

}  // namespace

// What varies goes into a pointer, which neighbours in memory share; numbers are counted from it.
std::string CudaEmitter::element(Code base, Code offset, Dtype stored, bool writes) {
  NODEC_CHECK(base.scalar == Scalar::Pointer && is_integer(offset.scalar),
              "address of kinds {}, {}", int(base.scalar), int(offset.scalar));
  const char* type = memory_type(stored);
  const auto at_type = [&](const std::string& pointer, const std::string& number) {
    return fmt::format("(({}{}*){})[{}]", writes ? "" : "const ", type, pointer, number);
  };
  const Sum from = sum_of(base);
  const auto size = std::int64_t(bytes(stored));
  if (offset.scalar != Scalar::Index || from.plus % size != 0) {
    return at_type(name(base), name(offset));
  }
  const Sum at = sum_of(offset);
  const std::string number = std::to_string(from.plus / size + at.plus);
  if (at.root.empty()) return at_type(from.root, number);
  const Code moved =
      known(Scalar::Pointer, fmt::format("(u8*)(({}*){} + {})", type, from.root, at.root),
            base.varying || offset.varying);
  return at_type(name(moved), number);
}

// The value as memory holds it.
std::string CudaEmitter::narrowed(Code stored_value, Dtype stored) const {
  if (bytes(stored) == 1) {
    NODEC_CHECK(stored_value.scalar == Scalar::I32 || stored_value.scalar == Scalar::Pred,
                "a byte from kind {}", int(stored_value.scalar));
    return "(u8)" + name(stored_value);
  }
  NODEC_CHECK(stored_value.scalar == loaded_as(stored), "a {} stored from kind {}",
              nodec::name(stored), int(stored_value.scalar));
  return name(stored_value);
}

Code CudaEmitter::quotient(Code a, Code b) {
  NODEC_CHECK(a.scalar == Scalar::Index && b.scalar == Scalar::Index, "a quotient of kinds {}, {}",
              int(a.scalar), int(b.scalar));
  const auto x = number(a), y = number(b);
  if (y == 1) return a;
  if (x && y && *y > 0) return integer(Scalar::Index, std::uint64_t(*x / *y), false);
  return infix(Scalar::Index, a, "/", b);
}

Code CudaEmitter::pointer_add(Code base, Code bytes) {
  NODEC_CHECK(base.scalar == Scalar::Pointer && bytes.scalar == Scalar::Index,
              "a sum of kinds {}, {}", int(base.scalar), int(bytes.scalar));
  const Sum from = sum_of(base), by = sum_of(bytes);
  if (by.root.empty()) return plus(base, by.plus);
  const Code sum = known(Scalar::Pointer, fmt::format("{} + {}", from.root, by.root),
                         base.varying || bytes.varying);
  return plus(sum, from.plus + by.plus);
}

Code CudaEmitter::load(Code base, Code offset, Dtype stored) {
  NODEC_CHECK(offset.scalar == Scalar::Index, "an offset of kind {}", int(offset.scalar));
  std::string from = element(base, offset, stored, false);
  const auto found = here_.loads.find(from);
  if (found != here_.loads.end()) return code(found->second, loaded_as(stored), false);
  const Code made = named(loaded_as(stored), from, false);
  here_.loads.emplace(std::move(from), &value(made));
  return made;
}

std::vector<Code> CudaEmitter::load_run(Code base, Code offset, int n, Dtype stored) {
  const std::string from = element(base, offset, stored, false), run = fresh("run");
  line(fmt::format("const Run<{}, {}> {} = load_run<{}>(&{});", memory_type(stored), n, run, n,
                   from));
  std::vector<Code> all;
  for (int i = 0; i < n; ++i) {
    all.push_back(code(fmt::format("{}.at[{}]", run, i), loaded_as(stored), false));
  }
  return all;
}

Code CudaEmitter::load_lanes(Code base, Code offset, Dtype stored) {
  return broadcast(load(base, offset, stored));
}

void CudaEmitter::store(Code base, Code offset, Dtype stored, Code stored_value) {
  NODEC_CHECK(offset.scalar == Scalar::Index, "an offset of kind {}", int(offset.scalar));
  scatter(base, offset, stored, stored_value);
}

// `if`, not `?:`, in which compilers would load whatever the count.
Code CudaEmitter::load_lanes_masked(Code base, Code offset, Dtype stored, Code count) {
  if (number(count) > 0) return load_lanes(base, offset, stored);
  const Scalar scalar = loaded_as(stored);
  const Code made = variable(scalar, true);
  line(fmt::format("{} {} = {};", type(scalar), name(made), name(constant(scalar, 0))));
  line(fmt::format("if ({} > 0) {} = {};", name(count), name(made),
                   element(base, offset, stored, false)));
  return made;
}

void CudaEmitter::store_masked(Code base, Code offset, Dtype stored, Code stored_value,
                               Code count) {
  if (number(count) > 0) return store(base, offset, stored, stored_value);
  here_.loads.clear();
  line(fmt::format("if ({} > 0) {} = {};", name(count), element(base, offset, stored, true),
                   narrowed(stored_value, stored)));
}

Code CudaEmitter::gather(Code base, Code offsets, Dtype stored) {
  return named(loaded_as(stored), element(base, offsets, stored, false), true);
}

void CudaEmitter::scatter(Code base, Code offsets, Dtype stored, Code stored_value) {
  here_.loads.clear();
  line(fmt::format("{} = {};", element(base, offsets, stored, true),
                   narrowed(stored_value, stored)));
}

// Where this thread's row begins, in elements.
Code CudaEmitter::row_start(Code rows, Code stride, Code column) {
  return add(mul(convert(rows, Scalar::Index), stride), column);
}

std::vector<Code> CudaEmitter::load_rows(Code base, Code rows, Code stride, Code column, int n,
                                         Dtype stored) {
  const Code start = row_start(rows, stride, column);
  std::vector<Code> found;
  for (int i = 0; i < n; ++i) found.push_back(gather(base, add(start, index(i)), stored));
  return found;
}

void CudaEmitter::store_rows(Code base, Code rows, Code stride, Code column, Dtype stored,
                             std::span<const Code> values) {
  const Code start = row_start(rows, stride, column);
  for (std::size_t i = 0; i < values.size(); ++i) {
    scatter(base, add(start, index(std::int64_t(i))), stored, values[i]);
  }
}

Code CudaEmitter::broadcast(Code uniform) { return {uniform.handle, uniform.scalar, true}; }

Code CudaEmitter::lane_index() { return integer(Scalar::I32, 0, true); }

// Not an expression without effects: threads meet for it.
Code CudaEmitter::shift_lanes(Code x, int distance) {
  return named(x.scalar, fmt::format("shift_lanes({}, {})", name(x), distance), true);
}

namespace {

std::string bit_pattern(Dtype stored, double value) {
  switch (stored) {
    case Dtype::F32:
      return fmt::format("{:#x}", std::bit_cast<std::uint32_t>(float(value)));
    case Dtype::F64:
      return fmt::format("{:#x}", std::bit_cast<std::uint64_t>(value));
    case Dtype::I32:
      return fmt::format("{:#x}", std::uint32_t(std::int64_t(value)));
    case Dtype::I64:
      return fmt::format("{:#x}", std::uint64_t(std::int64_t(value)));
    default:
      NODEC_CHECK(bytes(stored) == 1, "data of {}", name(stored));
      return fmt::format("{}", std::uint8_t(std::int64_t(value)));
  }
}

}  // namespace

// As bits, so that every number is exact; equal tables are one.
Code CudaEmitter::data(Dtype stored, std::span<const double> values) {
  constexpr std::size_t kWidth = 100;
  Table table;
  table.type = bytes(stored) == 1 ? "u8" : bytes(stored) == 4 ? "u32" : "u64";
  table.count = values.size();
  table.bytes = bytes(stored) * values.size();
  std::string row = " ";
  for (const double value : values) {
    const std::string next = bit_pattern(stored, value);
    if (row.size() + next.size() + 2 > kWidth) table.numbers += std::exchange(row, " ") + "\n";
    row += " " + next + ",";
  }
  table.numbers += row + "\n";
  const auto found = std::find_if(tables_.begin(), tables_.end(), [&](const Table& other) {
    return other.type == table.type && other.numbers == table.numbers;
  });
  table.name = found != tables_.end() ? found->name : fresh("table");
  const Code made = code("(u8*)" + table.name, Scalar::Pointer, false);
  if (found == tables_.end()) tables_.push_back(std::move(table));
  return made;
}

Code CudaEmitter::local(std::int64_t bytes) {
  const Code made = code(fresh("local"), Scalar::Pointer, false);
  here_.locals += fmt::format("  __align__(64) u8 {}[{}];\n", name(made), bytes);
  return made;
}

}  // namespace nodec
