// nodec list: the models there are.
#include "tools/nodec/models.h"
#include "tools/nodec/verb.h"

namespace nodec {

Verb add_list(CLI::App& nodec) {
  const auto library = std::make_shared<std::string>();
  CLI::App* verb =
      add_verb(nodec, "list", "print the names of models, one a line",
               "  nodec list\n"
               "  nodec list build/libuser.so   # as nodec types build/libuser.so:NAME\n");
  verb->add_option("LIBRARY", *library, "a library of models; without it, those built in");
  return {verb, [library] {
            for (const std::string& name :
                 library->empty() ? model_names() : library_model_names(*library)) {
              write_out(name + "\n");
            }
            return kClean;
          }};
}

}  // namespace nodec
