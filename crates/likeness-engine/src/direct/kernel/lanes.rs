//! Sixteen numbers at a time on any processor: the registers that the kernels compute in.
//!
//! A kernel is written once over [`Wide`] and compiled for each instruction set; the machine at hand chooses one when the
//! kernel is called. Products are fused with sums where the processor can, so the last bits differ between machines.

use pulp::{NullaryFnOnce, Simd};

/// Channels that lie side by side in memory.
pub(crate) const LANES: usize = 16;

/// One number of each of sixteen channels.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(crate) struct Lane(pub(crate) [f32; LANES]);

impl Lane {
    /// Sixteen zeros.
    pub(crate) const ZERO: Self = Self([0.0; LANES]);
}

/// One number of each of sixteen channels, in steps of a [`Grid`](crate::graph::Grid).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(16))]
pub(crate) struct Bytes(pub(crate) [u8; LANES]);

/// The instructions of one kind of processor.
pub(crate) trait Wide: Copy {
    /// How many registers a [`Lane`] takes.
    const EACH: usize;
    /// Sixteen numbers in registers.
    type V: Copy;

    fn load(self, from: &Lane) -> Self::V;
    fn store(self, to: &mut Lane, v: Self::V);
    fn load_bytes(self, from: &Bytes) -> Self::V;
    /// Numbers rounded to the nearest, ties to even, and held between 0 and 255.
    fn store_bytes(self, to: &mut Bytes, v: Self::V);
    fn splat(self, value: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `v` where `v > 0`, `other` elsewhere.
    fn where_positive(self, v: Self::V, other: Self::V) -> Self::V;
    /// 2 to the power of whole numbers from −126 to 127 that stand in the low bits of `v`, an f32 of at least 2²³.
    fn power_of_two(self, v: Self::V) -> Self::V;
}

/// A [`Lane`] in `N` registers of `S`.
#[derive(Clone, Copy)]
pub(crate) struct Registers<S, const N: usize>(pub(crate) S);

#[inline(always)]
fn each<T: Copy, const N: usize>(value: impl Fn(usize) -> T) -> [T; N] {
    std::array::from_fn(value)
}

impl<S: Simd, const N: usize> Wide for Registers<S, N> {
    const EACH: usize = N;
    type V = [S::f32s; N];

    #[inline(always)]
    fn load(self, from: &Lane) -> Self::V {
        let parts = S::as_simd_f32s(&from.0).0;
        each(|i| parts[i])
    }
    #[inline(always)]
    fn store(self, to: &mut Lane, v: Self::V) {
        let parts = S::as_mut_simd_f32s(&mut to.0).0;
        parts[..N].copy_from_slice(&v);
    }
    #[inline(always)]
    fn load_bytes(self, from: &Bytes) -> Self::V {
        self.load(&Lane(from.0.map(f32::from)))
    }
    #[inline(always)]
    fn store_bytes(self, to: &mut Bytes, v: Self::V) {
        let held = self.min(self.max(v, self.splat(0.0)), self.splat(255.0));
        let mut lane = Lane::ZERO;
        // The low bits of a number in [2²³, 2²⁴) are its whole part.
        self.store(&mut lane, self.add(held, self.splat(8_388_608.0)));
        to.0 = lane.0.map(|v| v.to_bits() as u8);
    }
    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        [self.0.splat_f32s(value); N]
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| self.0.add_f32s(a[i], b[i]))
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| self.0.mul_f32s(a[i], b[i]))
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| self.0.div_f32s(a[i], b[i]))
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| self.0.max_f32s(a[i], b[i]))
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| self.0.min_f32s(a[i], b[i]))
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        each(|i| self.0.mul_add_e_f32s(a[i], b[i], c[i]))
    }
    #[inline(always)]
    fn where_positive(self, v: Self::V, other: Self::V) -> Self::V {
        let zero = self.0.splat_f32s(0.0);
        each(|i| self.0.select_f32s(self.0.greater_than_f32s(v[i], zero), v[i], other[i]))
    }
    #[inline(always)]
    fn power_of_two(self, v: Self::V) -> Self::V {
        let (bias, shift) = (self.0.splat_u32s(127), self.0.splat_u32s(23));
        each(|i| {
            let bits = self.0.add_u32s(self.0.transmute_u32s_f32s(v[i]), bias);
            self.0.transmute_f32s_u32s(self.0.wrapping_dyn_shl_u32s(bits, shift))
        })
    }
}

