# nodec_embed(target file name): the file's text as `extern const std::string_view name` in namespace
# nodec, in a source that joins the target.
function(nodec_embed target file name)
  set(NODEC_EMBED_NAME ${name})
  file(READ ${file} NODEC_EMBED_TEXT)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/embed.cpp.in ${PROJECT_BINARY_DIR}/${name}.cpp @ONLY)
  target_sources(${target} PRIVATE ${PROJECT_BINARY_DIR}/${name}.cpp)
endfunction()
