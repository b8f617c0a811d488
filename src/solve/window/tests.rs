use super::*;
use crate::kernels::Lens;
use crate::math::exp;
use crate::params::{Ordering, Params};
use crate::solve::small::{ALL, BESIDE, Small, crossing, with_a_small_one};
use crate::view::Form;

fn is_near(bounds: Bounds, exact: [f64; 4]) {
    let numbers = bounds.as_numbers();
    let near = numbers.iter().zip(exact).all(|(&number, exact)| number == exact || (number - exact).abs() <= 1e-12);
    assert!(near, "{numbers:?} instead of {exact:?}");
    assert_eq!(Bounds::of_numbers(numbers).as_numbers(), numbers);
}

/// u that is too small bounds it from below and the cut, which becomes deeper with u, from above; u that is not does the opposite.
#[test]
fn what_looks_make_certain() {
    let [least, most] = root::EVERYWHERE;
    let cut = Cut { threshold: 5.0, keep: 0.5, depth: 1.0, next: 7.0, ..Cut::nothing() };
    let between = Cut { keep: 0.0, ..cut };
    let (none, infinity) = (Bounds::none(), f64::INFINITY);
    is_near(none.narrowed(2.0, &cut, true), [log(2.0), most, -infinity, 5.0]);
    is_near(none.narrowed(2.0, &cut, false), [least, log(2.0), 5.0, infinity]);
    // Between two losses the cut is at neither: the next one above bounds it there, the one below from the other side.
    is_near(none.narrowed(2.0, &between, true), [log(2.0), most, -infinity, 7.0]);
    is_near(none.narrowed(2.0, &between, false), [least, log(2.0), 5.0, infinity]);
    is_near(none.narrowed(0.0, &cut, true), none.as_numbers());
    let both = none.narrowed(2.0, &cut, true).narrowed(4.0, &Cut { threshold: 3.0, ..cut }, false);
    is_near(both, [log(2.0), log(4.0), 3.0, 5.0]);
}

/// A guess stays what it is unless it is outside of what is certain on both sides.
#[test]
fn guesses_are_kept_inside() {
    let [least, most] = root::EVERYWHERE;
    for (log_u, kept) in [([least, most], 9.0), ([1.0, most], 9.0), ([least, 3.0], 9.0), ([1.0, 3.0], 2.0)] {
        assert_eq!(Bounds { log_u, ..Bounds::none() }.kept(9.0), kept, "{log_u:?}");
    }
    assert_eq!([[1.0, most], [least, 0.2]].map(|log_u| Bounds { log_u, ..Bounds::none() }.kept(0.5)), [0.5; 2]);
    let certain = Bounds { log_u: [1.0, 3.0], ..Bounds::none() };
    assert_eq!([0.5, 1.0, 1.5, 2.5, 3.0].map(|log_u| certain.kept(log_u)), [2.0, 2.0, 1.5, 2.5, 2.0]);
}

/// Two depths of equal mass, seen from this u.
fn placed(side: Side, u: f64) -> Placed<f64> {
    let mut view = View::new(u, Lens::new(u, 0.5), Form::Plain, [0.0; 4], 1.0);
    view.add(0.5, 0.0);
    view.add(0.5, 1.0);
    Placed { side, cut: Cut::nothing(), view, mean: 0.5, curved: 0.0, slopes: [0.0; 2] }
}

/// Outside of the window u is too small or not as if the cut were to be inside, unless phi says so.
#[test]
fn on_which_side_of_the_root() {
    let phi = |u: f64| placed(Side::Inside, u).view.phi();
    let (u, above, below) = (0.3, 0.9 * phi(0.3), 1.1 * phi(0.3));
    let told = |side: Side| [above, phi(u), below].map(|r| placed(side, u).is_too_small(r));
    assert_eq!(told(Side::Inside), [Some(true), None, Some(false)]);
    assert_eq!(told(Side::Deeper), [Some(true), Some(false), Some(false)]);
    assert_eq!(told(Side::Shallower), [Some(true), Some(true), Some(false)]);
}