/// `e` to the power of `v`; relative error below 4·10⁻⁷ between −87 and 88, held at the ends beyond.
#[inline(always)]
pub(crate) fn exp<W: Wide>(w: W, v: W::V) -> W::V {
    // x = n·ln 2 + r with n whole and |r| ≤ ½ ln 2; adding 1.5·2²³ rounds to whole numbers. ln 2 is split in two so that
    // the products with its first part are exact.
    const MAGIC: f32 = 12_582_912.0;
    let x = w.min(w.max(v, w.splat(-87.0)), w.splat(88.0));
    let shifted = w.fma(x, w.splat(std::f32::consts::LOG2_E), w.splat(MAGIC));
    let n = w.add(shifted, w.splat(-MAGIC));
    let r = w.fma(n, w.splat(-0.693_359_4), x);
    let r = w.fma(n, w.splat(2.121_944_4e-4), r);
    // Taylor's series; the term left out is below 2·10⁻⁸.
    let mut p = w.splat(1.0 / 5040.0);
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = w.fma(p, r, w.splat(c));
    }
    w.mul(p, w.power_of_two(shifted))
}

/// 1 / (1 + e⁻ᵛ).
#[inline(always)]
pub(crate) fn sigmoid<W: Wide>(w: W, v: W::V) -> W::V {
    let one = w.splat(1.0);
    w.div(one, w.add(one, exp(w, w.mul(v, w.splat(-1.0)))))
}

/// Work that is written once for every processor.
pub(crate) trait Kernel {
    /// Does it.
    fn run<W: Wide>(self, w: W);
}

struct On<K, W>(K, W);

impl<K: Kernel, W: Wide> NullaryFnOnce for On<K, W> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        self.0.run(self.1);
    }
}

/// The registers to compute in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Machine {
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    Portable,
}

impl Machine {
    /// All that this machine has, the widest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(pulp::x86::V4::try_new().map(Self::Avx512));
            all.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(pulp::aarch64::Neon::try_new().map(Self::Neon));
        all.push(Self::Portable);
        all
    }

    /// The one in use.
    pub(super) fn now() -> Self {
        #[cfg(test)]
        if let Some(chosen) = CHOSEN.get() {
            return chosen;
        }
        static WIDEST: std::sync::OnceLock<Machine> = std::sync::OnceLock::new();
        *WIDEST.get_or_init(|| Self::all()[0])
    }
}

#[cfg(test)]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Machine>> = const { std::cell::Cell::new(None) };
}

/// The result of `work` on this thread with each kind of registers there is.
#[cfg(test)]
pub(crate) fn on_each_machine(mut work: impl FnMut()) {
    for machine in Machine::all() {
        CHOSEN.set(Some(machine));
        work();
    }
    CHOSEN.set(None);
}

/// Runs `kernel` with the widest registers of this machine.
pub(crate) fn run<K: Kernel>(kernel: K) {
    match Machine::now() {
        #[cfg(target_arch = "x86_64")]
        Machine::Avx512(s) => s.vectorize(On(kernel, Registers::<_, 1>(s))),
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(s) => s.vectorize(On(kernel, Registers::<_, 2>(s))),
        #[cfg(target_arch = "aarch64")]
        Machine::Neon(s) => s.vectorize(On(kernel, Registers::<_, 4>(s))),
        Machine::Portable => kernel.run(Registers::<_, 4>(pulp::Scalar128b)),
    }
}

/// Sums of sixteen numbers that one pass over a convolution keeps in registers that take `each` for sixteen numbers.
pub(crate) const fn sums_kept(each: usize) -> usize {
    if each == 1 { 28 } else { 6 }
}

/// The same for the machine at hand.
pub(crate) fn sums_in_registers() -> usize {
    match Machine::now() {
        #[cfg(target_arch = "x86_64")]
        Machine::Avx512(_) => sums_kept(1),
        _ => sums_kept(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Exp<'a>(&'a mut [Lane]);

    impl Kernel for Exp<'_> {
        #[inline(always)]
        fn run<W: Wide>(self, w: W) {
            for lane in self.0 {
                let v = exp(w, w.load(lane));
                w.store(lane, v);
            }
        }
    }

    #[test]
    fn powers_of_e_agree_with_the_library() {
        let values: Vec<f32> = (0..16 * 1000).map(|i| -86.9 + 174.5 * i as f32 / 16000.0).collect();
        let lanes: Vec<Lane> = values.as_chunks().0.iter().map(|c| Lane(*c)).collect();
        on_each_machine(|| {
            let mut lanes = lanes.clone();
            run(Exp(&mut lanes));
            for (v, e) in values.iter().zip(lanes.iter().flat_map(|l| l.0)) {
                let expected = f64::from(*v).exp();
                assert!(((f64::from(e) - expected) / expected).abs() < 4e-7, "exp({v}) = {e}");
            }
        });
    }
}
