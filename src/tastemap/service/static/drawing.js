// Charts that are still being drawn: the page is asked for again until it has them, and only they are put in place.
const EVERY = 1500; // milliseconds
const LONGEST = 180_000;
const { vega } = document.querySelector("script[data-vega]").dataset;
const begun = Date.now();

/** Scripts one after the other, as they stand in a page that has its charts from the start. */
function load(...addresses) {
  for (const address of addresses) {
    const script = document.createElement("script");
    script.src = address;
    script.async = false;
    document.head.append(script);
  }
}

async function look() {
  let found;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.statusText);
    found = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return again(); // the tables are there; the charts can wait for the server
  }
  if (found.querySelector("[data-charts][aria-busy]")) return again();
  for (const place of document.querySelectorAll("[data-charts][aria-busy]")) {
    const drawn = found.querySelector(`[data-charts="${place.dataset.charts}"]`);
    if (drawn) place.replaceWith(document.adoptNode(drawn));
    else place.remove();
  }
  if (document.querySelector(".chart[data-spec]")) load(vega, new URL("report.js", import.meta.url).href);
}

function again() {
  if (Date.now() - begun < LONGEST) setTimeout(look, EVERY);
}

setTimeout(look, EVERY / 2);
