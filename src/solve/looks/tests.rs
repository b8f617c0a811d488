use super::*;
use crate::kernels::Lens;
use crate::math::exp;
use crate::params::{Ordering, Params};
use crate::solve::small::{ALL, BESIDE as BESIDE_THEM, Small, crossing, with_a_small_one};
use crate::solve::window::{Bounds, Known};

fn focus(log_u: f64, bracket: [f64; 2], before: Option<Place>, bounds: Bounds) -> Focus {
    Focus { log_u, bounds, before, bracket, ..Focus::at(0.0) }
}

fn values(focus: &Focus) -> Vec<f64> {
    let looks = focus.looks(true);
    let values: Vec<f64> = looks.iter().collect();
    assert_eq!((values.len(), looks.first(), looks.last()), (LOOKS, values[0], values[LOOKS - 1]));
    assert!(values.windows(2).all(|pair| pair[0] <= pair[1]), "{values:?}");
    values
}

fn has(values: &[f64], log_u: f64) -> bool {
    values.iter().any(|value| (value - log_u).abs() <= 1e-12)
}

/// Many looks: the guess and closer and closer around it, all over the bracket, and farther and farther beyond, as far as is certain.
#[test]
fn where_looks_are_from() {
    let found = values(&focus(0.25, [-1.0, 1.0], None, Bounds::none()));
    for distance in [0.0, 0.2, 0.02, 0.002, 0.0002] {
        assert!(has(&found, 0.25 - distance) && has(&found, 0.25 + distance), "{distance} from the guess: {found:?}");
    }
    for place in 0..GRID {
        let log_u = -1.0 + 2.0 * place as f64 / (GRID - 1) as f64;
        assert!(has(&found, log_u), "{log_u} in the bracket: {found:?}");
    }
    for distance in [2.0, 16.0, 128.0] {
        assert!(has(&found, -1.0 - distance) && has(&found, 1.0 + distance), "{distance} beyond: {found:?}");
    }
    assert_eq!([found[0], found[LOOKS - 1]], root::EVERYWHERE);
    let certain = Bounds { log_u: [-1.5, 3.5], ..Bounds::none() };
    let found = values(&focus(0.25, [-1.0, 1.0], None, certain));
    assert_eq!([found[0], found[LOOKS - 1]], certain.log_u);
    // Without a bracket the last step stands for one, or a small one.
    let before = Some(Place { log_u: 4.75, lack: 1.0 });
    let found = values(&focus(5.0, [f64::NAN; 2], before, Bounds::none()));
    assert!(has(&found, 4.75) && has(&found, 5.25) && has(&found, 4.25) && has(&found, 5.75), "{found:?}");
    let found = values(&focus(5.0, [5.0; 2], None, Bounds::none()));
    assert!([4.0, 4.8, 5.2, 6.0].iter().all(|&log_u| has(&found, log_u)), "{found:?}");
    let found = values(&focus(5.0, [f64::NAN; 2], Some(Place { log_u: 5.0, lack: 1.0 }), Bounds::none()));
    assert!(has(&found, 5.0 - LEAST_WIDTH) && has(&found, 5.0 + LEAST_WIDTH), "{found:?}");
}

/// One look: if no more are wanted, or no other would tell more.
#[test]
fn one_look() {
    let one = |focus: &Focus, many: bool| {
        let looks = focus.looks(many);
        assert_eq!((looks.len(), looks.first(), looks.last()), (1, focus.log_u, focus.log_u));
    };
    one(&focus(0.25, [-1.0, 1.0], None, Bounds::none()), false);
    one(&focus(LEVEL + 0.5, [-1.0, 1.0], None, Bounds::none()), true);
    assert!(focus(LEVEL, [-1.0, 1.0], None, Bounds::none()).looks(true).len() > 1);
}

#[test]
fn far_steps() {
    let adrift =
        |from: f64| focus(1.0, [f64::NAN; 2], Some(Place { log_u: from, lack: 0.0 }), Bounds::none()).is_adrift();
    assert_eq!([0.4, 0.5, 0.75, 1.0, 1.25, 1.5, 1.6].map(adrift), [true, false, false, false, false, false, true]);
    assert!(!focus(1.0, [f64::NAN; 2], None, Bounds::none()).is_adrift());
}

