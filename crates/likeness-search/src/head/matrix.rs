//! The few matrix operations that fitting a head needs: products, Cholesky factorisation and triangular inversion.
//!
//! Matrices are row-major and in double precision. Factorisation and inversion work on blocks of rows, so that almost all of
//! their operations are matrix products (Golub and Van Loan, Matrix Computations, 4th ed., 2013, sections 3.1.5 and 4.2.6).

/// Rows of a block.
const BLOCK: usize = 64;

/// A matrix, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) values: Vec<f64>,
}

/// A matrix in a slice, as it is or transposed.
#[derive(Clone, Copy)]
pub(super) struct View<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a, T> View<'a, T> {
    /// The first `columns` values of each row of `stride` values.
    pub(super) fn new(values: &'a [T], rows: usize, columns: usize, stride: usize) -> Self {
        Self { values, rows, columns, row_step: stride, column_step: 1 }
    }

    /// The transposed matrix.
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }

    /// Whether the slice holds the last value of the matrix, and therefore all.
    fn is_whole(&self) -> bool {
        let empty = self.rows == 0 || self.columns == 0;
        let last = || (self.rows - 1) * self.row_step + (self.columns - 1) * self.column_step;
        empty || last() < self.values.len()
    }
}

/// The product of two matrices, row-major.
///
/// # Shapes        a: \[n, k\]   ·   b: \[k, m\]   ·   output: \[n, m\]
/// # Panics        the shapes do not match
pub(super) fn product<T: Copy + Default + From<u8> + 'static>(a: View<'_, T>, b: View<'_, T>) -> Vec<T> {
    assert_eq!(a.columns, b.rows, "the matrices can be multiplied");
    assert!(a.is_whole() && b.is_whole(), "the slices hold the matrices");
    let mut output = vec![T::default(); a.rows * b.columns];
    // Sound: the assertions above ensure that the slices hold every value that the shapes and steps address, and `output` is
    // new and has a place for every value of the product.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns, //
            output.as_mut_ptr(),
            1,
            b.columns as isize,
            false, //
            a.values.as_ptr(),
            a.column_step as isize,
            a.row_step as isize, //
            b.values.as_ptr(),
            b.column_step as isize,
            b.row_step as isize, //
            T::default(),
            T::from(1),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
    output
}

