# Installs a build to a folder of its own, then configures, builds and runs the outside project
# against it.   cmake -DBUILD=... -DSOURCE=... -DWORK=... -P run.cmake
foreach(folder install build)
  file(REMOVE_RECURSE ${WORK}/${folder})
endforeach()
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE output
                  ERROR_VARIABLE output ECHO_ERROR_VARIABLE)
  set(output "${output}" PARENT_SCOPE)
endfunction()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/install)
run(${CMAKE_COMMAND} -G Ninja -S ${SOURCE} -B ${WORK}/build -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_PREFIX_PATH=${WORK}/install)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/gate)
run(${WORK}/build/outside)
message("${output}")
file(READ ${SOURCE}/expected.txt expected)
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "wanted:\n${expected}got:\n${output}")
endif()
