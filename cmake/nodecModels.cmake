# nodec_add_models(target sources...): a library of models for the command line. The sources register
# them with NODEC_MODEL("name") { ... }; `nodec types libtarget.so:name` looks at one.
#
# Its own copy of nodec stays its own (hidden, bound to itself), and line tables let reports name
# the lines of the sources.
function(nodec_add_models target)
  add_library(${target} MODULE ${ARGN})
  target_link_libraries(${target} PRIVATE nodec::nodec)
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_compile_options(${target} PRIVATE -g1)
  target_link_options(${target} PRIVATE -Wl,-Bsymbolic)
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON)
endfunction()
