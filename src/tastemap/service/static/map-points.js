// Points of a map: places in the unit square, and a grid to look them up in. Low indices are popular items.
const SIDE = 160; // cells of the grid each way

export class Points {
  constructor(x, y) {
    this.n = x.length;
    this.x = Float32Array.from(x);
    this.y = Float32Array.from(y);
    this.bounds = bounds(this.x, this.y);
    this.index();
  }

  // Points cell by cell: those of cell c are order[starts[c]] to order[starts[c + 1]], the popular first.
  index() {
    const { n, x, y } = this;
    const cells = new Uint16Array(n), starts = new Uint32Array(SIDE * SIDE + 1), order = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      cells[i] = cellOf(y[i]) * SIDE + cellOf(x[i]);
      starts[cells[i] + 1]++;
    }
    for (let c = 0; c < SIDE * SIDE; c++) starts[c + 1] += starts[c];
    const next = starts.slice();
    for (let i = 0; i < n; i++) order[next[cells[i]]++] = i;
    this.starts = starts;
    this.order = order;
  }

  /** The wanted point nearest to a place, within reach; -1 if there is none. */
  nearest(x, y, reach, wanted) {
    let best = -1, least = reach * reach;
    this.eachIn(x - reach, y - reach, x + reach, y + reach, (i) => {
      const far = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
      if (far < least && wanted(i)) { best = i; least = far; }
    });
    return best;
  }

  /** Call with each point of the cells that a rectangle touches. */
  eachIn(left, top, right, bottom, call) {
    const first = cellOf(left), last = cellOf(right);
    for (let row = cellOf(top); row <= cellOf(bottom); row++) {
      const from = this.starts[row * SIDE + first], to = this.starts[row * SIDE + last + 1];
      for (let at = from; at < to; at++) call(this.order[at]);
    }
  }
}

const cellOf = (value) => Math.min(SIDE - 1, Math.max(0, Math.floor(value * SIDE)));

function bounds(x, y) {
  const found = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < x.length; i++) {
    found[0] = Math.min(found[0], x[i]);
    found[1] = Math.min(found[1], y[i]);
    found[2] = Math.max(found[2], x[i]);
    found[3] = Math.max(found[3], y[i]);
  }
  return found;
}

/** Points on their way from one layout to another; `share` is 0 to 1. */
export function between(from, to, share, into) {
  for (let i = 0; i < to.n; i++) {
    into.x[i] = from.x[i] + (to.x[i] - from.x[i]) * share;
    into.y[i] = from.y[i] + (to.y[i] - from.y[i]) * share;
  }
}
