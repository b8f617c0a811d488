# Which requests of find_package(hr_weights VERSION) this version satisfies: those of its own major version that are not
# newer; while the major version is 0, those of its own minor version, since then a minor release may break programs.
set(PACKAGE_VERSION "0.1.0")

set(PACKAGE_VERSION_COMPATIBLE FALSE)
set(PACKAGE_VERSION_EXACT FALSE)

# "a.b" of 0.b versions, "a" of the others.
function(_hr_weights_series version result)
    if(version MATCHES "^0+\\.([0-9]+)")
        set(${result} "0.${CMAKE_MATCH_1}" PARENT_SCOPE)
    elseif(version MATCHES "^0*([0-9]+)")
        set(${result} "${CMAKE_MATCH_1}" PARENT_SCOPE)
    endif()
endfunction()

if(PACKAGE_FIND_VERSION_RANGE)
    # The caller names the limits itself: nothing to add to them.
    if(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION_MIN
       AND ((PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "INCLUDE" AND PACKAGE_VERSION VERSION_LESS_EQUAL PACKAGE_FIND_VERSION_MAX)
            OR (PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "EXCLUDE" AND PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION_MAX)))
        set(PACKAGE_VERSION_COMPATIBLE TRUE)
    endif()
elseif(NOT PACKAGE_FIND_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
elseif(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION)
    _hr_weights_series("${PACKAGE_VERSION}" _hr_weights_present)
    _hr_weights_series("${PACKAGE_FIND_VERSION}" _hr_weights_requested)
    # A request for "0" alone names none of the 0.x series: any of them will do.
    if(_hr_weights_present STREQUAL _hr_weights_requested
       OR (PACKAGE_FIND_VERSION_COUNT EQUAL 1 AND _hr_weights_present MATCHES "^${PACKAGE_FIND_VERSION_MAJOR}\\."))
        set(PACKAGE_VERSION_COMPATIBLE TRUE)
    endif()
    if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
        set(PACKAGE_VERSION_EXACT TRUE)
    endif()
    unset(_hr_weights_present)
    unset(_hr_weights_requested)
endif()
