// Fields of records, which are parts of their variable: writing one stores the whole record.
#include "compiler/trace/access.h"
#include "compiler/trace/call_stack.h"
#include "kernels/build.h"

namespace nodec {

using tracing::Access;
using tracing::Content;

namespace {

tracing::Path split(std::string_view dotted) {
  tracing::Path parts;
  while (true) {
    const std::size_t dot = dotted.find('.');
    parts.emplace_back(dotted.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    dotted.remove_prefix(dot + 1);
  }
}

}  // namespace

Field Var::operator[](const FieldName& field) & {
  return Field(*this, this, split(field.name_), field.where_);
}

Field Var::operator[](const FieldName& field) const& {
  return Field(*this, nullptr, split(field.name_), field.where_);
}

Var Var::operator[](const FieldName& field) const&& {
  return Field(*this, nullptr, split(field.name_), field.where_);
}

Field Field::operator[](const FieldName& field) const {
  tracing::Path path = path_;
  for (std::string& part : split(field.name_)) path.push_back(std::move(part));
  return Field(*root_, target_, std::move(path), field.where_);
}

Field::operator Var() const {
  SourceLine line = SourceLine::of(where_);
  if (tracing::is_library(line.file)) line = Access::declared(*root_);
  Content whole = Access::content(*root_, line);
  return Access::make(tracing::part_at(std::move(whole), path_, line), line);
}

Type Field::type(Here where) const {
  const SourceLine line = SourceLine::of(where);
  return tracing::part_at(Access::content(*root_, line), path_, line).type;
}

Field& Field::operator=(const Operand& value) {
  SourceLine line = SourceLine::of(where_);
  if (tracing::is_library(line.file)) line = value.where();
  if (tracing::is_library(line.file)) line = tracing::line_of(Access::content(value));
  if (target_ == nullptr) {
    throw Error("a field of a const record is assigned", {{line, ""}},
                "assign a record that is not const");
  }
  const Content whole = Access::content(*root_, line);
  const Content old = tracing::part_at(whole, path_, line);
  Content part;
  if (value.is_number() && !old.is_record()) {
    Builder b = tracing::builder_at(line);
    part = Content(Access::value(b, value, &old.type));
  } else {
    part = Access::content(value);
  }
  Access::store(*target_, tracing::with_part(whole, path_, part, line), line);
  return *this;
}

Var record(std::vector<std::pair<std::string, Var>> fields, Here where) {
  const SourceLine line = SourceLine::of(where);
  std::vector<std::pair<std::string, Content>> contents;
  for (const auto& [name, var] : fields) contents.emplace_back(name, Access::content(var, line));
  return Access::make(Content::record(std::move(contents)), line);
}

}  // namespace nodec
