"""The C and C++ library for Conan 2. It needs Cargo on the path. From the root of the repository
this builds it from the checkout, and then a program with it:

    conan create packaging/conan
    conan create packaging/conan -o "&:shared=True"

In ConanCenter the sources are the archive of the tag, by ``source()`` with ``get(self,
**self.conan_data["sources"][self.version], strip_root=True)`` in the place of ``export_sources()``.
Its ``conandata.yml`` has the address and the sha256, which is made at the release by
``curl --location URL | sha256sum``.
"""

import os
import shutil
from pathlib import Path

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, rm, rmdir

# What Cargo builds the library from, and what installs it.
FOLDERS = ["src", "include", "bindings/c/packaging", "bindings/cpp/include"]
FILES = ["Cargo.toml", "Cargo.lock", "build.rs"]
LICENSES = ["LICENSE-MIT", "LICENSE-APACHE"]


class HrWeights(ConanFile):
    name = "hr-weights"
    version = "0.1.0"
    description = "Exact holistic robust (HR) importance weights from per-sample losses"
    license = "MIT OR Apache-2.0"
    topics = ("robust optimization", "machine learning", "importance weights")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    # No fPIC: what Rust compiles is always position-independent.
    options = {"shared": [True, False]}
    default_options = {"shared": False}

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("hr-weights: this recipe knows Linux only; elsewhere use cargo cinstall")

    def package_id(self):
        # Cargo builds it, and its interface is C's: it is the same for every compiler and build type.
        del self.info.settings.compiler
        del self.info.settings.build_type

    def export_sources(self):
        root, target = Path(self.recipe_folder).parents[1], Path(self.export_sources_folder)
        for folder in FOLDERS:
            copy(self, "*", src=str(root / folder), dst=str(target / folder))
        for name in FILES + LICENSES:
            shutil.copy2(root / name, target)

    def _script(self, name):
        return f'"{Path(self.source_folder, "bindings/c/packaging", name)}"'

    def build(self):
        manifest = Path(self.source_folder, "Cargo.toml")
        cargo = Path(self.build_folder, "cargo")
        self.run(
            f'{self._script("build.sh")} "{Path(self.build_folder, "built")}" --release --locked'
            f' --crate-type cdylib,staticlib --manifest-path "{manifest}" --target-dir "{cargo}"'
        )

    def package(self):
        release = Path(self.build_folder, "built")
        self.run(f'PREFIX="{self.package_folder}" RELEASE="{release}" {self._script("install.sh")} install')
        lib = os.path.join(self.package_folder, "lib")
        # Of the two libraries the one that was asked for stays. Conan writes the files for CMake and
        # pkg-config itself.
        rm(self, "*.a" if self.options.shared else "*.so*", lib)
        rmdir(self, os.path.join(lib, "cmake"))
        rmdir(self, os.path.join(lib, "pkgconfig"))
        for name in LICENSES:
            copy(self, name, src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        target = "hr_weights::hr_weights" if self.options.shared else "hr_weights::hr_weights_static"
        self.cpp_info.set_property("cmake_file_name", "hr_weights")
        self.cpp_info.set_property("cmake_target_name", target)
        self.cpp_info.set_property("pkg_config_name", "hr_weights")
        self.cpp_info.libs = ["hr_weights"]
        if not self.options.shared:
            self.cpp_info.system_libs = ["pthread", "dl", "m"]
