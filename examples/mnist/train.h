// The training loop of the command line: epochs, checkpoints, lines.
#pragma once

#include <optional>

#include "compiler/nodec.h"
#include "examples/digits/dataset.h"
#include "examples/digits/page.h"
#include "examples/mnist/options.h"

namespace nodec::mnist {

// A trainer of the model that the options describe, over so many batches an epoch; its parameters
// are drawn, or those of --load.
nn::Trainer make_trainer(const Options& options, std::int64_t batches);

// Trains to the end, or until a signal asks to stop where there is a checkpoint; prints a line an
// epoch, those before a checkpoint that is gone on from included. What the process is to exit with.
// The page, if there is one, is written after each epoch.
int train(const Options& options, nn::Trainer& trainer, nn::Loader& train, const nn::Loader& test,
          std::optional<digits::Page>& page);

}  // namespace nodec::mnist
