// What can be done next: in the program's order, and as soon as all that it needs is made.
#include "compiler/lower/agenda.h"

#include "compiler/lower/parts.h"
#include "compiler/nodec.h"
#include "compiler/trace/require.h"
#include "doctest/doctest.h"

namespace nodec::lowering {
namespace {

using Work = Agenda::Work;

// The agenda of a program's own region, where nothing but its arguments is made.
struct Ready {
  explicit Ready(const Traced& traced)
      : graph(run_until(*traced.graph, graph_stages().back().name)), parts(*graph) {
    for (const auto& arg : graph->body.args) parts.homes.make_available(arg.get());
    agenda.emplace(parts.tasks.of(graph->body), parts.tasks, parts.homes);
  }

  // Finishes all scalars that are ready, and says what of them can stop the program.
  std::string finish_scalars() {
    std::string asked;
    while (Task* task = agenda->next(Work::Scalars)) {
      if (task->kind == Task::Kind::Report) asked += task->op->attrs.get<std::string>("op") + " ";
      agenda->finish(*task);
    }
    return asked;
  }

  std::unique_ptr<Graph> graph;
  Parts parts;
  std::optional<Agenda> agenda;
};

}  // namespace

TEST_CASE("a task is ready as soon as what it needs is made") {
  Ready ready(trace("f", {{"x", f64()}, {"y", f64()}}, [](const Var& x, const Var& y) {
    const Var late = cos(sin(x));
    return std::tuple(late, exp(y), late * 2.0);
  }));
  Agenda& agenda = *ready.agenda;
  Task* sine = agenda.next(Work::Scalars);
  CHECK(sine->op->name() == "sin");
  CHECK(agenda.next(Work::Scalars, sine)->op->name() == "exp");
  agenda.finish(*sine);
  Task* cosine = agenda.next(Work::Scalars, sine);
  CHECK(cosine->op->name() == "cos");
  CHECK(agenda.is_waited_for(cosine->op->result()));
  agenda.finish(*cosine);
  CHECK(!agenda.is_waited_for(cosine->op->result()));
  while (Task* task = agenda.next(Work::Scalars)) agenda.finish(*task);
  CHECK(agenda.first_left() == nullptr);
}

TEST_CASE("what reads at once what is made before it goes in a row with it") {
  Ready ready(trace(
      "f", {{"x", f32({"B"})}}, [](const Var& x) { return sum(exp(cos(sin(x)))); }, "B"));
  Agenda& agenda = *ready.agenda;
  const auto names = [&](const Agenda::Passes& passes) {
    std::string all;
    for (const Task* task : agenda.in_a_row(Work::Samples, passes)) {
      all += (task->op ? std::string(task->op->name()) : "sum") + " ";
    }
    return all;
  };
  CHECK(names([](const Value*, const Task&) { return true; }) == "sin cos exp sum ");
  CHECK(names([](const Value*, const Task&) { return false; }) == "sin ");
  CHECK(names([](const Value*, const Task& reader) {
          return reader.op && reader.op->name() != "exp";
        }) == "sin cos ");
}

TEST_CASE("what can stop the program waits until all before it that can has been asked") {
  Ready ready(trace(
      "f", {{"x", f64({"B"})}, {"y", f64()}},
      [](const Var& x, const Var& y) {
        tracing::require(sum(x) < 1.0, Status::NoFrame, "sum", {});
        tracing::require(y < 1.0, Status::NoFrame, "number", {});
        return y;
      },
      "B"));
  CHECK(ready.finish_scalars() == "");
  const auto sums =
      ready.agenda->in_a_row(Work::Samples, [](const Value*, const Task&) { return true; });
  for (Task* task : sums) ready.agenda->finish(*task);
  CHECK(ready.finish_scalars() == "sum number ");
  CHECK(ready.agenda->first_left() == nullptr);
}

}  // namespace nodec::lowering
