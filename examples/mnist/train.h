// The training loop of the command line: epochs, checkpoints, lines.
#pragma once

#include "compiler/nodec.h"
#include "examples/digits/dataset.h"
#include "examples/mnist/options.h"

namespace nodec::mnist {

// A trainer of the model that the options describe, over so many batches an epoch; its parameters
// are drawn, or those of --load.
nn::Trainer make_trainer(const Options& options, std::int64_t batches);

// Names the digits of a file, a line each.
void predict(const Options& options, nn::Trainer& trainer);

// Trains to the end, or until a signal asks to stop where there is a checkpoint; prints a line an
// epoch, those before a checkpoint that is gone on from included. What the process is to exit with.
int train(const Options& options, nn::Trainer& trainer, nn::Loader& train, const nn::Loader& test);

}  // namespace nodec::mnist
