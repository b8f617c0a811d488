//! `include/hr_weights.h` is what cbindgen makes of `src/capi` today. `make header` brings it up to
//! date.

use std::path::Path;

#[test]
fn header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let bindings = cbindgen::Builder::new().with_crate(root).with_config(config).generate().expect("cbindgen");
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    // The part for the Rust reader ends each comment; C readers have the same in the text.
    let generated = without_safety_sections(&String::from_utf8(generated).expect("UTF-8"));
    let path = root.join("include/hr_weights.h");
    if std::env::var_os("HRW_WRITE_HEADER").is_some() {
        std::fs::write(&path, &generated).expect("writing the header");
    }
    let committed = std::fs::read_to_string(&path).expect("include/hr_weights.h");
    assert!(committed == generated, "include/hr_weights.h is out of date: run `make header`");
}

/// Drops each comment's `# Safety` section, which repeats for Rust what the text says.
fn without_safety_sections(header: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in header.lines() {
        if line.trim_start() == "* # Safety" {
            inside = true;
            while kept.last().is_some_and(|line| line.trim() == "*") {
                kept.pop();
            }
        } else if line.trim_start().starts_with("*/") {
            inside = false;
        }
        if !inside {
            kept.push(line);
        }
    }
    kept.join("\n") + "\n"
}
