// What the trace's tests share: a finished trace is verified, goes through text and back, and runs
// in the interpreter.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <source_location>
#include <string>
#include <vector>

#include "compiler/nodec.h"
#include "ir/interpret.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/catalogue.h"

namespace nodec::testing {

// The graph's text, after the checks every trace must pass.
inline std::string text(const Graph& graph) {
  verify(graph, "trace");
  const std::string printed = print(graph);
  CHECK(print(*parse(printed, find_primitive)) == printed);
  return printed;
}

// How often an op of this name stands in the region, nested ones included.
inline int count(const Region& region, std::string_view name) {
  int found = 0;
  for (const auto& op : region.ops) {
    found += op->name() == name;
    for (const auto& nested : op->regions) found += count(*nested, name);
  }
  return found;
}
inline int count(const Traced& traced, std::string_view name) {
  return count(traced.graph->body, name);
}

inline const Op& find(const Region& region, std::string_view name) {
  for (const auto& op : region.ops) {
    if (op->name() == name) return *op;
  }
  FAIL("there is no op " << name);
  return *region.ops.front();
}

// Every result's elements, for arguments given as arrays.
inline std::vector<std::vector<double>> run(const Traced& traced, std::vector<Array> arguments) {
  text(*traced.graph);
  std::vector<std::vector<double>> results;
  for (const Array& array : interpret(*traced.graph, arguments)) {
    std::vector<double> elements;
    for (std::int64_t i = 0; i < array.count(); ++i) elements.push_back(array.real(i));
    results.push_back(std::move(elements));
  }
  return results;
}

inline Array numbers(std::vector<double> values, Dtype dtype = Dtype::F32) {
  const auto count = std::int64_t(values.size());
  return Array::of({count}, std::move(values), dtype);
}
inline Array number(double value, Dtype dtype = Dtype::F32) { return Array::scalar(dtype, value); }

// The whole message of the Error that f throws, with this file's lines counted from `base`, so that
// an edit above does not change it.
inline std::string message(const std::function<void()>& f, int base) {
  try {
    f();
  } catch (const Error& error) {
    std::string text = error.what();
    const std::string file = "_test.cpp:";
    for (std::size_t at = text.find(file); at != std::string::npos; at = text.find(file, at)) {
      const std::size_t begin = text.rfind(' ', at) + 1, digits = at + file.size();
      std::size_t end = digits;
      while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
      const int line = std::stoi(text.substr(digits, end - digits));
      text.replace(begin, end - begin, "line +" + std::to_string(line - base));
      at = begin;
    }
    return text;
  }
  return "no error";
}

// The same, counted from the call's own line; f is written on that line. Inside a macro's arguments
// compilers map lines differently, but the lines of one call all in the same way.
inline std::string message(const std::function<void()>& f,
                           std::source_location here = std::source_location::current()) {
  return message(f, int(here.line()));
}

}  // namespace nodec::testing
