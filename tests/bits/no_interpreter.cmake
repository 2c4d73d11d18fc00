# A program that trains holds no interpreter: what it computes, machine code computed. CONTROL is a
# program that does hold it, which shows that it would be seen.
#   cmake -DNM=nm -DPROGRAM=file -DCONTROL=file -P no_interpreter.cmake
set(interpreter "nodec::Interpreter::run")

function(symbols_of file out)
  execute_process(COMMAND ${NM} -C ${file} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  set(${out} "${symbols}" PARENT_SCOPE)
endfunction()

symbols_of(${CONTROL} symbols)
if(NOT symbols MATCHES "${interpreter}")
  message(FATAL_ERROR "${CONTROL} shows no interpreter: this test would not see one")
endif()
symbols_of(${PROGRAM} symbols)
if(NOT symbols MATCHES "nodec::Executable::call")
  message(FATAL_ERROR "${PROGRAM} runs no compiled programs, or has no symbols to look at")
endif()
if(symbols MATCHES "${interpreter}")
  message(FATAL_ERROR "${PROGRAM} holds the interpreter")
endif()
