// How nodec's programs word a command line that cannot be. CLI11 reads the line and finds what is
// wrong with it; what is said of it is said here, as every other error is: lower case, the user's
// own word, what was wanted, one action.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nodec {

// "error: ...\n  help: ...", of what `app` threw as it parsed.
std::string usage_text(const CLI::App& app, const CLI::ParseError& error);

// Flags that are yes or no take no value ("--json=no"), which would be read in surprising ways.
void refuse_flag_values(CLI::App& app);

// What a command line of flags came to: to run, or what to print and the exit code (0 after --help,
// else 2).
struct CommandLine {
  bool run = false;
  int exit_code = 0;
  std::string message;
};
// `check` throws CLI::ValidationError for what no single flag can tell.
CommandLine parse_command_line(CLI::App& app, int argc, const char* const* argv,
                               const std::function<void()>& check);

// A verb's flags ("--help" first), those of its groups of options included.
std::vector<std::string> flag_names(const CLI::App& verb);

// Checks of one value.
CLI::Validator at_least(std::int64_t low, std::int64_t high = 1'000'000'000);
CLI::Validator above_zero();
CLI::Validator a_device();
CLI::Validator a_size();  // becomes bytes: "2GB" is 2147483648
CLI::Validator one_of(std::vector<std::string> words);

}  // namespace nodec
