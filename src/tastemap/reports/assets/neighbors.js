// Neighbors of any item by title: an item is chosen from those whose titles have what was typed.
const MATCHES = 50;

function findNeighbors(holder) {
  const { title, genres, named, items, cosine, dot } = JSON.parse(specOf(holder));
  const words = items.map((item) => bare(title[item]));
  const box = element("input", { type: "search", placeholder: "part of a title", autocomplete: "off" });
  const select = element("select");
  const told = element("output", { class: "note" });
  const body = element("tbody");
  const caption = element("span");

  function show() {
    const place = Number(select.value);
    caption.textContent = `Neighbors of ${title[items[place]]}`;
    const sides = [cosine[place], dot[place]];
    const length = Math.max(...sides.map((side) => side.length));
    body.replaceChildren();
    if (!length) told.textContent = "It has no neighbors: too few users have it and another item.";
    for (let rank = 0; rank < length; rank++) {
      const row = element("tr", {}, element("td", {}, String(rank + 1)));
      for (const side of sides) {
        const [item, similarity] = side[rank] ?? [];
        const name = element("td", { class: "text" });
        if (item !== undefined) name.append(title[item], element("span", { class: "range" }, named[genres[item]]));
        row.append(name, element("td", {}, item === undefined ? "" : similarity.toFixed(3)));
      }
      body.append(row);
    }
  }

  function search() {
    const wanted = bare(box.value.trim());
    const found = [];
    for (let place = 0; place < words.length; place++) if (words[place].includes(wanted)) found.push(place);
    told.textContent = wanted === "" ? "" : found.length
      ? `${counted(found.length, "item")} found` + (found.length > MATCHES ? `; the ${MATCHES} most popular can be chosen.` : ".")
      : "No title has that.";
    if (!found.length) return;
    select.replaceChildren(...found.slice(0, MATCHES).map((place) => element("option", { value: place }, title[items[place]])));
    show();
  }

  const head = element("tr");
  for (const [text, kind] of [["", ""], ["By cosine", "text"], ["cosine", ""], ["By dot product", "text"], ["dot", ""]]) {
    head.append(element("th", { scope: "col", class: kind }, text));
  }
  const table = element("table", {}, element("caption", {}, caption), element("thead", {}, head), body);
  const label = holder.getAttribute("aria-label");
  box.addEventListener("input", search);
  select.addEventListener("change", () => { told.textContent = ""; show(); });
  holder.append(
    element("div", { class: "controls" }, element("label", {}, "Find", box), element("label", {}, "Item", select)),
    told, element("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, table),
  );
  search();
}

for (const holder of document.querySelectorAll(".finder")) findNeighbors(holder);