/// A window without a sample.
fn focus() -> Focus {
    Focus { low: 3.0, ..Focus::at(4.0) }
}

const NO_SAMPLES: [f64; HEAD + RUN] = [0.0; HEAD + RUN];

/// What a cut outside of a window makes certain: phi grows with its depth.
#[test]
fn what_a_lost_cut_makes_certain() {
    let phi = placed(Side::Inside, 0.3).view.phi();
    let (known, [least, most]) = (Known::of(&focus()), root::EVERYWHERE);
    let window = known.window(&focus(), 0, &NO_SAMPLES);
    let lost = |side: Side, r: f64| Bounds::none().lost(0.3, &window, &placed(side, 0.3), r);
    is_near(lost(Side::Deeper, 0.9 * phi), [log(0.3), most, f64::NEG_INFINITY, 3.0]);
    is_near(lost(Side::Deeper, 1.1 * phi), Bounds::none().as_numbers());
    is_near(lost(Side::Shallower, 1.1 * phi), [least, log(0.3), 4.0, f64::INFINITY]);
    is_near(lost(Side::Shallower, 0.9 * phi), Bounds::none().as_numbers());
}

/// There are fewer looks from far away than beside the last one, and where they end is told.
#[test]
fn looks_are_counted() {
    let known = Known::of(&focus());
    let window = known.window(&focus(), 0, &NO_SAMPLES);
    known.looks_left.set([4, 2]);
    let told = [2.0, 2.001, 2.2, 2.0, 2.001, 2.0, 2.001].map(|u| window.spend_look(u).is_ok());
    // The third and the fourth are each far from the one before.
    assert_eq!(told, [true, true, false, false, true, true, false]);
    assert_eq!(known.outside.get(), Some((log(2.001), Side::Inside)));
}
const HR: Ordering = Ordering::Hr;

fn agree(value: f64, exact: f64, what: &str) {
    assert!((value - exact).abs() <= 1e-12 * exact.abs().max(1.0), "{what}: {value:e} instead of {exact:e}");
}

/// In every window: on which side of it the cut is, and what is seen from there, is what all samples tell.
#[test]
fn cuts_of_windows() {
    let mut sides = [0; 3];
    for small in Small::all(HR) {
        for log_u in [-710.0, -6.0, -4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0] {
            let at_floor = log_u < root::LOG_FLOOR;
            let u = if at_floor { 0.0 } else { exp(log_u) };
            if at_floor && (small.params.worst_loss.is_none() || small.phi(0.0) > small.params.r) {
                continue;
            }
            let cap = small.cap(u);
            let losses: Vec<f64> = small.samples.iter().map(|&(loss, _)| loss).collect();
            // The last one that is at D or deeper.
            let last = losses.iter().rposition(|&loss| small.depth(loss) >= cap).expect("deepest");
            let is_between = small.depth(losses[last]) > cap;
            for (low, high) in (0..losses.len()).flat_map(|low| (low..losses.len()).map(move |high| (low, high))) {
                let ends = [losses[low], losses[high]];
                let what = format!("{:?}, log u {log_u}, {ends:?}", small.params);
                let placed = small.placed(ends, u);
                let side = if last < low {
                    Side::Deeper
                } else if last > high || (is_between && last == high && high + 1 < losses.len()) {
                    Side::Shallower
                } else {
                    Side::Inside
                };
                assert_eq!(placed.side, side, "{what}");
                sides[usize::from(side == Side::Inside) + 2 * usize::from(side == Side::Deeper)] += 1;
                let depth = match side {
                    Side::Inside => cap,
                    Side::Deeper => small.depth(ends[0]),
                    Side::Shallower => small.depth(ends[1]),
                };
                agree(placed.cut.depth, depth, &what);
                agree(placed.view.phi(), small.phi_capped(u, depth), &what);
                agree(placed.mean, small.sum(|other| other.min(depth)) / small.total(), &what);
                if side == Side::Inside {
                    is_cut(&small, &placed.cut, (losses[last], cap), u, &what);
                    is_curve(&small, &placed, cap, u, &what);
                }
            }
        }
    }
    assert!(sides.iter().all(|&count| count > 1000), "{sides:?}");
}

