use super::*;
use crate::params::{Ordering, Params};
use crate::solve::small::{ALL, SAMPLES, Small};
use crate::solve::window::Bounds;

/// What a threshold may reach: as far as the mass and the cost on the way let it, and what it takes to leave its own bin.
#[test]
fn bins_within_reach() {
    let masses = [1.0, 2.0, 4.0, 8.0, 4.0, 2.0, 1.0];
    let free = |_: usize| 0.0;
    assert_eq!(around(&masses, 3, [0.0; 2], -1.0, free), (3, 3));
    assert_eq!(around(&masses, 3, [0.0; 2], 0.0, free), (2, 4));
    // A bin is reached where the way to its end is longer than the reach.
    assert_eq!(around(&masses, 3, [0.0; 2], 3.9, free), (2, 4));
    assert_eq!(around(&masses, 3, [0.0; 2], 4.0, free), (1, 5));
    assert_eq!(around(&masses, 3, [0.0; 2], 6.0, free), (0, 6));
    assert_eq!(around(&masses, 3, [0.0; 2], 1e9, free), (0, 6));
    assert_eq!(around(&masses, 3, [4.5, 0.0], 4.0, free), (3, 5));
    assert_eq!(around(&masses, 3, [0.0, 4.5], 4.0, free), (1, 3));
    // The cost is that of the bin that is crossed.
    assert_eq!(around(&masses, 3, [0.0; 2], 6.0, |bin| if bin == 2 { 3.0 } else { 0.0 }), (2, 6));
    assert_eq!(around(&masses, 3, [0.0; 2], 6.0, |bin| if bin == 5 { 3.0 } else { 0.0 }), (0, 5));
}

/// More bins than are needed, as long as their samples are few and the next bins narrower.
#[test]
fn bins_of_few_samples() {
    let narrower = RUN / 32;
    let mut counts = [0.0; RUN];
    assert_eq!(widened(&counts, 400, 410), (400 - narrower, 410 + narrower));
    assert_eq!(widened(&counts, 5, RUN - 4), (0, RUN - 1));
    counts[399] = narrower as f64 + 1.0;
    assert_eq!(widened(&counts, 400, 410), (400, 410 + narrower));
    counts[399] = 0.0;
    counts[398] = narrower as f64;
    counts[397] = 1.0;
    counts[411] = narrower as f64 + 1.0;
    assert_eq!(widened(&counts, 400, 410), (398, 410));
    counts[410] = 1e9;
    (counts[411], counts[420], counts[421]) = (1.0, narrower as f64 - 1.0, 1.0);
    assert_eq!(widened(&counts, 400, 410), (398, 420));
}

/// The ends of the samples in some bins, and their masses and losses moved to the front, in order.
#[test]
fn samples_of_bins() {
    let mut sketch = vec![0.0; SKETCH];
    let place = |run: usize, bin: usize| HEAD + run * RUN + bin;
    sketch[place(2, 0)..place(4, 0)].fill(f64::NEG_INFINITY);
    for (bin, mass, low, high) in
        [(3, 1.0, -7.0, -7.0), (5, 2.0, -4.0, -3.0), (9, 4.0, 0.0, 0.0), (11, 8.0, 5.0, 6.0)]
    {
        sketch[place(0, bin)] = mass;
        sketch[place(1, bin)] = high;
        (sketch[place(2, bin)], sketch[place(3, bin)]) = (high, -low);
    }
    assert_eq!(ends_of_samples(&sketch, 4, 10), Some([-4.0, 0.0]));
    assert_eq!(ends_of_samples(&sketch, 5, 5), Some([-4.0, -3.0]));
    assert_eq!(ends_of_samples(&sketch, 3, 11), Some([-7.0, 6.0]));
    assert_eq!(ends_of_samples(&sketch, 6, 8), None);
    assert_eq!(keep_samples(&mut sketch, 4, 10), 2);
    assert_eq!((sketch[HEAD], sketch[HEAD + 1]), (2.0, 4.0));
    assert_eq!((sketch[HEAD + RUN], sketch[HEAD + RUN + 1]), (-3.0, 0.0));
}

