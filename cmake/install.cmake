# `cmake --install`: libraries, headers and a package that find_package(nodec) finds. Headers keep
# their paths from the root below include/nodec, so a program includes "compiler/nodec.h" whether
# nodec is installed or a subdirectory of its build.
include(GNUInstallDirs)
include(${CMAKE_CURRENT_LIST_DIR}/nodecModels.cmake)
include(CMakePackageConfigHelpers)

add_library(nodec INTERFACE)
add_library(nodec::nodec ALIAS nodec)
target_link_libraries(nodec INTERFACE nodec_compiler)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/nodec)
set(layers nodec_ir nodec_kernels nodec_runtime nodec_compiler)
foreach(layer ${layers})
  target_include_directories(${layer}
                             PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/nodec>)
endforeach()
if(NODEC_CPU_JIT)
  foreach(layer nodec_runtime nodec_compiler)
    target_link_libraries(${layer} PUBLIC $<INSTALL_INTERFACE:LLVM>)
  endforeach()
endif()

install(TARGETS ${layers} nodec EXPORT nodecTargets)
install(EXPORT nodecTargets NAMESPACE nodec:: DESTINATION ${package_dir})
foreach(folder ir kernels runtime compiler)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nodec
          FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
endforeach()
configure_package_config_file(cmake/nodecConfig.cmake.in
                              ${CMAKE_BINARY_DIR}/cmake/nodecConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cmake/nodecConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/cmake/nodecConfig.cmake
              ${CMAKE_BINARY_DIR}/cmake/nodecConfigVersion.cmake cmake/nodecModels.cmake
        DESTINATION ${package_dir})
