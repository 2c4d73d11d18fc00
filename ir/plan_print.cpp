// A plan as text, for people: nodes indented by nesting, buffers by name, the order of every sum.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ir/error.h"
#include "ir/place_print.h"
#include "ir/plan_visit.h"
#include "ir/primitive.h"
#include "ir/print.h"
#include "ir/schedule.h"

namespace nodec::plan {
namespace {

const char* space_name(Buffer::Space space) {
  switch (space) {
    case Buffer::Space::Input:
      return "input";
    case Buffer::Space::Output:
      return "output";
    case Buffer::Space::Dense:
      return "dense";
    case Buffer::Space::Scalars:
      return "each thread's";
    case Buffer::Space::Table:
      return "table";
    case Buffer::Space::Lanes:
      return "lanes";
    case Buffer::Space::Local:
      return "tile";
    case Buffer::Space::Slots:
      return "slots";
    case Buffer::Space::Frame:
      return "tape";
    case Buffer::Space::FrameDense:
      return "tape, dense";
    case Buffer::Space::ArgLanes:
      return "argument";
    case Buffer::Space::ArgDense:
      return "argument, dense";
  }
  return "";
}

class Printer {
 public:
  explicit Printer(const Plan& plan, const Schedule* schedule = nullptr)
      : plan_(plan), schedule_(schedule) {}

  std::string run() {
    if (schedule_) machine(schedule_->machine);
    line(
        "plan {}  (sums over the batch: 16 slots, chunks of 32 samples, chunks by stride doubling)",
        plan_.name);
    if (schedule_) {
      if (!schedule_->shared) line("  one thread does it all");
      line("  expansions of varying values: {} of a kind inline", schedule_->inline_expansions);
      out_ += print_places(plan_, *schedule_);
    }
    for (std::size_t i = 0; i < plan_.buffers.size(); ++i) {
      const Op* constant = plan_.buffers[i].constant;
      if (constant) line("  {} = {}", buffer(int(i)), value_of(*constant));
    }
    for (const TapeLayout& t : plan_.signature.tapes) {
      line("  {}: {} bytes a frame", t.name, t.frame_bytes.str());
    }
    for (const Function& f : plan_.functions) {
      if (f.team) {
        line("function {} (of the team) takes{} gives{}", f.name, scalars(f.scalars),
             scalars(f.results));
      } else {
        line("function {} (on one tile{})", f.name, f.placed ? ", cut out of a list" : "");
        for (const int id : f.pointers) {
          if (!schedule_ || !schedule_->given.contains(id)) continue;
          at(1, "{} is {}", buffer(id), buffer(schedule_->given.at(id)));
        }
      }
      nodes(f.body, 1);
    }
    line("entry");
    nodes(plan_.body, 1);
    return std::move(out_);
  }

 private:
  const Plan& plan_;
  const Schedule* schedule_;  // null: none yet
  std::string out_;

  void machine(const Machine& m) {
    if (m.gpu) {
      line(
          "machine {}: members of {} lanes for each part, {} at most, {} shared bytes, clusters of "
          "{}",
          m.name, kWarp, m.most_threads, m.shared, m.most_cluster);
      line(
          "  parts: {}, shared bytes of a member: {}, of a chunk's arena: {}, members for dense "
          "work: {}",
          schedule_->parts, schedule_->shared_bytes, schedule_->arena_bytes,
          schedule_->dense_members);
      return;
    }
    line("machine {}: {} lanes, {} vector registers of {} bytes, panels of {} bytes", m.name,
         m.lanes, m.vector_registers, m.vector_bytes, m.panel);
  }

  // What the meeting before this node or kernel is about, if there is one.
  const std::string* about(const std::map<int, std::string>& meetings, int number) const {
    const auto found = meetings.find(number);
    return found == meetings.end() ? nullptr : &found->second;
  }
  void meetings(const Node& node, int depth) {
    if (!schedule_) return;
    const auto handed = schedule_->handed_over.find(node.number);
    if (handed != schedule_->handed_over.end()) {
      std::string text;
      for (const int id : handed->second) text += (text.empty() ? "" : ", ") + buffer(id);
      at(depth, "out of shared arenas: {}", text);
    }
    if (const auto* a = about(schedule_->meetings, node.number)) at(depth, "meet: {}", *a);
    if (const auto* a = about(schedule_->member_meetings, node.number)) {
      at(depth, "member meets: {}", *a);
    }
  }

