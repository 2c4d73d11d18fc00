// What all verbs share.
#include "tools/nodec/verb.h"

#include <cstdio>

#include "tools/standard_streams.h"

namespace nodec {

CLI::App* add_verb(CLI::App& nodec, const std::string& name, const std::string& what,
                   const std::string& examples) {
  CLI::App* verb = nodec.add_subcommand(name, what);
  verb->footer("\nExamples:\n" + examples +
               "\nExit codes: 0 clean, 1 findings (where they are denied), 2 usage, 3 bad input,\n"
               "4 a compile or run that failed");
  return verb;
}

void add_model(CLI::App* verb, std::string& model) {
  verb->add_option(
          "MODEL", model,
          "a model's name (see `nodec list`), a library's model as libuser.so:name, a file "
          "of IR text, or - for standard input")
      ->required();
}

namespace {

std::string printable_but_for_colours(const std::string& text) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = 0; (at = text.find("\x1b[", at)) != text.npos; at += 2) {
    const std::size_t end = text.find_first_not_of("0123456789;", at + 2);
    if (end == text.npos || text[end] != 'm') continue;
    out += printable(std::string_view(text).substr(done, at - done));
    out.append(text, at, end + 1 - at);
    done = end + 1;
  }
  return out + printable(std::string_view(text).substr(done));
}

}  // namespace

void write_out(const std::string& given, Output kind) {
  const std::string text = kind == Output::Data       ? given
                           : kind == Output::Coloured ? printable_but_for_colours(given)
                                                      : printable(given);
  print_out(text);
}

int guarded(const std::function<int()>& work) {
  const auto say = [](const std::exception& error) {
    std::fprintf(stderr, "%s\n", error_text(error).c_str());
  };
  try {
    return work();
  } catch (const UsageError& error) {
    return say(error), kUsage;
  } catch (const InputError& error) {
    return say(error), kBadInput;
  } catch (const std::exception& error) {
    return say(error), kFailure;
  }
}

}  // namespace nodec
