// Kinds, names and lines of the CUDA text.
#include "compiler/codegen/cuda/emitter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "ir/error.h"
#include "ir/graph.h"

namespace nodec {

const char* CudaEmitter::type(Scalar scalar) {
  switch (scalar) {
    case Scalar::Pred:
      return "bool";
    case Scalar::I32:
    case Scalar::Index:
      return "int";
    case Scalar::I64:
      return "i64";
    case Scalar::F32:
      return "float";
    case Scalar::F64:
      return "double";
    case Scalar::Pointer:
      return "u8*";
  }
  NODEC_CHECK(false, "unknown scalar {}", int(scalar));
}

const char* CudaEmitter::memory_type(Dtype dtype) {
  return bytes(dtype) == 1 ? "u8" : type(scalar_kind(dtype));
}

// A constant of this kind and name, as it is declared.
std::string CudaEmitter::parameter(Scalar scalar, const std::string& name) {
  return scalar == Scalar::Pointer ? "u8* const " + name
                                   : fmt::format("const {} {}", type(scalar), name);
}

void CudaEmitter::check_same(const Code& a, const Code& b) {
  NODEC_CHECK(a.scalar == b.scalar, "operands of kinds {} and {}", int(a.scalar), int(b.scalar));
}

void CudaEmitter::check_uniform(const Code& code, Scalar scalar, const char* what) {
  NODEC_CHECK(!code.varying && code.scalar == scalar, "{} must be uniform of kind {}, got kind {}",
              what, int(scalar), int(code.scalar));
}

Code CudaEmitter::code(const Value* value, Scalar scalar, bool varying) const {
  return {const_cast<Value*>(value), scalar, varying};
}

Code CudaEmitter::code(std::string text, Scalar scalar, bool varying) {
  return code(&values_.emplace_back(Value{std::move(text), std::nullopt}), scalar, varying);
}

CudaEmitter::Sum CudaEmitter::sum_of(const Code& code) const {
  const Value& v = value(code);
  if (v.number) return {"", *v.number};
  return v.root.empty() ? Sum{v.text, 0} : Sum{v.root, v.plus};
}

Code CudaEmitter::plus(Code code, std::int64_t n) {
  const Sum sum = sum_of(code);
  if (code.scalar == Scalar::Index && sum.root.empty()) {
    return integer(code.scalar, std::uint64_t(sum.plus + n), code.varying);
  }
  const std::int64_t all = sum.plus + n;
  const Code number = integer(Scalar::Index, std::uint64_t(std::abs(all)), false);
  if (all == 0) return this->code(sum.root, code.scalar, code.varying);
  std::string text = fmt::format("({} {} {})", sum.root, all < 0 ? "-" : "+", name(number));
  return this->code(&values_.emplace_back(Value{std::move(text), {}, sum.root, all}), code.scalar,
                    code.varying);
}

// An identifier out of whatever the stem is, which no other name is and none of the prologue's.
std::string CudaEmitter::fresh(std::string_view stem) {
  std::string made;
  for (const char c : stem) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      made += c;
    } else if (!made.empty() && made.back() != '_') {
      made += '_';
    }
  }
  if (made.empty() || std::isdigit(static_cast<unsigned char>(made[0]))) made = "f_" + made;
  if (made.back() != '_') made += '_';
  return made + std::to_string(++names_);
}

// Numbers are named by their op: what addresses and loops are made of stands for none.
std::string CudaEmitter::fresh(Scalar scalar) {
  const bool of_op = is_float(scalar) || scalar == Scalar::I32 || scalar == Scalar::I64;
  if (of_op && !here_.op.empty()) return fresh(here_.op);
  static constexpr const char* stems[] = {"b", "i", "i", "x", "x", "n", "p"};
  return fresh(stems[int(scalar)]);
}