  static std::string how(const Axis& a) {
    std::string text;
    const auto say = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
    if (a.team) say("team");
    if (a.lanes) say("lanes");
    if (a.tile > 1) say(fmt::format("by {}", a.tile));
    if (a.run) say("at once");
    if (a.unroll > 1) say(fmt::format("unrolled {}", a.unroll));
    if (a.rest == Rest::Turns) say("the rest by turns");
    if (a.rest == Rest::Back) say("the rest reaching back");
    if (a.block > 0) say(fmt::format("in blocks of {}", a.block));
    return text.empty() ? "in turn" : text;
  }

  static std::string how(Who who, const std::string& text) {
    const std::string name = who == Who::Each ? "each thread" : "first thread";
    return who == Who::Team ? text : name + (text.empty() ? "" : ": ") + text;
  }

  // Behind the line of kernel `number`, which begins at `start`.
  void how(int number, std::size_t start) {
    if (!schedule_) return;
    const Loops& loops = schedule_->loops.at(std::size_t(number));
    std::string text;
    for (const Axis& a : loops.axes) text += (text.empty() ? "" : ", ") + how(a);
    if (loops.packed) text += "; packed";
    if (loops.flat) text += "; flat";
    if (loops.joined) text += text.empty() ? "in the same loop" : "; in the same loop";
    if (!loops.apart.empty()) {
      text += fmt::format("{}terms a loop, {} bytes apart", text.empty() ? "" : "; ",
                          fmt::join(loops.apart, " and "));
    }
    for (const Claim& c : loops.claims) text += fmt::format("; claiming {}", buffer(c.buffer));
    text = how(loops.who, text);
    for (const std::string& f : loops.functions) text += (text.empty() ? "in " : "; in ") + f;
    if (!text.empty()) out_.insert(out_.find('\n', start), "  {" + text + "}");
  }

  template <class... A>
  void line(fmt::format_string<A...> text, A&&... a) {
    out_ += one_line(fmt::format(text, std::forward<A>(a)...)) + "\n";
  }
  // Names are the user's: they may hold ends of lines, and what steers a terminal.
  static std::string one_line(const std::string& text) {
    std::string out = printable(text);
    for (std::size_t at = 0; (at = out.find('\n', at)) != out.npos;) out.replace(at, 1, "\\n");
    return out;
  }
  template <class... A>
  void at(int depth, fmt::format_string<A...> text, A&&... a) {
    out_ += std::string(std::size_t(2 * depth), ' ');
    line(text, std::forward<A>(a)...);
  }

  std::string buffer(int id) const {
    const Buffer& b = plan_.buffer(id);
    return fmt::format("{}#{}({})", b.name, id, space_name(b.space));
  }
  std::string ref(const Ref& r) const {
    if (r.scalar >= 0) return fmt::format("s{}", r.scalar);
    return buffer(r.buffer);
  }

  static std::string scale(std::optional<int> scalar) {
    return scalar ? fmt::format("s{} * ", *scalar) : "";
  }

  // What an op without operands gives: a constant's numbers (the first of many), a size.
  static std::string value_of(const Op& op) {
    constexpr std::size_t kMost = 120;
    std::string text;
    for (const char* name : {"value", "values", "size"}) {
      if (const Attr* attr = op.attrs.find(name)) text = print(*attr);
    }
    if (text.size() <= kMost) return text;
    return text.substr(0, text.find(',', kMost)) + ", ...]";
  }

  std::string source(const Ref& r) const { return ref(r); }
  static std::string source(const Register& r) { return fmt::format("r{}", r.compute); }
  static std::string source(const Zero&) { return "0"; }
  static std::string source(const RowElement&) { return "element"; }
  static std::string source(const AxisIndex& i) { return fmt::format("index {}", i.axis); }
  static std::string source(const ElementIndex&) { return "index"; }
  static std::string source(const SampleIndex&) { return "sample"; }
  static std::string source(const SampleElementIndex&) { return "sample and index"; }

  void computes(const std::vector<Compute>& list, int depth) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      std::string operands;
      for (const Source& s : list[i].operands) {
        operands += operands.empty() ? "" : ", ";
        operands += std::visit([&](const auto& one) { return source(one); }, s);
      }
      at(depth, "r{} = {} {}{}", i, list[i].op ? list[i].op->name() : "copy", operands,
         list[i].to ? " -> " + buffer(list[i].to->buffer) : "");
    }
  }

