// Temporary files and their renaming; and what is written in place.
#include "runtime/publish.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "ir/error.h"
#include "ir/lasting.h"

namespace nodec {
namespace {

namespace fs = std::filesystem;

std::string reason(int code) { return std::generic_category().message(code); }

// A write past a limit of size or into a pipe that nobody reads would end the process by a signal;
// here it is an error of that write, whatever the program does with the signals.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&ours_);
    sigaddset(&ours_, SIGXFSZ);
    sigaddset(&ours_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    for (const int signal : {SIGXFSZ, SIGPIPE}) {
      if (sigismember(&pending, signal) == 1) sigdelset(&ours_, signal);
    }
    pthread_sigmask(SIG_BLOCK, &ours_, &before_);
  }
  ~HeldSignals() {
    constexpr timespec kNow{0, 0};
    while (sigtimedwait(&ours_, nullptr, &kNow) > 0) continue;
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t ours_, before_;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int fd() const { return fd_; }
  bool write(const FileParts& parts) const {
    for (std::string_view part : parts) {
      while (!part.empty()) {
        const ssize_t done = ::write(fd_, part.data(), part.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return false;
        part.remove_prefix(std::size_t(done));
      }
    }
    return true;
  }
  bool close() {
    if (fd_ < 0) return true;
    return ::close(std::exchange(fd_, -1)) == 0;
  }

 private:
  int fd_;
};

// Where the bytes of a place go.
struct Target {
  fs::path path;
  bool exists = false;
  bool in_place = false;  // written as it is, not replaced
  struct stat status = {};
  std::string trouble = {};  // why it cannot be written at all
};

// A link that leads to no file yet: the name it stands for.
fs::path behind_links(fs::path path) {
  constexpr int kMostLinks = 40;
  std::error_code none;
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, none); ++i) {
    const fs::path next = fs::read_symlink(path, none);
    path = next.is_absolute() ? next : path.parent_path() / next;
  }
  return path;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// The name without links of the file that `place` leads to, and what the file is by now; nothing
// where no name leads there, as from a descriptor's link to a file that is gone. Another writer may
// replace the file between two looks, so a name that leads elsewhere is looked at again.
std::optional<fs::path> own_name(const fs::path& place, struct stat& status) {
  constexpr int kMostLooks = 100;
  for (int i = 0; i < kMostLooks; ++i) {
    std::error_code failed;
    const fs::path real = fs::canonical(place, failed);
    struct stat there;
    if (failed || stat(real.c_str(), &there) != 0) return std::nullopt;
    if (same_file(there, status)) return real;
    if (stat(place.c_str(), &status) != 0) return std::nullopt;
  }
  return std::nullopt;
}

Target target_of(const fs::path& place) {
  Target target{.path = place};
  if (place.empty()) return target.trouble = "no file is named", target;
  if (stat(place.c_str(), &target.status) != 0) {
    if (errno != ENOENT) return target.trouble = reason(errno), target;
    target.path = behind_links(place);
    return target;
  }
  target.exists = true;
  const mode_t mode = target.status.st_mode;
  if (S_ISDIR(mode)) return target.trouble = reason(EISDIR), target;
  if (S_ISBLK(mode)) return target.trouble = "it is a block device", target;
  if (S_ISSOCK(mode)) return target.trouble = "it is a socket", target;
  const std::optional<fs::path> name =
      S_ISREG(mode) ? own_name(place, target.status) : std::nullopt;
  target.in_place = !name || target.status.st_nlink > 1;
  if (!target.in_place) target.path = *name;
  if (faccessat(AT_FDCWD, place.c_str(), W_OK, AT_EACCESS) != 0) target.trouble = reason(errno);
  return target;
}

std::string write_in_place(const Target& target, const FileParts& parts) {
  // Non-blocking, for the open of a pipe that nobody reads would wait for a reader.
  const int truncate = S_ISREG(target.status.st_mode) ? O_TRUNC : 0;
  Descriptor file(
      open(target.path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | truncate));
  if (file.fd() < 0) {
    const bool unread = errno == ENXIO && S_ISFIFO(target.status.st_mode);
    return unread ? "nobody reads this pipe" : reason(errno);
  }
  fcntl(file.fd(), F_SETFL, fcntl(file.fd(), F_GETFL) & ~O_NONBLOCK);
  if (!file.write(parts) || !file.close()) return reason(errno);
  return {};
}

// Unique among the writers of a folder: other processes, and other threads of this one. Cut, since
// the place's own name may be as long as names can be.
fs::path temporary_beside(const fs::path& place) {
  static std::atomic<std::uint64_t> serial{0};
  constexpr std::size_t kMostOfName = 180;
  return place.parent_path() / fmt::format(".{}.{}.{}.part",
                                           place.filename().string().substr(0, kMostOfName),
                                           getpid(), serial.fetch_add(1));
}

// Whether a file is one that a process which is gone left for the place of these first letters:
// "PID.SERIAL.part" follows them.
bool is_abandoned(const fs::path& file, const std::string& begins) {
  const std::string name = file.filename().string();
  if (!name.starts_with(begins)) return false;
  char* end = nullptr;
  const long writer = std::strtol(name.c_str() + begins.size(), &end, 10);
  if (writer <= 0 || writer == getpid() || *end != '.') return false;
  std::strtol(end + 1, &end, 10);
  if (std::string_view(end) != ".part") return false;
  if (kill(pid_t(writer), 0) == 0 || errno != ESRCH) return false;
  std::error_code failed;
  const auto age = fs::file_time_type::clock::now() - fs::last_write_time(file, failed);
  return !failed && age > std::chrono::minutes(1);  // else another machine's, perhaps
}

// What writers of this place that were killed left beside it goes, at this process's first write.
void sweep_beside(const fs::path& place) {
  static std::mutex lock;
  static auto& swept = lasting<std::set<fs::path>>();
  const std::lock_guard guard(lock);
  if (!swept.insert(place).second) return;
  const std::string temporary = temporary_beside(place).filename().string();
  const std::string begins = temporary.substr(0, temporary.rfind(fmt::format("{}.", getpid())));
  const fs::path folder = place.has_parent_path() ? place.parent_path() : ".";
  std::error_code failed, ignored;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    if (is_abandoned(entry.path(), begins)) fs::remove(entry.path(), ignored);
  }
}

// A new file beside the wanted one, gone again unless it takes its name.
class TemporaryFile {
 public:
  explicit TemporaryFile(const Target& target)
      : name_(temporary_beside(target.path)),
        file_(open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (file_.fd() < 0) {
      trouble_ = reason(errno);
      name_.clear();
    } else if (target.exists) {
      const struct stat& was = target.status;
      // Where the owner cannot be kept the mode still is, but for the bits that lend his rights.
      const bool kept = fchown(file_.fd(), was.st_uid, was.st_gid) == 0;
      if (fchmod(file_.fd(), was.st_mode & (kept ? 07777 : 0777)) != 0) trouble_ = reason(errno);
    }
  }
  ~TemporaryFile() {
    if (!name_.empty()) unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& trouble() const { return trouble_; }
  const fs::path& name() const { return name_; }
  void keep() { name_.clear(); }
  std::string write(const FileParts& parts, bool wait_for_disk) {
    const bool done =
        file_.write(parts) && (!wait_for_disk || fsync(file_.fd()) == 0) && file_.close();
    return done ? "" : reason(errno);
  }
  std::string take_name(const fs::path& place, bool wait_for_disk) {
    if (rename(name_.c_str(), place.c_str()) != 0) return reason(errno);
    name_.clear();
    // The new name, too, is to outlast a power cut. A folder that cannot be flushed is no failure:
    // the file is there.
    if (wait_for_disk) {
      const fs::path folder = place.has_parent_path() ? place.parent_path() : ".";
      const Descriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (opened.fd() >= 0) fsync(opened.fd());
    }
    return {};
  }

 private:
  fs::path name_;
  Descriptor file_;
  std::string trouble_;
};

std::string replace(const Target& target, const FileParts& parts, bool wait_for_disk) {
  TemporaryFile file(target);
  std::string trouble = file.trouble();
  if (trouble.empty()) trouble = file.write(parts, wait_for_disk);
  return trouble.empty() ? file.take_name(target.path, wait_for_disk) : trouble;
}

// Of a file with several names: what is written is whole beside it before the first byte of the old
// content goes, and stays there when the rest cannot be written.
std::string write_all_names(const Target& target, const FileParts& parts) {
  TemporaryFile whole(target);
  std::string trouble = whole.trouble();
  if (trouble.empty()) trouble = whole.write(parts, true);
  if (!trouble.empty()) return trouble;
  trouble = write_in_place(target, parts);
  if (trouble.empty()) return {};
  trouble += fmt::format("; what was to be written is in '{}'", whole.name().string());
  whole.keep();
  return trouble;
}

}  // namespace

std::string publish(const fs::path& place, const FileParts& parts) {
  const Target target = target_of(place);
  if (!target.trouble.empty()) return target.trouble;
  const HeldSignals held;
  if (target.in_place && S_ISREG(target.status.st_mode) && target.status.st_nlink > 1) {
    return write_all_names(target, parts);
  }
  if (target.in_place) return write_in_place(target, parts);
  sweep_beside(target.path);
  return replace(target, parts, true);
}

std::string publish_entry(const fs::path& place, const FileParts& parts) {
  std::error_code failed;
  const fs::file_status status = fs::symlink_status(place, failed);
  if (fs::exists(status) && !fs::is_regular_file(status)) return "it is not a plain file";
  const HeldSignals held;
  return replace({.path = place}, parts, false);
}

std::string why_unwritable(const fs::path& place) {
  const Target target = target_of(place);
  if (!target.trouble.empty() || target.in_place) return target.trouble;
  return TemporaryFile(target).trouble();
}

void require_writable(const fs::path& place) {
  const std::string trouble = why_unwritable(place);
  if (trouble.empty()) return;
  throw Error(fmt::format("cannot write '{}': {}", place.string(), trouble), {},
              "name a file in a folder that can be written and has room");
}

bool is_one_file(const fs::path& a, const fs::path& b) {
  const Target one = target_of(a), other = target_of(b);
  if (one.exists != other.exists) return false;
  if (one.exists) return S_ISREG(one.status.st_mode) && same_file(one.status, other.status);
  if (one.path.empty() || other.path.empty()) return false;
  // A name alone, of a file to be made, is not made absolute by weakly_canonical.
  std::error_code failed;
  const fs::path place = fs::weakly_canonical(fs::absolute(one.path, failed), failed);
  return place == fs::weakly_canonical(fs::absolute(other.path, failed), failed) && !failed;
}

}  // namespace nodec
