// The report's wording where types differ in part.
#include "ir/report.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/temporary_folder.h"

using namespace nodec;

namespace {

const Type f32_3 = Type::tensor(Dtype::F32, {Dim(3)});
const Type f64_3 = Type::tensor(Dtype::F64, {Dim(3)});

}  // namespace

TEST_CASE("the text of a line is shown from plain files of a size that people write") {
  const TemporaryFolder folder;
  const std::string file = folder.file("model.cpp", "one\n  two \t\r\n\nfour").string();
  CHECK(source_text({file, 1}) == "one");
  CHECK(source_text({file, 2}) == "two");
  for (const int line : {3, 5, 1000000000, 0, -1}) CHECK(source_text({file, line}) == "");
  CHECK(source_text({file, 4}) == "four");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_symlink("/dev/zero", folder / "endless");
  for (const char* other : {"pipe", "endless", "none", ""}) {
    CHECK(source_text({(folder / other).string(), 1}) == "");
  }
  std::filesystem::resize_file(file, std::uintmax_t(1) << 40);
  CHECK(source_text({file, 1}) == "");
}

TEST_CASE("equal parts of two records are elided") {
  const Type before = Type::record({{"scale", f32_3}, {"mean", f32_3}, {"count", f32_3}});
  const Type after = Type::record({{"scale", f32_3}, {"mean", f64_3}, {"count", f32_3}});
  const auto [was, is] = short_diff(before, after);
  CHECK(was == "{..., mean: f32[3], ...}");
  CHECK(is == "{..., mean: f64[3], ...}");
}

TEST_CASE("a value on another device is not an equal part") {
  const Type before = Type::record({{"mean", f32_3}, {"scale", f32_3}});
  const Type after = Type::record({{"mean", f32_3.on(1)}, {"scale", f32_3}});
  CHECK(short_diff(before, after).second == "{mean: f32[3] on 1, ...}");
}

TEST_CASE("a variable that never had a value has no type to show") {
  Finding finding;
  finding.code = FindingCode::UseBeforeStore;
  finding.variable = "st";
  finding.declared = {"model.cpp", 3};
  finding.writes.push_back({{"model.cpp", 4}, Type(), false});
  CHECK(report(finding) ==
        "use-before-store: 'st' is used before it has a value\n"
        "  --> model.cpp:3   declared here\n"
        "  --> model.cpp:4   used here\n");
}

TEST_CASE("a flat path names what cuts it, and no line tables") {
  Finding finding;
  finding.code = FindingCode::FlatPath;
  finding.program = ProgramPart::Backward;
  finding.path = "solve";
  finding.variable = "T";
  finding.before = finding.after = f32_3;
  finding.writes.push_back({{"model.cpp", 4}, f32_3.with_dtype(Dtype::Bool), false, "le"});
  finding.writes.push_back({{}, f32_3, false, "floor"});
  CHECK(report(finding) ==
        "flat-path: 'T' in solve (backward) reaches the dynamics only through le and floor, whose "
        "derivative is 0\n"
        "  --> model.cpp:4   le, bool[3]\n"
        "  --> unknown line   floor, f32[3]\n");
  finding.in_part = true;
  CHECK(sentence(finding) ==
        "'T' reaches the dynamics in part through le and floor, whose derivative is 0");
}

TEST_CASE("a change of device is shown before and after") {
  Finding finding;
  finding.code = FindingCode::DeviceChange;
  finding.variable = "st";
  finding.before = f32_3;
  finding.after = f32_3.on(1);
  CHECK(report(finding) ==
        "device-change: 'st' starts as f32[3] and becomes f32[3] on 1\n"
        "  type: - f32[3]\n"
        "        + f32[3] on 1\n");
}

TEST_CASE("what a report shows of the user's cannot steer a terminal") {
  const TemporaryFolder folder;
  const std::string file = folder.file("model.cpp", "st = \x1b[2Jnext;\n").string();
  const Type was = Type::record({{"\x1b[1m", f32_3}}), is = Type::record({{"\x1b[1m", f64_3}});
  Finding finding;
  finding.code = FindingCode::DtypeChange;
  finding.path = "a\x1b[5m";
  finding.variable = "\x1b]0;st\x07";
  finding.declared = {file, 1};
  finding.before = was;
  finding.after = is;
  finding.writes.push_back({{"\x1b[7m.cpp", 2}, is, false});
  finding.loads = 1;
  finding.lost.push_back({"\x1b[8m", "add", {"m.cpp", 3}, f32_3});
  finding.help = "keep '\x1b[3m'";
  CHECK(
      folder.without_path(report(finding)) ==
      R"(dtype-change: '\x1b]0;st\x07' in a\x1b[5m starts as {\x1b[1m: f32[3]} and becomes {\x1b[1m: f64[3]}
  --> DIR/model.cpp:1   declared here, {\x1b[1m: f32[3]}
      |  st = \x1b[2Jnext;
  --> \x1b[7m.cpp:2   stored here, {\x1b[1m: f64[3]}
  type: - {\x1b[1m: f32[3]}
        + {\x1b[1m: f64[3]}
  lost: 1 load and 1 value are any until the proof; with it, none
        '\x1b[8m'  m.cpp:3  f32[3]
  help: keep '\x1b[3m'
)");
  const std::string coloured = report(finding, {.colour = true});
  for (const char* code : {"[2J", "]0;", "[5m", "[7m", "[8m", "[3m"}) {
    CHECK(coloured.find("\x1b" + std::string(code)) == std::string::npos);
  }
  CHECK(sentence(finding) ==
        R"('\x1b]0;st\x07' starts as {\x1b[1m: f32[3]} and becomes {\x1b[1m: f64[3]})");
}
