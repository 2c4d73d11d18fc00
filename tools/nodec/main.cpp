// nodec, the command line. Each verb is a file, verb_NAME.cpp; this one puts them together.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "ir/nearest.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

constexpr Verb (*kVerbs[])(CLI::App&) = {add_list,  add_types,   add_dump,      add_run,
                                         add_bench, add_explain, add_completion};

std::vector<std::string> verb_names(const std::vector<Verb>& verbs) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) names.push_back(verb.app->get_name());
  return names;
}

// What was mistyped, when the command line does not parse: the verb, or a flag of the verb.
std::string mistyped(int argc, char** argv, const std::vector<Verb>& verbs) {
  if (argc < 2) return {};
  for (const Verb& verb : verbs) {
    if (verb.app->get_name() != argv[1]) continue;
    const std::vector<std::string> flags = flag_names(*verb.app);
    for (int i = 2; i < argc; ++i) {
      const std::string flag = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
      const bool known = std::find(flags.begin(), flags.end(), flag) != flags.end();
      if (flag.starts_with("--") && !known) return suggestion(flag, flags, "");
    }
    return {};
  }
  return suggestion(argv[1], verb_names(verbs), "");
}

// What is wrong with a command line whose first word is no verb.
std::string no_verb(const std::string& word, const std::vector<Verb>& verbs) {
  return fmt::format("there is no verb '{}': verbs are {}", word,
                     fmt::join(verb_names(verbs), ", "));
}

int usage(const CLI::App& app, const std::string& message, const std::string& help) {
  const CLI::App* verb = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
  const std::string name = verb == &app ? "nodec" : "nodec " + verb->get_name();
  std::fprintf(stderr, "error: %s\n  help: %s\n", message.c_str(),
               (help.empty() ? "`" + name + " --help` says what it takes" : help).c_str());
  return kUsage;
}

int main(int argc, char** argv) {
  CLI::App app("Looks at differentiable programs as nodec's compiler sees them, and runs them.",
               "nodec");
  app.set_version_flag("--version", std::string("nodec ") + NODEC_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);
  std::vector<Verb> verbs;
  for (const auto add : kVerbs) verbs.push_back(add(app));
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    const bool verb_given = !app.get_subcommands().empty();
    const bool word_given = argc > 1 && *argv[1] != 0 && *argv[1] != '-';
    return usage(app, !verb_given && word_given ? no_verb(argv[1], verbs) : error.what(),
                 mistyped(argc, argv, verbs));
  }
  for (const Verb& verb : verbs) {
    if (verb.app->parsed()) return guarded(verb.run);
  }
  return kUsage;
}

}  // namespace
}  // namespace nodec

int main(int argc, char** argv) { return nodec::main(argc, argv); }