/// What looks from these u at a window tell, when so much is certain.
fn told(small: &Small, ends: [f64; 2], log_u: &[f64], certain: [f64; 2]) -> Result<Outlook, Side> {
    let bounds = Bounds { log_u: certain, ..Bounds::none() };
    let focus = Focus { bounds, bracket: [-9.0, 9.0], ..small.focus(ends, log_u[0]) };
    let bins = focus.bins::<f64>(small.range.depths);
    let sketch = small.sketched(ends, bins);
    let known = Known::of(&focus);
    let mut looks = Looks { values: [log_u[0]; LOOKS], count: log_u.len() };
    looks.values[..log_u.len()].copy_from_slice(log_u);
    let problem = small.problem();
    let looks = looks.map(|_, log_u| (log_u, small.above(ends[1], small.u_at(log_u))));
    problem.outlook(&focus, &known.window(&focus, bins.count(), &sketch), bins, &looks)
}

/// The bin of the cut at this u.
fn bin(small: &Small, log_u: f64) -> usize {
    let bins = small.focus(ALL, log_u).bins::<f64>(small.range.depths);
    bins.bin::<f64>(small.range.depths.loss(small.cap(exp(log_u))).position())
}

fn is_between(small: &Small, log_u: f64) -> bool {
    let cap = small.cap(exp(log_u));
    small.samples.iter().all(|&(loss, _)| small.depth(loss) != cap)
}

fn is_near(value: f64, exact: f64, tolerance: f64, what: &str) {
    assert!((value - exact).abs() <= tolerance, "{what}: {value} instead of {exact}");
}

/// Looks on both sides of the root: it is between the two next to it; where it is close to one of them, a few exact looks will do.
#[test]
fn looks_on_both_sides() {
    for small in Small::both() {
        let (root, hr) = (small.root(), small.params.ordering == Ordering::Hr);
        for (from, to) in [(-0.03, 0.02), (-0.02, 0.03), (-2e-3, 5e-4), (-5e-4, 2e-3), (-2e-3, 3e-3)] {
            // The nearer one in phi.
            let [miss, other] = [from, to].map(|step: f64| (small.phi(exp(root + step)) - small.params.r).abs());
            let step = if miss < other { from } else { to };
            let is_settled = step.abs() < 1e-3;
            let looks = [-1.0, -0.4, from, to, 0.3, 1.0].map(|step| root + step);
            let what = format!("{:?}, {from}, {to}", small.params);
            let told = told(&small, ALL, &looks, root::EVERYWHERE).expect(&what);
            assert_eq!((told.bracket, told.settled), ([root + from, root + to], is_settled), "{what}");
            assert_eq!((told.before.expect(&what).log_u, told.beyond), (root + step, [false; 2]), "{what}");
            is_near(told.log_u, root, step.abs() * step.abs(), &what);
            is_near(told.mean, small.mean(exp(root + step)), 1e-12, &what);
            let [low, high] = [to, from].map(|step| bin(&small, root + step));
            assert_eq!(told.reach, if hr { (low.saturating_sub(1), high + 1) } else { (low, low) }, "{what}");
            let moves = [to, from].iter().any(|step| is_between(&small, root + step));
            assert_eq!(told.at_sample, !(hr && moves), "{what}");
        }
    }
}

/// Looks on one side of the root: it is beyond the last one, as is HR's cut; not farther than all of them are apart, as far as
/// they tell.
#[test]
fn looks_on_one_side() {
    for small in Small::both() {
        let (root, hr) = (small.root(), small.params.ordering == Ordering::Hr);
        let what = format!("{:?}", small.params);
        let last = small.focus(ALL, root).bins::<f64>(small.range.depths).count() - 1;
        let looks = [-3.0, -1.0, -0.2].map(|step| root + step);
        let below = told(&small, ALL, &looks, root::EVERYWHERE).expect(&what);
        assert_eq!(below.bracket, [looks[2], looks[2] + (looks[2] - looks[0])], "{what}");
        assert_eq!((below.settled, below.beyond), (false, [hr, false]), "{what}");
        let cut = bin(&small, looks[2]);
        assert_eq!(below.reach, if hr { (0, cut + 1) } else { (cut, cut) }, "{what}");
        is_near(below.log_u, root, 0.05, &what);
        let looks = [0.2, 1.0, 3.0].map(|step| root + step);
        let above = told(&small, ALL, &looks, root::EVERYWHERE).expect(&what);
        assert_eq!(above.bracket, [looks[0] - (looks[2] - looks[0]), looks[0]], "{what}");
        assert_eq!((above.settled, above.beyond), (false, [false, hr]), "{what}");
        let cut = bin(&small, looks[0]);
        assert_eq!(above.reach, if hr { (cut.saturating_sub(1), last) } else { (cut, cut) }, "{what}");
        is_near(above.log_u, root, 0.05, &what);
    }
}

