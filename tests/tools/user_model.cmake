# Installs a build, builds the example of a user's models against it, and looks at them with the
# installed command line.   cmake -DBUILD=... -DSOURCE=... -DWORK=... -DLINES=... -P user_model.cmake
foreach(folder install build)
  file(REMOVE_RECURSE ${WORK}/${folder})
endforeach()
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET ERROR_VARIABLE output
                  ECHO_ERROR_VARIABLE)
endfunction()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/install)
run(${CMAKE_COMMAND} -G Ninja -S ${SOURCE} -B ${WORK}/build -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_PREFIX_PATH=${WORK}/install)
run(${CMAKE_COMMAND} --build ${WORK}/build)

set(library ${WORK}/build/libpredators.so)
# The exit code, and a text that standard output or error must hold.
function(expect code text)
  execute_process(COMMAND ${WORK}/install/bin/nodec ${ARGN} RESULT_VARIABLE got
                  OUTPUT_VARIABLE output ERROR_VARIABLE error)
  string(FIND "${output}${error}" "${text}" at)
  if(NOT got EQUAL code OR at EQUAL -1)
    message(SEND_ERROR "nodec ${ARGN}: wanted ${code} and '${text}', got ${got}:\n${output}${error}")
  endif()
endfunction()
expect(0 "plain\nremembering\n" list ${library})
expect(0 "no findings" types ${library}:plain --deny --backward)
expect(0 "a second trace gives the same program" types ${library}:plain --retrace)
expect(1 "model.cpp:30" types ${library}:remembering --deny)
expect(1 "meetings = rate * x * y;" types ${library}:remembering --deny)
if(LINES)  # LLVM reads the tables that variables are named by
  expect(1 "boxed: 'meetings' in " types ${library}:remembering --deny)
endif()
expect(0 "box.store" dump ${library}:remembering --after trace)
expect(0 "phase" dump ${library}:plain --after lower)
expect(3 "add :NAME; `nodec list ${library}` prints the names" types ${library})
expect(3 "did you mean 'plain'?" types ${library}:plian)
expect(3 "'plain:er'" types ${library}:plain:er)
expect(3 "there is no library" types ${WORK}/none.so:plain)
