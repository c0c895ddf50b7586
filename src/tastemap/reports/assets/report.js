// Each chart is already there as a drawing; here it is drawn again, to fit its place and to answer the pointer.
// "ast" has Vega interpret its expressions instead of compiling them, so that the page can forbid eval.
function draw(holder, renderer, text) {
  const still = holder.firstElementChild;
  const place = document.createElement("div");
  place.className = "drawing";
  holder.append(place);
  const options = {
    mode: "vega-lite",
    renderer,
    actions: false,
    ast: true,
    defaultStyle: false,
    logLevel: 1, // errors: a search that finds nothing is not worth a warning
    tooltip: { disableDefaultStyle: true },
  };
  return vegaEmbed(place, JSON.parse(text), options).then(
    // Once more, as a legend that wraps on a narrow screen has its height only now.
    (drawn) => drawn.view.resize().runAsync().then(() => {
      place.classList.remove("drawing");
      grow(place);
      drawn.view.addResizeListener(() => setTimeout(() => grow(place)));
      for (const drawing of place.querySelectorAll("svg")) drawing.setAttribute("aria-hidden", "true");
      return { drawn, place, still };
    }),
  ).catch((error) => { place.remove(); console.error(error); });
}

// A legend that wraps on a narrow screen is taller than Vega has reckoned: the drawing grows by what stands out.
function grow(place) {
  for (const drawing of place.querySelectorAll("svg.marks")) {
    const box = drawing.getBBox(), [left, top, width, height] = drawing.getAttribute("viewBox").split(" ").map(Number);
    const needed = Math.ceil(box.y + box.height);
    if (needed <= height) continue;
    drawing.setAttribute("height", needed);
    drawing.setAttribute("viewBox", `${left} ${top} ${width} ${needed}`);
  }
}

const specOf = (holder) => document.getElementById(holder.dataset.spec).textContent;

for (const holder of document.querySelectorAll(".chart[data-spec]:not([data-renderer])")) {
  draw(holder, "svg", specOf(holder)).then((done) => done?.still.remove());
}

// A canvas knows no style sheet: it is drawn with the colors of the moment, once it comes near, and again when
// the colors change. Its image stays, for print.
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function drawCanvas(holder) {
  const style = getComputedStyle(document.documentElement);
  const text = specOf(holder).replace(/var\((--[a-z]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  draw(holder, "canvas", text).then((done) => {
    if (!done) return;
    holder.classList.add("drawn");
    dark.addEventListener("change", () => {
      done.drawn.finalize();
      done.place.remove();
      drawCanvas(holder);
    }, { once: true });
  });
}

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    drawCanvas(entry.target);
  }
}, { rootMargin: "400px" });
for (const holder of document.querySelectorAll(".chart[data-renderer=canvas]")) near.observe(holder);

// --- for the scripts of single parts

const counted = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
