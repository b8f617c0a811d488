//! What the fuzz targets share: bytes become problems (`input`), answers are held against what
//! makes an answer right (`check`), and the C interface is called as a C program does (`abi`).

pub mod abi;
pub mod check;
pub mod input;

#[path = "../../tests/reference/mod.rs"]
#[allow(dead_code)]
mod reference;
#[path = "../../tests/support/mod.rs"]
mod support;
