use super::*;
use crate::params::{Ordering, Params};
use crate::solve::small::{ALL, BESIDE, SAMPLES, Small, crossing, with_a_small_one};

const SPACES: f64 = (SCANNED + 1) as f64;

/// What a scan of this window and this bracket shows, where the cut was on this side; and how many calls it took.
fn scanned(small: &Small, ends: [f64; 2], bracket: [f64; 2], side: Side) -> (Focus, Side, usize) {
    let focus = Focus { bracket, ..small.focus(ends, 0.5 * (bracket[0] + bracket[1])) };
    let (kept, count) = small.kept(ends);
    // Where nothing is cut no window is looked for.
    let count = if small.params.alpha > 0.0 { count } else { 0 };
    let mut sketch = vec![f64::NAN; SKETCH];
    sketch[..START].copy_from_slice(&kept);
    let ((focus, side), calls) =
        small.alone(&mut sketch, |data, sketch| small.problem().scan(data, (focus, side), count, sketch));
    (focus, side, calls)
}

/// The root is between two neighbours of many u, and the guess is the one of these, or of those further out, that is nearest to it.
#[test]
fn the_root_is_bracketed() {
    let orderings = [(Ordering::Hd, None), (Ordering::Hr, None), (Ordering::Hd, Some(0.0))];
    for (small, alpha) in
        orderings.into_iter().flat_map(|(ordering, alpha)| Small::all(ordering).map(move |small| (small, alpha)))
    {
        let small = Small::of(Params { alpha: alpha.unwrap_or(small.params.alpha), ..small.params });
        let root = small.root();
        if root < -20.0 {
            continue;
        }
        for bracket in [[-1.0, 1.3], [-0.01, 40.0], [-1e-3, 2.1e-3], [-1.0, 1e-3], [-1e-3, 1.0]]
            .map(|steps| steps.map(|step| root + step))
        {
            let (focus, side, calls) = scanned(&small, ALL, bracket, Side::Deeper);
            let what = format!("{:?}, {bracket:?}: {focus:?}", small.params);
            assert_eq!((side, calls), (Side::Inside, 1), "{what}");
            let ([low, high], space) = (focus.bracket, (bracket[1] - bracket[0]) / SPACES);
            assert!(low <= root + 1e-12 && root - 1e-12 <= high, "{what}, root {root}");
            assert!((high - low - space).abs() <= 1e-12, "{what}, apart {}", high - low);
            let places = (low - bracket[0]) / space;
            assert!((places - places.round()).abs() <= 1e-6, "{what}: {places}");
            assert!(focus.log_u == low || focus.log_u == high, "{what}");
            let miss = |log_u: f64| (small.phi(exp(log_u)) - small.params.r).abs();
            // (The ends of the bracket are not looked at.)
            if low > bracket[0] && high < bracket[1] {
                assert!(miss(focus.log_u) <= miss(low).min(miss(high)) + 1e-15, "{what}");
            }
            assert!(focus.before.is_none(), "{what}");
        }
    }
}

/// From where u grows the cut becomes deeper: which side of the window it is on at the root, where that is so on both sides of it.
#[test]
fn the_side_at_the_root() {
    let samples = with_a_small_one();
    let params = Params { ordering: Ordering::Hr, alpha: 0.2, r: 1.0, ..Params::default() };
    let small = |u: f64| Small::new(&samples, params).solved_by(u);
    let depth = small(1.0).depth(BESIDE);
    // Where the cut comes to the sample, and where it leaves it.
    let edge = |is_past: &dyn Fn(f64) -> bool| {
        let [low, high] = crossing(|log_u| is_past(small(1.0).cap(exp(log_u))));
        0.5 * (low + high)
    };
    let [comes, leaves] = [edge(&|cap| cap >= depth), edge(&|cap| cap > depth)];
    let middle = 0.5 * (comes + leaves);
    let side = |ends: [f64; 2], log_u: f64, wide: f64, given: Side| {
        let bracket = [log_u - wide, log_u + wide];
        scanned(&small(exp(log_u)), ends, bracket, given).1
    };
    // Not between two samples, but where looks are many even so.
    let (wide, near) = (0.2, 1e-4 * (leaves - comes));
    for given in [Side::Deeper, Side::Shallower, Side::Inside] {
        assert_eq!(side([4.0, 7.5], middle, wide, given), Side::Shallower);
        assert_eq!(side([8.0, 10.0], middle, wide, given), Side::Deeper);
        assert_eq!(side([BESIDE; 2], middle, 1e-2 * (leaves - comes), given), Side::Inside);
        assert_eq!(side([BESIDE, 10.0], leaves, near, given), Side::Deeper);
        assert_eq!(side([4.0, BESIDE], comes, near, given), Side::Shallower);
        assert_eq!(side([BESIDE; 2], middle, 100.0, given), given);
    }
}

/// A sample with next to no mass that is far below the others leaves few digits to looks about the mean. They tell a better depth.
#[test]
fn a_second_look_about_better_depths() {
    let samples = [&[(-1e23, 4e-21)], SAMPLES.as_slice()].concat();
    let params = Params { ordering: Ordering::Hd, alpha: 0.0, r: 1e-20, ..Params::default() };
    let small = Small::new(&samples, params);
    let root = small.root();
    let ends = [-1e23, 10.0];
    let calls = [1e-2, 1.01e-2, 1.02e-2, 1.03e-2, 0.3, 30.0].map(|wide| {
        let (focus, side, calls) = scanned(&small, ends, [root - 0.7 * wide, root + wide], Side::Deeper);
        let ([low, high], what) = (focus.bracket, format!("root {root}: {focus:?}"));
        assert!(side == Side::Inside && low - 1e-9 <= root && root <= high + 1e-9, "{what}");
        // A look that does not tell is not one more space where this has been seen.
        let spaces = if calls == 2 { 1.0 } else { 2.0 };
        assert!(high - low <= spaces * 1.7 * wide / SPACES + 1e-9, "{what}");
        calls
    });
    assert_eq!(calls, [2, 2, 2, 2, 1, 1]);
    // Where rounding decides from any depth there is no second one.
    for small in Small::all(Ordering::Hd) {
        let root = small.root();
        let (focus, _, calls) = scanned(&small, ALL, [root - 1e-15, root + 1e-15], Side::Inside);
        assert!(calls == 1 || focus.bracket[1] - focus.bracket[0] <= 1e-15, "{calls}, {:?}", small.params);
    }
}

/// Where r moves next to nothing scans do not help.
#[test]
fn where_scans_help() {
    let may = |r: f64| {
        let params = Params { r, alpha: 0.1, ..Params::default() };
        Small::of(params).problem().may_scan()
    };
    assert!(may(1.0) && may(LEAST_R) && !may(0.99 * LEAST_R) && !may(0.0));
}
