// What each dimension of a code knows of the factors that made the data, where these are known:
// the same counts as `core.measures.disentanglement` takes.

const BINS = 20; // of equal width, into which a dimension's numbers fall

/**
 * Known factors of a set of images: a name and the value of each level for every factor, and the
 * levels of every image, (count, factors).
 * @typedef {{ names: string[], levels: number[][], values: Uint8Array }} Factors
 */

/**
 * I(zⱼ; v_f) / H(v_f), the share of a factor's entropy that a dimension tells: (factors, latent).
 * @param {Factors} factors
 * @param {ArrayLike<number>} codes (count, latent)
 * @param {number} latent
 */
export function told({ names, levels, values }, codes, latent) {
  const count = codes.length / latent;
  const bins = binned(codes, latent, count);
  return names.map((_, f) => {
    const many = levels[f].length;
    return Array.from({ length: latent }, (_, j) => {
      const joint = new Float64Array(BINS * many);
      for (let i = 0; i < count; i++) {
        joint[bins[i * latent + j] * many + values[i * names.length + f]]++;
      }
      return share(joint, many, count);
    });
  });
}

/**
 * MIG: of each factor what its best dimension tells more than the second best; the mean.
 * @param {number[][]} shares Of `told`.
 */
export function gap(shares) {
  const gaps = shares.map((row) => {
    const [best, second = 0] = row.toSorted((a, b) => b - a);
    return best - second;
  });
  return gaps.reduce((sum, one) => sum + one, 0) / gaps.length;
}

/** @param {ArrayLike<number>} codes @param {number} latent @param {number} count */
function binned(codes, latent, count) {
  const low = new Float64Array(latent).fill(Infinity), high = new Float64Array(latent).fill(-Infinity);
  for (let i = 0; i < codes.length; i++) {
    const j = i % latent;
    low[j] = Math.min(low[j], codes[i]);
    high[j] = Math.max(high[j], codes[i]);
  }
  const bins = new Uint8Array(count * latent);
  for (let i = 0; i < codes.length; i++) {
    const j = i % latent, width = high[j] - low[j];
    if (width > 0) bins[i] = Math.min(BINS - 1, Math.floor(((codes[i] - low[j]) / width) * BINS));
  }
  return bins;
}

// Mutual information of joint counts (bins, many) over the entropy of the second.
/** @param {Float64Array} joint @param {number} many @param {number} count */
function share(joint, many, count) {
  const rows = new Float64Array(joint.length / many), columns = new Float64Array(many);
  joint.forEach((n, i) => {
    rows[Math.floor(i / many)] += n;
    columns[i % many] += n;
  });
  let information = 0, entropy = 0;
  joint.forEach((n, i) => {
    if (n) {
      information += (n / count)
        * Math.log((n * count) / (rows[Math.floor(i / many)] * columns[i % many]));
    }
  });
  for (const n of columns) if (n) entropy -= (n / count) * Math.log(n / count);
  return entropy > 0 ? information / entropy : 0;
}
