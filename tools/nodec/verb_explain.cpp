// nodec explain: whether a program is in the cache, and if not, what differs from the nearest one
// that is.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <tuple>

#include "compiler/pipeline.h"
#include "ir/text.h"
#include "tools/nodec/line_difference.h"
#include "tools/nodec/models.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

using Lines = std::vector<std::string>;

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

struct Record {
  CacheGlance glance;
  KeyFields fields;
};

// At least how many fields differ: of two long values that begin alike and are of one size we do
// not know, but something has to, the keys being different.
std::size_t least_differing(const KeyFields& fields, const CacheGlance& glance) {
  std::size_t count = 0;
  for (const auto& [name, value] : fields) {
    const auto same = std::ranges::find(glance.fields, name, [](const auto& f) { return f.first; });
    const auto at = std::size_t(same - glance.fields.begin());
    count += same == glance.fields.end() || glance.sizes[at] != value.size() ||
             !value.starts_with(same->second);
  }
  return std::max<std::size_t>(count, 1);
}

std::string program_name(const KeyFields& fields) {
  const std::string program = value_of(fields, "program");
  return program.substr(0, std::min(program.find('('), CacheGlance::kMost));
}

// Those that might be the nearest, by what a glance tells: few fields that differ, a program of the
// same name and about the same size, written lately.
std::vector<CacheGlance> candidates(const KeyFields& fields, std::vector<CacheGlance> glances) {
  constexpr std::size_t kMost = 24;
  const auto size = std::int64_t(value_of(fields, "program").size());
  const std::string name = program_name(fields);
  using Rank = std::tuple<std::size_t, bool, std::int64_t, std::filesystem::file_time_type>;
  std::vector<std::pair<Rank, std::size_t>> ranks;
  for (const CacheGlance& glance : glances) {
    const std::int64_t other = glance.sizes.empty() ? 0 : std::int64_t(glance.sizes[0]);
    ranks.emplace_back(Rank(least_differing(fields, glance), program_name(glance.fields) != name,
                            std::abs(other - size), glance.written),
                       ranks.size());
  }
  std::ranges::sort(ranks, [](const auto& a, const auto& b) {
    const auto& [fields_a, name_a, size_a, written_a] = a.first;
    const auto& [fields_b, name_b, size_b, written_b] = b.first;
    return std::tuple(fields_a, name_a, size_a, written_b) <
           std::tuple(fields_b, name_b, size_b, written_a);
  });
  std::vector<CacheGlance> best;
  for (std::size_t i = 0; i < std::min(kMost, ranks.size()); ++i) {
    best.push_back(std::move(glances[ranks[i].second]));
  }
  return best;
}

// The record with the fewest differing fields; of equals one of the same program's name, then the
// one whose program has the fewest lines that the other has not, then the newest.
std::optional<Record> nearest(const KeyFields& fields, const ObjectCache& cache,
                              std::vector<CacheGlance> glances) {
  std::optional<Record> best;
  std::tuple<std::size_t, bool, std::size_t> least;
  const Lines program = lines_of(value_of(fields, "program"));
  for (CacheGlance& glance : candidates(fields, std::move(glances))) {
    auto other = cache.fields(glance.key);
    if (!other) continue;
    const std::tuple distance{differing(fields, *other).size(),
                              program_name(*other) != program_name(fields),
                              unshared_lines(program, lines_of(value_of(*other, "program")))};
    if (best &&
        (least < distance || (least == distance && best->glance.written > glance.written))) {
      continue;
    }
    best = Record{std::move(glance), std::move(*other)};
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

std::string compared(const KeyFields& fields, const ObjectCache& cache,
                     std::vector<CacheGlance> others) {
  const std::size_t count = others.size();
  const std::optional<Record> near = nearest(fields, cache, std::move(others));
  if (!near) return "  no other program had been compiled into this cache\n";
  std::string text = fmt::format("  the nearest of {} entr{}, {} of {}, differs in\n", count,
                                 count == 1 ? "y" : "ies", near->glance.key.str().substr(0, 12),
                                 time_text(near->glance.written));
  const std::vector<std::string> names = differing(fields, near->fields);
  for (const std::string& name : names) text += difference(name, fields, near->fields);
  std::string same;
  for (const auto& [name, value] : fields) {
    const bool differs = std::find(names.begin(), names.end(), name) != names.end();
    if (!differs) same += (same.empty() ? "" : ", ") + name;
  }
  return same.empty() ? text : text + fmt::format("  same       {}\n", same);
}

// Says so where nothing can be kept.
bool is_usable(const std::string& model, const ObjectCache& cache) {
  std::string why = "NODEC_CACHE_DIR is empty, or there is no home folder";
  if (!cache.folder().empty()) {
    const std::string trouble = cache.trouble();
    if (trouble.empty()) return true;
    why = fmt::format("the folder '{}' cannot be used: {}", cache.folder().string(), trouble);
  }
  write_out(
      fmt::format("{}: nothing is cached, so every compile is a full one\n  {}\n", model, why));
  return false;
}

int explain(const std::string& model) {
  const std::shared_ptr<Graph> graph = load_model(model);
  const ObjectCache cache = ObjectCache::from_environment();
  if (!is_usable(model, cache)) return kClean;
  const KeyFields fields = key_fields(*graph);
  const Hash key = key_of(fields);
  const bool hit = cache.find(key).has_value();
  std::vector<CacheGlance> others = cache.glances();
  const auto own = std::ranges::find(others, key, &CacheGlance::key);
  std::string text =
      fmt::format("{}: {}\n  cache      {}\n  key        {}\n", model,
                  hit ? "cached: a compile loads it" : "not cached: a compile does all the work",
                  cache.folder().string(), key.str());
  if (hit && own != others.end()) {
    const auto written = own->written;
    text += fmt::format("  compiled   {}, {} KiB; of what was there before it:\n",
                        time_text(written), cache.bytes(key) / 1024);
    std::erase_if(others, [&](const CacheGlance& glance) {
      return glance.key == key || glance.written > written;
    });
  }
  write_out(text + compared(fields, cache, std::move(others)));
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
