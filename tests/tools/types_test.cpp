// What `nodec types` prints, whole, and the structure of its JSON and SARIF.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "compiler/nodec.h"
#include "ir/parse.h"
#include "kernels/catalogue.h"
#include "tools/nodec/port_table.h"
#include "tools/nodec/retrace.h"
#include "tools/nodec/types_json.h"
#include "tools/nodec/types_table.h"

using namespace nodec;
using nlohmann::json;

namespace {

// `k` is captured and reassigned by the dynamics, which read what the last evaluation left there;
// with another dtype where `unstable`.
const char* text(bool unstable) {
  return unstable ? R"(graph decay batch B (%u0: f32[2, B], %dense.k: f32[2, B]) {
  %k = box.new %dense.k : box<f32[2, B]> @ "model.cpp:10" in layer_1
  %0 = constant {dtype = f32, shape = <>, value = 0.5} : f32[]
  %1 = constant {dtype = i32, shape = <>, value = 100} : i32[]
  %2, %3, %4, %5, %6, %7, %8 = solve %0, %0, %0, %0, %0, %1, %u0, %k {adjoint = "discrete", adjoint_tolerance = "scaled", cells = 0, controller = "pi", method = "tsit5", name = "layer_1", quadratures = 0, residuals = 0, states = 1, tape = ""} region (%t: f32[], %u: f32[2, B], %k: box<f32[2, B]>) {
    %0 = box.load %k : f32[2, B] @ "model.cpp:12" in layer_1.dense
    %1 = mul %u, %0 : f32[2, B] @ "model.cpp:12" in layer_1.dense
    %2 = cast %1 {to = f64} : f64[2, B] @ "model.cpp:13" in layer_1.dense
    box.store %k, %2 @ "model.cpp:13" in layer_1.dense
    yield %1
  } : f32[2, B], i32[], f32[], f32[], i32[], i32[], i32[] @ "model.cpp:11" in layer_1
  yield %2 as end
}
)"
                  : R"(graph decay batch B (%u0: f32[2, B], %dense.k: f32[2, B]) {
  %k = box.new %dense.k : box<f32[2, B]> @ "model.cpp:10" in layer_1
  %0 = constant {dtype = f32, shape = <>, value = 0.5} : f32[]
  %1 = constant {dtype = i32, shape = <>, value = 100} : i32[]
  %2, %3, %4, %5, %6, %7, %8 = solve %0, %0, %0, %0, %0, %1, %u0, %k {adjoint = "discrete", adjoint_tolerance = "scaled", cells = 0, controller = "pi", method = "tsit5", name = "layer_1", quadratures = 0, residuals = 0, states = 1, tape = ""} region (%t: f32[], %u: f32[2, B], %k: box<f32[2, B]>) {
    %0 = box.load %k : f32[2, B] @ "model.cpp:12" in layer_1.dense
    %1 = mul %u, %0 : f32[2, B] @ "model.cpp:12" in layer_1.dense
    %2 = tanh %1 : f32[2, B] @ "model.cpp:13" in layer_1.dense
    box.store %k, %2 @ "model.cpp:13" in layer_1.dense
    yield %1
  } : f32[2, B], i32[], f32[], f32[], i32[], i32[], i32[] @ "model.cpp:11" in layer_1
  yield %2 as end
}
)";
}

struct Analyzed {
  explicit Analyzed(bool unstable = false)
      : graph(parse(text(unstable), find_primitive)),
        inference(infer(*graph)),
        findings(analyze(*graph)) {}
  std::unique_ptr<Graph> graph;
  Inference inference;
  std::vector<Finding> findings;

  std::string table(const TableStyle& style = {}) const {
    return types_table(*graph, inference, style);
  }
  json sarif() const { return json::parse(types_sarif("decay", findings)); }
};

}  // namespace

TEST_CASE("a table shows layers and ops, constants as numbers, equal types as ditto marks") {
  CHECK(Analyzed().table() == R"(decay, batch B: 8 ops, 2 inputs, 1 result
  inputs
    u0: f32[2, B]
    dense                      k: f32[2, B]
  layer_1
    k     box.new dense.k                           box<f32[2, B]>
    %2 .. solve {adjoint discrete, adjoint_tolerance scaled, controller pi, method tsit5}  any (proven f32[2, B]), i32[], 2 x f32[], and 3 more
    body of layer_1
      given t: f32[], u: any (proven f32[2, B])
      and 1 from outside
      dense
        %0    box.load k                            any (proven f32[2, B])
        %1    mul u, %0                             "
        %2    tanh %1                               "
              box.store k, %2
  results
    end: any (proven f32[2, B])
)");
}

