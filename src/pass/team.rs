//! The threads of large problems.

#[cfg(feature = "std")]
use super::{pool, spread};
#[cfg(feature = "std")]
use std::sync::{Mutex, PoisonError};

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
        /// Below this many samples waking a thread takes longer than the work that it does.
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

    /// Calls `work` with the position of each item and the item, in any order.
    #[cfg(not(feature = "std"))]
    pub(crate) fn for_each<S>(self, items: &mut [S], work: impl Fn(usize, &mut S)) {
        items.iter_mut().enumerate().for_each(|(position, item)| work(position, item));
    }

    /// Calls `work` with the position of each item and the item, in any order. The calling thread
    /// takes items from the front, and the pool's from the back, as long as there are any: what a
    /// thread that wakes late would have done, the others do.
    #[cfg(feature = "std")]
    pub(crate) fn for_each<S: Send>(self, items: &mut [S], work: impl Fn(usize, &mut S) + Sync) {
        let pool = if self.is_alone() { None } else { pool::get() };
        let Some(pool) = pool else {
            items.iter_mut().enumerate().for_each(|(position, item)| work(position, item));
            return;
        };
        let helpers = (self.threads - 1).min(pool.threads.current_num_threads()).min(items.len());
        let items = Mutex::new(items.iter_mut().enumerate());
        let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
        let next_back = || items.lock().unwrap_or_else(PoisonError::into_inner).next_back();
        spread::spread(&pool.seats);
        pool.threads.in_place_scope(|scope| {
            for _ in 0..helpers {
                let help = || {
                    while let Some((position, item)) = next_back() {
                        work(position, item);
                    }
                };
                scope.spawn(move |_| spread::seated(&pool.seats, help));
            }
            while let Some((position, item)) = next() {
                work(position, item);
            }
        });
    }
}
