use super::*;
use crate::math::exp;
use crate::params::Ordering;
use crate::root::Place;
use crate::sharded::SKETCH;
use crate::solve::small::{ALL, Small};
use crate::solve::window::{Bounds, Placed};

fn params(r: f64) -> Params {
    Params { ordering: Ordering::Hr, alpha: 0.2, r, ..Params::default() }
}

/// A search that nothing has been spent on, with at most so many calls.
fn search(small: &Small, calls: usize) -> Search<'_, f64> {
    let (problem, limit) = (small.problem(), Limit::new(calls));
    Search { problem, limit, best: Feasible::NONE, rounds: 0, many_rounds: 0, scans: 0 }
}

fn lost(log_u: f64, side: Side) -> Lost {
    Lost { log_u, side, bounds: Bounds::none(), best: Feasible::NONE }
}

/// Scans: a few, where they help, if there are the calls for two of them and what they are for.
#[test]
fn when_there_are_scans() {
    let small = Small::of(params(0.1));
    let may = |scans: u32, calls_left: usize| Search { scans, ..search(&small, 24) }.may_scan(calls_left);
    assert!(
        may(0, SCAN_CALLS + 1) && may(SCANS - 1, 20) && !may(0, SCAN_CALLS) && !may(SCANS, 20) && !may(SCANS + 1, 20)
    );
    let slight = Small::of(params(1e-30));
    assert!(!search(&slight, 24).may_scan(20));
    // Not where the cut is but beside the window.
    let focus = small.focus(ALL, 1.0);
    for side in [Side::Deeper, Side::Shallower, Side::Inside] {
        let scans =
            |way: f64, calls_left: usize| search(&small, 24).is_to_scan(&focus, &lost(1.0 + way, side), calls_left);
        let near = [0.0, 0.9 * CLOSE_BY, -0.9 * CLOSE_BY].map(|way| scans(way, 20));
        assert_eq!(near, [side == Side::Inside; 3], "{side:?}");
        assert!(scans(1.1 * CLOSE_BY, 20) && scans(-1.1 * CLOSE_BY, 20) && !scans(1.0, SCAN_CALLS), "{side:?}");
    }
}

/// Looks: as many as there are calls, but for the last one; fewer where there may be scans, and even fewer from far away.
#[test]
fn how_many_looks_there_are() {
    let (small, slight) = (Small::of(params(0.1)), Small::of(params(1e-30)));
    assert_eq!([1, 2, 9].map(|calls_left| search(&slight, 24).looks(calls_left)), [[1; 2], [1; 2], [8; 2]]);
    let looks = |calls_left: usize| search(&small, 24).looks(calls_left);
    assert_eq!([1, 6].map(looks), [[1; 2], [5; 2]]);
    assert_eq!(
        [7, 8, 10, 20].map(looks),
        [[6, 1], [7, 2], [MOST_LOOKS + MORE_LOOKS, 4], [MOST_LOOKS + MORE_LOOKS, MOST_LOOKS]]
    );
    // When one that does not exceed r has been seen none need be left for that.
    let best = Feasible::of_numbers([1.0; Feasible::NUMBERS]);
    assert_eq!(Search { best, ..search(&slight, 24) }.looks(9), [9; 2]);
}

/// Many looks: after some rounds, or fewer if u moves far; not always; and where there is an r.
#[test]
fn when_there_are_many_looks() {
    let small = Small::of(params(0.1));
    let far = Place { log_u: 9.0, lack: 1.0 };
    let many = |rounds: usize, many_rounds: usize, before: Option<Place>| {
        let focus = Focus { before, ..small.focus(ALL, 1.0) };
        Search { rounds, many_rounds, ..search(&small, 24) }.next_looks(&focus).len() > 1
    };
    assert_eq!([0, 1, 2, 3, 4, 5].map(|rounds| many(rounds, 0, None)), [false, false, false, false, true, true]);
    assert_eq!([0, 1, 2, 3].map(|rounds| many(rounds, 0, Some(far))), [false, false, true, true]);
    assert_eq!(
        [0, MANY_ROUNDS - 1, MANY_ROUNDS, 9].map(|many_rounds| many(9, many_rounds, None)),
        [true, true, false, false]
    );
    let without = Small::of(params(0.0));
    assert_eq!(Search { rounds: 9, ..search(&without, 24) }.next_looks(&without.focus(ALL, 1.0)).len(), 1);
}