TEST_CASE("without proof what is loaded from a box is any, and so is what comes of it") {
  TableStyle style;
  style.prove = false;
  const std::string table = Analyzed().table(style);
  CHECK(table.find("proven") == std::string::npos);
  CHECK(table.find("%0    box.load k                            any\n") != std::string::npos);
}

TEST_CASE("a summary has one line for each layer and body") {
  TableStyle style;
  style.summary = true;
  CHECK(Analyzed().table(style) == R"(decay, batch B: 8 ops, 2 inputs, 1 result
  layer_1                                   8 ops   any (proven f32[2, B])
    body of layer_1                         4 ops   any (proven f32[2, B])
      dense                                 4 ops   any (proven f32[2, B])
)");
}

TEST_CASE("colour is written only when asked for") {
  TableStyle style;
  CHECK(Analyzed().table(style).find('\x1b') == std::string::npos);
  style.colour = true;
  CHECK(Analyzed().table(style).find("\x1b[31many\x1b[0m") != std::string::npos);
}

TEST_CASE("ports share lines by prefix and type, and records alike are named") {
  const auto lines = port_lines({{"a.w", "f32[2]"},
                                 {"a.b", "f32[2]"},
                                 {"c.w", "f32[3]"},
                                 {"m.a.w", "f32[2]"},
                                 {"m.a.b", "f32[2]"},
                                 {"m.c.w", "f32[3]"},
                                 {"v.a.w", "f32[2]"},
                                 {"v.a.b", "f32[2]"},
                                 {"v.c.w", "f32[3]"},
                                 {"t0", "f32[]"},
                                 {"t1", "f32[]"}});
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].prefix + "|" + lines[0].text == "a|w, b: f32[2]");
  CHECK(lines[1].prefix + "|" + lines[1].text == "c|w: f32[3]");
  CHECK(lines[2].prefix + "|" + lines[2].text == "m, v|as a .. c");
  CHECK(lines[3].prefix + "|" + lines[3].text == "|t0, t1: f32[]");
}

TEST_CASE("JSON keeps the contract's keys") {
  const Analyzed a(true);
  const json all = json::parse(types_json("decay", *a.graph, a.inference, a.findings, true, {}));
  CHECK(all.size() == 3);
  CHECK(all["model"] == "decay");
  REQUIRE(all["findings"].size() == 2);
  CHECK(all["findings"][1]["code"] == "count-dependent");
  for (const char* key :
       {"code", "path", "variable", "declared", "writes", "before", "after", "lost", "help"}) {
    CHECK(all["findings"][0].contains(key));
  }
  CHECK(all["findings"][0]["code"] == "dtype-change");
  CHECK(all["findings"][0]["declared"] == "model.cpp:10");
  CHECK(all["findings"][0]["writes"] == json::array({"model.cpp:13"}));
  CHECK(all["findings"][0]["before"] == "f32[2, B]");
  CHECK(all["findings"][0]["after"] == "f64[2, B]");
  const json& first = all["types"][0];
  CHECK(first == json({{"path", ""},
                       {"role", "argument"},
                       {"name", "u0"},
                       {"type", "f32[2, B]"},
                       {"proven", "f32[2, B]"}}));
}

TEST_CASE("a SARIF log has what the 2.1.0 schema requires") {
  for (const bool unstable : {false, true}) {
    const json log = Analyzed(unstable).sarif();
    CHECK(log["version"] == "2.1.0");
    CHECK(log["$schema"] == "https://json.schemastore.org/sarif-2.1.0.json");
    REQUIRE(log["runs"].size() == 1);
    const json& run = log["runs"][0];
    CHECK(run["tool"]["driver"]["name"] == "nodec");
    std::set<std::string> ids;
    for (const json& rule : run["tool"]["driver"]["rules"]) {
      CHECK(ids.insert(rule["id"].get<std::string>()).second);
      CHECK(rule["shortDescription"]["text"].is_string());
    }
    REQUIRE(run["results"].size() == 2);
    CHECK(run["results"][1]["ruleId"] == "count-dependent");
    const json& result = run["results"][0];
    CHECK(result["ruleId"] == (unstable ? "dtype-change" : "boxed"));
    CHECK(result["level"] == (unstable ? "error" : "warning"));
    CHECK(run["tool"]["driver"]["rules"][result["ruleIndex"].get<std::size_t>()]["id"] ==
          result["ruleId"]);
    CHECK(result["message"]["text"].is_string());
    const json& where = result["locations"][0]["physicalLocation"];
    CHECK(where["artifactLocation"] ==
          json({{"uri", "model.cpp"}, {"uriBaseId", "WORKING_DIRECTORY"}}));
    CHECK(run["originalUriBaseIds"]["WORKING_DIRECTORY"]["uri"].get<std::string>().ends_with("/"));
    CHECK(where["region"]["startLine"] == 10);
    REQUIRE(result["relatedLocations"].size() == 1);
    const json& write = result["relatedLocations"][0];
    CHECK(write["physicalLocation"]["region"]["startLine"] == 13);
    CHECK(write["message"]["text"] ==
          (unstable ? "stored here, f64[2, B]" : "stored here, f32[2, B]"));
    CHECK(result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "layer_1/k");
  }
  const json empty = json::parse(types_sarif("decay", {}));
  CHECK(empty["runs"][0]["results"] == json::array());
}

