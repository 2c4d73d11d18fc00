// A program as plain data: a Graph owns a Region; a Region owns arguments and ops in order and
// names its results; an Op owns its result Values and nested Regions.
//
// Invariant: a region is *isolated*. Its ops use only values defined in that same region (its
// arguments and earlier results); whatever it needs from outside enters as an operand of the op
// that holds it and an argument of the region. So a region is a function, and moving,
// differentiating or compiling it needs no look at its surroundings.
//
// The text (print.h, parse.h), a grammar. Space and `// comments` may stand between any two tokens:
//   graph   = "graph" name ["batch" word] region
//   region  = "(" [arg {"," arg}] ")" "{" {op} "yield" [result {"," result}] "}"
//   arg     = value ":" type
//   op      = [value {"," value} "="] primitive [value {"," value}] ["{" attr {"," attr} "}"]
//             {"region" region} [":" type {"," type}] ["@" (string | "none") ["in" name]]
//             operands start on the primitive's line; after @ stand "file:line" and the layer
//   result  = value, and in the graph's own region: value ["as" name] ["over" value]
//             "as": its result name; "over": the argument it is written in place of (aliases)
//   value   = "%" (name ["#" digits] | digits)   digits alone: a value without a name
//   name    = word {"." part} | string  word: [A-Za-z_][A-Za-z0-9_]*, part: [A-Za-z0-9_]+
//   attr    = name "=" literal
//   literal = "true" | "false" | integer | real | string | dtype | shape | integers | reals
//             real: has a '.' or an exponent, or is inf, -inf, nan, nan(0x... its bits)
//             integers: "[" "]" or "[" integer {"," integer} "]"
//             reals: "[" "." "]" or "[" real {"," real} "]"
//             shape: "<" [dim {"," dim}] ">"
//   type    = dtype "[" [dim {"," dim}] "]" | "(" [type {"," type}] ")" | "any" | "never"
//             | "{" [name ":" type {"," name ":" type}] "}" | ("box" | "tape") "<" types ">"
//             | "function" "<" "(" types ")" "," "(" types ")" ">"
//             a tensor's is followed by ["on" (integer | "?")]: its device, when not the host
//   dim     = "?" | ["-"] term {("+" | "-") term} ;  term = factor {"*" factor}
//   factor  = word | integer
// Values of one name in one region are told apart by number: %x, %x#1, %x#2.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ir/error.h"
#include "ir/type.h"

namespace nodec {

struct Primitive;
struct Op;
struct Region;

using Attr = std::variant<bool, std::int64_t, double, std::string, Dtype, std::vector<std::int64_t>,
                          std::vector<double>, Shape>;

// Attributes by name, kept sorted so that two equal sets print and hash alike.
class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string, Attr>> items);
  Attrs& set(std::string_view name, Attr value);
  const Attr* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Error when absent or of another kind: the op may have been read from text.
  template <class T>
  const T& get(std::string_view name) const;
  template <class T>
  T get_or(std::string_view name, T fallback) const {
    return has(name) ? get<T>(name) : fallback;
  }
  void erase(std::string_view name);
  const std::vector<std::pair<std::string, Attr>>& items() const { return items_; }
  // Doubles are compared by their bits: 0.0 and -0.0 are different constants, a NaN equals itself.
  bool operator==(const Attrs& other) const;

 private:
  std::vector<std::pair<std::string, Attr>> items_;
};

struct Value {
  Type type;
  std::string name;          // the user's name for it, or empty
  Op* op = nullptr;          // the op that makes it; null for a region argument
  Region* region = nullptr;  // the region it lives in
  int index = 0;             // its place among op->results or region->args
};

using Values = std::vector<Value*>;
// One list behind the other.
Values joined(std::span<Value* const> first, std::span<Value* const> second);

struct Op {
  const Primitive* primitive = nullptr;
  std::vector<Value*> operands;
  Attrs attrs;
  std::vector<std::unique_ptr<Region>> regions;
  std::vector<std::unique_ptr<Value>> results;
  SourceLine where;
  Region* parent = nullptr;

  Value* result(std::size_t i = 0) const { return results.at(i).get(); }
  std::vector<Value*> all_results() const;
  Region& region(std::size_t i = 0) const { return *regions.at(i); }
  std::string_view name() const;  // the primitive's
};

struct Region {
  std::vector<std::unique_ptr<Value>> args;
  std::vector<std::unique_ptr<Op>> ops;
  std::vector<Value*> results;  // what `yield` names
  Op* parent = nullptr;         // null for a graph's body

  Value* arg(std::size_t i) const { return args.at(i).get(); }
  Value* add_arg(Type type, std::string name = {});
};

struct Graph {
  static constexpr std::string_view kObject = "program";  // what errors call it

  std::string name;
  std::string batch;  // the batch (lane) symbol; empty when there is none
  Region body;
  std::vector<std::string> result_names;  // one per body.results (empty: no name), or no entries
  // Output i is written in place over input aliases[i]; -1, or no entries: a buffer of its own.
  std::vector<int> aliases;

  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  Graph(Graph&&) = delete;
  Graph& operator=(Graph&&) = delete;
};

// What each value of one region becomes in another.
using ValueMap = std::map<const Value*, Value*>;

// Copies the ops of `from` behind `to`'s, operands mapped by `map` (which must hold every argument
// of `from` and receives every copied value). Nested regions are copied whole. Returns the mapped
// yield.
std::vector<Value*> copy_ops(const Region& from, Region& to, ValueMap& map);
// The same for one op.
Op& copy_op(const Op& from, Region& to, ValueMap& map);
std::unique_ptr<Region> clone(const Region& region);
std::unique_ptr<Graph> clone(const Graph& graph);
// Replaces every use of `from` inside its region (operands and yield) by `to`.
void replace_uses(Region& region, const Value* from, Value* to);
std::size_t op_count(const Region& region);  // nested ops included

}  // namespace nodec
