//! The certificate by simulation: how often it fails, and how it compares with the bounds of
//! Hoeffding and of Maurer and Pontil.

mod support;

use hr_weights::{certified_r, certify};
use support::random::uniform;

/// Distributions of losses in [0, 1].
#[derive(Clone, Copy, Debug)]
enum Losses {
    /// Errors: 1 with this probability.
    Bernoulli(f64),
    /// Beta(2, 5): the second smallest of six uniform numbers.
    Beta,
    /// Beta(1/2, 1/2): the arcsine law, most of it at 0 and at 1.
    Arcsine,
    /// Pareto of index 1.1 from 0.02 on, cut at 1: 1.35% of it, and 28% of its mean, at the bound.
    Heavy,
    /// 1 once in 300, else nothing: the mean is in what a small sample does not show.
    Rare,
}

const ALL: [Losses; 7] = [
    Losses::Bernoulli(0.5),
    Losses::Bernoulli(0.1),
    Losses::Bernoulli(0.01),
    Losses::Beta,
    Losses::Arcsine,
    Losses::Heavy,
    Losses::Rare,
];

const INDEX: f64 = 1.1;
const SMALLEST: f64 = 0.02;

impl Losses {
    fn draw(self, random: &mut impl FnMut() -> f64) -> f64 {
        match self {
            Self::Bernoulli(p) => f64::from(u8::from(random() < p)),
            Self::Beta => {
                let mut two = [f64::INFINITY; 2];
                for _ in 0..6 {
                    let next = random();
                    two = [two[0].min(next), two[1].min(next.max(two[0]))];
                }
                two[1]
            }
            Self::Arcsine => (std::f64::consts::FRAC_PI_2 * random()).sin().powi(2),
            Self::Heavy => (SMALLEST * random().powf(-1.0 / INDEX)).min(1.0),
            Self::Rare => f64::from(u8::from(random() < 1.0 / 300.0)),
        }
    }

    fn mean(self) -> f64 {
        match self {
            Self::Bernoulli(p) => p,
            Self::Beta => 2.0 / 7.0,
            Self::Arcsine => 0.5,
            // The integral of the survival function.
            Self::Heavy => SMALLEST + (SMALLEST - SMALLEST.powf(INDEX)) / (INDEX - 1.0),
            Self::Rare => 1.0 / 300.0,
        }
    }
}

/// What happens to the largest alpha share of the losses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Attack {
    /// Nothing, and alpha is 0.
    None,
    /// They are not in the sample any more.
    Hidden,
    /// They become 0, the most that an attacker can do.
    Moved,
    /// They become those of as many samples of the smallest loss.
    Replaced,
}

impl Attack {
    const ALL: [Self; 4] = [Self::None, Self::Hidden, Self::Moved, Self::Replaced];

    /// Attacks sorted losses, and tells which share of them it touched.
    fn on(self, losses: &[f64]) -> (Vec<f64>, f64) {
        let n = losses.len();
        // At most 5%.
        let touched = if self == Self::None { 0 } else { n / 20 };
        let kept = n - touched;
        let mut attacked = losses.to_vec();
        match self {
            Self::None => {}
            Self::Hidden => attacked.truncate(kept),
            Self::Moved => attacked[kept..].fill(0.0),
            Self::Replaced => attacked.copy_within(..touched, kept),
        }
        (attacked, touched as f64 / n as f64)
    }
}

/// The probability that a binomial variable is at least k.
fn binomial_tail(trials: u32, p: f64, k: u32) -> f64 {
    let mut log_choose = 0.0;
    let mut tail = 0.0;
    for i in 0..=trials {
        if i >= k {
            tail += (log_choose + f64::from(i) * p.ln() + f64::from(trials - i) * (-p).ln_1p()).exp();
        }
        log_choose += (f64::from(trials - i) / f64::from(i + 1)).ln();
    }
    tail
}

/// How many bounds failed: those of the certificate, and of what it is not.
#[derive(Clone, Copy, Debug, Default)]
struct Misses {
    certificate: u32,
    /// Without the poisoned share: alpha = 0.
    without_alpha: u32,
    /// The mean of the losses, and alpha: no sampling error.
    without_r: u32,
}

const TRIALS: u32 = 1500;
const DELTAS: [f64; 3] = [0.1, 0.01, 0.3];
/// A sound bound is called unsound once in so many settings.
const SURPRISE: f64 = 1e-6;

fn simulate(losses: Losses, n: usize, attack: Attack, delta: f64, seed: u64) -> Misses {
    let mut random = uniform(seed);
    let mut misses = Misses::default();
    for _ in 0..TRIALS {
        let mut drawn: Vec<f64> = (0..n).map(|_| losses.draw(&mut random)).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let (seen, alpha) = attack.on(&drawn);
        let missed = |bound: f64| u32::from(losses.mean() > bound + 1e-12);
        misses.certificate += missed(certify(&seen, alpha, delta, 1.0).unwrap());
        misses.without_alpha += missed(certify(&seen, 0.0, delta, 1.0).unwrap());
        misses.without_r += missed(seen.iter().sum::<f64>() / seen.len() as f64 + alpha);
    }
    misses
}

