// Maps of items, drawn on a canvas without Vega, which takes too long to draw ten thousand points in each frame.
// A point has a base position, in pixels of the whole plot; what is seen of it is base * zoom + shift.
const PAD = 24; // pixels between the edge and the outermost points
const REACH = 14; // pixels from the pointer to a point that is told
const CELL = 24; // pixels of a cell of the grid in which points are looked up
const LABELS = 40; // at most, and one for each 18 pixels across
const RINGS = 500, NAMED = 20; // of what a search finds; more cover each other
const FARTHEST = 40; // zoom

// Colors of the moment: those of light or of dark.
function colorOf(text) {
  const name = /^var\((--[a-z]+)\)$/.exec(text)?.[1];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : text;
}

// Steps of 1, 2 or 5 times a power of ten, about `n` of them.
function ticks(low, high, n) {
  const raw = (high - low) / n, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= raw);
  const values = [];
  for (let at = Math.ceil(low / step); at * step <= high; at++) values.push(at * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return values.map((value) => [value, value.toFixed(digits).replace("-", "−")]);
}

const tip = element("div", { class: "tip", role: "tooltip", hidden: "" });
document.body.append(tip);

class Plot {
  constructor(holder, data) {
    this.holder = holder;
    this.data = data;
    this.n = data.title.length;
    this.words = data.title.map(bare);
    this.labels = data.title.map(short);
    this.shown = new Set(); // genres; none: all of them
    this.found = [];
    this.hovered = -1;
    this.axes = [data.across, data.up];
    this.pointers = new Map();
    this.canvas = element("canvas", { tabindex: "0", role: "img", "aria-label": holder.getAttribute("aria-label") });
    this.context = this.canvas.getContext("2d");
    this.told = element("output", { class: "note" });
    holder.append(this.controls(), this.told, this.canvas, this.legend());
    holder.classList.add("drawn");
    holder.plot = this;
    this.listen();
    this.reset();
    this.resize();
  }

  // --- what there is to type, to choose and to press

  controls() {
    const row = element("div", { class: "controls" });
    const box = element("input", { type: "search", placeholder: "part of a title", autocomplete: "off" });
    box.addEventListener("input", () => this.search(box.value));
    row.append(element("label", {}, "Find", box));
    if (this.data.axes.length > 2) row.append(this.choice("Across", 0), this.choice("Up", 1));
    const buttons = element("span", { class: "buttons" });
    for (const [text, said, act] of [
      ["+", "Zoom in", () => this.zoom(1.5)],
      ["−", "Zoom out", () => this.zoom(1 / 1.5)],
      ["Whole", "Show the whole map", () => { this.reset(); this.redraw(); }],
    ]) {
      const button = element("button", { type: "button", "aria-label": said }, text);
      button.addEventListener("click", act);
      buttons.append(button);
    }
    row.append(buttons);
    return row;
  }

  choice(said, side) {
    const select = element("select");
    this.data.axes.forEach((axis, place) => select.append(element("option", { value: place }, axis.label)));
    select.value = this.axes[side];
    select.addEventListener("change", () => {
      this.axes[side] = Number(select.value);
      this.reset();
      this.resize();
    });
    return element("label", {}, said, select);
  }

  legend() {
    const row = element("div", { class: "legend", role: "group", "aria-label": "Genres to show" });
    if (this.data.looks.length < 2) return row;
    this.data.looks.forEach((look, genre) => {
      const swatch = element("canvas", { width: 28, height: 28, "aria-hidden": "true" });
      const button = element("button", { type: "button", "aria-pressed": "false" }, swatch, look.name);
      button.addEventListener("click", () => {
        if (!this.shown.delete(genre)) this.shown.add(genre);
        button.setAttribute("aria-pressed", this.shown.has(genre));
        row.classList.toggle("filtered", this.shown.size > 0);
        this.tell(-1);
        this.redraw();
      });
      look.swatch = swatch;
      row.append(button);
    });
    return row;
  }

  search(text) {
    const wanted = bare(text.trim());
    this.found = [];
    if (wanted.length > 1) {
      for (let i = 0; i < this.n; i++) if (this.words[i].includes(wanted)) this.found.push(i);
      const titles = this.found.slice(0, 3).map((i) => this.data.title[i]).join("; ");
      const more = this.found.length > 3 ? "; …" : "";
      this.told.textContent = this.found.length
        ? `${counted(this.found.length, "item")} found: ${titles}${more}` : "No title has that.";
      if (this.found.length && !this.found.some((i) => this.inside(...this.place(i)))) {
        this.reset();
        this.redraw();
      }
    } else this.told.textContent = "";
    this.redraw(false);
  }

