// Contents: trees of values, their leaves, and their passage through one IR value.
#include "compiler/trace/content.h"

#include <algorithm>

#include "ir/lasting.h"
#include "ir/nearest.h"
#include "kernels/build.h"

namespace nodec::tracing {

Content Content::record(std::vector<std::pair<std::string, Content>> fields) {
  std::vector<std::pair<std::string, Type>> types;
  std::vector<Content> contents;
  for (auto& [name, content] : fields) {
    types.emplace_back(name, content.type);
    contents.push_back(std::move(content));
  }
  Content all;
  all.type = Type::record(std::move(types));
  all.fields_ = std::make_shared<const std::vector<Content>>(std::move(contents));
  return all;
}

const std::vector<Content>& Content::fields() const {
  static const auto& none = lasting<std::vector<Content>>();
  return fields_ ? *fields_ : none;
}

std::vector<Type> leaf_types(const Type& type) {
  if (type.kind() != Type::Kind::Record) return {type};
  std::vector<Type> all;
  for (const Type& field : type.elements()) {
    for (Type& leaf : leaf_types(field)) all.push_back(std::move(leaf));
  }
  return all;
}

std::vector<std::string> leaf_names(const Type& type, std::string_view prefix) {
  if (type.kind() != Type::Kind::Record) return {std::string(prefix)};
  std::vector<std::string> all;
  for (std::size_t i = 0; i < type.elements().size(); ++i) {
    const std::string& name = type.field_names()[i];
    const std::string path = prefix.empty() ? name : fmt::format("{}.{}", prefix, name);
    for (std::string& leaf : leaf_names(type.elements()[i], path)) all.push_back(std::move(leaf));
  }
  return all;
}

void append_leaves(const Content& content, std::vector<Value*>& to) {
  if (!content.is_record()) to.push_back(content.value);
  for (const Content& field : content.fields()) append_leaves(field, to);
}

std::vector<Value*> leaves(const Content& content) {
  std::vector<Value*> all;
  append_leaves(content, all);
  return all;
}

Content from_leaves(const Type& type, std::span<Value* const>& values) {
  if (type.kind() != Type::Kind::Record) {
    NODEC_CHECK(!values.empty(), "too few leaves for a {}", type.str());
    Content leaf(values.front());
    values = values.subspan(1);
    return leaf;
  }
  std::vector<std::pair<std::string, Content>> fields;
  for (std::size_t i = 0; i < type.elements().size(); ++i) {
    fields.emplace_back(type.field_names()[i], from_leaves(type.elements()[i], values));
  }
  return Content::record(std::move(fields));
}

Content from_leaves(const Type& type, const std::vector<Value*>& values) {
  std::span<Value* const> rest(values);
  Content all = from_leaves(type, rest);
  NODEC_CHECK(rest.empty(), "{} leaves too many for a {}", rest.size(), type.str());
  return all;
}

Value* materialise(Builder& b, const Content& content) {
  if (!content.is_record()) return content.value;
  std::vector<Value*> fields;
  for (const Content& field : content.fields()) fields.push_back(materialise(b, field));
  return record(b, std::move(fields), content.type.field_names());
}

Content open(Builder& b, Value* value) {
  if (value->type.kind() != Type::Kind::Record) return Content(value);
  if (leaf_types(value->type).empty()) return from_leaves(value->type, {});
  std::vector<std::pair<std::string, Content>> fields;
  for (const std::string& name : value->type.field_names()) {
    fields.emplace_back(name, open(b, field(b, value, name)));
  }
  return Content::record(std::move(fields));
}

Content loaded(Builder& b, const Primitive& load, Value* box, const Type& witness) {
  Attrs attrs;
  if (!identical(box->type.elements().front(), witness)) attrs.set("as", witness.str());
  return open(b, b.value(load, {box}, std::move(attrs)));
}

SourceLine line_of(const Content& content) {
  for (const Value* leaf : leaves(content)) {
    if (leaf->op != nullptr && leaf->op->where.known()) return leaf->op->where;
  }
  return {};
}

namespace {

const Content& field_of(const Content& content, const std::string& name, const SourceLine& where) {
  const int index = content.is_record() ? content.type.field_index(name) : -1;
  if (index >= 0) return content.fields().at(std::size_t(index));
  if (!content.is_record()) {
    throw Error(fmt::format("{} has no field '{}'", content.type.str(), name), {{where, ""}},
                "only records have named fields");
  }
  throw Error(fmt::format("there is no field '{}' in {}", name, content.type.str()), {{where, ""}},
              suggestion_or_all(name, content.type.field_names(), "its fields are:"));
}

}  // namespace

bool same_structure(const Type& a, const Type& b) {
  return a.kind() == b.kind() && a.field_names() == b.field_names() &&
         std::equal(a.elements().begin(), a.elements().end(), b.elements().begin(),
                    b.elements().end(), same_structure);
}

Content fitted(Builder& b, const Content& content, const Type& type) {
  if (same_structure(content.type, type)) return content;
  if (type.kind() != Type::Kind::Record) return open(b, zeros(b, type));
  std::vector<std::pair<std::string, Content>> fields;
  for (std::size_t i = 0; i < type.elements().size(); ++i) {
    const std::string& name = type.field_names()[i];
    const int at = content.is_record() ? content.type.field_index(name) : -1;
    const Content part = at < 0 ? Content() : content.fields()[std::size_t(at)];
    fields.emplace_back(name, fitted(b, part, type.elements()[i]));
  }
  return Content::record(std::move(fields));
}

Content part_at(const Content& whole, const Path& path, const SourceLine& where) {
  Content part = whole;
  for (const std::string& name : path) part = Content(field_of(part, name, where));
  return part;
}

Content with_part(const Content& whole, std::span<const std::string> path, const Content& part,
                  const SourceLine& where) {
  if (path.empty()) return part;
  const Content& old = field_of(whole, path.front(), where);
  std::vector<std::pair<std::string, Content>> fields;
  for (std::size_t i = 0; i < whole.fields().size(); ++i) {
    fields.emplace_back(whole.type.field_names()[i], whole.fields()[i]);
    if (&whole.fields()[i] == &old)
      fields.back().second = with_part(old, path.subspan(1), part, where);
  }
  return Content::record(std::move(fields));
}

}  // namespace nodec::tracing
