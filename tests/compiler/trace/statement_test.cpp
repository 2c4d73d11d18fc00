// What lines of C++ assign and declare, and where they do not say.
#include "compiler/trace/statement.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

namespace nodec::tracing {
namespace {

using Names = std::vector<std::string>;

Names targets(std::string_view line) { return assigned_on(line).targets; }

TEST_CASE("the targets of a line of C++") {
  CHECK(targets("    st = next;") == Names{"st"});
  CHECK(targets("  std::tie(du, st) = model(u, ps, st);") == Names{"du", "st"});
  CHECK(targets("  std::tie(std::ignore, st) = model(u);") == Names{"st"});
  CHECK(targets("  counters.calls += 1; xs[2] *= y;") == Names{"counters.calls", "xs[2]"});
  CHECK(targets("  this->st = x; st[\"a;b\"] = y;") == Names{"this->st", "st"});
  CHECK(targets("  const Var next = st + 1; st = next;") == Names{"st"});
  CHECK(targets("  auto& x = y; if (a == b || a <= b) return;") == Names{});
  CHECK(targets("  auto [du, next] = model(u);  // st = next") == Names{});
  CHECK(targets("  Var a = x, b = y;") == Names{});
  CHECK(targets("  std::swap(a, xs[1]);") == Names{"a", "xs[1]"});
  CHECK(targets("  Var old = std::exchange(a, sum(u));") == Names{"a"});
  CHECK(targets("  auto f = [n = 0, &st](const Var& u) mutable { st = u; };") == Names{"st"});
  CHECK(targets("  const S s{.a = x, .b = y};") == Names{});
}

TEST_CASE("a chain is assigned from right to left") {
  CHECK(targets("aa = bb = sum(u);") == Names{"bb", "aa"});
  CHECK(targets("Var c = aa = bb = sum(u);") == Names{"bb", "aa"});
  CHECK(targets("last = std::exchange(st, x);") == Names{"st", "last"});
  CHECK(assigned_on("aa = bb = x;").together);
  CHECK_FALSE(assigned_on("aa = x; bb = x;").together);
}

TEST_CASE("where the text does not tell, no target is named") {
  for (const char* line :
       {"(w ? a : b) = sum(u);", "*o = sum(u);", "m.at(\"k\") = x;", "f().x = y; st = y;",
        "f(a = x, b = y);", "if (w) a = x; else b = y;", "w ? a = x : b = y;",
        "f([&] { a = x; }, [&] { b = y; });", "out = solve([&](const Var& u) { st = u; }, x);",
        "for (Var& x : xs) { a = x; } b = y;", "std::swap(a, f(b));", "st.operator=(x);"}) {
    CAPTURE(line);
    CHECK(targets(line) == Names{});
  }
  CHECK(targets("cond(w, [&] { st = x; }, [&] { st = y; });") == Names{"st"});
}

TEST_CASE("a statement of several lines is read whole, its neighbours are not") {
  const std::string file =
      (std::filesystem::temp_directory_path() / "nodec_statement.cpp").string();
  std::ofstream(file) << "a = b; std::tie(du,  // both\n"
                         "\n"
                         "         st) = model(u); c = d;\n"
                         "next = st;\n";
  const Statement first = statement_at({file, 1}), last = statement_at({file, 3});
  CHECK(first.first == 1);
  CHECK(last.first == 1);
  CHECK(targets(first.text) == Names{"a", "du", "st"});
  CHECK(targets(last.text) == Names{"du", "st", "c"});
  CHECK(statement_at({file, 4}).text == "next = st;");
  std::filesystem::remove(file);
}

TEST_CASE("of a statement over lines the target's own line is told, where one line names it") {
  const std::string file = (std::filesystem::temp_directory_path() / "nodec_lines.cpp").string();
  const auto line = [&](const std::string& text, int at, const std::string& target) {
    std::ofstream(file) << text;
    const SourceLine where{file, at};
    return line_of_target(statement_at(where), target, where);
  };
  CHECK(line("{\nst =\n  x +\n  st;\n}\n", 4, "st") == 2);
  CHECK(line("a = b;\nst = f([&] {\n  return st;\n  },\n  x);\n", 5, "st") == 2);
  CHECK(line("std::tie(\n  du,\n  st) =\n  x;\n", 4, "st") == 3);
  CHECK(line("if (w) {\n}\nstep = 1;\nst\n  += x;\n", 5, "st") == 4);
  CHECK(line("#define A st = 0\n\nst  // =\n  = x; y = 2;\n", 4, "st") == 3);
  CHECK(line("st = f(\n  st = x);\n", 2, "st") == 2);  // two stores: as it was
  CHECK(line("o.st = f(\n  x);\n", 2, "st") == 2);
  CHECK(line("st == f(\n  x);\n", 2, "st") == 2);
  std::filesystem::remove(file);
}

TEST_CASE("a line names what it declares, where that is one variable and nothing else is there") {
  const std::string file = (std::filesystem::temp_directory_path() / "nodec_declared.cpp").string();
  const auto declared = [&](const std::string& line) {
    std::ofstream(file) << line << "\n";
    return declared_on({file, 1});
  };
  CHECK(declared("  Var st = constant(1.0);  // Var x = y") == "st");
  CHECK(declared("  const State st{record({{\"a\", x}, {\"b\", y}})};") == "st");
  CHECK(declared("  Var st;") == "st");
  CHECK(declared("  struct Model { Var st = constant(0.0); };") == "st");
  CHECK(declared("  Var a = x, b = y;") == "");
  CHECK(declared("  Var a = x; S s{constant(1.0)};") == "");
  CHECK(declared("  Var g = grad([&](const Var& w) { k.push_back(w * 2); return w; }, x);") == "");
  CHECK(declared("  const Var u = solved(x, [&](const Var& u) {") == "");
  CHECK(declared("  st = x;") == "");
  CHECK(declared("  Var st(constant(1.0));") == "st");
  CHECK(declared("Var made(const Var& x) { return record({{\"p\", x}}); }") == "");
  CHECK(declared("Var made(const Var& x) const {") == "");
  const auto copied = [&](const std::string& line) {
    std::ofstream(file) << line << "\n";
    return declared_on({file, 1}, true);
  };
  CHECK(copied("  Var st = x;") == "st");
  CHECK(copied("  Var st(x);") == "st");
  CHECK(copied("  Var st = all.at(0);") == "st");
  CHECK(copied("  Var st = (x);") == "st");
  CHECK(copied("  Var st = run(x);") == "");
  CHECK(copied("  Var st = y * run<3>(x, 2);") == "");
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace nodec::tracing