impl Matrix {
    pub(super) fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, values: vec![0.0; rows * columns] }
    }

    pub(super) fn view(&self) -> View<'_, f64> {
        View::new(&self.values, self.rows, self.columns, self.columns)
    }

    /// The product with `other`.
    pub(super) fn times(&self, other: View<'_, f64>) -> Self {
        Self { rows: self.rows, columns: other.columns, values: product(self.view(), other) }
    }

    /// The sum of the diagonal.
    pub(super) fn trace(&self) -> f64 {
        self.values.iter().step_by(self.columns + 1).sum()
    }

    /// Adds `other`.
    pub(super) fn add(&mut self, other: &Self) {
        self.values.iter_mut().zip(&other.values).for_each(|(value, more)| *value += more);
    }

    /// Multiplies by `factor`, then adds `shift` to the diagonal.
    pub(super) fn scaled_and_shifted(mut self, factor: f64, shift: f64) -> Self {
        self.values.iter_mut().for_each(|value| *value *= factor);
        self.values.iter_mut().step_by(self.columns + 1).for_each(|value| *value += shift);
        self
    }

    /// The lower triangular matrix L with L·Lᵀ equal to this symmetric matrix; `None` if the matrix is not positive definite.
    pub(super) fn cholesky(mut self) -> Option<Self> {
        let n = self.rows;
        for start in (0..n).step_by(BLOCK) {
            let end = n.min(start + BLOCK);
            let done = {
                let below = View::new(&self.values[start * n..], n - start, start, n);
                let block = View::new(&self.values[start * n..], end - start, start, n);
                product(below, block.transposed())
            };
            for (row, parts) in (start..n).zip(done.chunks_exact(end - start)) {
                self.values[row * n + start..][..end - start]
                    .iter_mut()
                    .zip(parts)
                    .for_each(|(v, p)| *v -= p);
            }
            for row in start..n {
                for column in start..end.min(row + 1) {
                    let terms = start..column;
                    let (a, b) = (row * n, column * n);
                    let sum: f64 = terms.map(|k| self.values[a + k] * self.values[b + k]).sum();
                    let rest = self.values[a + column] - sum;
                    self.values[a + column] = match row == column {
                        true if rest > 0.0 => rest.sqrt(),
                        true => return None,
                        false => rest / self.values[b + column],
                    };
                }
            }
        }
        for row in 0..n {
            self.values[row * n + row + 1..(row + 1) * n].fill(0.0);
        }
        self.values.iter().all(|value| value.is_finite()).then_some(self)
    }

    /// The inverse of this lower triangular matrix, which has no zero on its diagonal.
    pub(super) fn inverse_of_lower(&self) -> Self {
        let n = self.rows;
        let mut inverse = Self::zeros(n, n);
        for start in (0..n).step_by(BLOCK) {
            let end = n.min(start + BLOCK);
            let known = {
                let left = View::new(&self.values[start * n..], end - start, start, n);
                product(left, View::new(&inverse.values, start, start, n))
            };
            for row in start..end {
                let (above, rest) = inverse.values.split_at_mut(row * n);
                let target = &mut rest[..=row];
                target.iter_mut().zip(&known[(row - start) * start..][..start]).for_each(|(v, k)| *v = -k);
                target[row] += 1.0;
                for before in start..row {
                    let factor = self.values[row * n + before];
                    let solved = &above[before * n..][..=before];
                    target.iter_mut().zip(solved).for_each(|(v, s)| *v -= factor * s);
                }
                let pivot = self.values[row * n + row];
                target.iter_mut().for_each(|v| *v /= pivot);
            }
        }
        inverse
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    fn random(rows: usize, columns: usize, seed: u64) -> Matrix {
        let mut random = Pcg64::seed_from_u64(seed);
        let values = (0..rows * columns).map(|_| random.random::<f64>() - 0.5).collect();
        Matrix { rows, columns, values }
    }

    fn largest(a: &Matrix, b: &Matrix) -> f64 {
        assert_eq!((a.rows, a.columns), (b.rows, b.columns));
        a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn products_are_those_of_the_definition() {
        let (a, b) = (random(5, 7, 1), random(5, 3, 2));
        let found = product(a.view().transposed(), b.view());
        for i in 0..7 {
            for j in 0..3 {
                let expected: f64 = (0..5).map(|k| a.values[k * 7 + i] * b.values[k * 3 + j]).sum();
                assert!((found[i * 3 + j] - expected).abs() < 1e-12);
            }
        }
        assert!(product(Matrix::zeros(2, 0).view(), Matrix::zeros(0, 2).view()).iter().all(|v| *v == 0.0));
    }

    #[test]
    fn factors_and_inverses_multiply_back() {
        // One block, exactly one, and several with a rest.
        for n in [1, 5, BLOCK, 2 * BLOCK + 9] {
            let factor = random(n, n + 3, n as u64);
            let matrix = factor.times(factor.view().transposed()).scaled_and_shifted(1.0, 0.1);
            let lower = matrix.clone().cholesky().unwrap();
            assert!(largest(&lower.times(lower.view().transposed()), &matrix) < 1e-10, "{n}");
            let identity = Matrix::zeros(n, n).scaled_and_shifted(0.0, 1.0);
            assert!(largest(&lower.inverse_of_lower().times(lower.view()), &identity) < 1e-9, "{n}");
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_factor() {
        let singular = Matrix { rows: 2, columns: 2, values: vec![1.0, 1.0, 1.0, 1.0] };
        assert_eq!(singular.cholesky(), None);
        assert_eq!(Matrix::zeros(3, 3).cholesky(), None);
        let nan = Matrix { rows: 1, columns: 1, values: vec![f64::NAN] };
        assert_eq!(nan.cholesky(), None);
    }
}
