// A signature as bytes: numbers as 8 bytes, texts with their length, dims as they are printed.
#include "runtime/signature.h"

#include <charconv>
#include <cstring>

#include "ir/error.h"

namespace nodec {
namespace {

class Writer {
 public:
  void number(std::int64_t value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view text) {
    number(std::int64_t(text.size()));
    bytes_ += text;
  }
  template <typename List, typename Item>
  void list(const List& items, const Item& item) {
    number(std::int64_t(items.size()));
    for (const auto& each : items) item(each);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Every read that does not fit marks the whole as malformed and gives something harmless.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::int64_t number() {
    std::int64_t value = 0;
    if (bytes_.size() < sizeof value) return fail();
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    const std::int64_t size = number();
    if (size < 0 || std::uint64_t(size) > bytes_.size()) return fail(), "";
    std::string text(bytes_.substr(0, std::size_t(size)));
    bytes_.remove_prefix(std::size_t(size));
    return text;
  }
  template <typename Item>
  auto list(const Item& item) {
    std::vector<decltype(item())> items;
    for (std::int64_t count = number(); count > 0 && good_; --count) items.push_back(item());
    return items;
  }
  Dim dim() {
    const std::string written = text();
    const auto read = parse(written);
    if (!read) fail();
    return read.value_or(Dim(0));
  }
  std::int64_t fail() {
    good_ = false;
    return 0;
  }
  bool finished() const { return good_ && bytes_.empty(); }

 private:
  static std::optional<Dim> parse(std::string_view text);

  std::string_view bytes_;
  bool good_ = true;
};

// The part of `text` before `separator`, which is removed with it.
std::string_view cut(std::string_view& text, std::string_view separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text = at == text.npos ? std::string_view{} : text.substr(at + separator.size());
  return head;
}

// "20*B*B": a number, symbols, or both.
std::optional<Dim> parse_term(std::string_view text) {
  Dim term = 1;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const std::string_view factor = cut(text, "*");
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(factor.begin(), factor.end(), number);
    if (failure == std::errc() && end == factor.end()) {
      term = term * Dim(number);
    } else if (!factor.empty() && (factor[0] < '0' || factor[0] > '9')) {
      term = term * Dim::symbol(factor);
    } else {
      return std::nullopt;
    }
  }
  return term;
}

// The inverse of Dim::str: terms joined by " + " or " - ", the first perhaps after a "-".
std::optional<Dim> Reader::parse(std::string_view text) {
  bool minus = text.starts_with('-');
  if (minus) text.remove_prefix(1);
  Dim sum;
  for (bool more = true; more;) {
    const std::size_t at = std::min(text.find(" + "), text.find(" - "));
    more = at != text.npos;
    const auto term = parse_term(text.substr(0, at));
    if (!term) return std::nullopt;
    sum = minus ? sum - *term : sum + *term;
    if (!more) break;
    minus = text[at + 1] == '-';
    text.remove_prefix(at + 3);
  }
  return sum;
}

void write_tensor(Writer& out, const Type& type) {
  out.number(std::int64_t(type.dtype()));
  out.list(type.shape(), [&](const Dim& dim) { out.text(dim.str()); });
}

Type read_tensor(Reader& in) {
  const std::int64_t dtype = in.number();
  if (dtype < 0 || dtype > std::int64_t(Dtype::Key)) in.fail();
  return Type::tensor(Dtype(dtype), in.list([&] { return in.dim(); }));
}

void write_port(Writer& out, const Port& port) {
  out.text(port.name);
  write_tensor(out, port.type);
  out.number(port.alias);
}

Port read_port(Reader& in) {
  Port port;
  port.name = in.text();
  port.type = read_tensor(in);
  port.alias = int(in.number());
  return port;
}

void write_table(Writer& out, const PickedTable& table) {
  out.text(table.op);
  out.text(table.name);
  write_tensor(out, table.type);
  out.text(table.picked.str());
}

PickedTable read_table(Reader& in) {
  PickedTable table;
  table.op = in.text();
  table.name = in.text();
  table.type = read_tensor(in);
  if (table.type.rank() == 0) in.fail();
  table.picked = in.dim();
  return table;
}

void write_part(Writer& out, const SizedPart& part) {
  out.text(part.op);
  out.text(part.name);
  write_tensor(out, part.type);
  out.number(part.axis);
  out.number(part.start);
  out.text(part.size.str());
  out.number(part.made ? 1 : 0);
}

SizedPart read_part(Reader& in) {
  SizedPart part;
  part.op = in.text();
  part.name = in.text();
  part.type = read_tensor(in);
  part.axis = in.number();
  if (part.axis < 0 || std::size_t(part.axis) >= part.type.rank()) in.fail();
  part.start = in.number();
  part.size = in.dim();
  part.made = in.number() != 0;
  return part;
}

void write_site(Writer& out, const Site& site) {
  out.text(site.where.file);
  out.number(site.where.line);
  out.text(site.where.layer);
  out.number(site.traced);
  out.text(site.states);
  out.text(site.op);
}

Site read_site(Reader& in) {
  Site site;
  site.where.file = in.text();
  site.where.line = int(in.number());
  site.where.layer = in.text();
  site.traced = in.number();
  site.states = in.text();
  site.op = in.text();
  return site;
}

bool aliases_fit(const Signature& signature) {
  for (const Port& output : signature.outputs) {
    if (output.alias < -1 || output.alias >= int(signature.inputs.size())) return false;
  }
  return true;
}

}  // namespace

std::string serialize(const Signature& signature) {
  Writer out;
  out.text(signature.entry);
  out.text(signature.name);
  out.text(signature.batch);
  const auto port = [&](const Port& each) { write_port(out, each); };
  out.list(signature.inputs, port);
  out.list(signature.outputs, port);
  out.list(signature.symbols, [&](const std::string& symbol) { out.text(symbol); });
  out.list(signature.scratch, [&](const ScratchBuffer& buffer) {
    out.text(buffer.name);
    out.text(buffer.bytes.str());
  });
  out.list(signature.tapes, [&](const TapeLayout& tape) {
    out.text(tape.name);
    out.text(tape.frame_bytes.str());
    out.number(tape.alignment);
  });
  out.list(signature.tables, [&](const PickedTable& table) { write_table(out, table); });
  out.list(signature.parts, [&](const SizedPart& part) { write_part(out, part); });
  out.list(signature.sites, [&](const Site& site) { write_site(out, site); });
  out.number(signature.lanes);
  out.number(signature.shared);
  return out.take();
}

namespace {

std::optional<Signature> read_signature(std::string_view bytes) {
  Reader in(bytes);
  Signature signature;
  signature.entry = in.text();
  signature.name = in.text();
  signature.batch = in.text();
  signature.inputs = in.list([&] { return read_port(in); });
  signature.outputs = in.list([&] { return read_port(in); });
  signature.symbols = in.list([&] { return in.text(); });
  signature.scratch = in.list([&] {
    std::string name = in.text();
    return ScratchBuffer{std::move(name), in.dim()};
  });
  signature.tapes = in.list([&] {
    std::string name = in.text();
    Dim frame_bytes = in.dim();
    return TapeLayout{std::move(name), std::move(frame_bytes), in.number()};
  });
  signature.tables = in.list([&] { return read_table(in); });
  signature.parts = in.list([&] { return read_part(in); });
  signature.sites = in.list([&] { return read_site(in); });
  signature.lanes = int(in.number());
  signature.shared = in.number() != 0;
  if (!in.finished() || !aliases_fit(signature)) return std::nullopt;
  return signature;
}

}  // namespace

std::optional<Signature> deserialize_signature(std::string_view bytes) {
  try {
    return read_signature(bytes);
  } catch (const Error&) {  // a dim or a type that cannot be
    return std::nullopt;
  }
}

}  // namespace nodec
