//! The library's own pool of threads, started on first use, and started again in a forked child.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::spread::Seat;

/// The threads that help a calling thread.
pub(super) struct Pool {
    /// A forked child inherits this memory, but none of the threads.
    process: u32,
    pub(super) threads: ThreadPool,
    /// On which processor each of them is.
    pub(super) seats: Arc<[Seat]>,
}

static POOL: AtomicPtr<Pool> = AtomicPtr::new(ptr::null_mut());

impl Pool {
    /// None on one processor, or if the threads cannot be started.
    fn start(process: u32) -> Option<Self> {
        // The calling thread is one more.
        let helpers = std::thread::available_parallelism().map_or(0, |threads| threads.get() - 1);
        if helpers == 0 {
            return None;
        }
        let seats: Arc<[Seat]> = (0..helpers).map(|_| Seat::new()).collect();
        let of_threads = Arc::clone(&seats);
        let threads = ThreadPoolBuilder::new()
            .num_threads(helpers)
            .thread_name(|number| format!("hr-weights-{number}"))
            .start_handler(move |number| of_threads[number].take())
            .build();
        Some(Self { process, threads: threads.ok()?, seats })
    }
}

/// The pool of this process. It lives as long as the process.
pub(super) fn get() -> Option<&'static Pool> {
    let process = std::process::id();
    let current = POOL.load(Ordering::Acquire);
    // SAFETY: NULL, or from `Box::into_raw` below; a pool that has been published is never freed.
    if let Some(pool) = unsafe { current.as_ref() }
        && pool.process == process
    {
        return Some(pool);
    }
    let new = Box::into_raw(Box::new(Pool::start(process)?));
    // There is no lock, since a forked child might inherit it locked: of two threads that start a
    // pool the second one uses the first one's. A parent's pool is left as it is, since its threads
    // cannot be joined here.
    match POOL.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: published just now, never freed.
        Ok(_) => Some(unsafe { &*new }),
        Err(first) => {
            // SAFETY: `new` was not published, so it is ours; `first` was, and is never freed.
            unsafe {
                drop(Box::from_raw(new));
                first.as_ref()
            }
        }
    }
}
