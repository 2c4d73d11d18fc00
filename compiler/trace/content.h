// What a variable holds while a program is traced: one value, or the fields of a record. Records
// are kept open, so that a region which captures one takes only the leaves it uses; they become one
// value only where they are stored in a box.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/builder.h"

namespace nodec::tracing {

struct Content {
  Type type;
  Value* value = nullptr;  // null for a record

  Content() = default;
  explicit Content(Value* v) : type(v->type), value(v) {}
  static Content record(std::vector<std::pair<std::string, Content>> fields);
  bool empty() const { return type.kind() == Type::Kind::Never; }
  bool is_record() const { return type.kind() == Type::Kind::Record; }
  const std::vector<Content>& fields() const;  // of a record, in the order of its type

 private:
  std::shared_ptr<const std::vector<Content>> fields_;  // shared: every read copies a content
};

// The tensors of a type, depth first; names are joined with dots ("layer_1.weight").
std::vector<Type> leaf_types(const Type& type);
std::vector<std::string> leaf_names(const Type& type, std::string_view prefix = {});

std::vector<Value*> leaves(const Content& content);
void append_leaves(const Content& content, std::vector<Value*>& to);
// The line that made it: all that an assignment can tell without a location of its own.
SourceLine line_of(const Content& content);

// The part of a record at the end of this path of names, and the record with another part there.
// Error when there is no such field.
using Path = std::vector<std::string>;
Content part_at(const Content& whole, const Path& path, const SourceLine& where);
Content with_part(const Content& whole, std::span<const std::string> path, const Content& part,
                  const SourceLine& where);

// Whether types have the same fields in the same order; their tensors may differ.
bool same_structure(const Type& a, const Type& b);
// The content with the structure of `type`: fields of equal names, and zeros for all else.
Content fitted(Builder& b, const Content& content, const Type& type);

// The inverse of `leaves`: takes from the front of `values`.
Content from_leaves(const Type& type, std::span<Value* const>& values);
Content from_leaves(const Type& type, const std::vector<Value*>& values);

// One value: records become `record` ops.
Value* materialise(Builder& b, const Content& content);
// The content of a record value; its `field` ops are appended.
Content open(Builder& b, Value* value);
// What a box or cell holds by now. Ops after a store are traced with the type that was stored, the
// witness; where it is not the type that the box began with, the load says so.
Content loaded(Builder& b, const Primitive& load, Value* box, const Type& witness);

}  // namespace nodec::tracing
