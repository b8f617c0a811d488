//! Where the threads of the pool may run. A program of its own: no other call is to be under way.
#![cfg(target_os = "linux")]

use hr_weights::{Params, weights_into};

/// Where this process' threads may run: the calling thread, and those of the pool.
fn processors() -> (usize, Vec<usize>) {
    let count = |folder: std::path::PathBuf| {
        let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let mask = line("Cpus_allowed:").unwrap_or_default();
        let processors = mask.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit.count_ones() as usize);
        (line("Name:").unwrap_or_default().to_owned(), processors.sum())
    };
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| count(task.unwrap().path()));
    let pool = tasks.filter(|(name, _)| name.starts_with("hr-weights")).map(|(_, processors)| processors);
    (count("/proc/thread-self".into()).1, pool.collect())
}

/// A thread of the pool that is sent to another processor may run everywhere again when it has worked there.
#[test]
fn helpers_may_run_where_the_caller_may() {
    let losses: Vec<f32> = (0_u16..=u16::MAX).map(|i| (0.1 * f32::from(i)).sin()).collect();
    let params = Params { alpha: 0.05, r: 0.1, threads: 0, ..Params::default() };
    let mut weights = vec![0.0; losses.len()];
    for _ in 0..50 {
        weights_into(&losses, None, &params, &mut weights).unwrap();
    }
    let (caller, pool) = processors();
    assert_eq!(pool.is_empty(), caller == 1, "{pool:?}");
    for processors in pool {
        // One that has not been needed since it was sent may still keep off one processor.
        assert!(processors == caller || (caller > 2 && processors + 1 == caller), "{processors} of {caller}");
    }
}
