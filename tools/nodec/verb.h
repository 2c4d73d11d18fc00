// What all verbs share: exit codes, and how a verb joins the command line. One file a verb.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ir/error.h"

namespace nodec {

// Clean; findings, where they were denied; a wrong command line; input that cannot be read or is
// not what it should be; a compile or a run that failed.
enum ExitCode { kClean = 0, kFindings = 1, kUsage = 2, kBadInput = 3, kFailure = 4 };

struct Verb {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

Verb add_types(CLI::App& nodec);
Verb add_dump(CLI::App& nodec);
Verb add_list(CLI::App& nodec);
Verb add_run(CLI::App& nodec);
Verb add_check(CLI::App& nodec);
Verb add_bench(CLI::App& nodec);
Verb add_explain(CLI::App& nodec);
Verb add_completion(CLI::App& nodec);

// A verb, its help closed by an example and the exit codes it can give.
CLI::App* add_verb(CLI::App& nodec, const std::string& name, const std::string& what,
                   const std::string& examples);
// The positional MODEL.
void add_model(CLI::App* verb, std::string& model);

// Text for people has no control characters but line ends, tabs and, where it says so, our own
// colours: others came with a name, and could steer a terminal. Data go out as they are.
enum class Output { Text, Coloured, Data };

// Writes all of it to standard output; Error when that cannot be.
void write_out(const std::string& text, Output kind = Output::Text);

// The command line asks for something that cannot be: exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};
// What was given cannot be read, or does not fit: exit code 3.
class InputError : public Error {
 public:
  using Error::Error;
};

// Runs `work`; what it throws becomes a message and an exit code.
int guarded(const std::function<int()>& work);

}  // namespace nodec