/// Far from the root no model of the window leads there: the slope does, or the middle of the bracket must do.
#[test]
fn looks_from_afar() {
    for small in Small::both() {
        let root = small.root();
        let what = format!("{:?}", small.params);
        let told =
            |looks: [f64; 3]| told(&small, ALL, &looks.map(|step| root + step), root::EVERYWHERE).expect(&what);
        let far = told([-0.9, 0.5, 4.0]);
        assert!(!far.settled && far.bracket == [root - 0.9, root + 0.5], "{what}");
        is_near(far.log_u, root, 0.35, &what);
    }
}

/// What is certain from exact looks is more so than what bins tell, but for a little.
#[test]
fn looks_that_contradict_what_is_certain() {
    for small in Small::both() {
        let root = small.root();
        let what = format!("{:?}", small.params);
        let [from, to] = [root - 0.2, root - 0.1];
        let told = |looks: [f64; 2], certain: [f64; 2]| told(&small, ALL, &looks, certain).expect(&what);
        let below = told([from, to], [from, to]);
        assert_eq!((below.bracket, below.settled), ([to - LEAST_WIDTH, to], false), "{what}");
        is_near(below.log_u, to - 0.5 * LEAST_WIDTH, 1e-12, &what);
        assert_eq!(
            told([from, to - 0.01], [from, to]).bracket,
            [to - 0.01, to - 0.01 + (to - 0.01 - from)],
            "{what}"
        );
        let [from, to] = [root + 0.1, root + 0.2];
        let above = told([from, to], [from, to]);
        assert_eq!((above.bracket, above.settled), ([from, from + LEAST_WIDTH], false), "{what}");
        is_near(above.log_u, from + 0.5 * LEAST_WIDTH, 1e-12, &what);
        assert_eq!(
            told([from + 0.01, to], [from, to]).bracket,
            [from + 0.01 - (to - from - 0.01), from + 0.01],
            "{what}"
        );
        // Looks from one u, or next to it, tell nothing more.
        let least = root - 0.3;
        let rounding = ROUNDING * (1.0 + least.abs());
        for (width, is_settled) in [(0.0, true), (0.9 * rounding, true), (1.2 * rounding, false), (1e-9, false)] {
            // (As wide as it is in log u.)
            let width = (least + width) - least;
            let (what, looks) = (format!("{what} {width:e}"), [least, least + width]);
            let is_settled = if width > 0.0 { width <= rounding } else { is_settled };
            assert_eq!(told(looks, root::EVERYWHERE).settled, is_settled, "{what}");
        }
    }
}

/// At its lower end u may be too large for r: there it ends.
#[test]
fn looks_at_the_lower_end() {
    for ordering in [Ordering::Hd, Ordering::Hr] {
        // HD moves mass to depth zero: there is no end.
        let (alpha, r) = if ordering == Ordering::Hr { (0.05, 1.0) } else { (0.2, 300.0) };
        let params = Params { ordering, alpha, r, worst_loss: Some(10.5), ..Params::default() };
        let small = Small::of(params);
        let told = told(&small, ALL, &[LOG_FLOOR, -5.0, 1.0], root::EVERYWHERE).expect("inside");
        if ordering == Ordering::Hr {
            assert_eq!((told.log_u, told.bracket, told.settled), (LOG_FLOOR, [LOG_FLOOR; 2], true));
            assert_eq!(told.beyond, [false; 2]);
        } else {
            assert!(told.bracket[0] == LOG_FLOOR && told.bracket[1] == -5.0 && !told.settled, "{:?}", told.bracket);
        }
    }
}

