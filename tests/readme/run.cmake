# A program in README.md is one of examples/, and prints what README.md says, in a folder of its own.
#   cmake -DREADME=... -DPROGRAM_TEXT=... -DPROGRAM=... -DWORK=... -P run.cmake
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
file(READ ${README} readme)
file(READ ${PROGRAM_TEXT} text)
execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${WORK} OUTPUT_VARIABLE output
                COMMAND_ERROR_IS_FATAL ANY)
foreach(part "```cpp\n${text}```\n" "```\n${output}```\n")
  string(FIND "${readme}" "${part}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "README.md does not hold this:\n${part}")
  endif()
endforeach()
message("the program and its output are as printed")
