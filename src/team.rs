//! The threads of large problems: a pool of our own, started on first use, and started again in a forked child.

/// How many threads may work on a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Team {
    threads: usize,
}

impl Team {
    /// The calling thread.
    pub(crate) const ALONE: Self = Self { threads: 1 };

    /// For a call over so many samples in all: `threads` as in [`crate::Params`].
    pub(crate) fn for_samples(samples: usize, threads: usize) -> Self {
        /// Below this, waking a thread costs more than it does.
        const WORTH_IT: usize = 1 << 16;
        match threads {
            1 => Self::ALONE,
            _ if samples < WORTH_IT => Self::ALONE,
            0 => Self { threads: usize::MAX },
            threads => Self { threads },
        }
    }

    /// Whether it is only the calling thread.
    pub(crate) fn is_alone(self) -> bool {
        self.threads == 1 || cfg!(not(feature = "std"))
    }

    /// Runs a call with many parts for which `for_each` is called again and again. One of the team's threads does, so that the
    /// others are woken once: between parts they stay awake for as long as the next one takes to come.
    #[cfg(feature = "std")]
    pub(crate) fn run<S: Send>(self, work: impl FnOnce() -> S + Send) -> S {
        match if self.is_alone() { None } else { pool::get() } {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Runs a call with many parts.
    #[cfg(not(feature = "std"))]
    pub(crate) fn run<S>(self, work: impl FnOnce() -> S) -> S {
        work()
    }

    /// Calls `work` with the position of each item and the item, in any order.
    #[cfg(not(feature = "std"))]
    pub(crate) fn for_each<S>(self, items: &mut [S], work: impl Fn(usize, &mut S)) {
        items.iter_mut().enumerate().for_each(|(position, item)| work(position, item));
    }

    /// Calls `work` with the position of each item and the item, in any order: the items are dealt in one run to each thread.
    #[cfg(feature = "std")]
    pub(crate) fn for_each<S: Send>(self, items: &mut [S], work: impl Fn(usize, &mut S) + Sync) {
        let pool = if self.is_alone() { None } else { pool::get() };
        let Some(pool) = pool else {
            items.iter_mut().enumerate().for_each(|(position, item)| work(position, item));
            return;
        };
        let threads = self.threads.min(pool.current_num_threads());
        let run = items.len().div_ceil(threads).max(1);
        let work = &work;
        // On the pool's threads alone: they stay awake from pass to pass, while a thread that is woken beside a busy caller
        // may have to wait for the caller's processor.
        pool.scope(|scope| {
            for (number, items) in items.chunks_mut(run).enumerate() {
                scope.spawn(move |_| {
                    items.iter_mut().enumerate().for_each(|(position, item)| work(number * run + position, item));
                });
            }
        });
    }
}

#[cfg(feature = "std")]
mod pool {
    use core::ptr;
    use core::sync::atomic::{AtomicPtr, Ordering};

    use rayon::{ThreadPool, ThreadPoolBuilder};

    struct Pool {
        /// A forked child inherits this memory, but none of the threads.
        process: u32,
        threads: ThreadPool,
    }

    static POOL: AtomicPtr<Pool> = AtomicPtr::new(ptr::null_mut());

    /// The pool of this process; None if its threads cannot be started. It lives as long as the process.
    pub(super) fn get() -> Option<&'static ThreadPool> {
        let process = std::process::id();
        let current = POOL.load(Ordering::Acquire);
        // SAFETY: NULL, or from `Box::into_raw` below; a pool that has been published is never freed.
        if let Some(pool) = unsafe { current.as_ref() }
            && pool.process == process
        {
            return Some(&pool.threads);
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("hr-weights-{number}"))
            .build();
        let new = Box::into_raw(Box::new(Pool { process, threads: threads.ok()? }));
        // Without a lock, which a fork might inherit locked: whoever comes second uses the first one's pool. A parent's pool
        // is left as it is, since its threads cannot be joined here.
        match POOL.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: published just now, never freed.
            Ok(_) => Some(unsafe { &(*new).threads }),
            Err(first) => {
                // SAFETY: `new` was not published, so it is ours; `first` was, and is never freed.
                unsafe {
                    drop(Box::from_raw(new));
                    first.as_ref().map(|pool| &pool.threads)
                }
            }
        }
    }
}
