//! A Rust library of somebody else, with a copy of the standard library of its own: its panics must
//! still be caught when both are linked into one program.

/// 1 + 2 + ... + n; panics inside, and says so by a zero, if n is above 100.
#[unsafe(no_mangle)]
pub extern "C" fn other_sum(n: u32) -> u32 {
    std::panic::set_hook(Box::new(|_| ()));
    std::panic::catch_unwind(|| {
        assert!(n <= 100);
        (1..=n).collect::<Vec<u32>>().iter().sum()
    })
    .unwrap_or(0)
}
