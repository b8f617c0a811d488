"""What PyInstaller cannot see: the shared library, which is loaded by its path."""  # noqa: N999

from PyInstaller.utils.hooks import collect_dynamic_libs

binaries = collect_dynamic_libs("hr_weights")