Code CudaEmitter::named(Scalar scalar, const std::string& expression, bool varying) {
  const Code made = variable(scalar, varying);
  line(fmt::format("{} = {};", parameter(scalar, name(made)), expression));
  return made;
}

Code CudaEmitter::known(Scalar scalar, std::string expression, bool varying) {
  for (auto block = here_.blocks.rbegin(); block != here_.blocks.rend(); ++block) {
    const auto found = block->find(expression);
    if (found != block->end()) return code(found->second, scalar, varying);
  }
  const Code made = named(scalar, expression, varying);
  here_.blocks.back().emplace(std::move(expression), &value(made));
  return made;
}

void CudaEmitter::remark() {
  if (here_.remark.empty()) return;
  here_.line = std::exchange(here_.remark, {});
  if (lines_) return;
  here_.text += indentation() + "// " + here_.line + "\n";
}

void CudaEmitter::line(std::string_view statement) {
  remark();
  // Every statement by itself: else the next would be the user's next line. A loop's hint stays
  // before it.
  const bool place = lines_ && !here_.place.empty() && !statement.starts_with("for");
  if (place) here_.text += "#line " + here_.place + "\n";
  put(statement);
}

void CudaEmitter::put(std::string_view statement) {
  here_.text += indentation();
  here_.text += statement;
  here_.text += '\n';
}

// What `body` writes stands one step further in, and what it makes is forgotten afterwards.
void CudaEmitter::indented(const std::function<void()>& body) {
  here_.blocks.emplace_back();
  here_.loads.clear();
  body();
  here_.blocks.pop_back();
  here_.loads.clear();
}

// The items with commas, the first at this column; lines end before column 100, and go on
// `further` in.
std::string CudaEmitter::listed(const std::vector<std::string>& items, std::size_t column,
                                std::size_t further) {
  constexpr std::size_t kWidth = 97;  // leaves room for what closes the list
  std::string all;
  for (const std::string& item : items) {
    if (!all.empty() && column + item.size() > kWidth) {
      all += ",\n" + std::string(further, ' ');
      column = further;
    } else if (!all.empty()) {
      all += ", ";
    }
    all += item;
    column += item.size() + 2;
  }
  return all;
}

// The line of the user's program is told before the first statement that stands for it. Its folder
// is left out, so that the text is the same wherever the program was compiled.
void CudaEmitter::at(const Op* op) {
  here_.op = op != nullptr ? op->name() : "";
  if (op == nullptr || !op->where.known()) return;
  const SourceLine& where = op->where;
  const auto plain = [](std::string text) {
    for (char& c : text) {
      if (c < ' ' || c > '~' || c == '\\' || c == '"') c = '?';
    }
    return text;
  };
  const std::string file = plain(where.file.substr(where.file.find_last_of('/') + 1));
  std::string told = fmt::format("{}:{}", file, where.line);
  if (!where.layer.empty()) told = plain(where.layer) + ", " + told;
  here_.remark = told == here_.line ? "" : told;
  here_.place = fmt::format("{} \"{}\"", where.line, file);
}

// Constant memory serves all threads at once, but has room for 64 KiB.
CudaEmitter::Text CudaEmitter::text() const {
  constexpr std::size_t kConstantBytes = 60 * 1024;
  NODEC_CHECK(here_.blocks.size() == 1, "a program ends within {} blocks", here_.blocks.size() - 1);
  std::size_t bytes = 0;
  for (const Table& table : tables_) bytes += table.bytes;
  const char* where = bytes <= kConstantBytes ? "__constant__" : "__device__";
  std::string tables;
  for (const Table& table : tables_) {
    tables +=
        fmt::format("static {} const __align__(64) {} {}[{}] = {{\n{}}};\n\n", where, table.type,
                    table.name, std::max(table.count, std::size_t{1}), table.numbers);
  }
  return {tables + functions_, "  i64 written[NODEC_TAPES] = {};\n" + here_.locals + here_.text};
}

}  // namespace nodec
