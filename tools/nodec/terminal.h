// When to colour: on a terminal only, unless asked for; never when NO_COLOR says so.
#pragma once

namespace nodec {

enum class ColourWhen { Auto, Always, Never };

// Whether text on standard output may be coloured.
bool colour_wanted(ColourWhen when = ColourWhen::Auto);

}  // namespace nodec
