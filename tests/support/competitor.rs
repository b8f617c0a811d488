//! Distributions that a program allows but did not choose, some of them close to the optimum: mass
//! is moved up from the bottom and what is left is tilted towards large losses, both with noise.

use super::spent::divergence;

/// Moves at most `alpha` from the deepest samples to the atom, each sample keeping a noisy part of
/// its mass.
pub(crate) fn move_up(
    atom: f64,
    mass: &[f64],
    depth: &[f64],
    alpha: f64,
    noise: impl Fn(usize) -> f64,
) -> (f64, Vec<f64>) {
    let mut order: Vec<usize> = (0..mass.len()).collect();
    order.sort_by(|&i, &j| depth[j].total_cmp(&depth[i]));
    let mut left = mass.to_vec();
    let mut budget = alpha;
    for i in order {
        let taken = budget.min(mass[i] * noise(i));
        left[i] -= taken;
        budget -= taken;
    }
    (atom + alpha - budget, left)
}

/// Mixes a distribution `q` with one proportional to `q / (tilt + depth)`, with noise, as far as
/// `KL(q || mixture) <= r`.
pub(crate) fn lean(
    atom: f64,
    mass: &[f64],
    depth: &[f64],
    r: f64,
    tilt: f64,
    noise: impl Fn(usize) -> f64,
) -> (f64, Vec<f64>) {
    let mut q = mass.to_vec();
    q.push(atom);
    let leaning = |i: usize| match depth.get(i) {
        Some(d) => q[i] / (tilt + d) * noise(i),
        // Where the atom has no mass of its own, it may still be given some.
        None => (q[i] + 1e-3 * noise(i)) / tilt,
    };
    let target: Vec<f64> = (0..q.len()).map(leaning).collect();
    let total: f64 = target.iter().sum();
    let mixed = |t: f64| -> Vec<f64> {
        q.iter().zip(&target).map(|(q, target)| (1.0 - t) * q + t * target / total).collect()
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if divergence(&q, &mixed(middle)) <= r { low = middle } else { high = middle }
    }
    let mut p = mixed(low);
    let atom = p.pop().unwrap_or(0.0);
    (atom, p)
}
