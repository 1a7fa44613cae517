# Makes CMakeLists.txt work against the ROS wheels of PyPI, given as -DCMAKE_PROJECT_poco_ros_INCLUDE;
# unneeded with an apt ROS. Two things stop CMake's generate step there, both mended once all targets exist:
# - the wheels' exported targets name include folders of the machine they were built on: dropped;
# - the virtual environment lies inside the source folder, and CMake refuses to export an include folder
#   from there (numpy's headers): kept for building, not exported.
function(poco_ros_mend_include_folders)
  get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
  get_property(own DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS imported own)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(folders)
      set(kept)
      foreach(folder IN LISTS folders)
        if(folder MATCHES "^\\$<")
          list(APPEND kept "${folder}")
        elseif(target IN_LIST own)
          list(APPEND kept "$<BUILD_INTERFACE:${folder}>")
        elseif(EXISTS "${folder}")
          list(APPEND kept "${folder}")
        endif()
      endforeach()
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${kept}")
    endif()
  endforeach()
endfunction()
cmake_language(DEFER CALL poco_ros_mend_include_folders)