/// What a cut at D says of the samples, the last of which is at this loss.
fn is_cut(small: &Small, cut: &Cut<f64>, (loss, cap): (f64, f64), u: f64, what: &str) {
    agree(cut.capped(), small.mass(|other| other <= loss), what);
    if small.depth(loss) > cap {
        let next = small.samples.iter().map(|&(other, _)| other).find(|&other| other > loss);
        assert!(cut.is_between() && cut.threshold >= loss, "{what}");
        assert!(cut.threshold < next.unwrap_or(f64::INFINITY), "{what}");
        return;
    }
    assert_eq!(cut.threshold, loss, "{what}");
    agree(cut.tied, small.mass(|other| other == loss), what);
    agree(cut.below + (1.0 - cut.keep) * cut.tied, small.allowed(u, cap), what);
}

/// What part of D a difference is taken over.
const STEP: f64 = 1e-6;

/// How the mass that may go changes with D, on either side of it, and what the rule sums up above it.
fn is_curve(small: &Small, placed: &Placed<f64>, cap: f64, u: f64, what: &str) {
    let is_at_floor = u < root::FLOOR;
    let of = |depth: f64| {
        let x = u + depth;
        if is_at_floor { log(x / (u + cap)) } else { (cap - depth) / x }
    };
    agree(placed.curved, small.sum(|depth| if depth < cap { of(depth) } else { 0.0 }), what);
    for (slope, step) in placed.slopes.into_iter().zip([STEP * cap, -STEP * cap]) {
        let [here, there] = [cap, cap + step].map(|cap| small.allowed(u, cap));
        // (At the floor as if all that is capped on that side were what may go.)
        let tied = if placed.cut.is_between() { 0.0 } else { placed.cut.tied };
        let capped = placed.cut.capped() - if step > 0.0 { tied } else { 0.0 };
        let scale = if is_at_floor { capped / here } else { 1.0 };
        let exact = scale * (there - here) / step;
        assert!((slope - exact).abs() <= 1e-4 * exact.abs(), "{what}: {slope:e} instead of {exact:e}");
    }
}

/// HD's cut takes alpha of the mass, wherever u is.
#[test]
fn cuts_of_base_in_windows() {
    for small in Small::all(Ordering::Hd) {
        let cap = small.cap(1.0);
        for (low, high) in [(cap, cap), (1.5, cap), (cap, 0.0), (1.5, 0.0)] {
            let ends = [low, high].map(|depth| small.range.depths.loss(depth).clamp(4.0, 10.0));
            for u in [1e-6, 1e-2, 0.3, 7.0] {
                let what = format!("{:?}, u {u}, {ends:?}", small.params);
                let placed = small.placed(ends, u);
                assert_eq!(placed.side, Side::Inside, "{what}");
                agree(placed.cut.depth, cap, &what);
                is_cut(&small, &placed.cut, (small.range.depths.loss(cap), cap), u, &what);
                agree(placed.view.phi(), small.phi(u), &what);
                agree(placed.mean, small.mean(u), &what);
            }
        }
    }
}

/// The lead from this u in a window.
fn lead(small: &Small, ends: [f64; 2], u: f64) -> Option<f64> {
    let phi = small.placed(ends, u).view.phi();
    small.in_window(ends, u, |problem, window, above| problem.lead(window, above, phi))
}

