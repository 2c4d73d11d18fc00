// nodec completion: a shell's completion script, made from the command line's own description.
#include <fmt/ranges.h>

#include "compiler/pipeline.h"
#include "tools/nodec/verb.h"
#include "tools/usage.h"

namespace nodec {
namespace {

struct VerbWords {
  std::string name, what;
  std::vector<std::string> flags;
};

std::vector<VerbWords> words_of(const CLI::App& nodec) {
  std::vector<VerbWords> verbs;
  for (const CLI::App* verb : nodec.get_subcommands({})) {
    verbs.push_back({verb->get_name(), verb->get_description(), flag_names(*verb)});
  }
  return verbs;
}

// Where a word is no flag it is a model: a known one, or a file.
std::string bash_script(const std::vector<VerbWords>& verbs) {
  std::vector<std::string> names;
  std::string cases;
  for (const VerbWords& verb : verbs) {
    names.push_back(verb.name);
    cases += fmt::format("    {}) words=\"{}\" ;;\n", verb.name, fmt::join(verb.flags, " "));
  }
  return fmt::format(R"sh(# bash completion for nodec:  source <(nodec completion bash)
_nodec() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{}" -- "$word"))
    return
  fi
  case $before in
    --after) COMPREPLY=($(compgen -W "{}" -- "$word")); return ;;
    --color) COMPREPLY=($(compgen -W "auto always never" -- "$word")); return ;;
    completion) COMPREPLY=($(compgen -W "bash zsh" -- "$word")); return ;;
  esac
  case ${{COMP_WORDS[1]}} in
{}  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$(nodec list 2>/dev/null)" -- "$word") $(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -F _nodec nodec
)sh",
                     fmt::join(names, " "), fmt::join(stage_names(), " "), cases);
}

// For a place between single quotes.
std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != text.npos; at += 4) {
    text.replace(at, 1, R"('\'')");
  }
  return text;
}

std::string zsh_script(const std::vector<VerbWords>& verbs) {
  std::string described, cases;
  for (const VerbWords& verb : verbs) {
    described += fmt::format("    '{}:{}'\n", verb.name, quoted(verb.what));
    cases += fmt::format("    {}) flags=({}) ;;\n", verb.name, fmt::join(verb.flags, " "));
  }
  return fmt::format(R"sh(#compdef nodec
# zsh completion for nodec:  source <(nodec completion zsh)
_nodec() {{
  local -a verbs flags
  verbs=(
{}  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  case $words[CURRENT-1] in
    --after) compadd {}; return ;;
    --color) compadd auto always never; return ;;
    completion) compadd bash zsh; return ;;
  esac
  case $words[2] in
{}  esac
  if [[ $words[CURRENT] == -* ]]; then
    compadd -- $flags
  else
    compadd -- ${{(f)"$(nodec list 2>/dev/null)"}}
    _files
  fi
}}
compdef _nodec nodec
)sh",
                     described, fmt::join(stage_names(), " "), cases);
}

}  // namespace

Verb add_completion(CLI::App& nodec) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* verb = add_verb(nodec, "completion", "print a completion script for a shell",
                            "  source <(nodec completion bash)\n"
                            "  nodec completion zsh >~/.zfunc/_nodec\n");
  verb->add_option("SHELL", *shell, "bash or zsh")->required()->check(one_of({"bash", "zsh"}));
  const CLI::App* app = &nodec;
  return {verb, [shell, app] {
            const std::vector<VerbWords> verbs = words_of(*app);
            write_out(*shell == "bash" ? bash_script(verbs) : zsh_script(verbs), Output::Data);
            return kClean;
          }};
}

}  // namespace nodec
