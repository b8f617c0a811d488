//! Many problems in one call: the rows of a matrix, or rows of different lengths one after another.

use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::pass::Data;
use crate::pass::Team;
use crate::report::Report;
use crate::validate::validate;
use crate::weights::weights_into;

/// How a vector of samples is divided into rows.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Rows of this many samples each; the number of samples is a multiple of it.
    Of(usize),
    /// Row i has the samples `offsets[i]..offsets[i + 1]`. Offsets start at 0, never decrease, and
    /// end at the number of samples. An empty row is fine: nothing is written for it.
    Offsets(&'a [usize]),
}

/// Why a batch was refused: the first bad row and what is wrong with it. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The first bad row; 0 if it is the batch that is wrong.
    pub row: usize,
    /// Sample indices are those within the row.
    pub error: Error,
}

impl core::fmt::Display for RowError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "row {}: {}", self.row, self.error)
    }
}

impl core::error::Error for RowError {}

impl Rows<'_> {
    fn count(&self, samples: usize) -> usize {
        match *self {
            Self::Of(columns) => samples.checked_div(columns).unwrap_or(0),
            Self::Offsets(offsets) => offsets.len().saturating_sub(1),
        }
    }

    fn start(&self, row: usize) -> usize {
        match *self {
            Self::Of(columns) => row * columns,
            Self::Offsets(offsets) => offsets[row],
        }
    }

    /// Whether they divide exactly this many samples.
    fn divide(&self, samples: usize) -> bool {
        match *self {
            Self::Of(0) => samples == 0,
            Self::Of(columns) => samples.is_multiple_of(columns),
            Self::Offsets(offsets) => {
                offsets.first() == Some(&0) && offsets.is_sorted() && offsets.last() == Some(&samples)
            }
        }
    }
}

/// Writes the HR weights of every row, each a problem of its own: as [`weights_into`] row by row,
/// with the same bits.
///
/// `losses`, `base` (if any) and `weights` hold all rows, one after another. `report` is called
/// once for each row that is not empty, in any order and perhaps from several threads. With
/// `params.threads` other than 1 the rows are shared out, and a row that is long by itself is
/// split; nothing is allocated on one thread.
///
/// # Errors
/// The whole batch is checked before any row is written. [`RowError::error`] is [`Error::Offsets`]
/// if the rows do not divide the samples, else one of those of [`weights_into`].
///
/// # Source
/// As [`weights_into`].
///
/// ```
/// use hr_weights::{Params, Rows, weights_of_rows_into};
/// let mut weights = [0.0; 4];
/// let params = Params { r: 0.1, ..Params::default() };
/// let losses = [1.0, 2.0, 5.0, 5.0];
/// weights_of_rows_into(&losses, None, Rows::Of(2), &params, &mut weights, |_, _| ())?;
/// assert!(weights[1] > 0.5 && weights[2] == 0.5);
/// # Ok::<(), hr_weights::RowError>(())
/// ```
pub fn weights_of_rows_into<T: Real>(
    losses: &[T],
    base: Option<&[T]>,
    rows: Rows<'_>,
    params: &Params,
    weights: &mut [T],
    report: impl Fn(usize, &Report) + Sync,
) -> Result<(), RowError> {
    let whole = |error| RowError { row: 0, error };
    for other in [Some(weights.len()), base.map(<[T]>::len)].into_iter().flatten() {
        if other != losses.len() {
            return Err(whole(Error::Lengths { losses: losses.len(), other }));
        }
    }
    if !rows.divide(losses.len()) {
        return Err(whole(Error::Offsets));
    }
    params.check().map_err(whole)?;
    let team = Team::for_samples(losses.len(), params.threads);
    let mut bands = bands(rows, losses, base, weights, if team.is_alone() { 1 } else { BANDS });
    team.for_each(&mut bands, |_, band| band.check(params));
    if let Some(bad) = bands.iter().find_map(|band| band.bad) {
        return Err(bad);
    }
    let is_long = |samples| !Team::for_samples(samples, params.threads).is_alone();
    // Long rows one after another, each on all threads; the others side by side.
    for band in &mut bands {
        band.solve(params, &report, is_long);
    }
    let alone = Params { threads: 1, ..*params };
    team.for_each(&mut bands, |_, band| band.solve(&alone, &report, |samples| !is_long(samples)));
    match bands.iter().find_map(|band| band.bad) {
        Some(bad) => Err(bad),
        None => Ok(()),
    }
}

/// At most so many bands, the parts that are dealt to threads.
const BANDS: usize = if cfg!(feature = "std") { 64 } else { 1 };

/// Consecutive rows.
struct Band<'a, T> {
    rows: Rows<'a>,
    numbers: core::ops::Range<usize>,
    /// Those of the whole batch.
    losses: &'a [T],
    /// Those of the whole batch.
    base: Option<&'a [T]>,
    /// Those of the band.
    weights: &'a mut [T],
    bad: Option<RowError>,
}

/// Divides the rows into bands of about as many samples each; those left over are empty.
fn bands<'a, T>(
    rows: Rows<'a>,
    losses: &'a [T],
    base: Option<&'a [T]>,
    mut weights: &'a mut [T],
    count: usize,
) -> [Band<'a, T>; BANDS] {
    let row_count = rows.count(losses.len());
    let share = losses.len().div_ceil(count);
    let mut next = 0;
    core::array::from_fn(|_| {
        let first = next;
        while next < row_count && rows.start(next) - rows.start(first) < share {
            next += 1;
        }
        let samples = if first < next { rows.start(next) - rows.start(first) } else { 0 };
        let (own, rest) = core::mem::take(&mut weights).split_at_mut(samples);
        weights = rest;
        Band { rows, numbers: first..next, losses, base, weights: own, bad: None }
    })
}

impl<T: Real> Band<'_, T> {
    /// Finds the first bad row of the band.
    fn check(&mut self, params: &Params) {
        for row in self.numbers.clone() {
            let samples = self.rows.start(row)..self.rows.start(row + 1);
            let base = self.base.map(|base| &base[samples.clone()]);
            let losses = &self.losses[samples];
            if losses.is_empty() {
                continue;
            }
            if let Err(error) = validate(&mut Data::new(losses, base, Team::ALONE), params) {
                self.bad = Some(RowError { row, error });
                return;
            }
        }
    }

    /// Solves the rows that are wanted for their length.
    fn solve(&mut self, params: &Params, report: &impl Fn(usize, &Report), wanted: impl Fn(usize) -> bool) {
        let first = self.rows.start(self.numbers.start);
        for row in self.numbers.clone() {
            let samples = self.rows.start(row)..self.rows.start(row + 1);
            if samples.is_empty() || !wanted(samples.len()) {
                continue;
            }
            let weights = &mut self.weights[samples.start - first..samples.end - first];
            let base = self.base.map(|base| &base[samples.clone()]);
            match weights_into(&self.losses[samples], base, params, weights) {
                Ok(solved) => report(row, &solved),
                Err(error) => self.bad = Some(RowError { row, error }),
            }
        }
    }
}