/// All samples: a lead, which takes a step for `exp(step) - 1` to second order, ends at the root, if that is not far.
#[test]
fn leads_to_the_root() {
    for small in Small::every().filter(|small| small.params.r < 1e-4) {
        let root = small.root();
        for size in [1e-9, 1e-7, 1e-5, 1e-3, 0.03, 0.2, 0.25] {
            for way in [-size, size] {
                let what = format!("{:?}, {way}", small.params);
                let step = (2.0 * exp(way) - 1.0).sqrt() - 1.0;
                let found = lead(&small, ALL, exp(root - way)).expect(&what);
                assert!((found - step).abs() <= 1e-11, "{what}: {found:e} instead of {step:e}");
            }
        }
        assert_eq!([-0.3, 0.3].map(|way| lead(&small, ALL, exp(root - way))), [None; 2], "{:?}", small.params);
        // Where next to nothing is lacking there is no lead.
        let (r, u) = (small.params.r, exp(root));
        let leads = |lack: f64| {
            let told =
                small.in_window(ALL, u, |problem, window, above| problem.lead(window, above, r * (1.0 + lack)));
            told.is_some()
        };
        assert_eq!([-1e-3, -4e-12, -5e-13, 5e-13, 4e-12, 1e-3].map(leads), [true, true, false, false, true, true]);
    }
}

/// Samples above the window are seen as sums, whose curves are known for a short way.
#[test]
fn leads_a_short_way() {
    for small in Small::every() {
        let root = small.root();
        if root < -5.0 {
            continue;
        }
        let cut = small.range.depths.loss(small.cap(exp(root)));
        for high in [cut + 0.5, 10.0] {
            for way in [-1e-4, -1e-6, 1e-6, 1e-4] {
                let found = lead(&small, [4.0, high], exp(root - way)).unwrap_or(f64::NAN);
                assert!((found - way).abs() <= 1e-2 * way.abs(), "{:?}: {found:e} instead of {way:e}", small.params);
            }
        }
    }
}

/// Where the cut leaves the window before the root there is no lead to it; where it does so after it, there is.
#[test]
fn leads_as_far_as_the_window() {
    let samples = with_a_small_one();
    for (alpha, worst_loss) in [0.2, 0.3].into_iter().flat_map(|alpha| [None, Some(10.5)].map(|worst| (alpha, worst)))
    {
        let params = Params { ordering: HR, alpha, r: 1.0, worst_loss, ..Params::default() };
        let small = Small::new(&samples, params);
        let depth = small.depth(BESIDE);
        let below = small.mass(|loss| loss < BESIDE);
        // The log u at which so much of the sample goes.
        let gone = |part: f64| crossing(|log_u| small.allowed(exp(log_u), depth) <= below + 1e-3 * part)[0];
        // It is deeper from a larger u.
        let [first, from, middle, last] = [1.0, 0.8, 0.5, 0.0].map(gone);
        let small = small.solved_by(exp(middle));
        let way = middle - from;
        for (from, way) in [(from, way), (middle + way, -way)] {
            let found = lead(&small, [BESIDE; 2], exp(from)).expect("inside");
            assert!((found - way).abs() <= 1e-3 * way.abs(), "{:?}: {found:e} instead of {way:e}", small.params);
        }
        for beyond in [first - 0.1 * way, last + 0.1 * way] {
            let small = Small::new(&samples, params).solved_by(exp(beyond));
            assert_eq!(lead(&small, [BESIDE; 2], exp(middle)), None, "{:?}", small.params);
        }
    }
}

/// The mass that goes is at an end of the window, as far as rounding tells.
#[test]
fn cuts_at_the_ends_of_windows() {
    let small = Small::of(Params::default());
    let (below, total) = (small.mass(|loss| loss < 7.5), small.total());
    let cut = |budget: f64| {
        small.in_window([7.5, 9.0], 1.0, |_, window, _| {
            window.locate::<f64>(&small.range, total, Rule::Base { budget }, |_| [0.0; 2])
        })
    };
    let (all, side) = cut(below);
    assert_eq!((side, all.threshold, all.below, all.keep), (Side::Inside, 7.5, below, 1.0));
    let (all, side) = cut(below - 0.5 * ROUNDING * total);
    assert_eq!((side, all.below, all.keep, all.next), (Side::Inside, below, 0.0, 7.5));
    assert!(all.threshold < 7.5);
    let (none, side) = cut(below - 2.0 * ROUNDING * total);
    assert_eq!((side, none.below, none.keep, none.next), (Side::Deeper, below, 0.0, 7.5));
    let up_to = small.mass(|loss| loss <= 9.0);
    let (all, side) = cut(up_to);
    assert_eq!((side, all.capped(), all.keep, all.depth), (Side::Inside, up_to, 0.0, small.depth(9.0)));
    // Without a sample at the end the next one is above it.
    let (none, _) = small.in_window([6.5, 9.0], 1.0, |_, window, _| {
        window.locate::<f64>(&small.range, total, Rule::Base { budget: 1.0 }, |_| [0.0; 2])
    });
    assert_eq!(none.next, 7.5);
}

