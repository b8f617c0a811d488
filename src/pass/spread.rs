//! Helper threads are kept off the processor of the calling thread. Linux may wake a thread on the
//! processor of the one that wakes it and leave it there, waiting, while another processor is idle:
//! then two threads take as long as one.

use core::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// On which processor a helper thread is, and where it may run.
pub(super) struct Seat {
    /// Its thread; 0 before it has started.
    thread: AtomicI32,
    /// The processor that it was last seen on.
    processor: AtomicUsize,
    /// Where it might run before it was forbidden to run on that processor, which it is allowed again
    /// once it has begun to work on another one.
    allowed: Mutex<Option<os::Processors>>,
}

impl Seat {
    pub(super) fn new() -> Self {
        Self { thread: AtomicI32::new(0), processor: AtomicUsize::new(os::NOWHERE), allowed: Mutex::new(None) }
    }

    /// The helper has started.
    pub(super) fn take(&self) {
        self.thread.store(os::thread(), Ordering::Release);
    }

    /// If the helper would wake on this processor, it is moved to any other one where it may run.
    fn send_away_from(&self, here: usize) {
        let thread = self.thread.load(Ordering::Acquire);
        if thread == 0 || self.processor.load(Ordering::Relaxed) != here {
            return;
        }
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        // Once another calling thread has sent it away, where it may run is not where it might before.
        if allowed.is_none()
            && let Some(processors) = os::processors_of(thread)
            && os::allow(thread, &os::without(processors, here))
        {
            *allowed = Some(processors);
        }
    }

    /// The helper has begun to work, and may again run wherever it might before.
    fn arrive(&self) {
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(processors) = allowed.take() {
            os::allow(os::thread(), &processors);
        }
    }
}

/// Is called before helpers are woken.
pub(super) fn spread(seats: &[Seat]) {
    let here = os::processor();
    if here != os::NOWHERE {
        for seat in seats {
            seat.send_away_from(here);
        }
    }
}

/// Runs a helper's part of the work, on its thread.
pub(super) fn seated(seats: &[Seat], work: impl FnOnce()) {
    let seat = rayon::current_thread_index().and_then(|number| seats.get(number));
    if let Some(seat) = seat {
        seat.arrive();
    }
    work();
    if let Some(seat) = seat {
        seat.processor.store(os::processor(), Ordering::Relaxed);
    }
}

/// The system calls. None of them matters if it fails.
#[cfg(all(target_os = "linux", not(miri)))]
mod os {
    pub(super) type Processors = libc::cpu_set_t;
    pub(super) const NOWHERE: usize = usize::MAX;

    pub(super) fn thread() -> i32 {
        // The function of that name is younger than what wheels may ask for.
        // SAFETY: without arguments.
        i32::try_from(unsafe { libc::syscall(libc::SYS_gettid) }).unwrap_or(0)
    }

    pub(super) fn processor() -> usize {
        // SAFETY: without arguments.
        usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(NOWHERE)
    }

    /// Where a thread may run.
    pub(super) fn processors_of(thread: i32) -> Option<Processors> {
        // SAFETY: all zero bytes are an empty set.
        let mut processors = unsafe { core::mem::zeroed::<Processors>() };
        // SAFETY: the set is as long as is said.
        let result = unsafe { libc::sched_getaffinity(thread, size_of::<Processors>(), &raw mut processors) };
        (result == 0).then_some(processors)
    }

    pub(super) fn without(mut processors: Processors, processor: usize) -> Processors {
        if processor < libc::CPU_SETSIZE.unsigned_abs() as usize {
            // SAFETY: the set is that long.
            unsafe { libc::CPU_CLR(processor, &mut processors) };
        }
        processors
    }

    /// Lets a thread run on these processors; false if there is none of them, or the system does
    /// not allow it.
    pub(super) fn allow(thread: i32, processors: &Processors) -> bool {
        // SAFETY: the set is as long as is said.
        unsafe { libc::sched_setaffinity(thread, size_of::<Processors>(), processors) == 0 }
    }
}

/// On other systems nothing is done: theirs are not known to need it.
#[cfg(not(all(target_os = "linux", not(miri))))]
mod os {
    pub(super) type Processors = ();
    pub(super) const NOWHERE: usize = usize::MAX;

    pub(super) fn thread() -> i32 {
        0
    }

    pub(super) fn processor() -> usize {
        NOWHERE
    }

    pub(super) fn processors_of(_: i32) -> Option<Processors> {
        None
    }

    pub(super) fn without((): Processors, _: usize) -> Processors {}

    pub(super) fn allow(_: i32, (): &Processors) -> bool {
        false
    }
}
