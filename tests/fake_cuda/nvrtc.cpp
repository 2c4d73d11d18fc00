// An NVRTC for tests without one: what it makes of a text is the text, which the fake driver runs.
// A text that says so does not compile.
#include <cstddef>
#include <cstring>
#include <string>

namespace {

struct Program {
  std::string text, log;
};

int give(const std::string& text, std::size_t* bytes) {
  *bytes = text.size() + 1;
  return 0;
}
int give(const std::string& text, char* to) {
  std::memcpy(to, text.c_str(), text.size() + 1);
  return 0;
}

}  // namespace

#define NODEC_FAKE extern "C" __attribute__((visibility("default")))

NODEC_FAKE int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return 0;
}
NODEC_FAKE int nvrtcGetNumSupportedArchs(int* count) {
  *count = 3;
  return 0;
}
NODEC_FAKE int nvrtcGetSupportedArchs(int* all) {
  all[0] = 80;
  all[1] = 90;
  all[2] = 120;
  return 0;
}
NODEC_FAKE int nvrtcCreateProgram(Program** program, const char* text, const char*, int,
                                  const char* const*, const char* const*) {
  *program = new Program{text, "ptxas info    : Used 42 registers\n"};
  return 0;
}
NODEC_FAKE int nvrtcDestroyProgram(Program** program) {
  delete *program;
  return 0;
}
NODEC_FAKE int nvrtcCompileProgram(Program* program, int, const char* const*) {
  if (program->text.find("#error") == std::string::npos) return 0;
  program->log = "error: the text says #error";
  return 6;
}
NODEC_FAKE int nvrtcGetProgramLogSize(Program* p, std::size_t* n) { return give(p->log, n); }
NODEC_FAKE int nvrtcGetProgramLog(Program* p, char* to) { return give(p->log, to); }
NODEC_FAKE int nvrtcGetPTXSize(Program* p, std::size_t* n) { return give(p->text, n); }
NODEC_FAKE int nvrtcGetPTX(Program* p, char* to) { return give(p->text, to); }
NODEC_FAKE int nvrtcGetCUBINSize(Program* p, std::size_t* n) { return give(p->text, n); }
NODEC_FAKE int nvrtcGetCUBIN(Program* p, char* to) { return give(p->text, to); }
NODEC_FAKE const char* nvrtcGetErrorString(int result) {
  return result == 0 ? "NVRTC_SUCCESS" : "NVRTC_ERROR_COMPILATION";
}
