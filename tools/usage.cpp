// CLI11's words for a mistake, turned into nodec's; a mistake it has other words for keeps them.
#include "tools/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <sstream>

#include "ir/nearest.h"
#include "runtime/device_choice.h"

namespace nodec {
namespace {

struct Usage {
  std::string message, help;
};

std::string reworded(const std::string& text) {
  static const std::pair<std::regex, const char*> kWords[] = {
      {std::regex(R"((.+): At Most 1 required but received (\d+))"),
       "$1: wanted one value, got $2"},
      {std::regex(R"((.+): At least (\d+) required but received (\d+))"),
       "$1: wanted $2 values or more, got $3"},
      {std::regex(R"((.+): \d+ required .* missing)"), "$1: wanted a value, got none"},
      {std::regex(R"(-*(.+) was given a disallowed flag override)"), "--$1 takes no value"},
      {std::regex(R"(Could not convert: (.+?) = (.*))"), "$1: wanted a number, got '$2'"},
      {std::regex(R"((.+) excludes (.+))"), "$1 and $2 cannot be given together"},
      {std::regex(R"((.+) is required)"), "$1 is missing"},
  };
  for (const auto& [theirs, ours] : kWords) {
    if (std::regex_match(text, theirs)) return std::regex_replace(text, theirs, ours);
  }
  return text;
}

// The verb that was given; the program itself when it has none, or none was given.
const CLI::App& verb_of(const CLI::App& app) {
  const auto given = app.get_subcommands();
  return given.empty() ? app : *given.front();
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

std::string look_up(const CLI::App& app, const CLI::App& verb) {
  return fmt::format("`{}{} --help` says what it takes", app.get_name(),
                     &verb == &app ? "" : " " + verb.get_name());
}

Usage no_verb(const CLI::App& app, const std::vector<std::string>& left) {
  const std::vector<std::string> names = verb_names(app);
  const std::string word = left.empty() ? "" : left.front();
  const std::string what =
      left.empty() ? "no verb is given" : fmt::format("there is no verb '{}'", word);
  return {fmt::format("{}: verbs are {}", what, fmt::join(names, ", ")),
          suggestion(word, names, look_up(app, app))};
}

// A word that nothing takes. What stands behind an unknown flag is that flag's value.
Usage unexpected(const CLI::App& app, const CLI::App& verb, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  if (!name.starts_with("-")) {
    return {fmt::format("'{}' is one word too many", word), look_up(app, verb)};
  }
  return {fmt::format("there is no flag '{}'", name),
          suggestion(name, flag_names(verb), look_up(app, verb))};
}

Usage usage_of(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& verb = verb_of(app);
  const std::vector<std::string> left = app.remaining(true);
  const bool flag_left = !left.empty() && left.front().starts_with("-");
  if (&verb == &app && !verb_names(app).empty() && !flag_left) return no_verb(app, left);
  // A mistyped flag is what is missing.
  const bool extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const bool missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (!left.empty() && (extra || (missing && flag_left))) {
    return unexpected(app, verb, left.front());
  }
  return {reworded(error.what()), look_up(app, verb)};
}

}  // namespace

std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  const Usage usage = usage_of(app, error);
  return fmt::format("error: {}\n  help: {}", usage.message, usage.help);
}

void refuse_flag_values(CLI::App& app) {
  for (CLI::Option* option : app.get_options({})) {
    if (option->get_expected_max() == 0) option->disable_flag_override();
  }
  for (CLI::App* verb : app.get_subcommands({})) refuse_flag_values(*verb);
}

std::vector<std::string> flag_names(const CLI::App& verb) {
  std::vector<std::string> names;
  const auto add = [&](const CLI::App& options) {
    for (const CLI::Option* option : options.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        const std::string flag = "--" + name;
        if (std::ranges::find(names, flag) == names.end()) names.push_back(flag);
      }
    }
  };
  add(verb);
  for (const CLI::App* group : verb.get_subcommands({})) add(*group);
  return names;
}

CLI::Validator at_least(std::int64_t low, std::int64_t high) {
  return {[low, high](std::string& text) -> std::string {
            std::int64_t value = 0;
            if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high) return {};
            return fmt::format("wanted a whole number from {} to {}, got '{}'", low, high, text);
          },
          ""};
}

CLI::Validator above_zero() {
  return {[](std::string& text) -> std::string {
            double value = 0;
            const bool number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
            if (number && value > 0) return {};
            return fmt::format("wanted a number above 0, got '{}'", text);
          },
          ""};
}

CLI::Validator a_device() {
  return {[](std::string& text) -> std::string {
            if (says_device(text)) return {};
            return fmt::format("wanted {}, got '{}'", kDeviceWords, text);
          },
          ""};
}

CLI::Validator a_size() {
  return {[](std::string& text) -> std::string {
            const std::string given = text;
            std::int64_t value = 0;
            std::string trouble;
            try {
              trouble = CLI::AsSizeValue(false)(text);
            } catch (const CLI::Error& error) {
              trouble = error.what();
            }
            const bool number = trouble.empty() && CLI::detail::lexical_cast(text, value);
            // Read without a sign, a number below 0 would come back as a large one.
            if (number && value >= 0 && given.find('-') == given.npos) return {};
            return fmt::format("wanted a size of 0 or more as 500MB or 2GB, got '{}'", given);
          },
          ""};
}

CLI::Validator one_of(std::vector<std::string> words) {
  return {[words](std::string& text) -> std::string {
            if (std::find(words.begin(), words.end(), text) != words.end()) return {};
            return fmt::format("wanted one of {}, got '{}'", fmt::join(words, ", "), text);
          },
          fmt::format("{}", fmt::join(words, "|"))};
}

CommandLine parse_command_line(CLI::App& app, int argc, const char* const* argv,
                               const std::function<void()>& check) {
  constexpr int kUsageError = 2;
  CommandLine line;
  refuse_flag_values(app);
  try {
    app.parse(argc, argv);
    check();
    line.run = true;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    line.exit_code = app.exit(error, out, out) == 0 ? 0 : kUsageError;
    line.message = line.exit_code == 0 ? out.str() : usage_text(app, error);
    if (line.message.ends_with('\n')) line.message.pop_back();
  }
  return line;
}

}  // namespace nodec