/// Rounds are counted, and how many of them had many looks; there are no more than there may be, or than there are calls for.
#[test]
fn rounds_are_counted() {
    // In every window most samples are so close to the cut that the next one is needed.
    let away = (0..6).map(|level| 2.0 * libm::pow(1e-3, f64::from(level)));
    let mut samples: Vec<(f64, f64)> =
        away.flat_map(|away| [-1.0, -0.9, -0.8, 0.8, 0.9, 1.0].map(|part| (8.0 + part * away, 1.0))).collect();
    samples.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let small = Small::new(&samples, Params { alpha: 0.5, ordering: Ordering::Hd, ..params(1e-3) });
    let ends = [samples[0].0, small.problem().highest()];
    let zoomed = |most_calls: usize, rounds: usize| {
        let mut sketch = vec![0.0; SKETCH];
        let ((focus, rounds, many_rounds), calls) = small.alone(&mut sketch, |data, sketch| {
            let mut search = Search { rounds, ..search(&small, most_calls) };
            let focus = search.zoom_in(data, small.focus(ends, 0.0), sketch)?;
            Ok((focus, search.rounds, search.many_rounds))
        });
        (focus, [rounds, many_rounds, calls])
    };
    // (A last call shows where the samples of a bin end.)
    assert_eq!(zoomed(24, 0).1, [6, 6 - SINGLE_ROUNDS, 7]);
    let is_known = |(focus, [rounds, many_rounds, _]): (Focus, [usize; 3])| {
        assert!(!search(&small, 24).is_open(&focus));
        [rounds, many_rounds]
    };
    assert_eq!(is_known(zoomed(24, 3)), [8, 8 - SINGLE_ROUNDS]);
    assert_eq!(is_known(zoomed(24, 4)), [9, MANY_ROUNDS]);
    // Not more, and of the first one the window is wider than it must be.
    let ((first, spent), (last, spent_last)) = (zoomed(4, 0), zoomed(24, ROUNDS - 1));
    assert_eq!((spent, spent_last), ([1, 0, 1], [ROUNDS, 1, 1]));
    assert!(search(&small, 24).is_open(&first) && search(&small, 24).is_open(&last));
    assert!(first.low < last.low && first.high > last.high, "{first:?} {last:?}");
    assert_eq!((zoomed(5, 0).1, zoomed(24, ROUNDS).1), ([2, 0, 2], [ROUNDS, 0, 0]));
}

/// Where a search goes on from a window of all samples, with the losses in it known, after looks that have ended without a root; how many
/// scans there have been since, and how many calls they took.
fn gone_on(small: &Small, from: f64, lost: Lost, scans: u32) -> (Focus, u32, usize) {
    let (kept, count) = small.kept(ALL);
    let mut sketch = vec![0.0; SKETCH];
    sketch[..kept.len()].copy_from_slice(&kept);
    let ((next, scans, best), calls) = small.alone(&mut sketch, |data, sketch| {
        let mut search = Search { scans, ..search(small, 24) };
        let focus = Focus { stage: Stage::Known(count), bracket: [-9.0, 9.0], ..small.focus(ALL, from) };
        let next = search.elsewhere(data, focus, lost, sketch)?;
        Ok((next, search.scans, search.best))
    });
    assert_eq!(best.is_none(), lost.best.is_none());
    (next, scans, calls)
}

/// There are two scans, which bracket the root, or a window beside the last one is next.
#[test]
fn where_to_go_on() {
    let small = Small::of(params(0.02));
    let root = small.root();
    let (from, to) = (root + 0.5, root + 0.51);
    let certain = [root - 2.0, root + 3.0];
    let lost = |side: Side| {
        let Placed { view, cut, .. } = small.placed(ALL, exp(to));
        let bounds = Bounds { log_u: certain, ..Bounds::none() };
        Lost { bounds, best: Feasible::NONE.or(&view, &cut), ..lost(to, side) }
    };
    let (next, scans, calls) = gone_on(&small, from, lost(Side::Inside), 0);
    assert_eq!((scans, calls, next.stage, next.bounds.log_u), (1, 2, Stage::Known(9), certain));
    let [low, high] = next.bracket;
    assert!(low <= root && root <= high && high - low < 1e-4 && (next.log_u - root).abs() < 1e-4, "{next:?}");
    let (next, scans, calls) = gone_on(&small, from, lost(Side::Inside), SCANS);
    assert_eq!((scans, calls, next.stage, next.log_u), (SCANS, 0, Stage::Known(9), to));
    for side in [Side::Deeper, Side::Shallower] {
        let (next, scans, calls) = gone_on(&small, from, lost(side), 0);
        let beside = small.focus(ALL, to).beside::<f64>(side, &small.range, small.problem().highest());
        assert_eq!((scans, calls, next.stage, next.log_u), (0, 0, Stage::Open, to));
        assert_eq!((next.low, next.high, next.misses), (beside.low, beside.high, 1.0));
    }
    // HD's cut stays where it is: what scans show of u is certain.
    let small = Small::of(Params { ordering: Ordering::Hd, ..params(0.02) });
    let (next, ..) = gone_on(&small, from, lost(Side::Inside), 0);
    assert!(next.bounds.log_u == next.bracket && next.bracket[1] - next.bracket[0] < 1e-4, "{next:?}");
}
