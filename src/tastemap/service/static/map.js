// The page of the map: what is chosen, found, told and listed around the picture.
import { ask, counted, element, thing } from "./dom.js";
import { Card } from "./map-card.js";
import { modesOf } from "./map-colors.js";
import { legendOf } from "./map-legend.js";
import { View } from "./map-view.js";
import { combobox } from "./search.js";

const ASK_EVERY = 1500; // milliseconds, while a layout is worked on
const QUIET = 140; // milliseconds without motion before the list follows
const LISTED = 40;

const stage = document.querySelector("#stage");
const canvas = stage.querySelector("canvas");
const told = document.querySelector("#told");
const about = document.querySelector("#about-layout");

async function open() {
  const data = await ask("/map.json");
  const places = new Map(data.items.item_id.map((id, i) => [String(id), i]));
  const layouts = new Map(data.layouts.map((layout) => [layout.name, layout]));
  const tip = stage.querySelector(".tip"), list = document.querySelector("#in-view"), total = document.querySelector("#in-view-count");
  let quiet = 0;

  const view = new View(canvas, data, {
    moved: () => { clearTimeout(quiet); quiet = setTimeout(follow, QUIET); },
    picked: (i) => { if (i >= 0) select(i); else card.close(); },
    hovered: tell,
  });
  stage.view = view;

  const card = new Card(stage.querySelector(".card"), data, {
    pick: (id) => select(places.get(String(id)), true),
    closed: () => { view.select(-1); view.stale = true; history.replaceState(null, "", location.pathname + location.search); canvas.focus({ preventScroll: true }); },
  });

  function tell(i) {
    tip.hidden = i < 0;
    if (i < 0) return;
    tip.replaceChildren(element("strong", {}, data.items.title[i]), element("span", {}, card.summary(i)));
    const [left, top] = view.pixelOf(i), isRight = left > view.width / 2, isLow = top > view.height / 2;
    tip.style.left = `${left + (isRight ? -14 : 14)}px`;
    tip.style.top = `${top + (isLow ? -14 : 14)}px`;
    tip.style.transform = `translate(${isRight ? "-100%" : 0}, ${isLow ? "-100%" : 0})`;
  }

  /** Mark an item and its neighbors; `far`: it may be out of sight, so go there. */
  async function select(i, far = false) {
    if (i === undefined) return;
    const id = data.items.item_id[i];
    history.replaceState(null, "", `#item=${encodeURIComponent(id)}`);
    if (!view.isShown(i)) legend.clear();
    view.stale = true;
    view.select(i);
    view.hover(-1);
    if (far) {
      // On a narrow screen the card covers the lower part of the map.
      const zoom = Math.max(view.camera.zoom, 4), up = view.width < 560 ? (0.27 * view.height) / (view.camera.base * zoom) : 0;
      view.camera.fly(view.points.x[i], view.points.y[i] + up, zoom);
    }
    const near = await card.show(i);
    if (view.selected === i) view.select(i, near.map((other) => places.get(String(other.item_id))).filter((other) => other !== undefined));
  }

  // The list mirrors the picture, for those who do not see it or have no mouse.
  function follow() {
    const found = view.inView();
    total.textContent = `${counted(found.length, thing.one, thing.many)} in view` +
      (found.length > LISTED ? `; the ${LISTED} most popular:` : ".");
    list.replaceChildren(...Array.from(found.slice(0, LISTED), (i) => {
      const button = element("button", { type: "button", class: "row" }, element("span", {}, data.items.title[i]),
        element("span", { class: "number" }, data.items.popularity[i].toLocaleString("en")));
      button.addEventListener("click", () => select(i, true));
      button.addEventListener("focus", () => view.hover(i));
      button.addEventListener("blur", () => view.hover(-1));
      button.addEventListener("pointerenter", () => view.hover(i));
      button.addEventListener("pointerleave", () => view.hover(-1));
      return element("li", {}, button);
    }));
  }

  const modes = modesOf(data);
  const legend = legendOf(document.querySelector("#legend"), (chosen) => view.filter(chosen));
  const colors = document.querySelector("#color");
  colors.replaceChildren(...modes.map((mode) => element("option", { value: mode.name }, mode.label)));
  colors.disabled = false;
  const recolor = () => {
    const mode = modes.find((one) => one.name === colors.value) ?? modes[0];
    legend.show(mode, canvas);
    view.color(mode);
  };
  colors.addEventListener("change", () => { recolor(); follow(); });

  const chosen = document.querySelector("#layout");
  chosen.replaceChildren(...data.layouts.map((layout) => element("option", { value: layout.name, disabled: layout.state !== "ready" }, layout.label)));
  chosen.disabled = false;
  let byHand = false;
  const lay = (name) => {
    const layout = layouts.get(name);
    chosen.value = name;
    view.place(layout);
    about.textContent = layout.sentence;
  };
  chosen.addEventListener("change", () => { byHand = true; lay(chosen.value); });

  // Until t-SNE is done the principal components are shown, and how far it is.
  async function watch(name) {
    const layout = layouts.get(name);
    const progress = document.querySelector("#progress"), bar = progress.querySelector("progress");
    progress.hidden = layout.state !== "working";
    bar.max = layout.total || 1;
    if (layout.done) bar.value = layout.done; else bar.removeAttribute("value");
    if (layout.state === "working") {
      await new Promise((done) => setTimeout(done, ASK_EVERY));
      layouts.set(name, await ask(`/map.json?layout=${name}`));
      await watch(name);
    } else if (layout.state === "ready") {
      chosen.querySelector(`[value=${name}]`).disabled = false;
      if (!byHand && chosen.value !== name) lay(name);
    } else told.textContent = layout.sentence;
  }

  for (const [id, act] of [["#closer", () => view.camera.zoomBy(1.6)], ["#farther", () => view.camera.zoomBy(1 / 1.6)], ["#whole", () => view.camera.reset()]]) {
    document.querySelector(id).addEventListener("click", () => { view.camera.land(); act(); });
  }
  const box = document.querySelector("#map-search");
  box.form.addEventListener("submit", (event) => event.preventDefault());
  combobox(box, (item) => { box.value = item.title ?? String(item.item_id); go(item.item_id); });

  function go(id) {
    const i = places.get(String(id));
    told.textContent = i === undefined ? `This ${thing.one} has no place on the map: it is newer than the map, or its vector is zero.` : "";
    if (i !== undefined) select(i, true);
  }
  const linked = () => {
    const id = new URLSearchParams(location.hash.slice(1)).get("item");
    if (id !== null) go(id);
  };
  addEventListener("hashchange", linked);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.defaultPrevented && view.selected >= 0) card.close(); });

  view.resize();
  recolor();
  lay(layouts.get("tsne").state === "ready" ? "tsne" : "pca");
  stage.removeAttribute("aria-busy");
  linked();
  follow();
  await watch("tsne");
}

if (stage) {
  open().catch((error) => {
    stage.removeAttribute("aria-busy");
    told.textContent = error.message;
  });
}