  template <class T>
  static std::string list(const std::vector<T>& sizes) {
    std::string text;
    for (const T& n : sizes) {
      if constexpr (std::is_same_v<T, Dim>) {
        text += (text.empty() ? "" : ", ") + n.str();
      } else {
        text += (text.empty() ? "" : ", ") + std::to_string(n);
      }
    }
    return "[" + text + "]";
  }

  void fold(const char* what, const auto& k, int d) {
    const Ref* from = as_it_is(k.computes);
    const std::string element = from ? ref(*from) : fmt::format("r{}", k.computes.size() - 1);
    at(d, "{} {} = {} of {} over {}, in order", what, ref(k.out), k.op->name(), element,
       list(k.inner));
    if (!from) computes(k.computes, d + 1);
  }

  void one(const Map& k, int d) {
    at(d, "map {}", list(k.extents));
    computes(k.computes, d + 1);
  }
  void one(const MatVec& k, int d) {
    at(d, "matvec {} = {} [{} x {}] * {}, from {}; each row one fma chain over k", ref(k.out),
       ref(k.weight), k.rows, k.inner, ref(k.x), k.start ? ref(*k.start) : "0");
  }
  void one(const FoldElements& k, int d) { fold("fold", k, d); }
  void one(const SlotSum& k, int d) {
    at(d, "batch {} into {}, {} terms in order", k.op->name(), buffer(k.slots), k.terms.size());
    for (const SlotTerm& t : k.terms) {
      at(d + 1, "{}{}{} over {}, in order", scale(t.scale), ref(t.x),
         t.y ? " * " + ref(*t.y) + " (fma)" : "", list(t.inner));
    }
  }
  void one(const SlotContract& k, int d) {
    at(d, "batch contract into {} [{} x {}], {} terms in order", buffer(k.slots), k.rows, k.columns,
       k.terms.size());
    for (const ContractTerm& t : k.terms)
      at(d + 1, "{}{} * {}", scale(t.scale), ref(t.g), ref(t.h));
  }
  void one(const GatherRows& k, int d) {
    at(d, "gather {} = rows of {} at {}, transposed", ref(k.out), ref(k.table), ref(k.index));
  }
  void one(const ScatterRows& k, int d) {
    at(d, "scatter {} = {} added at rows {}, in order", ref(k.out), ref(k.update), ref(k.index));
  }
  void one(const Transfer& k, int d) {
    at(d, "{} {} {} {}", k.import ? "import" : "export", ref(k.import ? k.lanes : k.dense),
       k.import ? "from" : "of", ref(k.import ? k.dense : k.lanes));
  }
  void one(const TransposeRows& k, int d) {
    at(d, "rows {} = {} sample by sample", buffer(k.rows), ref(k.x));
  }
  void one(const Invoke& k, int d) {
    std::string text;
    for (const Ref& r : k.pointers) text += (text.empty() ? "" : ", ") + ref(r);
    at(d, "call {}({})", plan_.functions[std::size_t(k.function)].name, text);
  }
  void one(const DenseMap& k, int d) {
    at(d, "dense map {}", list(k.extents));
    computes(k.computes, d + 1);
  }
  void one(const DenseFold& k, int d) { fold("dense fold", k, d); }
  void one(const DenseMatmul& k, int d) {
    at(d, "dense matmul {} = {} * {}", ref(k.out), ref(k.a), ref(k.b));
  }
  void one(const DenseGather& k, int d) {
    at(d, "dense gather {} = rows of {} at {}", ref(k.out), ref(k.table), ref(k.index));
  }
  void one(const DenseScatter& k, int d) {
    at(d, "dense scatter {}{}; each cell one chain over (term, sample, row)", ref(k.out),
       k.accumulate ? ", going on" : "");
    for (const ScatterTerm& t : k.terms)
      at(d + 1, "{}{} added at rows {}", scale(t.scale), ref(t.update), ref(t.index));
  }
  void one(const LargeContract& k, int d) {
    at(d, "large contract {} [{} x {}]{}; each output one fma chain over (term, sample)",
       ref(k.out), k.rows, k.columns, k.accumulate ? ", going on" : "");
    for (const RowsTerm& t : k.terms) {
      at(d + 1, "{}{} * {}", scale(t.scale), ref(t.g),
         std::visit([&](const auto& h) { return rows(h); }, t.h));
      if (const TableRows* table = std::get_if<TableRows>(&t.h)) computes(table->computes, d + 2);
    }
  }
  std::string rows(const SampleRows& h) const { return buffer(h.buffer); }
  std::string rows(const TableRows& h) const {
    return "rows of " + ref(h.table) + " at " + ref(h.index);
  }