/// What one look from this u at a window tells, after looks that have left a bracket.
fn turned(small: &Small, ends: [f64; 2], log_u: f64, bracket: [f64; 2]) -> Result<Outlook, Side> {
    let problem = small.problem();
    let focus = Focus { bracket, ..small.focus(ends, log_u) };
    let bins = focus.bins::<f64>(small.range.depths);
    let sketch = small.sketched(ends, bins);
    let known = Known::of(&focus);
    let above = small.above(ends[1], small.u_at(log_u));
    problem.turn(&focus, &known.window(&focus, bins.count(), &sketch), bins, &above)
}

const NO_BRACKET: [f64; 2] = [f64::NAN; 2];

fn bins_of_all(small: &Small) -> PositionBins {
    small.focus(ALL, 0.0).bins::<f64>(small.range.depths)
}

/// HD's cut is in one bin, wherever u goes. HR's may go as far as theory says that the mass it can take reaches, which takes in where
/// it does go.
#[test]
fn where_one_look_leads() {
    for small in Small::both() {
        let (root, bins) = (small.root(), bins_of_all(&small));
        let Params { ordering, alpha, .. } = small.params;
        for step in [-0.9, -0.3, -0.05, 1e-3, 0.05, 0.3, 0.9] {
            let (log_u, what) = (root + step, format!("{:?}, {step}", small.params));
            let told = turned(&small, ALL, log_u, NO_BRACKET).expect(&what);
            assert!((told.log_u - log_u) * step < 0.0, "{what}: {} for {root}", told.log_u);
            let (u, cap) = (exp(log_u), small.cap(exp(log_u)));
            assert!((told.mean - small.mean(u)).abs() <= 1e-12, "{what}");
            let before = told.before.expect(&what);
            assert!(before.log_u == log_u && (before.lack > 0.0) == (small.phi(u) < small.params.r), "{what}");
            let of = |cap: f64| bins.bin::<f64>(small.range.depths.loss(cap).position());
            let tied = small.mass(|loss| small.depth(loss) == cap);
            let is_between = tied == 0.0;
            assert_eq!(told.at_sample, ordering == Ordering::Hd || !is_between, "{what}");
            if ordering == Ordering::Hd {
                assert_eq!(told.reach, (of(cap), of(cap)), "{what}");
                continue;
            }
            let curved = small.sum(|depth| if depth < cap { (cap - depth) / (u + depth) } else { 0.0 });
            let moved = 2.0 * alpha * curved * (told.log_u - log_u).abs();
            let gone = small.allowed(u, cap) - small.mass(|loss| small.depth(loss) > cap);
            let slopes = [true, false].map(|tied| {
                let is_above = |depth: f64| depth < cap || (tied && depth == cap);
                alpha * small.sum(|depth| if is_above(depth) { 1.0 / (u + depth) } else { 0.0 })
            });
            let cost = |bin: usize| {
                let (first, last) = bins.ends::<f64>(bin);
                let [first, last] = [first, last].map(|position| small.depth(f64::at_position(position)));
                (first - last) * slopes[usize::from(bin > of(cap))]
            };
            let sketch = small.sketched(ALL, bins);
            let masses = &sketch[HEAD..][..bins.count()];
            let spare = if is_between { [0.0; 2] } else { [gone, tied - gone] };
            // Bins are reached or not by a margin.
            let [less, more] =
                [1.0 - 1e-9, 1.0 + 1e-9].map(|part| around(masses, of(cap), spare, part * moved, cost));
            assert_eq!(less, more, "{what}");
            assert_eq!(told.reach, less, "{what}");
            let goes = of(small.cap(exp(told.log_u)));
            assert!(told.reach.0 <= goes && goes <= told.reach.1, "{what}: {goes} is not in {:?}", told.reach);
        }
    }
}

