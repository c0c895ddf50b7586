// Each chart is already there as a drawing; here it is drawn again, to fit its place and to answer the pointer.
// "ast" has Vega interpret its expressions instead of compiling them, so that the page can forbid eval.
for (const holder of document.querySelectorAll(".chart[data-spec]")) {
  const still = holder.querySelector("svg");
  const place = document.createElement("div");
  place.className = "drawing";
  holder.append(place);
  const spec = JSON.parse(document.getElementById(holder.dataset.spec).textContent);
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    ast: true,
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  };
  vegaEmbed(place, spec, options).then(
    () => { still.remove(); place.classList.remove("drawing"); },
    (error) => { place.remove(); console.error(error); },
  );
}