  void one(const Scalars& n, int d) {
    at(d, "scalars");
    for (std::size_t i = 0; i < n.computes.size(); ++i) {
      std::string operands;
      for (const Source& s : n.computes[i].operands) {
        operands += (operands.empty() ? "" : ", ") + ref(std::get<Ref>(s));
      }
      if (operands.empty()) operands = value_of(*n.computes[i].op);
      at(d + 1, "s{} = {} {}", n.results[i], n.computes[i].op->name(), operands);
    }
  }
  void one(const Phase& n, int d) {
    at(d, "phase: for each chunk of this thread");
    nodes(n.body, d + 1);
  }
  void tiles(const Node& node, int d) {
    at(d, "tiles: for each vector of samples");
    int number = node.kernel;
    for (const Kernel& k : std::get<Tiles>(node.what).kernels) {
      const auto* met = schedule_ ? about(schedule_->lane_meetings, number) : nullptr;
      if (met) at(d + 1, "member meets: {}", *met);
      const std::size_t start = out_.size();
      std::visit([&](const auto& x) { one(x, d + 1); }, k);
      how(number++, start);
    }
  }
  void one(const ClearSlots& n, int d) { at(d, "clear {}", buffer(n.slots)); }
  void one(const FoldSlots& n, int d) { at(d, "fold {} -> {}", buffer(n.slots), ref(n.out)); }
  void one(const AnySample& n, int d) { at(d, "s{} = any sample of {}", n.scalar, ref(n.of)); }
  void one(const LoadScalar& n, int d) { at(d, "s{} = load {}", n.scalar, ref(n.from)); }
  void one(const StoreScalar& n, int d) { at(d, "store s{} -> {}", n.scalar, ref(n.to)); }
  void one(const While& n, int d) {
    std::string carries;
    for (const Carry& c : n.carries) {
      carries += fmt::format("{}s{} = s{} then s{}", carries.empty() ? "" : ", ", c.scalar, c.init,
                             c.next);
    }
    at(d, "while s{} ({})", n.test_scalar, carries);
    at(d, "test");
    nodes(n.test, d + 1);
    at(d, "body");
    nodes(n.body, d + 1);
  }
  void one(const If& n, int d) {
    at(d, "if s{}", n.predicate);
    nodes(n.then_body, d + 1);
    at(d, "else");
    nodes(n.else_body, d + 1);
  }
  void one(const TapeFrame& n, int d) {
    const std::string tape =
        n.number < 0 ? fmt::format("{}", n.tape) : fmt::format("s{}", n.number);
    at(d, "frame f{} = tape {} at s{} ({} scalars in, {} out)", n.frame, tape, n.index,
       n.stores.size(), n.loads.size());
  }
  static std::string scalars(const std::vector<int>& ids) {
    std::string text;
    for (const int id : ids) text += fmt::format(" s{}", id);
    return text;
  }
  void one(const Call& n, int d) {
    at(d, "call {}{} ->{}", plan_.functions[std::size_t(n.function)].name, scalars(n.arguments),
       scalars(n.results));
  }
  void one(const Tell& n, int d) { at(d, "{}{}", n.op->name(), scalars(n.operands)); }
  void one(const FailIf& n, int d) {
    const Progress& p = n.progress;
    std::string solve = p.site ? fmt::format(" of solve {}", *p.site) : "";
    if (p.callers_site >= 0) solve = fmt::format(" of solve s{}", p.callers_site);
    at(d, "fail if s{}{}{}", n.status, solve, p.reverse ? " in reverse" : "");
  }
  void one(const DenseKernel& n, int d) {
    std::visit([&](const auto& x) { one(x, d); }, n);
  }

  void nodes(const Nodes& list, int depth) {
    for (const Node& n : list) {
      meetings(n, depth);
      std::visit(
          [&](const auto& x) {
            using T = std::decay_t<decltype(x)>;
            if constexpr (std::is_same_v<T, Tiles>) {
              tiles(n, depth);
            } else {
              const std::size_t start = out_.size();
              one(x, depth);
              if (n.kernel >= 0) how(n.kernel, start);
            }
          },
          n.what);
    }
  }
};

}  // namespace

std::string print_plan(const Plan& plan) { return Printer(plan).run(); }

std::string print_schedule(const Plan& plan, const Schedule& schedule) {
  return Printer(plan, &schedule).run();
}

}  // namespace nodec::plan
