// What part of a map is seen, and what moves it: mouse, fingers, wheel and keys.
const PAD = 28; // pixels between the edge and the outermost points
const FARTHEST = 60; // zoom
const STEP = 80; // pixels of an arrow key
const CLICK = 5; // pixels that a press may move and still be a click

export class Camera {
  constructor(changed) {
    this.changed = changed;
    this.zoom = 1;
    this.shift = [0, 0];
    this.size = [1, 1];
    this.bounds = [0, 0, 1, 1];
  }

  /** The whole map, as large as it fits into `size`; what was looked at stays in the middle. */
  fit(size, bounds) {
    const middle = this.base ? this.toPlace(this.size[0] / 2, this.size[1] / 2) : null;
    this.size = size;
    this.bounds = bounds;
    const [left, top, right, bottom] = bounds, pad = Math.min(PAD, size[0] * 0.06);
    this.base = Math.min((size[0] - 2 * pad) / (right - left || 1), (size[1] - 2 * pad) / (bottom - top || 1));
    if (this.zoom > 1 && middle) this.center(...middle, this.zoom);
    else this.reset();
  }

  get scale() {
    return this.base * this.zoom;
  }

  toPixel(x, y) {
    return [x * this.scale + this.shift[0], y * this.scale + this.shift[1]];
  }

  toPlace(left, top) {
    return [(left - this.shift[0]) / this.scale, (top - this.shift[1]) / this.scale];
  }

  reset() {
    const [left, top, right, bottom] = this.bounds;
    this.center((left + right) / 2, (top + bottom) / 2, 1);
  }

  center(x, y, zoom) {
    this.zoom = Math.min(FARTHEST, Math.max(1, zoom));
    this.shift = [this.size[0] / 2 - x * this.scale, this.size[1] / 2 - y * this.scale];
    this.changed();
  }

  pan(across, down) {
    // The middle of what is seen stays on the map.
    const [left, top, right, bottom] = this.bounds;
    const kept = (value, low, high, middle) => Math.min(middle - low * this.scale, Math.max(middle - high * this.scale, value));
    this.shift = [kept(this.shift[0] + across, left, right, this.size[0] / 2), kept(this.shift[1] + down, top, bottom, this.size[1] / 2)];
    this.changed();
  }

  zoomBy(times, left = this.size[0] / 2, top = this.size[1] / 2) {
    const before = this.zoom;
    this.zoom = Math.min(FARTHEST, Math.max(1, before * times));
    const factor = this.zoom / before;
    this.shift = [left - (left - this.shift[0]) * factor, top - (top - this.shift[1]) * factor];
    if (this.zoom === 1 && before > 1) this.reset();
    else this.pan(0, 0);
  }

  /** Move there within a moment, or at once for those who want no motion. */
  fly(x, y, zoom) {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still) { this.center(x, y, zoom); return; }
    const from = this.toPlace(this.size[0] / 2, this.size[1] / 2), before = this.zoom, began = performance.now();
    const own = (this.flight = {});
    const step = (now) => {
      if (this.flight !== own) return;
      const share = Math.min(1, Math.max(0, now - began) / 420), eased = 1 - (1 - share) ** 3;
      const at = (side, to) => from[side] + (to - from[side]) * eased;
      this.center(at(0, x), at(1, y), before * (zoom / before) ** eased);
      if (share < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  land() {
    this.flight = null;
  }
}

/** Let a canvas move a camera; `on` is told of `hover(left, top)`, `leave()` and `click(left, top, event)`. */
export function steer(canvas, camera, on) {
  const pointers = new Map();
  let travelled = 0;
  const at = (event) => [event.offsetX, event.offsetY];

  canvas.addEventListener("pointerdown", (event) => {
    camera.land();
    pointers.set(event.pointerId, at(event));
    canvas.setPointerCapture(event.pointerId);
    travelled = pointers.size > 1 ? Infinity : 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId), now = at(event);
    if (!before) { on.hover(...now); return; }
    travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (travelled <= CLICK) return;
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    on.leave();
    if (other) {
      const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
      camera.zoomBy(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    }
    const share = other ? 0.5 : 1; // of two fingers each moves the map by half
    camera.pan((now[0] - before[0]) * share, (now[1] - before[1]) * share);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (pointers.delete(event.pointerId) && travelled <= CLICK) on.click(...at(event), event);
  });
  canvas.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => on.leave());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    camera.land();
    const lines = event.deltaMode ? 16 : 1;
    camera.zoomBy(Math.exp(-Math.max(-60, Math.min(60, event.deltaY * lines)) / 200), ...at(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", () => { camera.land(); camera.reset(); });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      ArrowLeft: () => camera.pan(STEP, 0), ArrowRight: () => camera.pan(-STEP, 0),
      ArrowUp: () => camera.pan(0, STEP), ArrowDown: () => camera.pan(0, -STEP),
      "+": () => camera.zoomBy(1.5), "=": () => camera.zoomBy(1.5), "-": () => camera.zoomBy(1 / 1.5),
      "0": () => camera.reset(), Enter: () => on.click(camera.size[0] / 2, camera.size[1] / 2, event),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    camera.land();
    acts[event.key]();
  });
}
