// Writes what fuzzing starts from: a sample program of every primitive, and a dictionary.
//   fuzz_seeds CORPUS_FOLDER DICTIONARY_FILE
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "ir/print.h"
#include "kernels/catalogue.h"
#include "kernels/sample.h"

using namespace nodec;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: fuzz_seeds CORPUS_FOLDER DICTIONARY_FILE\n");
    return 2;
  }
  const std::filesystem::path corpus = argv[1];
  std::filesystem::create_directories(corpus);
  std::ofstream dictionary(argv[2]);
  for (const char* word : {"graph ",
                           " batch ",
                           "region ",
                           "yield ",
                           " as ",
                           " over ",
                           " in ",
                           "f32[]",
                           "f64[2, B]",
                           "i32[]",
                           "bool[B]",
                           "key[]",
                           "box<",
                           "tape<",
                           "any",
                           "never",
                           "%0",
                           "%1",
                           " : ",
                           "<>",
                           "[]",
                           "[.]",
                           "9223372036854775807",
                           "1099511627776",
                           "nan(0x7ff8000000000001)",
                           "-inf"}) {
    dictionary << '"' << word << "\"\n";
  }
  for (const Primitive* primitive : catalogue()) {
    dictionary << '"' << primitive->name << "\"\n";
    const std::string text = print(*sample_graph(*primitive, Dtype::F32));
    std::ofstream(corpus / ("sample." + std::string(primitive->name))) << text;
  }
  return dictionary ? 0 : 1;
}
