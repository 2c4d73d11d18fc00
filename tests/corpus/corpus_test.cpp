// Runs every program of the corpus and compares its report with the comments in its text.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

#include "tests/corpus/corpus.h"

namespace nodec {
namespace corpus {
namespace {

std::vector<Program>& table() {
  static std::vector<Program> all;
  return all;
}

}  // namespace

Program::Program(std::string name, std::string file, int line, void (*write)(Trace& t))
    : name(std::move(name)), file(std::move(file)), line(line), write(write) {
  table().push_back(*this);
}

const std::vector<Program>& programs() { return table(); }

}  // namespace corpus

namespace {

using corpus::Program;
using Lines = std::vector<std::string>;
using Remarks = std::map<int, Lines>;  // by line, in order

constexpr std::string_view kMark = "// expect: ";
#ifdef NODEC_CPU_JIT  // LLVM's
constexpr bool kReadsLineTables = true;
#else
constexpr bool kReadsLineTables = false;
#endif

Lines read(const std::string& file) {
  Lines lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string trimmed(const std::string& line) {
  const std::size_t first = line.find_first_not_of(' ');
  return first == std::string::npos ? "" : line.substr(first);
}

bool is_expectation(const std::string& line) { return trimmed(line).starts_with(kMark); }

// What the comments between two lines expect, each of the next line that is no expectation.
Remarks expected(const Lines& lines, int begin, int end) {
  Remarks remarks;
  Lines waiting;
  for (int line = begin; line < end; ++line) {
    const std::string& text = lines.at(std::size_t(line - 1));
    if (is_expectation(text)) {
      waiting.push_back(trimmed(text).substr(kMark.size()));
    } else if (!waiting.empty()) {
      remarks[line] = std::exchange(waiting, {});
    }
  }
  return remarks;
}

std::vector<Finding> findings_of(const Program& program) {
  return analyze([&] {
    Trace t(program.name, "B");
    program.write(t);
    return t.finish();
  });
}

std::string quoted(const Finding& f) { return f.variable.empty() ? "?" : "'" + f.variable + "'"; }

std::string header(const Finding& f) {
  std::string text =
      fmt::format("{}{} {}", f.stops ? "no derivative: " : "", name(f.code), quoted(f));
  if (!f.path.empty()) text += " in " + f.path;
  if (f.program == ProgramPart::Backward) text += " (backward)";
  if (f.in_part) text += " in part";
  const auto [before, after] = short_diff(f.before, f.after);
  if (f.before.kind() != Type::Kind::Never) text += ": " + before;
  if (!identical(f.before, f.after)) text += " -> " + after;
  return text;
}

void add(Remarks& remarks, const Program& program, const SourceLine& where,
         const std::string& text) {
  const bool here =
      where.known() && where.file.ends_with(program.file.substr(program.file.rfind('/')));
  remarks[here ? where.line : program.line].push_back(text);
}

void add_finding(Remarks& remarks, const Program& program, const Finding& f) {
  const bool declared = f.declared.known() || f.writes.empty();
  const SourceLine at = declared ? f.declared : f.writes.front().where;
  add(remarks, program, at, header(f));
  if (f.loads > 0 || !f.lost.empty()) {
    add(remarks, program, at,
        fmt::format("{} loads, {} values, {} unproven", f.loads, f.lost.size(), f.unproven));
  }
  add(remarks, program, at, "help: " + f.help);
  const bool carry = f.code == FindingCode::CarryChange;
  const bool used = f.code == FindingCode::Escape || f.code == FindingCode::UseBeforeStore;
  for (const Write& write : f.writes) {
    const char* verb = write.of_value ? "this value is stored in"
                       : used         ? "used"
                       : carry        ? "leaves"
                                      : "stored in";
    std::string text =
        fmt::format("{} {}", write.op.empty() ? verb : write.op + " cuts", quoted(f));
    if (write.type.kind() != Type::Kind::Never) text += ", " + write.type.str();
    add(remarks, program, write.where, text);
  }
  for (const Lost& lost : f.lost) {
    const std::string what = lost.name.empty() ? lost.op : "'" + lost.name + "'";
    add(remarks, program, lost.where,
        fmt::format("{} loses {}, {}", quoted(f), what, lost.proven.str()));
  }
}

Remarks got(const Program& program) {
  Remarks remarks;
  for (const Finding& finding : findings_of(program)) add_finding(remarks, program, finding);
  return remarks;
}

std::string shown(const Remarks& remarks) {
  std::string text;
  for (const auto& [line, all] : remarks) {
    for (const std::string& remark : all) text += fmt::format("{}: {}\n", line, remark);
  }
  return text;
}

// The line after a program's last: where the next one of its file starts, or the file ends.
int end_of(const Program& program, const Lines& lines) {
  int end = int(lines.size()) + 1;
  for (const Program& other : corpus::programs()) {
    if (other.file == program.file && other.line > program.line) end = std::min(end, other.line);
  }
  return end;
}

void rewrite(const std::string& file) {
  Remarks remarks;
  for (const Program& program : corpus::programs()) {
    if (program.file == file) remarks.merge(got(program));
  }
  const Lines lines = read(file);
  std::ofstream out(file);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_expectation(lines[i])) continue;
    const std::string indent(lines[i].size() - trimmed(lines[i]).size(), ' ');
    for (const std::string& remark : remarks[int(i + 1)]) out << indent << kMark << remark << "\n";
    out << lines[i] << "\n";
  }
}

TEST_CASE("every program of the corpus gives the report written in it" *
          doctest::skip(!kReadsLineTables)) {
  std::map<std::string, Lines> files;
  for (const Program& program : corpus::programs()) files[program.file] = read(program.file);
  if (std::getenv("NODEC_CORPUS_WRITE") != nullptr) {
    for (const auto& [file, lines] : files) rewrite(file);
    return;
  }
  for (const Program& program : corpus::programs()) {
    CAPTURE(program.name);
    const Lines& lines = files.at(program.file);
    CHECK(shown(got(program)) == shown(expected(lines, program.line, end_of(program, lines))));
  }
}

TEST_CASE("of a chain of carries the first cause comes first, and what follows from it behind it" *
          doctest::skip(!kReadsLineTables)) {
  int chains = 0;
  for (const Program& program : corpus::programs()) {
    if (!program.name.starts_with("a_chain_")) continue;
    CAPTURE(program.name);
    std::string last;
    for (const Finding& finding : findings_of(program)) {
      CHECK(last < finding.variable);  // they are called in that order
      last = finding.variable;
    }
    ++chains;
  }
  CHECK(chains == 5);
}

TEST_CASE("the corpus is large, and shows every kind of finding three times") {
  std::map<FindingCode, int> seen;
  for (const Program& program : corpus::programs()) {
    for (const Finding& finding : findings_of(program)) ++seen[finding.code];
  }
  CHECK(corpus::programs().size() >= 60);
  for (const FindingCode code : finding_codes()) {
    CAPTURE(name(code));
    CHECK(seen[code] >= 3);
  }
}

}  // namespace
}  // namespace nodec
