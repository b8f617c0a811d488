//! What has been reduced so far. The solver runs from its start at every step; passes whose results are in the log are not
//! made again, and the first one that is not there stops it until the caller has reduced what it brought.

use crate::params::Error;
use crate::reduce::{Meeting, count};

/// Whether there is room: not without std, where all of this lies on the stack, nor where the scalar kernels of that library are
/// tested with std.
pub(crate) const ROOM: bool = cfg!(all(feature = "std", hrw_vector));
/// The largest message has this many values: 32 KiB, or 1 KiB.
pub(crate) const SKETCH: usize = if ROOM { 4094 } else { 128 };
/// Reduced values that are kept.
const KEPT: usize = if ROOM { 2048 } else { 512 };

/// How values are joined over the participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Replace every value by its sum.
    Sum,
    /// Replace every value by its maximum.
    Max,
}

/// What the caller is to reduce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Nothing,
    /// The results of a pass: so many sums, then so many maxima, which come second.
    Sums(usize, usize),
    Maxima(usize),
    /// A part of the sketch: where it starts, and how many values it has.
    Sketch(Operation, usize, usize),
    /// The sketch has been reduced, and waits for its digest.
    Sketched,
}

/// The results, in the order of the passes.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    values: [f64; KEPT],
    known: usize,
    read: usize,
    /// Calls of the all-reduce that have led to where the solver is.
    calls: usize,
    pending: Pending,
}

impl Log {
    pub(crate) const fn new() -> Self {
        Self { values: [0.0; KEPT], known: 0, read: 0, calls: 0, pending: Pending::Nothing }
    }

    /// Writes an empty log to a place, without a copy on the stack.
    ///
    /// # Safety
    /// The place is valid for writes and aligned.
    pub(crate) unsafe fn write_new(place: *mut Self) {
        // SAFETY: as promised; these are all fields, and all zero bytes are numbers.
        unsafe {
            (&raw mut (*place).values).write_bytes(0, 1);
            (&raw mut (*place).known).write(0);
            (&raw mut (*place).read).write(0);
            (&raw mut (*place).calls).write(0);
            (&raw mut (*place).pending).write(Pending::Nothing);
        }
    }

    /// The caller has reduced what was pending; the solver begins again.
    pub(crate) fn resume(&mut self) {
        (self.read, self.calls) = (0, 0);
        self.pending = match self.pending {
            Pending::Sums(sums, maxima) => {
                self.known += sums;
                if maxima > 0 { Pending::Maxima(maxima) } else { Pending::Nothing }
            }
            Pending::Maxima(maxima) => {
                self.known += maxima;
                Pending::Nothing
            }
            Pending::Sketch(..) | Pending::Sketched => Pending::Sketched,
            Pending::Nothing => Pending::Nothing,
        };
    }

    /// Whether the solver has stopped for something that is to be reduced.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.pending, Pending::Sums(..) | Pending::Maxima(_) | Pending::Sketch(..))
    }

    /// How many calls of the all-reduce have led to where the solver is.
    pub(crate) fn calls(&self) -> usize {
        self.calls
    }

    /// What the caller is to reduce, if the solver has stopped for it.
    pub(crate) fn pending<'a>(&'a mut self, sketch: &'a mut [f64]) -> Option<(Operation, &'a mut [f64])> {
        match self.pending {
            Pending::Nothing | Pending::Sketched => None,
            Pending::Sums(sums, _) => Some((Operation::Sum, &mut self.values[self.known..self.known + sums])),
            Pending::Maxima(maxima) => Some((Operation::Max, &mut self.values[self.known..self.known + maxima])),
            Pending::Sketch(operation, start, size) => Some((operation, &mut sketch[start..start + size])),
        }
    }

    /// What the next sketch came to, if that is known.
    pub(crate) fn digest<const N: usize>(&mut self) -> Option<[f64; N]> {
        let mut known = [0.0; N];
        self.recall(&mut known).then(|| {
            self.calls += 1;
            known
        })
    }

    /// Whether the sketch that was asked for has been reduced.
    pub(crate) fn is_sketched(&self) -> bool {
        self.pending == Pending::Sketched
    }

    /// Asks for the reduction of `size` values of the sketch.
    pub(crate) fn ask_for_sketch(&mut self, operation: Operation, start: usize, size: usize) {
        self.pending = Pending::Sketch(operation, start, size);
    }

    /// Keeps what a sketch came to.
    pub(crate) fn keep_digest(&mut self, digest: &[f64]) -> Result<(), Error> {
        self.pending = Pending::Nothing;
        self.calls += 1;
        self.keep(digest)
    }

    /// The place of a note, and the note, if it has been written.
    pub(crate) fn note<const N: usize>(&mut self) -> Result<(usize, Option<[f64; N]>), Error> {
        let place = self.read;
        let (mut calls, mut note) = ([f64::NAN], [f64::NAN; N]);
        if !(self.recall(&mut calls) && self.recall(&mut note)) {
            self.keep(&calls)?;
            self.keep(&note)?;
        }
        if calls[0].is_nan() {
            return Ok((place, None));
        }
        self.calls = count(calls[0]);
        Ok((place, Some(note)))
    }

    /// Writes a note in place of everything since.
    pub(crate) fn write_note<const N: usize>(&mut self, place: usize, note: [f64; N]) {
        let end = place + 1 + note.len();
        self.values[place] = self.calls as f64;
        self.values[place + 1..end].copy_from_slice(&note);
        (self.known, self.read) = (end, end);
    }

    fn recall(&mut self, values: &mut [f64]) -> bool {
        let end = self.read + values.len();
        if end > self.known {
            return false;
        }
        values.copy_from_slice(&self.values[self.read..end]);
        self.read = end;
        true
    }

    fn keep(&mut self, values: &[f64]) -> Result<(), Error> {
        let end = self.known + values.len();
        self.values.get_mut(self.known..end).ok_or(Error::Reduce)?.copy_from_slice(values);
        (self.known, self.read) = (end, end);
        Ok(())
    }
}