/// Not farther from a bracket than it is wide.
#[test]
fn one_look_after_many() {
    for small in Small::both() {
        let (root, what) = (small.root(), format!("{:?}", small.params));
        let to = |from: f64, bracket: [f64; 2]| {
            turned(&small, ALL, root + from, bracket.map(|step| root + step)).expect(&what).log_u - root
        };
        for (from, bracket, end) in [(-0.5, [-0.4, -0.39], -0.38), (0.5, [0.39, 0.4], 0.38)] {
            assert!((to(from, bracket) - end).abs() <= 1e-12, "{what}: {}", to(from, bracket));
        }
        assert!(to(-1e-3, [-0.1, 0.1]).abs() <= 5e-4, "{what}");
    }
}

/// Where nothing is lacking u stays: at the root, at its lower end if r cannot be spent, and if there is no r.
#[test]
fn one_look_that_stays() {
    let stays = |told: &Outlook, log_u: f64| told.log_u == log_u && told.before.is_none() && told.settled;
    for small in Small::both() {
        let (root, what) = (small.root(), format!("{:?}", small.params));
        let r = small.placed(ALL, exp(root)).view.phi();
        let small = small.with_r(r);
        assert!(stays(&turned(&small, ALL, root, NO_BRACKET).expect(&what), root), "{what}");
        let small = small.with_r(0.0);
        let told = turned(&small, ALL, 3.0, NO_BRACKET).expect(&what);
        let bin = bins_of_all(&small).bin::<f64>(small.range.depths.loss(small.cap_of_base()).position());
        assert!(stays(&told, 3.0) && told.at_sample && told.reach == (bin, bin), "{what}");
    }
    let params = Params { ordering: Ordering::Hr, alpha: 0.05, r: 1.0, worst_loss: Some(10.5), ..Params::default() };
    let small = Small::of(params);
    assert!(stays(&turned(&small, ALL, LOG_FLOOR, NO_BRACKET).expect("inside"), LOG_FLOOR));
    assert!(turned(&small, ALL, -2.0, NO_BRACKET).expect("inside").log_u < -2.0);
    let small = Small::of(Params { r: 0.1, ..params });
    assert!(turned(&small, ALL, LOG_FLOOR, NO_BRACKET).expect("inside").log_u > LOG_FLOOR);
}

/// From so far that all depths look the same HR's cut stays in its bin.
#[test]
fn one_look_from_where_all_is_level() {
    let small = Small::of(Params { ordering: Ordering::Hr, alpha: 0.2, r: 1e-40, ..Params::default() });
    let (bins, log_u) = (bins_of_all(&small), 48.0);
    let told = turned(&small, ALL, log_u, NO_BRACKET).expect("inside");
    let bin = bins.bin::<f64>(small.range.depths.loss(small.cap(exp(log_u))).position());
    assert!(told.log_u != log_u && told.settled && told.reach == (bin, bin), "{:?}", told.reach);
}

/// Beside the window.
#[test]
fn one_look_beside_the_window() {
    for (ends, side) in [([4.0, 5.5], Side::Shallower), ([9.75, 10.0], Side::Deeper)] {
        let small = Small::of(Params { ordering: Ordering::Hr, alpha: 0.2, r: 0.1, ..Params::default() });
        assert!(matches!(turned(&small, ends, small.root(), NO_BRACKET), Err(found) if found == side));
    }
}

/// Where all mass moves to the worst loss, or none is cut, there is no threshold. And HR's is below a worst loss that samples have.
#[test]
fn whether_and_where_there_is_a_threshold() {
    let small = |ordering: Ordering, alpha: f64, r: f64, worst_loss: Option<f64>| {
        Small::of(Params { alpha, r, ordering, worst_loss, ..Params::default() })
    };
    let cuts = |ordering: Ordering, alpha: f64, r: f64| small(ordering, alpha, r, None).problem().cuts();
    let reach = small(Ordering::Hr, 0.2, 1.0, None).problem().kl_to_reach_worst();
    for (ordering, alpha, r, expected) in [
        (Ordering::Hd, 0.0, 0.1, false),
        (Ordering::Hr, 0.0, 0.1, false),
        (Ordering::Hd, 1.0, 0.1, false),
        (Ordering::Hd, 0.2, f64::INFINITY, false),
        (Ordering::Hd, 0.2, 0.0, true),
        (Ordering::Hr, 0.2, 0.0, true),
        (Ordering::Hd, 0.2, 2.0 * reach, true),
        (Ordering::Hr, 0.2, reach, false),
        (Ordering::Hr, 0.2, 0.999 * reach, true),
    ] {
        assert_eq!(cuts(ordering, alpha, r), expected, "{ordering:?} {alpha} {r}");
    }
    let highest =
        |ordering: Ordering, worst_loss: Option<f64>| small(ordering, 0.2, 0.1, worst_loss).problem().highest();
    assert_eq!(highest(Ordering::Hd, None), 10.0);
    assert_eq!(highest(Ordering::Hr, None), 10.0_f64.next_down());
    assert_eq!(highest(Ordering::Hr, Some(10.5)), 10.0);
    let on_worst =
        |ordering: Ordering, worst_loss: Option<f64>| small(ordering, 0.25, 0.1, worst_loss).problem().on_worst();
    assert_eq!(on_worst(Ordering::Hd, None), 1.0 / 12.0 + 0.25);
    assert_eq!(on_worst(Ordering::Hd, Some(10.5)), 0.25);
    assert_eq!(on_worst(Ordering::Hr, None), 1.0 / 12.0);
}

