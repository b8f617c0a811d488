# Builds the C libraries with Cargo and puts them into a directory, for CMakeLists.txt:
#
#   cmake -DCARGO= -DTARGET_DIR= -DFLAGS= -DDIRECTORY= -DLIBRARIES= -P build.cmake
#
# Where Cargo leaves them depends on its environment and its configuration files (such as
# CARGO_BUILD_TARGET), so it is asked. LIBRARIES are the names of the files that are needed.
get_filename_component(crate "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
execute_process(
    COMMAND "${CARGO}" rustc --release --locked --lib --crate-type cdylib,staticlib
        --target-dir "${TARGET_DIR}" --message-format=json-render-diagnostics ${flags}
    WORKING_DIRECTORY "${crate}"
    OUTPUT_VARIABLE messages
    RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "hr-weights: Cargo has failed: ${status}")
endif()
foreach(library ${LIBRARIES})
    string(REPLACE "." "\\." pattern "${library}")
    if(NOT messages MATCHES "\"([^\"]*[/\\])${pattern}\"")
        message(FATAL_ERROR "hr-weights: Cargo has built no ${library} for its target")
    endif()
    # Backslashes are doubled in its messages.
    string(REPLACE "\\\\" "/" directory "${CMAKE_MATCH_1}")
    execute_process(COMMAND "${CMAKE_COMMAND}" -E copy_if_different
        "${directory}${library}" "${DIRECTORY}/${library}" RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "hr-weights: ${directory}${library} cannot be copied to ${DIRECTORY}")
    endif()
endforeach()
