// Tens of thousands of symbols mixed into one picture in a few milliseconds: calls of the canvas for each of them
// would take twenty times as long.
import { cover, pixelOf } from "./marks.js";

const FULL = 256; // an opacity of 1
const SMALLEST_SHAPE = 7; // pixels across: below that all shapes look alike

export class Painter {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.picture = new ImageData(width, height);
    this.pixels = new Uint32Array(this.picture.data.buffer);
    this.sprites = new Map();
  }

  /** Colors as pixels: of the paper, and of each class. */
  recolor(paper, colors) {
    this.paper = pixelOf(paper);
    this.colors = Uint32Array.from(colors, pixelOf);
  }

  clear() {
    this.pixels.fill(this.paper);
  }

  // A symbol: places of its pixels beside its middle, and how much each covers.
  sprite(shape, size) {
    const own = size < SMALLEST_SHAPE ? "circle" : shape, key = `${own} ${size}`;
    if (!this.sprites.has(key)) {
      const made = cover(own, size);
      const offsets = Int32Array.from(made.across, (across, at) => made.down[at] * this.width + across);
      this.sprites.set(key, { ...made, offsets, half: Math.max(0, ...made.across, ...made.down) + 1 });
    }
    return this.sprites.get(key);
  }

  /**
   * Draw points from the last to the first, so that popular items lie on top.
   * `at` holds scale and shift from places to pixels; `looks` the shape of each class; `sizes` gives pixels across
   * for the points from an index on, the later ones first; `shown` says of each class whether it is drawn.
   */
  points(points, classes, at, looks, sizes, shown, opacity) {
    let end = points.n;
    for (const [start, size] of sizes) {
      const sprites = looks.map((shape, kind) => {
        const sprite = this.sprite(shape, size);
        return { ...sprite, color: this.colors[kind], shares: Int32Array.from(sprite.alpha, (cover) => Math.round((cover / 255) * opacity * FULL)) };
      });
      this.stampAll(points, classes, at, sprites, shown, Math.min(end, points.n), start);
      end = Math.min(end, start);
    }
  }

  // Red and blue are mixed at once: each has eight bits of room above it.
  stampAll({ x, y }, classes, { scale, left, top }, sprites, shown, end, start) {
    const { width, height, pixels } = this;
    for (let i = end - 1; i >= start; i--) {
      if (!shown[classes[i]]) continue;
      const { half, offsets, shares, color, across, down } = sprites[classes[i]];
      const column = Math.floor(x[i] * scale + left), row = Math.floor(y[i] * scale + top);
      if (column < -half || row < -half || column >= width + half || row >= height + half) continue;
      const inside = column >= half && row >= half && column < width - half && row < height - half;
      const even = color & 0xff00ff, green = color & 0xff00, middle = row * width + column;
      for (let k = 0; k < offsets.length; k++) {
        if (!inside && (column + across[k] < 0 || column + across[k] >= width || row + down[k] < 0 || row + down[k] >= height)) continue;
        const at = middle + offsets[k], share = shares[k];
        if (share === FULL) { pixels[at] = color; continue; }
        const rest = FULL - share, before = pixels[at];
        const mixed = (((before & 0xff00ff) * rest + even * share) >>> 8) & 0xff00ff;
        pixels[at] = 0xff000000 | mixed | ((((before & 0xff00) * rest + green * share) >>> 8) & 0xff00);
      }
    }
  }
}
