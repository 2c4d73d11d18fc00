// What moves values between lanes: broadcast, shifts, and rows by transposes.
//
// A transpose of L vectors of L elements takes log2(L) steps of L shuffles each, in two parts that
// suit x86 and NEON, whose cheap two-source shuffles work within 128 bits. With w elements in 128
// bits (or L, if fewer):
//   1. each group of w rows is transposed within every 128-bit unit: log2(w) rounds of
//        y[2i], y[2i+1] = the lower, upper halves of each unit of x[i] and x[i + w/2], interleaved
//      (unpcklps and its family), after which lane r of unit u of vector c is row r's element
//      u*w + c;
//   2. units are transposed between groups: for distances d = 1, 2, ... < L/w vectors of groups g
//      and g + d swap the units that differ in bit d.
// Bytes are transposed as bytes (16 rows of 16: four rounds of unpcklbw, no second part) and
// widened afterwards.
#include "compiler/codegen/llvm/emitter.h"
#include "ir/error.h"

namespace nodec {
namespace {

using Vectors = std::vector<llvm::Value*>;

// Lower (or upper) halves of each unit of w lanes of a and b, interleaved.
std::vector<int> interleave_mask(int lanes, int w, bool upper) {
  std::vector<int> mask(lanes);
  for (int lane = 0; lane < lanes; ++lane) {
    const int unit = lane / w * w, inside = lane % w;
    mask[lane] = (inside % 2) * lanes + unit + inside / 2 + (upper ? w / 2 : 0);
  }
  return mask;
}

// Lanes whose index has `bit` take the other vector's lanes: the two off-diagonal parts change
// places. first: of the vector whose own index lacks the bit.
std::vector<int> swap_mask(int lanes, int bit, bool first) {
  std::vector<int> mask(lanes);
  for (int lane = 0; lane < lanes; ++lane) {
    const bool from_second = (lane & bit) != 0;
    const int shift = first ? (from_second ? -bit : 0) : (from_second ? 0 : bit);
    mask[lane] = (from_second ? lanes : 0) + lane + shift;
  }
  return mask;
}

void transpose_within_units(llvm::IRBuilder<>& build, Vectors& rows, int w) {
  const int lanes = int(rows.size());
  const std::vector<int> lower = interleave_mask(lanes, w, false);
  const std::vector<int> upper = interleave_mask(lanes, w, true);
  for (int group = 0; group < lanes; group += w) {
    for (int round = 1; round < w; round *= 2) {
      Vectors next(w);
      for (int i = 0; i < w / 2; ++i) {
        llvm::Value *a = rows[group + i], *b = rows[group + i + w / 2];
        next[2 * i] = build.CreateShuffleVector(a, b, lower);
        next[2 * i + 1] = build.CreateShuffleVector(a, b, upper);
      }
      std::copy(next.begin(), next.end(), rows.begin() + group);
    }
  }
}

}  // namespace

std::vector<llvm::Value*> LlvmEmitter::transpose_vectors(Vectors rows) {
  const int count = int(rows.size());
  const int bits = int(rows.front()->getType()->getScalarSizeInBits());
  const int w = std::min(count, 128 / bits);
  transpose_within_units(build_, rows, w);
  for (int distance = w; distance < count; distance *= 2) {
    const std::vector<int> first = swap_mask(count, distance, true);
    const std::vector<int> second = swap_mask(count, distance, false);
    for (int i = 0; i < count; ++i) {
      if ((i & distance) != 0) continue;
      llvm::Value *a = rows[i], *b = rows[i + distance];
      rows[i] = build_.CreateShuffleVector(a, b, first);
      rows[i + distance] = build_.CreateShuffleVector(a, b, second);
    }
  }
  return rows;
}

// Where each lane's row begins, in elements.
std::vector<Code> LlvmEmitter::row_starts(Code rows, Code stride, Code column) {
  std::vector<Code> starts;
  for (int lane = 0; lane < lanes(); ++lane) {
    const Code row =
        code(build_.CreateExtractElement(value(rows), std::uint64_t(lane)), rows.scalar, false);
    starts.push_back(add(mul(convert(row, Scalar::Index), stride), column));
  }
  return starts;
}

// As many neighbours as lanes are a square to transpose; else each lane is put in place alone.
std::vector<Code> LlvmEmitter::load_rows(Code base, Code rows, Code stride, Code column, int n,
                                         Dtype stored) {
  const std::vector<Code> starts = row_starts(as(rows, true), stride, column);
  const auto alignment = llvm::Align(bytes(stored));
  llvm::Type* element = memory_type(stored);
  Vectors columns;
  if (n == lanes()) {
    for (const Code& start : starts) {
      columns.push_back(
          build_.CreateAlignedLoad(vector_of(element), address(base, start, stored), alignment));
    }
    columns = transpose_vectors(std::move(columns));
  } else {
    for (int c = 0; c < n; ++c) {
      llvm::Value* column = llvm::PoisonValue::get(vector_of(element));
      for (int lane = 0; lane < lanes(); ++lane) {
        llvm::Value* at = address(base, add(starts[lane], index(c)), stored);
        column = build_.CreateInsertElement(
            column, build_.CreateAlignedLoad(element, at, alignment), std::uint64_t(lane));
      }
      columns.push_back(column);
    }
  }
  std::vector<Code> found;
  for (llvm::Value* column : columns) found.push_back(from_memory(column, stored, true));
  return found;
}

void LlvmEmitter::store_rows(Code base, Code rows, Code stride, Code column, Dtype stored,
                             std::span<const Code> values) {
  const std::vector<Code> starts = row_starts(as(rows, true), stride, column);
  const auto alignment = llvm::Align(bytes(stored));
  Vectors columns;
  for (const Code& each : values) columns.push_back(to_memory(as(each, true), stored));
  if (int(columns.size()) == lanes()) {
    columns = transpose_vectors(std::move(columns));
    for (int lane = 0; lane < lanes(); ++lane) {
      build_.CreateAlignedStore(columns[lane], address(base, starts[lane], stored), alignment);
    }
    return;
  }
  for (int lane = 0; lane < lanes(); ++lane) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      llvm::Value* at = address(base, add(starts[lane], index(std::int64_t(c))), stored);
      build_.CreateAlignedStore(build_.CreateExtractElement(columns[c], std::uint64_t(lane)), at,
                                alignment);
    }
  }
}

llvm::Value* LlvmEmitter::splat(llvm::Value* scalar) {
  return build_.CreateVectorSplat(unsigned(lanes()), scalar);
}

Code LlvmEmitter::broadcast(Code uniform) { return as(uniform, true); }

Code LlvmEmitter::lane_index() {
  std::vector<std::uint32_t> index(lanes());
  for (int lane = 0; lane < lanes(); ++lane) index[lane] = std::uint32_t(lane);
  return code(llvm::ConstantDataVector::get(module_.getContext(), index), Scalar::I32, true);
}

Code LlvmEmitter::shift_lanes(Code x, int distance) {
  std::vector<int> mask(lanes());
  for (int lane = 0; lane < lanes(); ++lane) {
    mask[lane] = lane + distance < lanes() ? lane + distance : llvm::PoisonMaskElem;
  }
  return code(build_.CreateShuffleVector(value(as(x, true)), mask), x.scalar, true);
}

// Lanes as the bits of one number.
Code LlvmEmitter::any(Code pred) {
  llvm::Type* number = build_.getIntNTy(unsigned(lanes()));
  llvm::Value* bits = build_.CreateBitCast(value(as(pred, true)), number);
  return code(build_.CreateIsNotNull(bits), Scalar::Pred, false);
}

}  // namespace nodec
