//! The random numbers of tests: seeded, so that a failure can be had again.

/// xorshift64*: what matters is that it is the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// 0 to `n - 1`; `n` is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16).unwrap() % n
    }

    /// 0 to `n - 1` as a time.
    pub(crate) fn micros(&mut self, n: usize) -> i64 {
        i64::try_from(self.below(n)).unwrap()
    }
}
