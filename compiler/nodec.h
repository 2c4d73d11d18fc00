// The one public header: everything a program that embeds nodec needs.
#pragma once

#include "ir/error.h"
#include "ir/philox.h"