/// A side is told as a number, and a look as what it makes certain; the best one is kept.
#[test]
fn what_is_told() {
    for side in [Side::Deeper, Side::Shallower, Side::Inside] {
        assert_eq!(Side::of_number(side.as_number()), side);
    }
    let small = Small::of(Params { ordering: HR, alpha: 0.2, r: 0.02, ..Params::default() });
    let known = Known::of(&small.focus(ALL, 0.0));
    let window = known.window(&small.focus(ALL, 0.0), 0, &NO_SAMPLES);
    let look = |u: f64, too_large: bool| {
        let Placed { view, cut, .. } = small.placed(ALL, u);
        window.note(u, &cut, &view, too_large);
        (known.bounds.get().log_u, known.best.get().as_numbers()[0])
    };
    let [least, most] = root::EVERYWHERE;
    let (bounds, best) = look(0.25, true);
    assert!(bounds == [log(0.25), most] && best.is_nan());
    assert_eq!(look(4.0, false), ([log(0.25), log(4.0)], 4.0));
    assert_eq!(look(2.0, false), ([log(0.25), log(2.0)], 2.0));
    assert!(least < log(0.25));
}

/// The nearest value of the width that is not larger.
#[test]
fn nearest_values() {
    for loss in [0.1, -0.1, 1.0, -1.0, 1e-30, 1.0 + 1e-12, -1.0 - 1e-12] {
        let found = at_most::<f32>(loss);
        assert!(f64::from(found) <= loss && f64::from(found.next_up()) > loss, "{found} for {loss}");
        assert_eq!(at_most::<f64>(loss), loss);
    }
}

/// An exact look: what it tells of the root, unless u is zero, and what is certain since.
#[test]
fn exact_looks_at_windows() {
    let look = |small: &Small, u: f64| {
        let focus = small.focus(ALL, log(u));
        let (sketch, count) = small.kept(ALL);
        let (told, calls) = small.alone(&mut [], |data, _| {
            let known = Known::of(&focus);
            let window = known.window(&focus, count, &sketch);
            let (problem, mut cut, mut lead) = (small.problem(), Cut::nothing(), 7.0);
            let view = problem.view_in_window(data, window, &mut cut, problem.rule_at(u), u, Some(&mut lead))?;
            Ok((view.phi(), cut.depth, lead, known.bounds.get().log_u, known.best.get()))
        });
        assert_eq!(calls, 1);
        told
    };
    let params = Params { ordering: HR, alpha: 0.05, r: 5e-5, worst_loss: Some(10.5), ..Params::default() };
    let small = Small::of(params);
    let (root, [least, most]) = (small.root(), root::EVERYWHERE);
    for way in [-1e-3, 1e-3] {
        let u = exp(root - way);
        let (phi, depth, lead, bounds, best) = look(&small, u);
        agree(phi, small.phi(u), "phi");
        agree(depth, small.cap(u), "depth");
        assert!((lead - way).abs() <= 1e-6, "{lead} instead of {way}");
        assert_eq!(bounds, if way > 0.0 { [log(u), most] } else { [least, log(u)] });
        assert_eq!(best.is_none(), way > 0.0);
    }
    // What is r is not too large.
    let u = exp(root);
    let r = look(&small, u).0;
    let small = small.with_r(r);
    let (.., bounds, best) = look(&small, u);
    assert!(bounds == [least, log(u)] && !best.is_none());
    let (phi, _, lead, bounds, _) = look(&Small::of(Params { r: 0.1, ..params }), 0.0);
    assert!(phi > 0.1 && lead == 7.0 && bounds == [least, most], "{phi} {lead}");
}
