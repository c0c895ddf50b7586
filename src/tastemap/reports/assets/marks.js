// Symbols and titles of maps, for the scripts of a report, which have no modules, and for those of the explorer.
export const OUTLINES = { // in a square from -1 to 1
  "square": [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  "triangle-up": [[0, -1.1], [1.1, 0.9], [-1.1, 0.9]],
  "triangle-down": [[0, 1.1], [1.1, -0.9], [-1.1, -0.9]],
  "triangle-right": [[1.1, 0], [-0.9, 1.1], [-0.9, -1.1]],
  "diamond": [[0, -1.25], [1, 0], [0, 1.25], [-1, 0]],
  "cross": [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1],
    [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]],
};

// A title as a label: without its year, cut where it is long.
export const short = (title) => {
  const name = title.replace(/\s*\(\d{4}\)\s*$/, "") || title;
  return name.length <= 24 ? name : name.slice(0, 23).trimEnd() + "…";
};

export const bare = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

export function outline(context, shape, x, y, radius) {
  context.beginPath();
  if (shape === "circle") context.arc(x, y, radius, 0, 2 * Math.PI);
  else {
    for (const [across, down] of OUTLINES[shape]) context.lineTo(x + across * radius, y + down * radius);
    context.closePath();
  }
}

function sheet(side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  return canvas.getContext("2d", { willReadFrequently: true });
}

// The color of a style as one number of a picture's pixels, as this processor orders their bytes.
export function pixelOf(color) {
  const context = sheet(1);
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0];
}

// A symbol `size` pixels across: the places of its pixels beside its middle, and how much each covers, 0 to 255.
export function cover(shape, size) {
  const side = Math.ceil(size + 2) | 1, half = side >> 1;
  const context = sheet(side);
  outline(context, shape, side / 2, side / 2, size / 2);
  context.fill();
  const drawn = context.getImageData(0, 0, side, side).data;
  const across = [], down = [], alpha = [];
  for (let at = 0; at < side * side; at++) {
    if (!drawn[4 * at + 3]) continue;
    across.push((at % side) - half);
    down.push(Math.floor(at / side) - half);
    alpha.push(drawn[4 * at + 3]);
  }
  return { across: Int32Array.from(across), down: Int32Array.from(down), alpha };
}
