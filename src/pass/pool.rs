//! The library's own pool of threads, started on first use, and started again in a forked child.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
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
/// The process that is starting a pool, or 0. A child that is forked meanwhile inherits it, and
/// with it what rayon initialises once in a program, half done: whoever waits for that in the child
/// waits for ever.
static STARTING: AtomicU32 = AtomicU32::new(0);

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
            .build()
            .ok()?;
        // Once each thread has looked for work, all that rayon initialises once is initialised.
        threads.broadcast(|_| ());
        Some(Self { process, threads, seats })
    }
}

/// The pool of this process. It lives as long as the process. None while another thread starts it,
/// and in a child that was forked while its parent did: the calling thread then works alone, which
/// takes longer and changes no bit.
pub(super) fn get() -> Option<&'static Pool> {
    let process = std::process::id();
    if let Some(pool) = published(process) {
        return Some(pool);
    }
    STARTING.compare_exchange(0, process, Ordering::AcqRel, Ordering::Acquire).ok()?;
    // Another thread may have started and published one before this thread's turn came.
    let pool = published(process).or_else(|| {
        let pool = Box::leak(Box::new(Pool::start(process)?));
        // A parent's pool is left as it is, since its threads cannot be joined here.
        POOL.store(pool, Ordering::Release);
        Some(pool)
    });
    STARTING.store(0, Ordering::Release);
    pool
}

fn published(process: u32) -> Option<&'static Pool> {
    // SAFETY: NULL, or leaked by `get`, which does not change a pool after it has been published.
    let pool = unsafe { POOL.load(Ordering::Acquire).as_ref() };
    pool.filter(|pool| pool.process == process)
}
