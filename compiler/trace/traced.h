// What tracing gives: a program, or what was found wrong with it together with what there is of it.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ir/finding.h"
#include "ir/graph.h"
#include "ir/held.h"

namespace nodec {
namespace tracing {

// A store inside some body, what became of it, and the return addresses above it, for locate.h.
struct StoreSite {
  std::vector<void*> addresses;
  SourceLine declared;         // the variable's declaration, where it has one
  bool is_copy = false;        // it was made by copying another one
  std::vector<const Op*> ops;  // box.stores: the body's, and those of bodies around it
  // Results of the loops and branches that it leaves through, and out of which of their bodies.
  struct Left {
    Value* value;
    std::size_t body;
  };
  std::vector<Left> values;
};

// A box.new or cell.new and the variable it was made for, by number.
struct BoxSite {
  const Op* op = nullptr;
  std::int64_t variable = 0;
  std::vector<void*> copied;  // return addresses above the library's code that made the variable
};

}  // namespace tracing

// The graph, and where each store that crossed a region was written; an op or a value that is gone
// from the graph may still have its site.
struct Traced {
  Held<Graph> graph;
  std::vector<tracing::StoreSite> stores;
  std::vector<tracing::BoxSite> boxes;
};

// Gives boxes that were declared on one line the number of their variable, {variable = n}: one that
// is assigned at home between two solves has several, and a line can declare several variables.
void number_boxes(const Traced& traced);

// What a trace throws about the user's variables: where it cannot go on, or at its end. The program
// is good for analysis (analyze.h), and for nothing else: it holds zeros for values that were used
// outside of the body they were made in, and what was traced after `stopped` is not there.
class Untraceable : public Unstable {
 public:
  Untraceable(std::vector<Finding> findings, Traced program, bool stopped)
      : Unstable(std::move(findings)),
        program_(std::make_shared<Traced>(std::move(program))),
        stopped_(stopped) {}
  const Traced& program() const { return *program_; }
  bool stopped() const { return stopped_; }  // before its end, in whatever body was open

 private:
  std::shared_ptr<const Traced> program_;  // an exception can be copied
  bool stopped_;
};

}  // namespace nodec