/// Every sample thrice: at the same loss, or a little apart.
fn thrice(apart: f64) -> Vec<(f64, f64)> {
    let thrice = |&(loss, mass): &(f64, f64)| {
        [0.0, 1.0, 2.0].map(|number| (loss - apart * number, mass / 4.0 * (1.0 + 0.5 * number)))
    };
    let mut samples: Vec<_> = SAMPLES.iter().flat_map(thrice).collect();
    samples.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    samples
}

/// Asserts that what a round has shown is so: the masses and depths beyond the window, that the cut is in it, and the samples that are.
fn is_so(small: &Small, focus: &Focus, sketch: &[f64], what: &str) {
    let [low, high] = [focus.low, focus.high];
    let (below, above) = (small.mass(|loss| loss < low), small.sum_above(high));
    assert!((focus.below - below).abs() <= 1e-12 && (focus.first_above - above).abs() <= 1e-12, "{what}");
    let cut = small.range.depths.loss(small.cap(exp(focus.log_u)));
    assert!(low <= cut + 1e-12 && cut - 1e-12 <= high.next_up(), "{what}: {cut}");
    let Stage::Known(count) = focus.stage else { return };
    let mut inside: Vec<(f64, f64)> = Vec::new();
    for &(loss, mass) in small.samples.iter().filter(|&&(loss, _)| loss >= low && loss <= high) {
        match inside.last_mut() {
            Some((last, masses)) if *last == loss => *masses += mass,
            _ => inside.push((loss, mass)),
        }
    }
    assert_eq!(count, inside.len(), "{what}");
    for (number, (loss, mass)) in inside.into_iter().enumerate() {
        assert_eq!(sketch[HEAD + RUN + number], loss, "{what}");
        assert!((sketch[HEAD + number] - mass).abs() <= 1e-15, "{what}");
    }
}

/// Rounds from this far from the root until all losses in the window are known; how many, and their calls.
fn zoomed_in(small: &Small, away: f64, many: bool, what: &str) -> (Focus, [usize; 2]) {
    let (root, ends) = (small.root(), [small.range.smallest, small.problem().highest()]);
    let mut focus = Focus { bracket: [root - 0.5, root + 0.5], ..small.focus(ends, root + away) };
    let (mut rounds, mut calls) = (0, 0);
    while !matches!(focus.stage, Stage::Known(_)) {
        let (before, looks, mut sketch) = (focus, focus.looks(many), vec![0.0; SKETCH]);
        let (next, more) =
            small.alone(&mut sketch, |data, sketch| small.problem().zoom(data, before, &looks, rounds == 0, sketch));
        (rounds, calls, focus) = (rounds + 1, calls + more, next);
        let what = format!("{what}, after {rounds}: {focus:?}");
        assert!(before.low <= focus.low && focus.low <= focus.high && focus.high <= before.high, "{what}");
        if focus.stage == Stage::Open && more == 2 && small.params.ordering == Ordering::Hd {
            // The samples of a bin have been seen not to be tied: the window ends with them.
            assert!([focus.low, focus.high].iter().all(|&end| small.mass(|loss| loss == end) > 0.0), "{what}");
        }
        is_so(small, &focus, &sketch, &what);
    }
    (focus, [rounds, calls])
}

