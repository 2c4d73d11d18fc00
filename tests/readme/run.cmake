# The program in README.md is examples/readme.cpp, and prints what README.md says.
#   cmake -DREADME=... -DPROGRAM_TEXT=... -DPROGRAM=... -P run.cmake
file(READ ${README} readme)
file(READ ${PROGRAM_TEXT} text)
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
foreach(part "```cpp\n${text}```\n" "```\n${output}```\n")
  string(FIND "${readme}" "${part}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "README.md does not hold this:\n${part}")
  endif()
endforeach()
message("the program and its output are as printed")
