"""Builds the Rust library with cargo and puts it into the wheel, beside the Python files that load it.

The crate is the repository's, two directories up, or in a source distribution the copy of it in ``crate/``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What cargo needs for the library: the crate without its tests and benchmarks.
CRATE = ["Cargo.toml", "Cargo.lock", "build.rs", "src"]
LICENSES = ["LICENSE-MIT", "LICENSE-APACHE"]


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc,type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        crate = self._crate()
        if self.target_name == "sdist":
            for name in CRATE + LICENSES:
                build_data["force_include"][str(crate / name)] = f"crate/{name}"
            return

        library = self._build(crate)
        if version == "editable":
            # Python imports the package from its source directory, so that is where the library has
            # to be.
            target = Path(self.root, "hr_weights", "_lib", library.name)
            target.parent.mkdir(exist_ok=True)
            # A running Python may have the old file mapped: replace it, do not write into it.
            target.unlink(missing_ok=True)
            shutil.copy2(library, target)
        else:
            build_data["force_include"][str(library)] = f"hr_weights/_lib/{library.name}"
            # They are the crate's: hatchling looks for licences in this directory alone.
            for name in LICENSES:
                target_path = f"hr_weights-{self.metadata.version}.dist-info/licenses/{name}"
                build_data["force_include"][str(crate / name)] = target_path
        build_data["pure_python"] = False
        # The library does not know Python: one wheel serves every version.
        build_data["tag"] = f"py3-none-{_platform(library)}"

    def _crate(self) -> Path:
        for directory in (Path(self.root, "crate"), Path(self.root).parent.parent):
            if (directory / "Cargo.toml").is_file():
                return directory.resolve()
        sys.exit("hr-weights: the Rust crate is neither in crate/ nor two directories up")

    def _build(self, crate: Path) -> Path:
        """The shared library, built as cargo's configuration and environment say (CARGO_TARGET_DIR, CARGO_BUILD_TARGET)."""
        cargo = os.environ.get("CARGO", "cargo")
        # The kinds of `make library`, so that Cargo has one thing to build for both.
        command = [cargo, "rustc", "--release", "--locked", "--lib", "--crate-type=cdylib,staticlib"]
        command += ["--message-format=json-render-diagnostics"]
        try:
            output = subprocess.run(command, cwd=crate, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
        except FileNotFoundError:
            sys.exit(f"hr-weights: {cargo} was not found; install Rust from https://rustup.rs to build this package")
        except subprocess.CalledProcessError as error:
            sys.exit(f"hr-weights: {' '.join(command)} failed with status {error.returncode}")
        for line in output.splitlines():
            message = json.loads(line)
            if message["reason"] == "compiler-artifact" and "cdylib" in message["target"]["crate_types"]:
                self._compare_versions(crate)
                for name in map(Path, message["filenames"]):
                    if name.suffix in (".so", ".dylib", ".dll"):
                        return name
        sys.exit("hr-weights: cargo built no shared library; on musl, set RUSTFLAGS='-C target-feature=-crt-static'")

    def _compare_versions(self, crate: Path) -> None:
        ours = self.metadata.version
        manifest = (crate / "Cargo.toml").read_text(encoding="utf-8")
        theirs = re.search(r'^version = "(.*)"$', manifest, re.MULTILINE)
        if theirs is None or theirs[1] != ours:
            sys.exit(f"hr-weights: the crate's version is not that of the Python package, {ours}: change _version.py")


# The field e_machine of an ELF file, where it alone says what Python's wheels call the machine.
MACHINES = {3: "i686", 22: "s390x", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


def _platform(library: Path) -> str:
    platform = sysconfig.get_platform()
    if platform.startswith("linux-"):
        # Cargo may have built for another machine than this Python's: the library says for which.
        header = library.read_bytes()[:20]
        machine = int.from_bytes(header[18:20], "little" if header[5] == 1 else "big")
        platform = f"linux-{MACHINES.get(machine, platform[len('linux-') :])}"
    elif platform.startswith("macosx-"):
        # Python's own minimum may be lower than the one that the library was built for, or say
        # universal2.
        _, version, machine = platform.split("-")
        version = os.environ.get("MACOSX_DEPLOYMENT_TARGET", version)
        if machine == "universal2":
            machine = os.uname().machine
        platform = f"macosx-{version}-{machine}"
    return re.sub(r"[^0-9A-Za-z]", "_", platform)
