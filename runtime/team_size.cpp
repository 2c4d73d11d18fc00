// The rules by which a team shrinks and grows.
#include "runtime/team_size.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace nodec {
namespace {

constexpr double kMillisecond = 1e6;

// Of its members' time, what a team may wait without being suspect.
constexpr double kSuspectShare = 0.1;
// Calls that are remembered, and that a trial takes unless it takes this long.
constexpr double kRemembered = 32, kTrialCalls = 8, kTrialNs = 8 * kMillisecond;
// A turn of somebody else's on a processor: a larger team that lost so much has lost its trial.
constexpr double kTurnNs = 2 * kMillisecond;

constexpr std::int64_t kShortestPause = std::int64_t(8 * kMillisecond);
constexpr std::int64_t kLongestPause = std::int64_t(1000 * kMillisecond);
constexpr std::int64_t kDistrust = 60 * kLongestPause;
constexpr double kPauseForCost = 16;  // of what the trial lost

int runnable_now() {
  std::FILE* file = std::fopen("/proc/loadavg", "re");
  if (file == nullptr) return 0;
  int runnable = 0;
  const int read = std::fscanf(file, "%*f %*f %*f %d/", &runnable);
  std::fclose(file);
  return read == 1 ? runnable : 0;
}

}  // namespace

void TeamSize::Record::add(const Ran& ran) {
  if (calls >= kRemembered) {
    for (double* sum : {&calls, &ns, &waited, &longest_wait}) *sum /= 2;
  }
  ++calls;
  ns += double(ran.ended - ran.began);
  waited += double(ran.waited);
  longest_wait = std::max(longest_wait, double(ran.waited));
}

bool TeamSize::Record::suspect() const { return waited > kSuspectShare * ns * members; }

void Pause::after_failure(std::int64_t now, double cost) {
  length = std::clamp(2 * length, kShortestPause, kLongestPause);
  until = now + std::max(length, std::int64_t(kPauseForCost * std::max(0.0, cost)));
}

void Load::seen(std::int64_t now, int free, double cost) {
  Pause pause{length_, 0};
  // Long after it seemed gone it is another one.
  if (now - seen_at_ > 4 * pause.length && gone_at_ > seen_at_) pause.length = 0;
  pause.after_failure(now, cost);
  length_ = pause.length;
  until_ = pause.until;
  free_ = free;
  seen_at_ = now;
}

void Load::distrust(std::int64_t now) { distrusted_until_ = now + kDistrust; }

int Load::room(int own, std::int64_t now) const {
  if (now < distrusted_until_) return processors_;
  const int runnable = runnable_ ? runnable_() : 0;
  return std::max(1, processors_ - std::max(0, runnable - own));
}

// The system's own threads wake for microseconds; a load is there at every look.
int runnable_threads() {
  constexpr int kLooks = 3;
  int least = runnable_now();
  for (int look = 1; look < kLooks && least > 1; ++look) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    least = std::min(least, runnable_now());
  }
  return least;
}

int TeamSize::next(std::int64_t now) {
  if (trial_.members == 0) heed_load(now);
  if (trial_.members == 0 && base_.members < most_ && base_.calls > 0 && now >= grow_.until &&
      !load_->present(now)) {
    grow(now);
  }
  return trial_.members > 0 ? trial_.members : base_.members;
}

void TeamSize::heed_load(std::int64_t now) {
  if (load_->first_look()) {
    const int room = load_->room(1, now);
    if (room < most_) load_->seen(now, room, 0);
  }
  if (load_->present(now) && load_->seen_at() > settled_at_ && base_.members > load_->free()) {
    base_ = {.members = load_->free()};
    settled_at_ = grown_at_ = now;
  }
}

// To what the system has room for; now and then, whatever it says.
void TeamSize::grow(std::int64_t now) {
  const int room = std::min(most_, load_->room(base_.members, now));
  heeded_ = now - grown_at_ < kLongestPause || room == most_;
  const int members = heeded_ ? room : most_;
  if (members > base_.members) {
    trial_ = {.members = members};
    grown_at_ = now;
  } else {
    load_->seen(now, base_.members, 0);
  }
}

void TeamSize::ran(const Ran& ran) {
  Record& record = trial_.members > 0 ? trial_ : base_;
  if (ran.members != record.members) return;  // processors or threads were short
  record.add(ran);
  if (trial_.members > 0) return judge(ran.ended);
  if (base_.members > 1 && ran.late > 0 && base_.suspect() && ran.ended >= shrink_.until) {
    trial_ = {.members = std::max(1, base_.members - ran.late)};
  }
}

void TeamSize::judge(std::int64_t now) {
  const bool grows = trial_.members > base_.members;
  const double lost = trial_.ns - trial_.calls * base_.mean();
  const bool hopeless = grows && lost > kTurnNs;
  if (trial_.calls < kTrialCalls && trial_.ns < kTrialNs && !hopeless) return;
  if (lost > 0) {
    (grows ? grow_ : shrink_).after_failure(now, lost);
    if (hopeless) load_->seen(now, base_.members, lost);
  } else {
    if (grows) {
      load_->gone(now);
      if (!heeded_) load_->distrust(now);
      grow_ = {};
    } else {
      if (base_.longest_wait > kTurnNs) load_->seen(now, trial_.members, 0);
      grow_.after_failure(now, 0);
      shrink_ = {};
    }
    base_ = trial_;
    settled_at_ = now;
  }
  trial_ = {};
}

}  // namespace nodec
