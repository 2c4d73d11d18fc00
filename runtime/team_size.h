// How many members the next call of a program gets: as many as asked for on a quiet machine, fewer
// where others use the processors. Results do not depend on it.
//
// With somebody else on a processor, a member loses it for milliseconds, and the others wait: two
// threads then take longer than one. Long waits (runtime/barrier.h) make a team *suspect*; but a
// program may also have little to share, and then its members wait on a quiet machine as well. So
// the time decides: a suspect team tries to do without the members it waited for, for some calls,
// and stays with what was faster. A team smaller than asked for tries the full size again.
//
// Every try may cost, and the next one of its kind comes only when that cost is a small part of the
// time since; so the whole costs some percent at worst. Calls of different sizes do not compare:
// each has a TeamSize of its own. What they find out about the machine they tell each other, and
// the system is asked before the first call and before a team grows.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace nodec {

// A call that is over.
struct Ran {
  int members = 1;
  std::int64_t began = 0, ended = 0;  // ns
  std::int64_t waited = 0;            // ns, the sum over its members
  int late = 0;                       // members waited for
};

// Before another try of one kind: longer after every one that failed.
struct Pause {
  std::int64_t length = 0, until = 0;
  void after_failure(std::int64_t now, double cost);
};

// Others on the processors, as the system tells and as teams find that have to shrink. Approximate:
// whoever reads between two writes of another thread gets a number that was or will be true.
class Load {
 public:
  // `runnable`: how many threads of all processes want a processor now; 0 where nobody knows.
  Load(int processors, std::function<int()> runnable)
      : processors_(processors), runnable_(std::move(runnable)) {}

  void seen(std::int64_t now, int free, double cost);  // so many members kept their processors
  void gone(std::int64_t now) { gone_at_ = now; }      // a larger team was faster
  bool present(std::int64_t now) const { return now < until_; }
  std::int64_t seen_at() const { return seen_at_; }
  int free() const { return free_; }

  // Members that find a processor each, of a team of which `own` run already. In a container it may
  // be the load of processors that are not its own: a hint, whose word is not the last.
  int room(int own, std::int64_t now) const;
  void distrust(std::int64_t now);  // a team that did not heed it was faster
  bool first_look() { return !looked_.exchange(true); }

 private:
  int processors_;
  std::function<int()> runnable_;
  std::atomic<bool> looked_{false};
  std::atomic<std::int64_t> seen_at_{0}, gone_at_{0}, length_{0}, until_{0}, distrusted_until_{0};
  std::atomic<int> free_{1};
};

int runnable_threads();  // what Linux says in /proc/loadavg

class TeamSize {
 public:
  TeamSize(int most, Load& load) : most_(most), load_(&load) { base_.members = most; }

  int most() const { return most_; }
  int next(std::int64_t now);  // for a call that begins now
  void ran(const Ran& ran);

 private:
  // What calls of one size took: of the last ones, the older the less.
  struct Record {
    int members = 0;
    double calls = 0, ns = 0, waited = 0, longest_wait = 0;
    void add(const Ran& ran);
    double mean() const { return ns / calls; }
    bool suspect() const;
  };
  void judge(std::int64_t now);
  void heed_load(std::int64_t now);
  void grow(std::int64_t now);

  int most_;
  Load* load_;
  Record base_, trial_;  // no trial: 0 members
  Pause shrink_, grow_;
  std::int64_t settled_at_ = -1;  // the last change of size
  std::int64_t grown_at_ = 0;     // the last try to
  bool heeded_ = true;            // by that try: what the system said
};

}  // namespace nodec
