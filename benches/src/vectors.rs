//! The losses: reproducible, and the same for every contender.

/// A shape of losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Exponential with mean 1: the headline.
    Exponential,
    /// Heavy tails: no mean.
    Pareto,
    /// Eight distinct values.
    Ties,
    /// Ascending.
    Sorted,
    /// Descending.
    Reversed,
    /// All equal but one, which is larger.
    OneLarger,
    /// All equal but one, which is smaller.
    OneSmaller,
}

impl Shape {
    /// All shapes beside the headline's.
    pub const OTHERS: [Self; 6] =
        [Self::Pareto, Self::Ties, Self::Sorted, Self::Reversed, Self::OneLarger, Self::OneSmaller];

    /// How tables call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exponential => "Exp(1)",
            Self::Pareto => "Pareto(0.7)",
            Self::Ties => "8 distinct values",
            Self::Sorted => "sorted",
            Self::Reversed => "reversed",
            Self::OneLarger => "all equal but a larger one",
            Self::OneSmaller => "all equal but a smaller one",
        }
    }

    /// `n` losses. Single precision, so that every contender can be given the same numbers.
    #[must_use]
    pub fn losses(self, n: usize) -> Vec<f32> {
        let mut uniform = Uniform(1);
        let mut losses: Vec<f32> = (0..n)
            .map(|i| match self {
                Self::Exponential | Self::Sorted | Self::Reversed => -uniform.next().ln() as f32,
                Self::Pareto => uniform.next().powf(-1.0 / 0.7) as f32,
                Self::Ties => (uniform.next() * 8.0).floor() as f32,
                Self::OneLarger => f32::from(u8::from(i == n / 3)),
                Self::OneSmaller => f32::from(u8::from(i != n / 3)),
            })
            .collect();
        match self {
            Self::Sorted => losses.sort_by(f32::total_cmp),
            Self::Reversed => losses.sort_by(|a, b| b.total_cmp(a)),
            _ => {}
        }
        losses
    }
}

/// Uniform numbers in (0, 1), from the `SplitMix64` generator.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

/// The same numbers in double precision.
#[must_use]
pub fn widened(losses: &[f32]) -> Vec<f64> {
    losses.iter().map(|&loss| f64::from(loss)).collect()
}