TEST_CASE("a SARIF log words each place as the report does") {
  Finding f;
  f.code = FindingCode::Escape;
  f.before = f.after = f32({3});
  f.writes.push_back({{"model.cpp", 7, ""}, f32({3}), false});
  const json log = json::parse(types_sarif("m", std::vector<Finding>{f}));
  const json& place = log["runs"][0]["results"][0]["relatedLocations"][0];
  CHECK(place["message"]["text"] == "used here, f32[3]");
}

TEST_CASE("a SARIF log holds what a second trace has differently, at its line") {
  const std::vector<Difference> found = {{"%1 = a", "%1 = b", {"m.cpp", 7}}, {"", "%2 = c", {}}};
  const json run = json::parse(types_sarif("m", {}, found))["runs"][0];
  REQUIRE(run["results"].size() == 2);
  const json& first = run["results"][0];
  CHECK(run["tool"]["driver"]["rules"][first["ruleIndex"].get<std::size_t>()]["id"] ==
        first["ruleId"]);
  CHECK(first["message"]["text"] ==
        "a second trace differs, first: %1 = a, second: %1 = b. Help: what changes between traces "
        "is C++ state that is not a Var; make it an input, or a Var");
  CHECK(first["locations"][0]["physicalLocation"]["region"]["startLine"] == 7);
  CHECK_FALSE(run["results"][1].contains("locations"));
}

TEST_CASE("paths are escaped in SARIF") {
  Finding f;
  f.declared = {"/models/a folder/m#1.cpp", 3, ""};
  const json log = json::parse(types_sarif("m", std::vector<Finding>{f}));
  CHECK(log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] ==
        json({{"uri", "file:///models/a%20folder/m%231.cpp"}}));
}

TEST_CASE("a second trace with an op less differs in that op alone") {
  bool again = false;
  const auto traced = [&] {
    return trace("t", {{"x", f32()}}, [&](const Var& x) {
      const Var y = again ? x : sin(x);
      again = true;
      return cos(exp(y * 2.0) + 1.0) * y;
    });
  };
  const Traced first = traced(), second = traced();
  const auto found = differences(*first.graph, *second.graph);
  CHECK(found.front().first.starts_with("%0 = sin %x : f32[] @ "));
  CHECK(found.front().second.empty());
  CHECK(found.size() < 4);
}

TEST_CASE("a second trace that says something else is shown by its ops") {
  int calls = 0;
  const auto traced = [&] {
    return trace("t", {{"x", f32()}}, [&](const Var& x) {
      ++calls;
      return sin(x) * (calls == 1 ? 2.0 : 3.0);
    });
  };
  const Traced first = traced(), second = traced(), third = traced();
  CHECK(differences(*second.graph, *third.graph).empty());
  const auto found = differences(*first.graph, *second.graph);
  REQUIRE(found.size() == 1);
  CHECK(found[0].first.find("value = 2.0") != std::string::npos);
  CHECK(found[0].second.find("value = 3.0") != std::string::npos);
  CHECK(found[0].where.file.ends_with("types_test.cpp"));
  CHECK(retrace_text({{"%1 = a", "%1 = b"}, {"", "%2 = c"}}) ==
        "retrace: 2 lines of a second trace differ\n"
        "  - %1 = a\n"
        "  + %1 = b\n"
        "  + %2 = c\n"
        "  help: what changes between traces is C++ state that is not a Var; make it an input, or "
        "a Var\n");
  CHECK(retrace_text({}) == "retrace: a second trace gives the same program\n");
}
