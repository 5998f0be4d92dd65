// PCA of few dimensions, exactly: the eigenvectors of a small symmetric matrix.

const SWEEPS = 30; // of rotations at most; a matrix of three needs some six

/**
 * Eigenvalues of a symmetric matrix, largest first, and its eigenvectors, one a row, of length 1. By
 * rotations that each take one element off the diagonal (Jacobi, 1846).
 * @param {number[][]} symmetric (n, n)
 */
export function eigen(symmetric) {
  const n = symmetric.length;
  const a = symmetric.map((row) => [...row]);
  const vectors = a.map((_, i) => a.map((__, j) => Number(i === j)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        off += a[p][q] ** 2;
        if (a[p][q] === 0) continue;
        const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
        const cos = Math.cos(angle), sin = Math.sin(angle);
        for (let i = 0; i < n; i++) {
          [a[i][p], a[i][q]] = [cos * a[i][p] - sin * a[i][q], sin * a[i][p] + cos * a[i][q]];
        }
        for (let i = 0; i < n; i++) {
          [a[p][i], a[q][i]] = [cos * a[p][i] - sin * a[q][i], sin * a[p][i] + cos * a[q][i]];
          const [left, right] = [vectors[p][i], vectors[q][i]];
          [vectors[p][i], vectors[q][i]] = [cos * left - sin * right, sin * left + cos * right];
        }
      }
    }
    if (off < 1e-30) break;
  }
  const order = Array.from(a.keys()).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => vectors[i]) };
}

/** The flat of K dimensions that lies nearest to some points, by the sum of squared distances. */
export class Principal {
  /** @param {number[][]} points (count, dimensions) */
  constructor(points) {
    const count = points.length, n = points[0].length;
    const axes = Array.from({ length: n }, (_, c) => c);
    this.mean = axes.map((c) => points.reduce((sum, point) => sum + point[c], 0) / count);
    const covariance = axes.map((c) => axes.map((d) => points.reduce((sum, point) =>
      sum + (point[c] - this.mean[c]) * (point[d] - this.mean[d]), 0) / count));
    const { values, vectors } = eigen(covariance);
    this.variances = values; // along the components, largest first, divided by the count of points
    this.components = vectors;
  }

  /**
   * How far along each of the first K components a point lies, from the mean.
   * @param {number[]} point
   * @param {number} latent
   */
  encode(point, latent) {
    return this.components.slice(0, latent).map((component) =>
      component.reduce((sum, w, c) => sum + w * (point[c] - this.mean[c]), 0));
  }

  /** @param {number[]} z At most as many as there are dimensions. */
  decode(z) {
    return this.mean.map((mean, c) => z.reduce((sum, v, k) => sum + v * this.components[k][c], mean));
  }
}
