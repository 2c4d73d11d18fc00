// Text to graph, by recursive descent over the grammar in graph.h. Ops are made by the Builder, so
// everything that a program says of itself is checked as it is read. Text may come from anyone:
// nesting, counts and the growth of types are limited, and whatever a type rule throws at a
// malformed op becomes an Error at its line.
#include "ir/parse.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "ir/builder.h"
#include "ir/float_mode.h"
#include "ir/nearest.h"
#include "ir/reader.h"
#include "ir/text.h"

namespace nodec {
namespace {

constexpr std::size_t kOpLimit = std::size_t{1} << 20;
constexpr const char* kIsText = "give IR text, as `nodec dump MODEL --after trace` prints it";
// A type holds its parts by value, so tuples of tuples of one value double with each line. What all
// types together may weigh; a million ops on tensors take less than half.
constexpr std::int64_t kTypeBudget = std::int64_t{1} << 25;

class Parser {
 public:
  Parser(std::string_view text, PrimitiveLookup lookup, std::string_view file,
         std::span<const Primitive* const> known)
      : reader_(text, file), lookup_(lookup), file_(file), known_(known) {}

  std::unique_ptr<Graph> graph();

 private:
  // The values of one region by their text; bare ones apart, since %0 is not %"0".
  using Key = std::tuple<bool, std::string, int>;
  static Key key(const Token& token) { return {token.bare, token.text, token.number}; }
  struct Scope {
    struct Entry {
      Value* value;
      Token token;
    };
    std::map<Key, Entry> values;
    Builder builder;
  };

  void region(Region& region, Graph* graph, int depth);
  void arguments(Scope& scope);
  std::string result_name(const Graph& graph);
  void yield(Scope& scope, Graph* graph);
  void check_alias(const Graph& graph, const Value& input, const Token& token);
  void op(Scope& scope, int depth);
  Op& build(Scope& scope, const Token& start, const Primitive& primitive,
            std::vector<Value*> operands, Attrs attrs,
            std::vector<std::unique_ptr<Region>> regions);
  const Primitive& primitive(const Token& word);
  std::vector<Value*> operands(Scope& scope, const Token& primitive);
  Attrs attrs();
  void stated_types(const Op& op, const Token& start);
  SourceLine location(const Token& start);
  Value* use(const Scope& scope);
  void define(Scope& scope, const Token& token, Value* value);
  void spend(const Type& type, std::int64_t times, const Token& token);

