# nodec_model(target): reports about this target's models name source lines. Line tables (-g1, unless
# the build has more) tell where a variable is assigned; paths are kept absolute, so that a report can
# show them relative to where it is read.
function(nodec_model target)
  target_compile_options(${target} PRIVATE $<$<NOT:$<CONFIG:Debug,RelWithDebInfo>>:-g1>)
  file(RELATIVE_PATH up ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
  if(up MATCHES "^\\.\\.")
    string(REGEX REPLACE "/$" "" up "${up}")
    target_compile_options(${target} PRIVATE -fmacro-prefix-map=${up}/=${CMAKE_SOURCE_DIR}/)
  endif()
endfunction()

# nodec_add_models(target sources...): a library of models for the command line. The sources register
# them with NODEC_MODEL("name") { ... }; `nodec types libtarget.so:name` looks at one.
#
# Its own copy of nodec stays its own (hidden, bound to itself).
function(nodec_add_models target)
  add_library(${target} MODULE ${ARGN})
  target_link_libraries(${target} PRIVATE nodec::nodec)
  target_compile_features(${target} PRIVATE cxx_std_20)
  nodec_model(${target})
  target_link_options(${target} PRIVATE -Wl,-Bsymbolic)
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON)
endfunction()
