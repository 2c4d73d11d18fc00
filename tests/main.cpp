// The entry point of each layer's test executable. In a build without machine code a test that asks
// for it is left out, by its name: such a test passes nowhere but where there is some.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>

#ifndef NODEC_CPU_JIT
namespace {

int left_out = 0, failed = 0;

class LeavingOut : public doctest::IReporter {
 public:
  explicit LeavingOut(const doctest::ContextOptions&) {}

  void test_case_start(const doctest::TestCaseData& test) override {
    name_ = test.m_name;
    asks_ = false;
    asking_asserts_ = 0;
  }
  void test_case_exception(const doctest::TestCaseException& thrown) override {
    asks_ = asks_ || is_want(thrown.error_string);
  }
  void log_assert(const doctest::AssertData& assert) override {
    if (assert.m_threw && is_want(assert.m_exception)) ++asking_asserts_;
  }
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    if (stats.testCaseSuccess) return;
    const bool asks = asks_ || asking_asserts_ > 0;
    if (asks && stats.numAssertsFailedCurrentTest == asking_asserts_) {
      ++left_out;
      std::printf("left out, for want of machine code: %s\n", name_);
    } else {
      ++failed;
    }
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  static bool is_want(const doctest::String& words) {
    return std::strstr(words.c_str(), "makes no code for the processor") != nullptr;
  }

  const char* name_ = "";
  bool asks_ = false;
  int asking_asserts_ = 0;
};

REGISTER_LISTENER("left out", 1, LeavingOut);

}  // namespace

int main(int argc, char** argv) {
  const int result = doctest::Context(argc, argv).run();
  return left_out > 0 && failed == 0 ? 0 : result;
}
#else
int main(int argc, char** argv) { return doctest::Context(argc, argv).run(); }
#endif
