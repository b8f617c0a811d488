//! How many all-reduce calls a sharded solve takes at any budgets, on losses far from what training meets: saturated, tied, of
//! enormous spans, one loss 1e30 away from the others, seen from a worst loss that is far away or nearly there.
//! `HRW_ROUNDS=200000` tries so many problems.

mod support;

use hr_weights::{Ordering, Params};
use support::random::uniform;
use support::ranks::{most_calls, solve_together};

/// Between two numbers, uniform in the logarithm.
fn spread(random: &mut impl FnMut() -> f64, low: f64, high: f64) -> f64 {
    (low.ln() + (high / low).ln() * random()).exp()
}

/// One of so many.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few
fn one_of(random: &mut impl FnMut() -> f64, choices: usize) -> usize {
    (choices as f64 * random()) as usize
}

fn size(random: &mut impl FnMut() -> f64) -> usize {
    match one_of(random, 10) {
        0..=2 => 2 + one_of(random, 6),
        3..=6 => 2 + one_of(random, 120),
        7 | 8 => 100 + one_of(random, 1000),
        _ => 1000 + one_of(random, 6000),
    }
}

fn losses(random: &mut impl FnMut() -> f64) -> Vec<f64> {
    let (n, shape) = (size(random), one_of(random, 11));
    let span = spread(random, 1e-12, 1e12);
    let offset = spread(random, 1e-6, 1e6).copysign(random() - 0.5);
    let three = [random(), random(), 1e-9 * random()];
    (0..n)
        .map(|_| {
            let u = random();
            match shape {
                0 => -u.ln(),
                1 => u.powf(-1.0 / 0.7),
                2 => u,
                3 => (12.0 * u).floor(),
                4 => three[one_of(random, 3)],
                5 => offset - span * u.ln(),
                6 if u < 0.02 => -span,
                6 => 1e-3 * u,
                7 => span * (u - 0.5).tan(),
                8 => offset + span * (5.0 * u).floor() + 1e-7 * span * random(),
                9 => 1.0 - spread(random, 1e-18, 1.0),
                _ => spread(random, 1e-18, 1.0),
            }
        })
        .collect()
}

fn base(random: &mut impl FnMut() -> f64, n: usize) -> Option<Vec<f64>> {
    match one_of(random, 6) {
        0 => Some((0..n).map(|i| if i == 0 { 1.0 } else { one_of(random, 4) as f64 }).collect()),
        1 => Some((0..n).map(|_| spread(random, 1e-12, 1.0)).collect()),
        _ => None,
    }
}

fn params(random: &mut impl FnMut() -> f64, largest: f64) -> Params {
    let worst_loss = match one_of(random, 6) {
        0 => Some(largest + spread(random, 1e-12, 1e12)),
        1 => Some(largest),
        _ => None,
    };
    let alpha = match one_of(random, 10) {
        0 => 0.0,
        1 => f64::EPSILON,
        2 | 3 => spread(random, 1e-17, 1e-3),
        4 => 1.0 - spread(random, 1e-16, 1.0),
        _ => spread(random, 1e-3, 1.0),
    };
    let r = match one_of(random, 10) {
        0 => spread(random, 1e-300, 1e-16),
        1 | 2 => spread(random, 1e-16, 1e-6),
        3 => spread(random, 1.0, 30.0),
        _ => spread(random, 1e-6, 1.0),
    };
    Params { alpha, r, worst_loss, ..Params::default() }
}

/// Problem number so many, the same on every machine.
struct Drawn {
    losses: Vec<f64>,
    base: Option<Vec<f64>>,
    params: Params,
}

impl Drawn {
    fn new(number: u64) -> Self {
        let mut random = uniform(number.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(3));
        let mut losses = losses(&mut random);
        if one_of(&mut random, 16) == 0 {
            losses[0] = 1e30_f64.copysign(random() - 0.5);
        }
        let base = base(&mut random, losses.len());
        let params = params(&mut random, losses.iter().copied().fold(f64::MIN, f64::max));
        Self { losses, base, params }
    }

    fn calls(&self, ordering: Ordering) -> usize {
        let params = Params { ordering, ..self.params };
        let together = solve_together(&[&self.losses], &[self.base.as_deref()], &[params]).remove(0);
        together.map_or_else(|error| panic!("{error:?} for {params:?}"), |it| it.calls)
    }
}

/// Problems that took 35 and 25 calls for HR before a round could look from many u.
const FOUND: [u64; 2] = [58_342, 164_100];

#[test]
fn few_rounds_far_from_training() {
    let problems = std::env::var("HRW_ROUNDS").map_or(12_000, |count| count.parse().expect("a number"));
    let mut histograms = [[0; 64]; 2];
    for number in (0..problems).chain(FOUND) {
        let problem = Drawn::new(number);
        for ordering in [Ordering::Hd, Ordering::Hr] {
            let calls = problem.calls(ordering);
            histograms[usize::from(ordering == Ordering::Hr)][calls.min(63)] += 1;
            assert!(calls <= most_calls(ordering), "{calls} calls in problem {number}, {:?}", problem.params);
        }
    }
    for (ordering, histogram) in ["HD", "HR"].iter().zip(histograms) {
        let most = histogram.iter().rposition(|&count| count > 0).unwrap_or(0);
        println!("{ordering}: problems by calls, from 0 to {most}: {:?}", &histogram[..=most]);
    }
}