/// From the solution itself, where r is seen to be spent, nothing leads away.
#[test]
fn a_look_from_the_root() {
    for small in Small::both() {
        let log_u = small.root();
        let r = small.placed(ALL, exp(log_u)).view.phi();
        let small = small.with_r(r);
        let told = |small: &Small, looks: &[f64]| told(small, ALL, looks, root::EVERYWHERE).expect("inside");
        for looks in [[log_u].as_slice(), &[log_u, log_u + 0.3], &[log_u - 0.3, log_u]] {
            let told = told(&small, looks);
            assert_eq!((told.log_u, told.settled), (log_u, true), "{:?}", small.params);
        }
        // Where rounding decides it is too small if phi is larger.
        let extent = (log_u + 0.3) - log_u;
        assert_eq!(told(&small, &[log_u, log_u + 0.3]).bracket, [log_u - extent, log_u]);
        let small = small.with_r(r.next_down());
        assert_eq!(told(&small, &[log_u, log_u + 0.3]).bracket, [log_u, log_u + 0.3]);
    }
}

/// Looks whose cut is outside of the window say on which side, if it is the same for all of them.
#[test]
fn looks_beside_the_window() {
    let params = Params { ordering: Ordering::Hr, alpha: 0.2, r: 1.0, ..Params::default() };
    let small = Small::new(&with_a_small_one(), params);
    // The cut becomes deeper with u.
    let [_, high] = crossing(|log_u| small.cap(exp(log_u)) >= small.depth(BESIDE_THEM));
    let inside = high + 1e-5;
    assert_eq!(small.cap(exp(inside)), small.depth(BESIDE_THEM));
    let small = small.solved_by(exp(inside));
    let told = |looks: &[f64]| {
        told(&small, [BESIDE_THEM; 2], &looks.iter().map(|step| inside + step).collect::<Vec<_>>(), root::EVERYWHERE)
    };
    assert!(matches!(told(&[0.1, 0.2, 0.3]), Err(Side::Deeper)));
    assert!(matches!(told(&[-0.3, -0.2, -0.1]), Err(Side::Shallower)));
    let across = told(&[-0.3, -0.2, 0.1, 0.4]).expect("across");
    assert_eq!((across.bracket, across.settled), ([inside - 0.2, inside + 0.1], false));
    assert_eq!((across.beyond, across.reach), ([true; 2], (0, 0)));
    is_near(across.log_u, inside - 0.05, 1e-12, "the middle");
    for looks in [[-0.1, 0.0, 0.1].as_slice(), &[-0.1, 0.0], &[0.0, 0.1]] {
        let told = told(looks).expect("one is inside");
        is_near(told.log_u, inside, 1e-9, &format!("{looks:?}"));
    }
}

/// phi is r, as far as rounding lets it be seen; which it does not from a centre that costs digits.
#[test]
fn roots_are_seen() {
    for small in Small::both() {
        let (log_u, what) = (small.root(), format!("{:?}", small.params));
        let r = small.placed(ALL, exp(log_u)).view.phi();
        let found = |r: f64, log_u: f64| {
            let small = Small::of(Params { r, ..small.params });
            let view = small.placed(ALL, exp(log_u)).view;
            small.problem().is_found(&view)
        };
        assert!(found(r, log_u) && !found(r, log_u - 1e-6) && !found(r, log_u + 1e-6), "{what}");
    }
    let small = Small::all(Ordering::Hd).next().expect("some");
    let (u, form) = (exp(small.root()), small.problem().form());
    let seen = |centre: f64| {
        let mut view = View::new(u, Lens::new(u, centre), form, [0.0; 4], 1.0);
        small.seen(small.cap(u)).iter().for_each(|&(share, depth)| view.add(share, depth));
        let small = Small::of(Params { r: view.phi(), ..small.params });
        small.problem().is_found(&view)
    };
    assert!(seen(small.mean(u)) && !seen(small.mean(u) + u));
}

/// After one look a few exact ones will do, unless it has led far; but not where all depths look the same.
#[test]
fn outlooks_from_one_look() {
    let settled = |from: f64, to: f64, lack: Option<f64>| {
        let focus = focus(from, [f64::NAN; 2], None, Bounds::none());
        Outlook::of_one(&focus, to, lack, 0.5, ((0, 0), true)).settled
    };
    for way in [-1.0, 1.0] {
        assert!(settled(1.0, 1.0 + 0.4 * way, Some(1.0)) && !settled(1.0, 1.0 + 0.6 * way, Some(1.0)));
    }
    assert!(settled(1.0, 2.0, None));
    assert!(settled(LEVEL + 1.0, LEVEL + 3.0, Some(1.0)));
    assert!(!settled(LEVEL + 1.0, LEVEL - 1.0, Some(1.0)) && !settled(LEVEL - 1.0, LEVEL + 1.0, Some(1.0)));
}
