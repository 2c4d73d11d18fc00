// nodec explain: whether a program is in the cache, and if not, what differs from the nearest one
// that is.
#include <algorithm>
#include <chrono>
#include <ctime>

#include "compiler/pipeline.h"
#include "ir/text.h"
#include "tools/nodec/line_difference.h"
#include "tools/nodec/models.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

std::string value_of(const KeyFields& fields, std::string_view name) {
  for (const auto& [field, value] : fields) {
    if (field == name) return value;
  }
  return {};
}

std::vector<std::string> differing(const KeyFields& a, const KeyFields& b) {
  std::vector<std::string> names;
  for (const auto& [name, value] : a) {
    if (value_of(b, name) != value) names.push_back(name);
  }
  return names;
}

std::vector<Hunk> change(const std::string& here, const std::string& there) {
  return program_difference(lines_of(here), lines_of(there));
}

std::string shortened(std::string text) {
  constexpr std::size_t kMost = 100;
  const std::size_t start = text.find_first_not_of(' ');
  text = start == std::string::npos ? "" : text.substr(start);
  return text.size() > kMost ? text.substr(0, kMost) + "..." : text;
}

// One field that differs, as lines.
std::string difference(const std::string& name, const KeyFields& here, const KeyFields& there) {
  const std::string a = value_of(here, name), b = value_of(there, name);
  if (name == "nodec") return "  nodec      was built from other sources or with other flags\n";
  if (name != "program") {
    return fmt::format("  {:<10} {} now, {} then\n", name, shortened(a), shortened(b));
  }
  const std::vector<Hunk> changed = change(a, b);
  const Hunk& first = changed.front();  // two programs that differ do so in a line
  const auto line = [](const std::string& text, std::size_t at, std::size_t count) {
    return count == 0 ? "(no such line)" : shortened(lines_of(text)[at]);
  };
  return fmt::format(
      "  program    {} of its traced IR, the first one line {}\n"
      "             now   {}\n             then  {}\n",
      count_of(line_count(changed), "line"), first.here + 1, line(a, first.here, first.here_count),
      line(b, first.there, first.there_count));
}

// The record with the fewest differing fields; of equals one of the same program's name, then the
// one whose program differs least, then the newest.
const CacheRecord* nearest(const KeyFields& fields, const std::vector<CacheRecord>& records) {
  const CacheRecord* best = nullptr;
  std::tuple<std::size_t, bool, std::size_t> least;
  const std::string program = value_of(fields, "program");
  const auto name_of = [](const std::string& text) { return text.substr(0, text.find('(')); };
  for (const CacheRecord& record : records) {
    const std::string other = value_of(record.fields, "program");
    const std::tuple<std::size_t, bool, std::size_t> distance{
        differing(fields, record.fields).size(), name_of(other) != name_of(program),
        other == program ? 0 : line_count(change(program, other))};
    if (best != nullptr && least < distance) continue;
    best = &record;
    least = distance;
  }
  return best;
}

std::string time_text(std::filesystem::file_time_type time) {
  const auto system = std::chrono::file_clock::to_sys(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(system));
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string compared(const KeyFields& fields, const std::vector<CacheRecord>& others) {
  const CacheRecord* near = nearest(fields, others);
  if (near == nullptr) return "  no other program had been compiled into this cache\n";
  std::string text = fmt::format("  the nearest of {} entr{}, {} of {}, differs in\n",
                                 others.size(), others.size() == 1 ? "y" : "ies",
                                 near->key.str().substr(0, 12), time_text(near->written));
  const std::vector<std::string> names = differing(fields, near->fields);
  for (const std::string& name : names) text += difference(name, fields, near->fields);
  std::string same;
  for (const auto& [name, value] : fields) {
    const bool differs = std::find(names.begin(), names.end(), name) != names.end();
    if (!differs) same += (same.empty() ? "" : ", ") + name;
  }
  return same.empty() ? text : text + fmt::format("  same       {}\n", same);
}

int explain(const std::string& model) {
  const std::shared_ptr<Graph> graph = load_model(model);
  const ObjectCache cache = ObjectCache::from_environment();
  if (cache.folder().empty()) {
    write_out(
        fmt::format("{}: nothing is cached, so every compile is a full one\n"
                    "  NODEC_CACHE_DIR is empty, or there is no home folder\n",
                    model));
    return kClean;
  }
  const KeyFields fields = key_fields(*graph);
  const Hash key = key_of(fields);
  const bool hit = cache.find(key).has_value();
  std::vector<CacheRecord> others = cache.records();
  const auto own = std::find_if(others.begin(), others.end(),
                                [&](const CacheRecord& record) { return record.key == key; });
  std::string text =
      fmt::format("{}: {}\n  cache      {}\n  key        {}\n", model,
                  hit ? "cached: a compile loads it" : "not cached: a compile does all the work",
                  cache.folder().string(), key.str());
  if (hit && own != others.end()) {
    text += fmt::format("  compiled   {}, {} KiB; of what was there before it:\n",
                        time_text(own->written), own->bytes / 1024);
    others.erase(own, others.end());  // records come oldest first
  }
  write_out(text + compared(fields, others));
  return kClean;
}

}  // namespace

Verb add_explain(CLI::App& nodec) {
  const auto model = std::make_shared<std::string>();
  CLI::App* verb =
      add_verb(nodec, "explain", "say why a program is compiled, or what was cached",
               "  nodec explain mnist/layer\n"
               "  NODEC_LANES=8 nodec explain mnist/layer   # what that would change\n");
  add_model(verb, *model);
  return {verb, [model] { return explain(*model); }};
}

}  // namespace nodec
