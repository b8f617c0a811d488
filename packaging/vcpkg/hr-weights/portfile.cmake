# The C and C++ library for vcpkg. It needs Cargo, which vcpkg does not have, so this is a port to
# overlay. From the root of the repository this builds and installs it from the checkout:
#
#     vcpkg install hr-weights --overlay-ports=packaging/vcpkg
#
# In a registry the sources are the archive of the tag in the place of the checkout. Its checksum
# is made at the release: with SHA512 0 the command above prints the right one.
#
#     vcpkg_from_github(OUT_SOURCE_PATH SOURCE_PATH REPO OWNER/NAME REF "v${VERSION}" SHA512 0)
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../.." ABSOLUTE)

# Cargo's release build serves both kinds of build, and both libraries are installed, as
# find_package(hr_weights) offers both.
set(VCPKG_BUILD_TYPE release)

find_program(CARGO cargo PATHS "$ENV{HOME}/.cargo/bin" REQUIRED)
set(packaging "${SOURCE_PATH}/bindings/c/packaging")
set(built "${CURRENT_BUILDTREES_DIR}/${TARGET_TRIPLET}-rel")
file(MAKE_DIRECTORY "${built}")

vcpkg_execute_required_process(
    COMMAND "${CMAKE_COMMAND}" -E env "CARGO=${CARGO}" "${packaging}/build.sh" "${built}"
        --release --locked --crate-type cdylib,staticlib
        --manifest-path "${SOURCE_PATH}/Cargo.toml" --target-dir "${built}/cargo"
    WORKING_DIRECTORY "${SOURCE_PATH}"
    LOGNAME "build-${TARGET_TRIPLET}")
vcpkg_execute_required_process(
    COMMAND "${CMAKE_COMMAND}" -E env "PREFIX=${CURRENT_PACKAGES_DIR}" "RELEASE=${built}"
        "${packaging}/install.sh" install
    WORKING_DIRECTORY "${SOURCE_PATH}"
    LOGNAME "install-${TARGET_TRIPLET}")

vcpkg_cmake_config_fixup(PACKAGE_NAME hr_weights CONFIG_PATH lib/cmake/hr_weights)
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE")
