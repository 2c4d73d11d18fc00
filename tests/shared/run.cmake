# Shared libraries, without compiling nodec twice: a configuration with -DBUILD_SHARED_LIBS=ON must
# ask for the very objects of this build (they are position-independent), so those are copied and
# only linked, by that configuration's own link commands; then installed and used from outside.
#   cmake -DBUILD=... -DROOT=... -DOUTSIDE=... -DVERSION=... -DWORK=... -P run.cmake
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE output
                  ERROR_VARIABLE output ECHO_ERROR_VARIABLE)
  set(output "${output}" PARENT_SCOPE)
endfunction()
set(build ${WORK}/build)

load_cache(${BUILD} READ_WITH_PREFIX "" CMAKE_BUILD_TYPE CMAKE_CXX_COMPILER CMAKE_CXX_FLAGS
           CMAKE_UNITY_BUILD CMAKE_UNITY_BUILD_BATCH_SIZE)
if(CMAKE_UNITY_BUILD_BATCH_SIZE)
  set(batch "-DCMAKE_UNITY_BUILD_BATCH_SIZE=${CMAKE_UNITY_BUILD_BATCH_SIZE}")
endif()
run(${CMAKE_COMMAND} -G Ninja -S ${ROOT} -B ${build} -DBUILD_SHARED_LIBS=ON -DNODEC_TESTS=OFF
    "-DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}" "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
    "-DCMAKE_CXX_FLAGS=${CMAKE_CXX_FLAGS}" "-DCMAKE_UNITY_BUILD=${CMAKE_UNITY_BUILD}" ${batch})

# The lines of `ninja -t commands` for the command line tool that compile, and the others.
function(commands folder)
  run(ninja -C ${folder} -t commands bin/nodec)
  string(REPLACE ";" "\;" output "${output}")
  string(REPLACE "${folder}" "BUILD" output "${output}")
  # How a model's file is named from the build folder; the full name comes out either way.
  string(REGEX REPLACE "-fmacro-prefix-map=[^ ]*" "" output "${output}")
  string(REGEX MATCHALL "[^\n]+" lines "${output}")
  set(compiling ${lines})
  list(FILTER compiling INCLUDE REGEX " -c [^ ]*[.]c")
  list(FILTER lines EXCLUDE REGEX " -c [^ ]*[.]c")
  list(SORT compiling)
  set(compiling "${compiling}" PARENT_SCOPE)
  set(linking "${lines}" PARENT_SCOPE)
endfunction()
commands(${BUILD})
set(wanted "${compiling}")
commands(${build})
if(NOT compiling STREQUAL wanted OR compiling STREQUAL "")
  list(REMOVE_ITEM compiling ${wanted})
  message(FATAL_ERROR "for shared libraries, other objects are asked for:\n${compiling}")
endif()

foreach(folder CMakeFiles tools examples)
  file(COPY ${BUILD}/${folder} DESTINATION ${build} FILES_MATCHING PATTERN "*.o")
endforeach()
foreach(command IN LISTS linking)
  string(REPLACE "BUILD" "${build}" command "${command}")
  execute_process(COMMAND sh -c "${command}" WORKING_DIRECTORY ${build}
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
run(${CMAKE_COMMAND} --install ${build} --prefix ${WORK}/install)
file(REMOVE_RECURSE ${build})  # whoever still needs it fails

run(${WORK}/install/bin/nodec list)
if(NOT output MATCHES "mnist/layer")
  message(FATAL_ERROR "the installed nodec lists: ${output}")
endif()
run(${CMAKE_COMMAND} -G Ninja -S ${OUTSIDE} -B ${WORK}/outside -DCMAKE_BUILD_TYPE=Debug
    -DCMAKE_PREFIX_PATH=${WORK}/install)
run(${CMAKE_COMMAND} --build ${WORK}/outside --target outside)
string(REGEX MATCH "^[0-9]+[.][0-9]+" interface ${VERSION})
run(readelf -d ${WORK}/outside/outside)
if(NOT output MATCHES "libnodec_compiler[.]so[.]${interface}\\]")
  message(FATAL_ERROR "a program does not ask for libnodec_compiler.so.${interface}:\n${output}")
endif()
file(GLOB_RECURSE library ${WORK}/install/libnodec_compiler.so.${VERSION})
if(library STREQUAL "")
  message(FATAL_ERROR "no libnodec_compiler.so.${VERSION} is installed")
endif()
run(${WORK}/outside/outside)
file(READ ${OUTSIDE}/expected.txt expected)
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "wanted:\n${expected}got:\n${output}")
endif()