/// The bound fails with probability at most delta, in every setting: so says a binomial test on its
/// misses. The same test condemns bounds that leave out the sampling error or the poison.
#[test]
fn fails_at_most_as_often_as_it_says() {
    let (mut settings, mut most) = (0, 0.0_f64);
    let (mut without_alpha, mut without_r) = (0, 0);
    for (d, losses) in ALL.into_iter().enumerate() {
        for (s, n) in [20, 60, 200, 1000, 5000].into_iter().enumerate() {
            for (a, attack) in Attack::ALL.into_iter().enumerate() {
                let delta = DELTAS[(d + s + a) % DELTAS.len()];
                let misses = simulate(losses, n, attack, delta, (d * 1000 + s * 100 + a) as u64);
                let condemned = |misses: u32| binomial_tail(TRIALS, delta, misses) < SURPRISE;
                assert!(!condemned(misses.certificate), "{losses:?} n {n} {attack:?} delta {delta}: {misses:?}");
                settings += 1;
                most = most.max(f64::from(misses.certificate) / f64::from(TRIALS) / delta);
                without_alpha += u32::from(condemned(misses.without_alpha));
                without_r += u32::from(condemned(misses.without_r));
            }
        }
    }
    println!(
        "{settings} settings of {TRIALS} trials; misses at most {most:.3} delta; condemned without alpha {without_alpha}, \
         without r {without_r}"
    );
    assert!(without_alpha >= 20 && without_r >= 20, "the test has no power: {without_alpha} {without_r}");
}

/// Hoeffding 1963.
fn hoeffding(losses: &[f64], delta: f64) -> f64 {
    let n = losses.len() as f64;
    losses.iter().sum::<f64>() / n + ((1.0 / delta).ln() / (2.0 * n)).sqrt()
}

/// Maurer and Pontil 2009, theorem 4.
fn empirical_bernstein(losses: &[f64], delta: f64) -> f64 {
    let (n, mean) = (losses.len() as f64, losses.iter().sum::<f64>() / losses.len() as f64);
    let variance = losses.iter().map(|loss| (loss - mean) * (loss - mean)).sum::<f64>() / (n - 1.0);
    let log = (2.0 / delta).ln();
    mean + (2.0 * variance * log / n).sqrt() + 7.0 * log / (3.0 * (n - 1.0))
}

/// What the certificate cannot exceed, with the empirical variance v:
/// `mean + sqrt(2 v r) + (B - mean) r`. (In the dual at `u = sqrt(v / (2 r))`, by
/// `log(1 + e) >= e - e^2 / (2 (1 + min e))`.) An empirical Bernstein bound with 1 in place of 7/3,
/// and `log(2 sqrt(n + 1))` in place of `log 2`.
fn closed_form(losses: &[f64], delta: f64) -> f64 {
    let r = certified_r(losses.len() as u64, delta).unwrap();
    let (n, mean) = (losses.len() as f64, losses.iter().sum::<f64>() / losses.len() as f64);
    let variance = losses.iter().map(|loss| (loss - mean) * (loss - mean)).sum::<f64>() / n;
    mean + (2.0 * variance * r).sqrt() + (1.0 - mean) * r
}

/// The certificate is below its closed form in every trial, hence below any other bound that is
/// above that; and where that is: below Hoeffding's for losses of small variance, below Maurer's
/// and Pontil's for some hundred samples or a tiny delta. It is not below them everywhere: its
/// log(n) is the price of needing no lower limit on the losses, and of the poisoned share.
#[test]
fn beats_other_bounds_where_it_should() {
    let mut widest = [0.0_f64; 2];
    for losses in ALL {
        for n in [100_usize, 200, 500, 1000, 5000] {
            for delta in [0.1, 0.05, 0.01, 1e-3, 1e-6] {
                let mut random = uniform(n as u64);
                for _ in 0..50 {
                    let drawn: Vec<f64> = (0..n).map(|_| losses.draw(&mut random)).collect();
                    let mean = drawn.iter().sum::<f64>() / n as f64;
                    let bound = certify(&drawn, 0.0, delta, 1.0).unwrap();
                    let others = [hoeffding(&drawn, delta), empirical_bernstein(&drawn, delta)];
                    assert!(bound <= closed_form(&drawn, delta) + 1e-12, "{losses:?} n {n} delta {delta}");
                    for (widest, other) in widest.iter_mut().zip(others) {
                        *widest = widest.max((bound - mean) / (other - mean));
                    }
                    let small_variance = !matches!(losses, Losses::Bernoulli(0.1 | 0.5) | Losses::Arcsine);
                    assert!(!small_variance || bound < others[0], "Hoeffding: {losses:?} n {n} delta {delta}");
                    let few = (n <= 200 && delta <= 0.05) || delta < 1e-5;
                    assert!(!few || bound < others[1], "empirical Bernstein: {losses:?} n {n} delta {delta}");
                }
            }
        }
    }
    println!(
        "at most {:.2} times as wide as Hoeffding's, {:.2} times as Maurer's and Pontil's",
        widest[0], widest[1]
    );
    assert!(widest[0] < 1.8 && widest[1] < 1.5);
}
