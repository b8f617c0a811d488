"""The version of this package; hatch_build.py checks at build time that the Rust crate has the same."""

__version__ = "0.1.0"
