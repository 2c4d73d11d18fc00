// nodec, the command line. Each verb is a file, verb_NAME.cpp; this one puts them together.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <sstream>
#include <vector>

#include "tools/nodec/verb.h"
#include "tools/standard_streams.h"
#include "tools/usage.h"

namespace nodec {
namespace {

constexpr Verb (*kVerbs[])(CLI::App&) = {add_list,  add_types, add_dump,    add_run,
                                         add_check, add_bench, add_explain, add_completion};

int main(int argc, char** argv) {
  CLI::App app("Looks at differentiable programs as nodec's compiler sees them, and runs them.",
               "nodec");
  app.set_version_flag("--version", std::string("nodec ") + NODEC_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);
  std::vector<Verb> verbs;
  for (const auto add : kVerbs) verbs.push_back(add(app));
  refuse_flag_values(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    std::ostringstream text;
    app.exit(help, text, text);
    return guarded([&] { return write_out(text.str()), kClean; });
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "%s\n", usage_text(app, error).c_str());
    return kUsage;
  }
  for (const Verb& verb : verbs) {
    if (verb.app->parsed()) return guarded(verb.run);
  }
  return kUsage;
}

}  // namespace
}  // namespace nodec

int main(int argc, char** argv) {
  nodec::guard_standard_streams();
  return nodec::main(argc, argv);
}