impl Meeting for &mut Log {
    fn recall(&mut self, sums: &mut [f64], maxima: &mut [f64]) -> bool {
        // A pass is known as a whole or not at all.
        let known = self.read + sums.len() + maxima.len() <= self.known
            && Log::recall(self, sums)
            && Log::recall(self, maxima);
        if known {
            self.calls += usize::from(!sums.is_empty()) + usize::from(!maxima.is_empty());
        }
        known
    }

    fn join(&mut self, sums: &mut [f64], maxima: &mut [f64]) -> Result<(), Error> {
        let known = self.known;
        self.keep(sums)?;
        self.keep(maxima)?;
        self.known = known;
        self.pending =
            if sums.is_empty() { Pending::Maxima(maxima.len()) } else { Pending::Sums(sums.len(), maxima.len()) };
        Err(Error::Reduce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::MaybeUninit;

    /// A pass with sums and maxima is reduced by two calls, after what is known already, and known then as a whole.
    #[test]
    fn passes_with_sums_and_maxima() {
        let mut log = Log::new();
        for number in 0..3_u32 {
            log.resume();
            // What earlier passes came to.
            for earlier in 0..number {
                let (mut sums, mut maxima) = ([0.0; 3], [0.0; 2]);
                assert!(Meeting::recall(&mut &mut log, &mut sums, &mut maxima));
                let value = f64::from(earlier);
                assert_eq!((sums, maxima), ([2.0 * value; 3], [value + 7.0; 2]));
            }
            let value = f64::from(number);
            let (mut sums, mut maxima) = ([value; 3], [value; 2]);
            assert!(!Meeting::recall(&mut &mut log, &mut sums, &mut maxima));
            assert!(Meeting::join(&mut &mut log, &mut sums, &mut maxima).is_err());
            let mut sketch = [];
            let (operation, values) = log.pending(&mut sketch).expect("sums");
            assert_eq!((operation, &*values), (Operation::Sum, [value; 3].as_slice()));
            values.fill(2.0 * value);
            log.resume();
            assert!(log.is_pending());
            let (operation, values) = log.pending(&mut sketch).expect("maxima");
            assert_eq!((operation, &*values), (Operation::Max, [value; 2].as_slice()));
            values.fill(value + 7.0);
            log.resume();
            assert!(!log.is_pending() && log.pending(&mut sketch).is_none());
            assert!(Meeting::recall(&mut &mut log, &mut [0.0; 15][..3], &mut [0.0; 2]));
        }
        assert_eq!(log.calls(), 2);
    }

    /// What is known but in part is not read.
    #[test]
    fn passes_that_are_known_in_part() {
        let mut log = Log::new();
        assert!(log.keep(&[1.0, 2.0, 3.0]).is_ok());
        log.resume();
        assert!(!Meeting::recall(&mut &mut log, &mut [0.0; 1], &mut [0.0; 3]));
        assert!(!Meeting::recall(&mut &mut log, &mut [0.0; 3], &mut [0.0; 1]));
        let mut sums = [0.0; 3];
        assert!(Meeting::recall(&mut &mut log, &mut sums, &mut []));
        assert_eq!((sums, log.calls()), ([1.0, 2.0, 3.0], 1));
    }

    /// Whatever was there before.
    #[test]
    fn logs_written_to_a_place() {
        let mut place = MaybeUninit::<Log>::uninit();
        // SAFETY: the place is as large, and all bytes are bytes.
        unsafe { place.as_mut_ptr().cast::<u8>().write_bytes(0x01, size_of::<Log>()) };
        // SAFETY: the place is valid and aligned; all fields have been written then.
        let log = unsafe {
            Log::write_new(place.as_mut_ptr());
            place.assume_init_ref()
        };
        assert_eq!(format!("{log:?}"), format!("{:?}", Log::new()));
    }
}
