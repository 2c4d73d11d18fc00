// The arrays that `nodec run` and `nodec bench` give to a program and take from it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/abi.h"
#include "ir/graph.h"
#include "runtime/executable.h"
#include "runtime/tensor.h"

namespace nodec {

using ArraysByName = std::map<std::string, Tensor, std::less<>>;

// Reads what the command line gave: NAME=FILE.npy, NAME=NUMBER, FILE.npy (its stem is the name), or
// a folder that holds NAME.npy for any input. InputError naming what fits no input.
ArraysByName read_inputs(const std::vector<std::string>& given, const std::vector<Port>& inputs);

// Whether NAME.npy is a file of the folder it is looked for in.
bool names_a_file(const std::string& name);

// Moves them into the program's order; InputError listing every missing one with its type.
std::vector<Tensor> in_order(ArraysByName arrays, const std::vector<Port>& inputs);

// Arrays that make sense to run with, for the inputs that were not given: a span, tolerances and a
// cap where a solve takes them, small numbers elsewhere. Always the same ones
// for a seed.
void add_synthetic(const Graph& graph, const std::vector<Port>& inputs, const Bindings& symbols,
                   ArraysByName& arrays, std::uint64_t seed = 0);

// The sizes of all symbols of a program: those given, or that these arrays have; 128 for any other.
// InputError for one that it does not have.
Bindings sizes_for(const Signature& signature, const Bindings& given, const ArraysByName& arrays);
// Of these, what the program has.
Bindings known_sizes(const Signature& signature, const Bindings& sizes);

// NAME=NUMBER each; UsageError for anything else.
Bindings read_sizes(const std::vector<std::string>& given);

// Outputs of the right sizes; InputError, listing all differences, when the inputs do not fit.
// `sizes`: of symbols that no input shows.
std::vector<Tensor> outputs_for(const Executable& program, const std::vector<Tensor>& inputs,
                                const Bindings& sizes);

// "f32[20, 128]: mean 0.0132, from -1.2 to 3.4", or the value of a scalar.
std::string described(const TensorView& array);

}  // namespace nodec
