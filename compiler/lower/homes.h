// Where base values live: scalars in registers of every thread, all else in buffers, made on first
// use.
//
// A buffer of samples that one list of kernels uses alone is a tile's own (`Local`); a second list
// that touches it makes it `Lanes`. A *segment* numbers such a list, or other work in a row.
//
// Knows each value's buffer or scalar, which values can be read by now, and the constants of the
// function that is being lowered.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "compiler/lower/views.h"

namespace nodec::lowering {

class Homes {
 public:
  Homes(plan::Plan& plan, Views& views) : plan_(plan), views_(views) {}

  Views& views() { return views_; }
  plan::Buffer& buffer(int id) { return plan_.buffers[std::size_t(id)]; }

  int home(const Value* v);  // the buffer of a base value
  std::optional<int> find(const Value* v) const;
  bool has(const Value* v) const { return buffer_.contains(v); }
  void settle(const Value* v, int buffer) { buffer_[v] = buffer; }
  int new_buffer(plan::Buffer buffer);
  int new_buffer(const Value* v, std::string_view name);  // for all of `v`, laid out plainly
  int new_tile_buffer(const Value* v, std::string name);  // while it is on one tile
  void share(int buffer);                                 // a tile's own no longer
  void keep(int buffer) { kept_.insert(buffer); }         // written even if no kernel reads it
  const std::set<int>& kept() const { return kept_; }

  plan::Ref ref(const Value* v);                       // strides over v's element axes
  plan::Ref ref_to(int buffer, const Value* v) const;  // v laid out plainly in `buffer`
  plan::Ref home_ref(const Value* v) { return ref_to(home(v), v); }

  int new_scalar(Dtype dtype);
  int scalar_home(const Value* v);
  void settle_scalar(const Value* v, int scalar) { scalar_[v] = scalar; }
  int scalar_of(const Value* v, plan::Nodes& nodes);  // loads it when it lives in memory
  int number(std::int64_t n);                         // an i32
  // In a function that is told which solve it is: which.
  int callers_site() const {
    NODEC_CHECK(callers_site_ >= 0, "a report of its caller's solve, and no caller that tells it");
    return callers_site_;
  }
  void set_callers_site(int scalar) { callers_site_ = scalar; }
  // Whether it is passed by value: also a tensor that is one number, repeated.
  bool is_number(const Value* v) const;

  bool available(const Value* v) const { return available_.contains(v); }
  void make_available(const Value* v) { available_.insert(v); }

  int new_segment() { return next_segment_++; }
  void enter(int segment) { segment_ = segment; }
  void enter_new_segment() { segment_ = new_segment(); }

  // What a function computes before all else, on scalars.
  void compute_first(const Op& op, std::vector<plan::Source> operands, int result);
  // Lowers a function's text by `make`, and puts what it computes first in front of it.
  template <class Make>
  plan::Nodes function(const Make& make);

 private:
  void touch(int buffer);               // used in the current segment
  int prologue_scalar(const Value* v);  // of a constant or a dim
  void begin_with(plan::Scalars first, plan::Nodes& body);

  plan::Plan& plan_;
  Views& views_;
  std::map<const Value*, int> buffer_, scalar_;
  std::map<int, int> segment_of_;  // buffer -> the one segment that uses it
  std::unordered_set<const Value*> available_;
  std::set<int> kept_;
  plan::Scalars first_;
  Region numbers_;  // constants that the program does not name
  int callers_site_ = -1;
  int segment_ = 0, next_segment_ = 0;
};

template <class Make>
plan::Nodes Homes::function(const Make& make) {
  const int outer_segment = segment_;
  plan::Scalars outer_first = std::exchange(first_, {});
  const int outer_site = std::exchange(callers_site_, -1);
  plan::Nodes body = make();
  begin_with(std::exchange(first_, std::move(outer_first)), body);
  segment_ = outer_segment;
  callers_site_ = outer_site;
  return body;
}

}  // namespace nodec::lowering