  // --- where points are

  resize() {
    const width = Math.max(260, this.holder.clientWidth);
    const scale = window.devicePixelRatio || 1;
    this.width = width;
    this.height = Math.round(Math.min(560, Math.max(340, width * 0.9)));
    this.left = this.data.ticks ? 44 : 0;
    this.bottom = this.data.ticks ? 40 : 0;
    this.scale = scale;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(this.height * scale);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.picture = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Uint32Array(this.picture.data.buffer);
    this.layOut();
    this.look();
    this.redraw();
  }

  layOut() {
    const sizes = [this.width - this.left, this.height - this.bottom];
    this.spans = this.axes.map((axis) => {
      const values = this.data.axes[axis].values;
      let low = Infinity, high = -Infinity;
      for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
      return [low, high > low ? high : low + 1];
    });
    [this.x, this.y] = this.axes.map((axis, side) => {
      const [low, high] = this.spans[side];
      const factor = (sizes[side] - 2 * PAD) / (high - low);
      const at = Float32Array.from(this.data.axes[axis].values, (value) => PAD + (value - low) * factor);
      return side ? at.map((up) => sizes[1] - up) : at.map((across) => this.left + across);
    });
    this.cells = new Map();
    for (let i = 0; i < this.n; i++) {
      const key = Math.floor(this.x[i] / CELL) * 4096 + Math.floor(this.y[i] / CELL);
      if (!this.cells.has(key)) this.cells.set(key, []);
      this.cells.get(key).push(i);
    }
  }

  place(i) {
    return [this.x[i] * this.zoomed + this.shift[0], this.y[i] * this.zoomed + this.shift[1]];
  }

  inside(x, y) {
    return x >= this.left && x <= this.width && y >= 0 && y <= this.height - this.bottom;
  }

  isShown(i) {
    return !this.shown.size || this.shown.has(this.data.genre[i]);
  }

  // The shown point nearest to a place on the canvas, within reach; -1: none.
  nearest(x, y) {
    const across = (x - this.shift[0]) / this.zoomed, down = (y - this.shift[1]) / this.zoomed;
    const reach = REACH / this.zoomed;
    let best = -1, least = reach * reach;
    for (let column = Math.floor((across - reach) / CELL); column <= (across + reach) / CELL; column++) {
      for (let row = Math.floor((down - reach) / CELL); row <= (down + reach) / CELL; row++) {
        for (const i of this.cells.get(column * 4096 + row) ?? []) {
          const far = (this.x[i] - across) ** 2 + (this.y[i] - down) ** 2;
          if (far < least && this.isShown(i)) { best = i; least = far; }
        }
      }
    }
    return best;
  }

  // --- moving about

  reset() {
    this.zoomed = 1;
    this.shift = [0, 0];
    this.tell(-1);
  }

  zoom(times, x = this.width / 2, y = this.height / 2) {
    const before = this.zoomed;
    this.zoomed = Math.min(FARTHEST, Math.max(1, before * times));
    const factor = this.zoomed / before;
    this.shift = [x - (x - this.shift[0]) * factor, y - (y - this.shift[1]) * factor];
    this.pan(0, 0);
  }

