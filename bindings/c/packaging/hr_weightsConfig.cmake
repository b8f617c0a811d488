# find_package(hr_weights) defines the targets
#
#   hr_weights::hr_weights          the shared library
#   hr_weights::hr_weights_static   the static library
#
# Both carry the directory of hr_weights.h and hr_weights.hpp. The file finds everything from where it lies itself
# (PREFIX/LIBDIR/cmake/hr_weights or PREFIX/share/cmake/hr_weights), so the prefix can be moved.

# Real path: on a system where /lib is a link to /usr/lib, the headers are beside the latter.
get_filename_component(_hr_weights_prefix "${CMAKE_CURRENT_LIST_DIR}" REALPATH)
get_filename_component(_hr_weights_libdir "${_hr_weights_prefix}/../.." REALPATH)
while(NOT EXISTS "${_hr_weights_prefix}/include/hr_weights.h")
    get_filename_component(_hr_weights_parent "${_hr_weights_prefix}" DIRECTORY)
    if(_hr_weights_parent STREQUAL _hr_weights_prefix)
        break()
    endif()
    set(_hr_weights_prefix "${_hr_weights_parent}")
endwhile()

set(_hr_weights_shared "${CMAKE_SHARED_LIBRARY_PREFIX}hr_weights${CMAKE_SHARED_LIBRARY_SUFFIX}")
set(_hr_weights_static "${CMAKE_STATIC_LIBRARY_PREFIX}hr_weights${CMAKE_STATIC_LIBRARY_SUFFIX}")
foreach(_hr_weights_candidate lib "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib64)
    if(EXISTS "${_hr_weights_libdir}/${_hr_weights_static}")
        break()
    endif()
    set(_hr_weights_libdir "${_hr_weights_prefix}/${_hr_weights_candidate}")
endforeach()

set(hr_weights_FOUND TRUE)
foreach(_hr_weights_file "${_hr_weights_prefix}/include/hr_weights.h" "${_hr_weights_libdir}/${_hr_weights_shared}"
        "${_hr_weights_libdir}/${_hr_weights_static}")
    if(NOT EXISTS "${_hr_weights_file}")
        set(hr_weights_FOUND FALSE)
        set(hr_weights_NOT_FOUND_MESSAGE "the installation is not complete: ${_hr_weights_file} is missing")
    endif()
endforeach()
if(hr_weights_FIND_COMPONENTS)
    set(hr_weights_FOUND FALSE)
    set(hr_weights_NOT_FOUND_MESSAGE "hr_weights has no components; choose one of its targets instead")
endif()

if(hr_weights_FOUND AND NOT TARGET hr_weights::hr_weights)
    add_library(hr_weights::hr_weights SHARED IMPORTED)
    set_target_properties(hr_weights::hr_weights PROPERTIES
        IMPORTED_LOCATION "${_hr_weights_libdir}/${_hr_weights_shared}"
        INTERFACE_INCLUDE_DIRECTORIES "${_hr_weights_prefix}/include")
    add_library(hr_weights::hr_weights_static STATIC IMPORTED)
    set_target_properties(hr_weights::hr_weights_static PROPERTIES
        IMPORTED_LOCATION "${_hr_weights_libdir}/${_hr_weights_static}"
        IMPORTED_LINK_INTERFACE_LANGUAGES C
        INTERFACE_LINK_LIBRARIES "pthread;dl;m"
        INTERFACE_INCLUDE_DIRECTORIES "${_hr_weights_prefix}/include")
endif()

foreach(_hr_weights_name prefix libdir parent shared static candidate file)
    unset(_hr_weights_${_hr_weights_name})
endforeach()
unset(_hr_weights_name)