  Reader reader_;
  PrimitiveLookup lookup_;
  std::string file_;
  std::span<const Primitive* const> known_;
  std::size_t ops_ = 0;
  std::int64_t budget_ = kTypeBudget;
};

std::unique_ptr<Graph> Parser::graph() {
  auto graph = std::make_unique<Graph>();
  if (!reader_.accept("graph")) reader_.lexer().unexpected(reader_.peek(), "'graph'", kIsText);
  graph->name = reader_.name("the graph's name");
  if (reader_.accept("batch")) {
    const Token symbol = reader_.expect(Token::Kind::Word, "the batch symbol");
    if (symbol.text.find('.') != std::string::npos) {
      reader_.lexer().unexpected(symbol, "the batch symbol");
    }
    graph->batch = symbol.text;
  }
  region(graph->body, graph.get(), 0);
  reader_.expect(Token::Kind::End, "the end of the text");
  return graph;
}

void Parser::region(Region& region, Graph* graph, int depth) {
  if (depth > kDepthLimit) {
    reader_.lexer().fail(reader_.peek(), "regions nest more than 64 deep");
  }
  Scope scope{{}, Builder(region)};
  arguments(scope);
  reader_.expect('{');
  while (!reader_.peek().is("yield")) op(scope, depth);
  yield(scope, graph);
  reader_.expect('}');
}

void Parser::arguments(Scope& scope) {
  reader_.expect('(');
  reader_.until(')', [&] {
    const Token token = reader_.expect(Token::Kind::Value, "an argument");
    reader_.expect(':');
    Value* arg = scope.builder.region().add_arg(reader_.type(), token.bare ? "" : token.text);
    define(scope, token, arg);
  });
}

std::string Parser::result_name(const Graph& graph) {
  const Token token = reader_.peek();
  std::string name = reader_.name("a result's name");
  const auto& known = graph.result_names;
  if (name.empty() || std::ranges::find(known, name) == known.end()) return name;
  reader_.lexer().fail(token, fmt::format("two results are named '{}'", name),
                       "rename one of them");
}

void Parser::yield(Scope& scope, Graph* graph) {
  reader_.expect("yield");
  Region& region = scope.builder.region();
  if (reader_.peek().is('}')) return;
  do {
    region.results.push_back(use(scope));
    if (!graph) continue;
    graph->result_names.push_back(reader_.accept("as") ? result_name(*graph) : "");
    graph->aliases.push_back(-1);
    if (!reader_.accept("over")) continue;
    const Token token = reader_.peek();
    const Value* input = use(scope);
    check_alias(*graph, *input, token);
    graph->aliases.back() = input->index;
  } while (reader_.accept(','));
}

void Parser::check_alias(const Graph& graph, const Value& input, const Token& token) {
  if (input.op) reader_.lexer().fail(token, "a result is written over an argument only");
  const Type& type = graph.body.results.back()->type;
  if (type != input.type) {
    reader_.lexer().fail(token, fmt::format("a result of type {} is written over {} of type {}",
                                            type.str(), token.shown(), input.type.str()));
  }
  if (std::find(graph.aliases.begin(), graph.aliases.end(), input.index) != graph.aliases.end()) {
    reader_.lexer().fail(token, fmt::format("two results are written over {}", token.shown()));
  }
}

void Parser::op(Scope& scope, int depth) {
  const Token start = reader_.peek();
  if (++ops_ > kOpLimit) reader_.lexer().fail(start, "a graph has more than 2^20 ops");
  std::vector<Token> names;
  if (start.kind == Token::Kind::Value) {
    do {
      names.push_back(reader_.expect(Token::Kind::Value, "a value"));
    } while (reader_.accept(','));
    reader_.expect('=');
  }
  const Token word = reader_.expect(Token::Kind::Word, "an op or 'yield'");
  const Primitive& primitive = this->primitive(word);
  std::vector<Value*> used = operands(scope, word);
  Attrs given = attrs();
  std::vector<std::unique_ptr<Region>> regions;
  while (reader_.accept("region")) {
    regions.push_back(std::make_unique<Region>());
    region(*regions.back(), nullptr, depth + 1);
  }
  Op& op = build(scope, start, primitive, std::move(used), std::move(given), std::move(regions));
  if (names.size() != op.results.size()) {
    reader_.lexer().fail(start, fmt::format("'{}' has {} results, the text names {}", op.name(),
                                            op.results.size(), names.size()));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names[i].bare) op.results[i]->name = names[i].text;
    define(scope, names[i], op.result(i));
  }
  stated_types(op, start);
  op.where = location(start);
}

const Primitive& Parser::primitive(const Token& word) {
  if (const Primitive* found = lookup_(word.text)) return *found;
  std::vector<std::string> names;
  for (const Primitive* each : known_) names.emplace_back(each->name);
  reader_.lexer().fail(word, fmt::format("there is no primitive {}", word.shown()),
                       suggestion(word.text, names, Lexer::kCompare));
}

std::vector<Value*> Parser::operands(Scope& scope, const Token& primitive) {
  std::vector<Value*> all;
  const Token& first = reader_.peek();
  if (first.kind != Token::Kind::Value || first.line != primitive.line) return all;
  do {
    const Token token = reader_.peek();
    all.push_back(use(scope));
    spend(all.back()->type, 1, token);
  } while (reader_.accept(','));
  return all;
}

Attrs Parser::attrs() {
  Attrs all;
  if (!reader_.accept('{')) return all;
  reader_.until('}', [&] {
    const Token token = reader_.peek();
    const std::string name = reader_.name("an attribute's name");
    if (all.has(name)) {
      reader_.lexer().fail(token, fmt::format("attribute {} is given twice", token.shown()));
    }
    reader_.expect('=');
    all.set(name, reader_.attr());
  });
  return all;
}

Op& Parser::build(Scope& scope, const Token& start, const Primitive& primitive,
                  std::vector<Value*> operands, Attrs attrs,
                  std::vector<std::unique_ptr<Region>> regions) {
  try {
    Op& op = scope.builder.op(primitive, std::move(operands), std::move(attrs), std::move(regions));
    for (const auto& result : op.results) spend(result->type, 8, start);
    return op;
  } catch (const Error& error) {
    if (!error.notes().empty()) throw;
    throw Error(error.message(), {reader_.lexer().place(start)}, error.help());
  } catch (const std::exception& error) {
    // A type rule that took its operands, regions or attributes to be there.
    throw Error(
        fmt::format("'{}' has not the operands, attributes and regions it takes", primitive.name),
        {reader_.lexer().place(start)}, Lexer::kCompare);
  }
}

void Parser::stated_types(const Op& op, const Token& start) {
  if (!reader_.accept(':')) return;
  std::size_t count = 0;
  do {
    const Token token = reader_.peek();
    const Type stated = reader_.type();
    if (count < op.results.size() && stated != op.result(count)->type) {
      reader_.lexer().fail(token, fmt::format("'{}' gives {}, the text states {}", op.name(),
                                              op.result(count)->type.str(), stated.str()));
    }
    ++count;
  } while (reader_.accept(','));
  if (count == op.results.size()) return;
  reader_.lexer().fail(start, fmt::format("'{}' has {} results, the text states {} types",
                                          op.name(), op.results.size(), count));
}

// The line stated after @ (or that there is none), else the text's own.
SourceLine Parser::location(const Token& start) {
  if (!reader_.accept('@')) return {file_, start.line};
  SourceLine line;
  if (!reader_.accept("none")) line = reader_.source_line();
  if (reader_.accept("in")) line.layer = reader_.name("a layer's name");
  return line;
}

Value* Parser::use(const Scope& scope) {
  const Token token = reader_.expect(Token::Kind::Value, "a value");
  const auto found = scope.values.find(key(token));
  if (found != scope.values.end()) return found->second.value;
  std::vector<std::string> names;
  for (const auto& [key, entry] : scope.values) {
    const std::string& name = entry.token.text;
    if (names.size() < 1000 && is_dotted_word(name)) names.push_back("%" + name);
  }
  const char* pass = "pass it in as an operand of the op that holds the region";
  reader_.lexer().fail(token,
                       fmt::format("{} is not defined before this line in this region, which sees "
                                   "its own values only",
                                   token.shown()),
                       token.bare ? pass : suggestion("%" + token.text, names, pass));
}

void Parser::define(Scope& scope, const Token& token, Value* value) {
  const auto [at, fresh] = scope.values.insert({key(token), {value, token}});
  if (fresh) return;
  const Lexer& lexer = reader_.lexer();
  throw Error(fmt::format("{} is defined twice in one region", token.shown()),
              {lexer.place(token), lexer.place(at->second.token)}, "rename one of them");
}

void Parser::spend(const Type& type, std::int64_t times, const Token& token) {
  budget_ -= times * (1 + std::int64_t(type.is_tensor() ? type.rank() : 0));
  if (budget_ < 0) reader_.lexer().fail(token, "the types of this graph grow too large");
  for (const Type& element : type.elements()) spend(element, times, token);
}

}  // namespace

std::unique_ptr<Graph> parse(std::string_view text, PrimitiveLookup lookup, std::string_view file,
                             std::span<const Primitive* const> known) {
  const DefaultFloatMode mode;  // a number's text is one number
  if (constexpr std::string_view mark = "\xef\xbb\xbf"; text.starts_with(mark)) {
    text.remove_prefix(mark.size());  // some editors begin UTF-8 so
  }
  return Parser(text, lookup, file, known).graph();
}

Type parse_type(std::string_view text) {
  Reader reader(text, "<type>");
  Type type = reader.type();
  if (reader.peek().kind != Token::Kind::End) {
    reader.lexer().unexpected(reader.peek(), "the end of a type");
  }
  return type;
}

}  // namespace nodec
