//! Where the threads of the pool may run. A program of its own: no other call is to be under way.
#![cfg(target_os = "linux")]

use hr_weights::{Params, weights_into};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: they have the pool in common.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So many calls on all threads.
fn call(times: usize) {
    let losses: Vec<f32> = (0_u16..=u16::MAX).map(|i| (0.1 * f32::from(i)).sin()).collect();
    let params = Params { alpha: 0.05, r: 0.1, threads: 0, ..Params::default() };
    let mut weights = vec![0.0; losses.len()];
    for _ in 0..times {
        weights_into(&losses, None, &params, &mut weights).unwrap();
    }
}

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

/// A thread of the pool that is sent to another processor may run everywhere again when it has
/// worked there.
#[test]
fn helpers_may_run_where_the_caller_may() {
    let _alone = alone();
    call(50);
    let (caller, pool) = processors();
    assert_eq!(pool.is_empty(), caller == 1, "{pool:?}");
    for processors in pool {
        // One that has not been needed since it was sent may still keep off one processor.
        assert!(processors == caller || (caller > 2 && processors + 1 == caller), "{processors} of {caller}");
    }
}

/// Linux as these tests have it: functions of this program, which the linker takes before those of
/// the C library, say on which processor a thread runs, and note who is allowed to run where.
#[cfg(target_env = "gnu")]
mod linux {
    use std::ffi::c_int;
    use std::ptr;
    use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// A thread lets one run on these processors.
    pub(crate) struct Allowed {
        pub(crate) by: c_int,
        pub(crate) thread: c_int,
        pub(crate) processors: Vec<usize>,
    }

    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    static CALLER: AtomicI32 = AtomicI32::new(0);
    static OF_CALLER: AtomicI32 = AtomicI32::new(0);
    static OF_OTHERS: AtomicI32 = AtomicI32::new(0);
    static NOTED: Mutex<Vec<Allowed>> = Mutex::new(Vec::new());

    fn noted() -> MutexGuard<'static, Vec<Allowed>> {
        NOTED.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn thread() -> c_int {
        // SAFETY: without arguments.
        c_int::try_from(unsafe { libc::syscall(libc::SYS_gettid) }).unwrap()
    }

    fn elements(set: &libc::cpu_set_t) -> Vec<usize> {
        // SAFETY: the set is that long.
        (0..libc::CPU_SETSIZE.unsigned_abs() as usize).filter(|&i| unsafe { libc::CPU_ISSET(i, set) }).collect()
    }

    /// Where a thread may run; 0 is the calling one.
    pub(crate) fn processors(thread: c_int) -> Vec<usize> {
        // SAFETY: all zero bytes are an empty set.
        let mut set = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
        // SAFETY: the set is as long as is said.
        assert_eq!(unsafe { libc::sched_getaffinity(thread, size_of_val(&set), &raw mut set) }, 0);
        elements(&set)
    }

    /// What happens while the calling thread is told that it runs on a processor, and the others
    /// that they run on another one.
    pub(crate) fn noted_while(of_caller: c_int, of_others: c_int, run: impl FnOnce()) -> Vec<Allowed> {
        CALLER.store(thread(), Ordering::SeqCst);
        OF_CALLER.store(of_caller, Ordering::SeqCst);
        OF_OTHERS.store(of_others, Ordering::SeqCst);
        noted().clear();
        IS_TOLD.store(true, Ordering::SeqCst);
        run();
        IS_TOLD.store(false, Ordering::SeqCst);
        std::mem::take(&mut *noted())
    }

    #[unsafe(no_mangle)]
    extern "C" fn sched_getcpu() -> c_int {
        if IS_TOLD.load(Ordering::SeqCst) {
            let of = if thread() == CALLER.load(Ordering::SeqCst) { &OF_CALLER } else { &OF_OTHERS };
            return of.load(Ordering::SeqCst);
        }
        let (mut processor, none) = (0_u32, ptr::null_mut::<u32>());
        // SAFETY: a place for the number, and none for the two that are not wanted.
        let result = unsafe { libc::syscall(libc::SYS_getcpu, &raw mut processor, none, none) };
        if result == 0 { processor.cast_signed() } else { -1 }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn sched_setaffinity(thread: c_int, size: usize, set: *const libc::cpu_set_t) -> c_int {
        assert_eq!(size, size_of::<libc::cpu_set_t>());
        // SAFETY: a set of that size, of whoever calls.
        let (result, set) = unsafe { (libc::syscall(libc::SYS_sched_setaffinity, thread, size, set), &*set) };
        if result == 0 {
            noted().push(Allowed { by: self::thread(), thread, processors: elements(set) });
        }
        c_int::try_from(result).unwrap()
    }
}

/// A helper that was last seen on the caller's processor may not run there until it has begun to
/// work elsewhere. One that was seen elsewhere, or nobody knows where, may run where it likes.
#[cfg(target_env = "gnu")]
#[test]
fn helpers_are_sent_off_the_callers_processor() {
    use linux::{noted_while, processors, thread};

    let (_alone, all, caller) = (alone(), processors(0), thread());
    let (Some(&here), Some(&there)) = (all.first(), all.get(1)) else { return };
    let [on_here, on_there] = [here, there].map(|processor| i32::try_from(processor).unwrap());
    let elsewhere: Vec<usize> = all.iter().copied().filter(|&processor| processor != here).collect();

    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let threads = tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap());
    // Some may be on their way from the other test.
    let mut away: Vec<i32> = threads.filter(|&thread| processors(thread) != all).collect();
    let mut arrived = 0;
    for allowed in noted_while(on_here, on_here, || call(20)) {
        if allowed.by == caller {
            assert_eq!(allowed.processors, elsewhere);
            assert!(allowed.thread != caller && !away.contains(&allowed.thread), "{} of {caller}", allowed.thread);
            away.push(allowed.thread);
        } else {
            assert!(allowed.by == allowed.thread && away.contains(&allowed.thread), "{} of {caller}", allowed.thread);
            assert_eq!(allowed.processors, all);
            away.retain(|&thread| thread != allowed.thread);
            arrived += 1;
        }
    }
    assert!(arrived > 0, "sent and not arrived: {away:?}");

    // Those that have not worked since are sent once more, or still on their way.
    noted_while(on_here, on_there, || call(1));
    for (of_caller, of_others) in [(on_here, on_there), (on_here, -1), (-1, -1)] {
        let noted = noted_while(of_caller, of_others, || call(5));
        assert!(!noted.iter().any(|allowed| allowed.by == caller), "sent from {of_caller}, seen on {of_others}");
    }
}
