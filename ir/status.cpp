// The texts of run-time outcomes.
#include "ir/status.h"

namespace nodec {
namespace {

struct Texts {
  std::string_view name, sentence, remedy;
};

Texts texts(Status status) {
  switch (status) {
#define NODEC_STATUS(code, name, sentence, remedy) \
  case Status::name:                               \
    return {#name, sentence, remedy};
#include "ir/status.def"
#undef NODEC_STATUS
  }
  return {"Unknown", "the program reported a status this version does not know",
          "rebuild the program with this version of nodec"};
}

}  // namespace

std::string_view name(Status status) { return texts(status).name; }
std::string_view sentence(Status status) { return texts(status).sentence; }
std::string_view remedy(Status status) { return texts(status).remedy; }

}  // namespace nodec