  pan(x, y) {
    // Half of what is seen stays filled.
    const kept = (at, size) => Math.min(size / 2, Math.max(size / 2 - size * this.zoomed, at));
    this.shift = [kept(this.shift[0] + x, this.width), kept(this.shift[1] + y, this.height)];
    this.redraw();
  }

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => {
      this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
      if (event.pointerType !== "touch") canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => this.moved(event));
    for (const over of ["pointerup", "pointercancel", "pointerleave"]) {
      canvas.addEventListener(over, (event) => {
        this.pointers.delete(event.pointerId);
        if (over === "pointerup") this.hover(event);
        else this.tell(-1);
      });
    }
    canvas.addEventListener("wheel", (event) => {
      // Turning the wheel scrolls the page, unless a key is held.
      if (!(event.shiftKey || event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      // With Shift some systems turn sideways.
      this.zoom(Math.exp(-(event.deltaY || event.deltaX) / 300), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("dblclick", () => { this.reset(); this.redraw(); });
    canvas.addEventListener("keydown", (event) => this.pressed(event));
    dark.addEventListener("change", () => { this.look(); this.redraw(); });
    new ResizeObserver(() => { if (Math.max(260, this.holder.clientWidth) !== this.width) this.resize(); }).observe(this.holder);
  }

  moved(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) { this.hover(event); return; }
    const now = [event.offsetX, event.offsetY];
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    // One finger scrolls the page; two move and zoom.
    if (event.pointerType === "touch" && !other) return;
    this.pointers.set(event.pointerId, now);
    this.tell(-1);
    if (other) {
      const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
      this.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    }
    const share = other ? 0.5 : 1;
    this.pan((now[0] - before[0]) * share, (now[1] - before[1]) * share);
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60;
    const acts = {
      ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0),
      ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
      "+": () => this.zoom(1.5), "=": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5),
      "0": () => { this.reset(); this.redraw(); }, Escape: () => this.tell(-1),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  hover(event) {
    this.tell(this.inside(event.offsetX, event.offsetY) ? this.nearest(event.offsetX, event.offsetY) : -1);
  }

  // Say what a point is; -1: nothing.
  tell(i) {
    if (i === this.hovered) return;
    this.hovered = i;
    tip.hidden = i < 0;
    if (i >= 0) {
      const { title, genres, named, popularity } = this.data;
      tip.replaceChildren(
        element("strong", {}, title[i]), element("span", {}, named[genres[i]]),
        element("span", {}, counted(popularity[i], "interaction")),
      );
      const box = this.canvas.getBoundingClientRect();
      const [x, y] = this.place(i);
      // On the side with more room: to measure the tip would have the browser lay out the page in each frame.
      const [left, top] = [box.left + x, box.top + y];
      const isRight = left > window.innerWidth / 2, isLow = top > window.innerHeight / 2;
      tip.style.left = `${left + (isRight ? -12 : 12)}px`;
      tip.style.top = `${top + (isLow ? -12 : 12)}px`;
      tip.style.transform = `translate(${isRight ? "-100%" : 0}, ${isLow ? "-100%" : 0})`;
    }
    this.redraw(false);
  }

  // --- drawing

  look() {
    const names = ["ink", "muted", "grid", "paper"];
    this.colors = Object.fromEntries(names.map((name) => [name, colorOf(`var(--${name})`)]));
    this.paper = pixelOf(this.colors.paper);
    this.hair = pixelOf(this.colors.grid);
    const size = this.width < 500 || this.n > 4000 ? 5.2 : 6.6; // pixels
    this.symbols = this.data.looks.map(({ shape, color, swatch }) => {
      if (swatch) {
        const context = swatch.getContext("2d");
        context.clearRect(0, 0, 28, 28);
        context.fillStyle = colorOf(color);
        outline(context, shape, 14, 14, 9);
        context.fill();
      }
      return { ...cover(shape, size * this.scale), color: pixelOf(colorOf(color)) };
    });
  }

  // Points stay as they are mixed where only rings and titles change.
  redraw(stale = true) {
    this.stale ||= stale;
    if (this.asked || !this.symbols) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.draw(); });
  }

  draw() {
    const { context, width, height } = this;
    const lines = this.data.ticks ? this.lines() : [[], []];
    if (this.stale) {
      this.pixels.fill(this.paper);
      this.drawGrid(lines);
      if (this.shown.size) this.drawPoints(0.07, (i) => !this.isShown(i));
      this.drawPoints(0.85, (i) => this.isShown(i));
      this.stale = false;
    }
    context.putImageData(this.picture, 0, 0);
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    if (this.data.ticks) this.drawAxes(lines);
    context.save();
    context.beginPath();
    context.rect(this.left, 0, width - this.left, height - this.bottom);
    context.clip();
    const searching = this.found.length > 0;
    this.drawRings(searching ? this.found.slice(0, RINGS) : []);
    if (searching) this.drawTitles(this.found.slice(0, NAMED), true);
    else this.drawTitles(null, false);
    context.restore();
  }

  // From the least popular on, so that those that people know lie on top. The pixels are mixed here: calls of the
  // canvas for ten thousand symbols take several times as long.
  drawPoints(opacity, wanted) {
    const { x, y, zoomed, symbols, data, scale } = this;
    const [across, down] = this.shift;
    const columns = this.canvas.width, first = Math.round(this.left * scale);
    const rows = Math.round((this.height - this.bottom) * scale);
    for (let i = this.n - 1; i >= 0; i--) {
      const column = Math.round((x[i] * zoomed + across) * scale), row = Math.round((y[i] * zoomed + down) * scale);
      if (column < first || row < 0 || column >= columns || row >= rows || !wanted(i)) continue;
      const drawn = symbols[data.genre[i]];
      for (let at = 0; at < drawn.alpha.length; at++) {
        const right = column + drawn.across[at], below = row + drawn.down[at];
        if (right >= first && right < columns && below >= 0 && below < rows) {
          this.mix(below * columns + right, drawn.color, drawn.alpha[at] * opacity);
        }
      }
    }
  }

  // Red and blue at once: each has eight bits of room above it.
  mix(at, color, alpha) {
    const share = (alpha * 256 / 255) | 0, before = this.pixels[at];
    const even = ((before & 0xff00ff) * (256 - share) + (color & 0xff00ff) * share) >>> 8;
    const green = ((before & 0xff00) * (256 - share) + (color & 0xff00) * share) >>> 8;
    this.pixels[at] = 0xff000000 | (even & 0xff00ff) | (green & 0xff00);
  }

  drawGrid([across, up]) {
    const { scale, canvas, pixels } = this;
    const first = Math.round(this.left * scale), rows = Math.round((this.height - this.bottom) * scale);
    for (const [x] of across) {
      const column = Math.round(x * scale);
      for (let row = 0; row < rows; row++) if (column < canvas.width) pixels[row * canvas.width + column] = this.hair;
    }
    for (const [y] of up) {
      const row = Math.round(y * scale);
      if (row >= 0 && row < rows) pixels.fill(this.hair, row * canvas.width + first, (row + 1) * canvas.width);
    }
  }

  drawRings(rings) {
    const { context } = this;
    context.strokeStyle = this.colors.ink;
    context.lineWidth = 2.5;
    for (const i of this.hovered < 0 ? rings : [...rings, this.hovered]) {
      const [x, y] = this.place(i);
      context.beginPath();
      context.arc(x, y, 7.5, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  // Titles that fit beside those before them, the most popular items first.
  drawTitles(items, bold) {
    const { context } = this;
    const size = bold ? 12 : 11, up = bold ? 15 : 9;
    context.font = `${bold ? 700 : 400} ${size}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = this.colors.paper;
    context.fillStyle = this.colors.ink;
    const taken = [], most = Math.min(LABELS, this.width / 18);
    for (let place = 0; place < (items ?? this.words).length && taken.length < most; place++) {
      const i = items ? items[place] : place;
      const [x, y] = this.place(i);
      if (!this.inside(x, y) || (!bold && !this.isShown(i))) continue;
      const half = this.widthOf(i, bold) / 2 + 3;
      const center = Math.min(this.width - half, Math.max(this.left + half, x)), middle = y - up;
      if (middle < size / 2 + 1) continue;
      if (taken.some(([left, level, reach]) => Math.abs(center - left) < half + reach && Math.abs(middle - level) < size + 3)) continue;
      taken.push([center, middle, half]);
      context.strokeText(this.labels[i], center, middle);
      context.fillText(this.labels[i], center, middle);
    }
    this.named = taken; // for who wants to know whether they overlap
  }

  widthOf(i, bold) {
    const known = (this.widths ??= [new Map(), new Map()])[Number(bold)];
    if (!known.has(i)) known.set(i, this.context.measureText(this.labels[i]).width);
    return known.get(i);
  }

  // Where lines of the grid lie, with their figures: across and up.
  lines() {
    const ends = [[this.left, this.width], [this.height - this.bottom, 0]];
    return ends.map(([start, end], side) => {
      const [low, high] = this.spans[side];
      const size = Math.abs(end - start) - 2 * PAD, way = side ? -1 : 1;
      const toValue = (pixel) => {
        const base = (pixel - this.shift[side]) / this.zoomed;
        return low + ((way * (base - start) - PAD) / size) * (high - low);
      };
      const toPixel = (value) => {
        const base = start + way * (PAD + ((value - low) / (high - low)) * size);
        return base * this.zoomed + this.shift[side];
      };
      return ticks(toValue(start), toValue(end), Math.abs(end - start) / (side ? 90 : 110))
        .map(([value, text]) => [toPixel(value), text]);
    });
  }

  drawAxes([across, up]) {
    const { context, left, width, height } = this;
    const floor = height - this.bottom;
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = this.colors.muted;
    context.textBaseline = "middle";
    context.textAlign = "center";
    for (const [x, text] of across) context.fillText(text, Math.min(x, width - 12), floor + 12);
    context.textAlign = "right";
    for (const [y, text] of up) context.fillText(text, left - 8, Math.min(floor - 6, Math.max(7, y)));
    context.textAlign = "left";
    const [first, second] = this.axes.map((axis) => this.data.axes[axis].label);
    context.fillText(`across: ${first}; up: ${second}`, left, height - 8);
  }
}

const nearPlots = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    nearPlots.unobserve(entry.target);
    new Plot(entry.target, JSON.parse(specOf(entry.target)));
  }
}, { rootMargin: "400px" });
for (const holder of document.querySelectorAll(".plot")) nearPlots.observe(holder);