/// Samples at the same loss take a call that shows it, those in one bin another window. What is known of all samples is not forgotten,
/// and from close by one look leads closer.
#[test]
fn rounds_of_zooming() {
    for (samples, most_rounds, most_calls) in
        [(SAMPLES.to_vec(), 1, 1), (thrice(0.0), 1, 2), (thrice(1e-3), 4, 6), (thrice(1e-9), 6, 8)]
    {
        for small in Small::both() {
            let small = Small::new(&samples, small.params);
            for (many, away) in [false, true].into_iter().flat_map(|many| [-0.4, 0.01, 0.3].map(|away| (many, away)))
            {
                let what = format!("{:?}, {} samples, many {many}, {away}", small.params, samples.len());
                let (focus, [rounds, calls]) = zoomed_in(&small, away, many, &what);
                assert!(rounds <= most_rounds && calls <= most_calls, "{rounds} rounds, {calls} calls: {what}");
                if most_rounds == 1 {
                    assert_eq!([focus.low, focus.high], [small.range.smallest, small.problem().highest()], "{what}");
                    let left = (focus.log_u - small.root()).abs();
                    assert!(away.abs() > 0.1 || left < 0.5 * away, "{what}: {left}");
                }
            }
        }
    }
}

/// Where looks show that the cut may be beyond the window, the next one goes on there, and farther after each time.
#[test]
fn windows_that_are_left() {
    let params = Params { ordering: Ordering::Hr, alpha: 0.2, r: 1.0, ..Params::default() };
    // The cut is between two samples; beside it there are some of next to no mass, in one bin.
    let cut_at = |small: &Small| small.range.depths.loss(small.cap(0.3));
    let cut = cut_at(&Small::of(params));
    let beside = [cut + 0.012, cut + 0.012 + 1e-7, cut + 0.012 + 3e-7].map(|loss| (loss, 1e-9));
    let mut samples = [SAMPLES.as_slice(), &beside].concat();
    samples.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let small = Small::new(&samples, params).solved_by(0.3);
    let (root, cut) = (small.root(), cut_at(&small));
    let ends = [cut - 0.02, cut + 0.02];
    for (steps, side) in [([-3e-3, -1e-3], 0), ([1e-3, 3e-3], 1)] {
        for misses in [0.0, 2.0] {
            let (log_u, bracket) = (root + steps[0], steps.map(|step| root + step));
            let bounds = Bounds { log_u: bracket, ..Bounds::none() };
            let focus = Focus { bounds, bracket, misses, ..small.focus(ends, log_u) };
            let mut sketch = vec![0.0; SKETCH];
            let looks = focus.looks(true);
            let (next, calls) =
                small.alone(&mut sketch, |data, sketch| small.problem().zoom(data, focus, &looks, false, sketch));
            let what = format!("{steps:?}, {misses} misses: {next:?}");
            let bins = focus.bins::<f64>(small.range.depths);
            let ends = ends.map(f64::position);
            let sides = [side == 0, side == 1];
            let window =
                focus.beyond::<f64>(sides, ends[1] - ends[0] + 1, ends, &small.range, small.problem().highest());
            assert_eq!((next.stage, next.misses, calls), (Stage::Open, misses + 1.0, 1), "{what}");
            assert_eq!([next.low, next.high][side].position(), window[side], "{what}");
            // Where few have been missed it is the width that counts.
            let by_width = 32 * (ends[1] - ends[0] + 1);
            let expected = if side == 0 { ends[0] - by_width } else { ends[1] + by_width };
            assert_eq!(window[side] == expected, misses < 1.0, "{what}");
            // On the other side it ends a bin beyond the cut as the last look had it.
            let near = small.range.depths.loss(small.cap(exp(if side == 0 { bracket[1] } else { bracket[0] })));
            let (low, high) = bins.ends::<f64>(bins.bin::<f64>(near.position()));
            let width = high - low + 1;
            let expected = if side == 0 { high + width } else { low - width };
            assert_eq!([next.low, next.high][1 - side].position(), expected, "{what}");
        }
    }
}

