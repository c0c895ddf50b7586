// The picture: points by the painter, over them rings, lines to neighbors, and the titles that fit.
import { Camera, steer } from "./map-camera.js";
import { between, Points } from "./map-points.js";
import { Painter } from "./map-paint.js";
import { short } from "./marks.js";

const REACH = 14; // pixels from the pointer to a point that is meant
const PER_TITLE = 13000; // square pixels
const MOST_TITLES = 44;
const LARGEST = 11; // pixels across
const MOVE_MS = 700;
const KEPT = 600; // titles drawn before
const TRIED = 400; // titles that find no room, before the rest are left out
const CROWD = 20000; // points: more have no more pixels than can be filled in a frame, and hide each other

export class View {
  constructor(canvas, data, on) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.ground = document.createElement("canvas"); // points; the canvas above it holds rings and titles
    this.ground.setAttribute("aria-hidden", "true");
    canvas.before(this.ground);
    this.on = on;
    this.titles = data.items.title.map((title) => short(title));
    this.n = this.titles.length;
    this.camera = new Camera(() => { this.stale = true; this.redraw(); on.moved(); });
    this.mode = null;
    this.hovered = -1;
    this.selected = -1;
    this.near = [];
    this.named = [];
    this.drawn = new Map();
    this.widths = new Map();
    steer(canvas, this.camera, {
      hover: (left, top) => this.hover(this.at(left, top)),
      leave: () => this.hover(-1),
      click: (left, top) => on.picked(this.at(left, top)),
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.look());
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  /** Put the points where a layout says; from another layout they move there. */
  place(layout) {
    // Directions mean nothing, so a wide layout stands upright on an upright screen.
    const wide = new Points(layout.x, layout.y), [left, top, right, bottom] = wide.bounds;
    const turned = (right - left > bottom - top) !== (this.width > this.height);
    const to = turned ? new Points(layout.y, layout.x) : wide, from = this.points;
    if (!from || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.points = to;
      this.fit();
      return;
    }
    const moving = { n: to.n, x: from.x.slice(), y: from.y.slice() };
    const began = performance.now();
    Object.setPrototypeOf(moving, Points.prototype);
    Object.assign(moving, { starts: to.starts, order: to.order, bounds: to.bounds });
    this.points = moving;
    this.fit();
    const step = (now) => {
      if (this.points !== moving) return;
      const share = Math.min(1, Math.max(0, now - began) / MOVE_MS);
      between(from, to, 1 - (1 - share) ** 3, moving);
      if (share === 1) this.points = to;
      this.stale = true;
      this.redraw();
      if (share < 1) requestAnimationFrame(step);
      else this.on.moved();
    };
    requestAnimationFrame(step);
  }

  color(mode) {
    this.mode = mode;
    this.shown = mode.entries.map(() => true);
    this.look();
  }

  /** Draw only these classes; none: all of them. */
  filter(chosen) {
    this.shown = this.mode.entries.map((_, place) => !chosen.size || chosen.has(place));
    this.hover(-1);
    this.stale = true;
    this.redraw();
    this.on.moved();
  }

  isShown(i) {
    return this.shown[this.mode.classes[i]];
  }

  select(i, near = []) {
    this.selected = i;
    this.near = near;
    this.redraw();
  }

  hover(i) {
    if (i === this.hovered) return;
    this.hovered = i;
    this.on.hovered(i);
    this.redraw();
  }

  at(left, top) {
    const { camera } = this;
    return this.points.nearest(...camera.toPlace(left, top), REACH / camera.scale, (i) => this.isShown(i));
  }

  pixelOf(i) {
    return this.camera.toPixel(this.points.x[i], this.points.y[i]);
  }

  isIn(left, top) {
    return left >= 0 && top >= 0 && left <= this.width && top <= this.height;
  }

  /** Indices of the shown points in view, the most popular first. */
  inView() {
    const found = [], { camera } = this;
    this.points.eachIn(...camera.toPlace(0, 0), ...camera.toPlace(this.width, this.height), (i) => {
      if (this.isShown(i) && this.isIn(...this.pixelOf(i))) found.push(i);
    });
    return Uint32Array.from(found).sort();
  }

  resize() {
    const box = this.canvas.parentElement;
    const width = Math.max(240, box.clientWidth), height = Math.max(240, box.clientHeight);
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    const coarse = Math.min(ratio, this.n > CROWD ? 1.5 : 2, Math.sqrt((this.n > CROWD ? 2e6 : 4e6) / (width * height)));
    Object.assign(this, { width, height, ratio, coarse });
    for (const [sheet, times] of [[this.canvas, ratio], [this.ground, coarse]]) {
      sheet.width = Math.round(width * times);
      sheet.height = Math.round(height * times);
      sheet.style.width = `${width}px`;
      sheet.style.height = `${height}px`;
    }
    this.painter = new Painter(this.ground.width, this.ground.height);
    this.drawn.clear();
    this.fit();
    this.look();
  }

  fit() {
    if (this.points && this.width) this.camera.fit([this.width, this.height], this.points.bounds);
  }

  look() {
    if (!this.painter || !this.mode) return;
    const style = getComputedStyle(document.documentElement), own = getComputedStyle(this.canvas);
    const color = (name) => own.getPropertyValue(name).trim();
    this.paper = style.getPropertyValue("--paper").trim();
    this.ink = style.getPropertyValue("--ink").trim();
    this.accent = color("--picked");
    this.painter.recolor(this.paper, this.mode.entries.map((entry) => color(entry.color)));
    this.drawn.clear();
    this.stale = true;
    this.redraw();
  }

  redraw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.draw(); });
  }

  draw() {
    if (!this.painter || !this.points || !this.mode) return;
    const { context, ratio } = this;
    if (this.stale) this.paint();
    this.stale = false;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    this.drawLines();
    this.drawTitles();
  }

  // Sizes fall with popularity and rise with the zoom, less than it does.
  sizes() {
    const { n, camera, coarse } = this;
    const room = Math.sqrt((this.width * this.height) / Math.max(n, 1));
    const size = Math.min(LARGEST, Math.max(2.4, room * 0.42) * camera.zoom ** 0.38);
    const across = (times) => Math.round(Math.min(LARGEST, size * times) * coarse * 2) / 2;
    return [[Math.ceil(n * 0.12), across(1)], [Math.ceil(n * 0.015), across(1.3)], [0, across(1.7)]];
  }

  paint() {
    const { painter, camera, coarse, points, mode, shown } = this;
    const [left, top] = camera.shift;
    const at = { scale: camera.scale * coarse, left: left * coarse, top: top * coarse };
    const shapes = mode.entries.map((entry) => entry.shape), sizes = this.sizes();
    painter.clear();
    if (shown.includes(false)) painter.points(points, mode.classes, at, shapes, sizes, shown.map((is) => !is), 0.09);
    painter.points(points, mode.classes, at, shapes, sizes, shown, this.selected >= 0 ? 0.5 : this.n > CROWD ? 1 : 0.88);
    this.ground.getContext("2d").putImageData(painter.picture, 0, 0);
  }

  drawLines() {
    const { context } = this;
    const ring = (i, radius, color, width) => {
      const [left, top] = this.pixelOf(i);
      context.beginPath();
      context.arc(left, top, radius, 0, 2 * Math.PI);
      context.lineWidth = width + 2.5;
      context.strokeStyle = this.paper;
      context.stroke();
      context.lineWidth = width;
      context.strokeStyle = color;
      context.stroke();
    };
    if (this.selected >= 0) {
      const from = this.pixelOf(this.selected);
      context.lineWidth = 1;
      context.strokeStyle = this.accent;
      for (const i of this.near) {
        context.beginPath();
        context.moveTo(...from);
        context.lineTo(...this.pixelOf(i));
        context.stroke();
      }
      for (const i of this.near) ring(i, 6, this.accent, 1.5);
      ring(this.selected, 10, this.accent, 3);
    }
    if (this.hovered >= 0) ring(this.hovered, 8, this.ink, 2);
  }

  // The titles that fit, whole: not over one another, not below the buttons or the card, not past the edge.
  drawTitles() {
    const most = Math.min(MOST_TITLES, (this.width * this.height) / PER_TITLE), taken = [], covered = this.covered();
    let missed = 0;
    const put = (i, bold) => {
      const [x, y] = this.pixelOf(i);
      if (!this.isIn(x, y)) return;
      const half = this.widthOf(i, bold) / 2 + 3;
      const left = Math.min(this.width - half - 2, Math.max(half + 2, x)), top = y - (bold ? 19 : 12);
      const isApart = (other, far) => Math.abs(left - other.left) >= half + other.half || Math.abs(top - other.top) >= far + (other.tall ?? 0);
      const isFree = top > 9 && (bold || Math.abs(left - x) < 1) && taken.every((other) => isApart(other, 15))
        && covered.every((other) => isApart(other, 9));
      if (!isFree) { missed++; return; }
      taken.push({ i, left, top, half });
      const { canvas, width, height } = this.title(i, bold);
      this.context.drawImage(canvas, left - width / 2, top - height / 2, width, height);
    };
    if (this.selected >= 0) {
      put(this.selected, true);
      for (const i of this.near) put(i, false);
    }
    for (let i = 0; i < this.n && taken.length < most && missed < TRIED; i++) {
      if (this.isShown(i) && i !== this.selected && !this.near.includes(i)) put(i, false);
    }
    this.named = taken;
  }

  // What lies over the picture, as the middle and half the size of each.
  covered() {
    const frame = this.canvas.getBoundingClientRect();
    return [...this.canvas.parentElement.querySelectorAll(".zoom, .card:not([hidden])")].map((one) => {
      const box = one.getBoundingClientRect();
      return { left: box.left - frame.left + box.width / 2, top: box.top - frame.top + box.height / 2, half: box.width / 2, tall: box.height / 2 };
    });
  }

  fontOf(bold) {
    return `${bold ? 700 : 450} ${bold ? 13 : 11.5}px system-ui, sans-serif`;
  }

  // Pixels that a title takes; measured once.
  widthOf(i, bold) {
    const key = bold ? -i - 1 : i;
    if (!this.widths.has(key)) {
      this.context.font = this.fontOf(bold);
      this.widths.set(key, Math.ceil(this.context.measureText(this.titles[i]).width));
    }
    return this.widths.get(key);
  }

  // A title with an edge of paper, drawn once: text with an edge is what a canvas is slowest at.
  title(i, bold) {
    const key = bold ? -i - 1 : i;
    const kept = this.drawn.get(key);
    if (kept) return kept;
    const canvas = document.createElement("canvas"), font = this.fontOf(bold);
    const width = this.widthOf(i, bold) + 8, height = 20, ratio = this.ratio;
    canvas.width = Math.ceil(width * ratio);
    canvas.height = Math.ceil(height * ratio);
    const own = canvas.getContext("2d");
    own.scale(ratio, ratio);
    Object.assign(own, { font, textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4, strokeStyle: this.paper, fillStyle: this.ink });
    own.strokeText(this.titles[i], width / 2, height / 2);
    own.fillText(this.titles[i], width / 2, height / 2);
    if (this.drawn.size > KEPT) this.drawn.clear();
    const made = { canvas, width, height };
    this.drawn.set(key, made);
    return made;
  }
}