/// One round with one look from this u, and how many calls it took.
fn zoomed(small: &Small, ends: [f64; 2], log_u: f64, wide: bool) -> (Focus, usize) {
    let focus = small.focus(ends, log_u);
    let (looks, mut sketch) = (focus.looks(false), vec![0.0; SKETCH]);
    small.alone(&mut sketch, |data, sketch| small.problem().zoom(data, focus, &looks, wide, sketch))
}

/// While u moves far HR's cut may too: the window is not known as long as there is a bin in it of which not all is known.
#[test]
fn windows_while_u_moves_far() {
    let mut samples = thrice(0.0);
    samples.extend([(9.2, 0.1), (9.2001, 0.1)]);
    samples.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    for ordering in [Ordering::Hd, Ordering::Hr] {
        let small = Small::new(&samples, Params { alpha: 0.2, r: 0.1, ordering, ..Params::default() });
        let (root, ends) = (small.root(), [4.0, small.problem().highest()]);
        let (near, calls) = zoomed(&small, ends, root + 0.01, false);
        assert!(matches!(near.stage, Stage::Known(_)) && calls == 2, "{ordering:?}, {calls}: {near:?}");
        // From this far below it takes the longest step there is, which leaves the cut where it is tied.
        let (far, calls) = zoomed(&small, ends, root - 4.0, false);
        let is_hd = ordering == Ordering::Hd;
        assert_eq!((matches!(far.stage, Stage::Known(_)), calls), (is_hd, 1 + usize::from(is_hd)), "{far:?}");
    }
}

/// The first window takes in more than it must, as long as there are few samples, whatever their mass.
#[test]
fn the_first_window_is_wider() {
    let samples: Vec<(f64, f64)> = (0..4000).map(|number| (4.0 + 1.5e-3 * f64::from(number), 1e-3)).collect();
    let small = Small::new(&samples, Params { alpha: 0.2, r: 0.1, ordering: Ordering::Hd, ..Params::default() });
    let ends = [samples[0].0, samples[samples.len() - 1].0];
    let inside = |wide: bool| {
        let (focus, _) = zoomed(&small, ends, 0.0, wide);
        assert_eq!(focus.stage, Stage::Open);
        samples.iter().filter(|(loss, _)| (focus.low..=focus.high).contains(loss)).count()
    };
    let enough = RUN / 32;
    assert!(
        inside(false) <= 8 && inside(true) >= 2 * enough - 8 && inside(true) <= 2 * enough + 8,
        "{}",
        inside(true)
    );
}

/// An all-reduce that lies about where the samples of a bin end does not lead out of it.
#[test]
fn ends_that_are_lies() {
    let small = Small::new(&thrice(1e-9), Params { alpha: 0.2, r: 0.1, ordering: Ordering::Hd, ..Params::default() });
    let focus = small.focus([3.9, 10.0], small.root());
    let looks = focus.looks(false);
    let window = |lie: Option<[f64; 2]>| {
        let (mut sketch, mut steps) = (vec![0.0; SKETCH], 0);
        let (focus, calls) = small.alone(&mut sketch, |data, sketch| {
            steps += 1;
            if let (3, Some([smallest, largest])) = (steps, lie) {
                sketch[HEAD + 2 * RUN..][..RUN].fill(largest);
                sketch[HEAD + 3 * RUN..][..RUN].fill(-smallest);
            }
            small.problem().zoom(data, focus, &looks, false, sketch)
        });
        assert_eq!((calls, focus.stage), (2, Stage::Open));
        [focus.low, focus.high]
    };
    let [low, high] = window(None);
    assert!(low < high);
    let [first, last] = window(Some([-1e9, 1e9]));
    assert!(first < low && high < last && last - first < 0.01, "{first} {last}");
    for lie in [[-1e9, high], [low, 1e9], [high, low]] {
        assert_eq!(window(Some(lie)), [first, last], "{lie:?}");
    }
    assert_eq!(window(Some([low, low.next_up()])), [low, low.next_up()]);
}
