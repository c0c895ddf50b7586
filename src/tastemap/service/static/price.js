// What diversity costs, told below its dial; the server measures it once, and is asked until it knows.
import { ask, counted, figure, thing } from "./dom.js";

const EVERY = 2000; // milliseconds
const LONGEST = 300_000;
const dial = document.getElementById("diversity");
const said = document.getElementById("price-said");
const figures = document.getElementById("price-figures");

/** What a more diverse list loses and gains, in words; both are shares of what a plain list has. */
function wordsOf(lost, gained) {
  const fits = lost < -0.02 ? "even more fitting" : lost < 0.02 ? "as fitting" : lost < 0.12 ? "a little less fitting"
    : lost < 0.3 ? "less fitting" : "much less fitting";
  const varies = gained < 0.05 ? "hardly more varied" : gained < 0.15 ? "a little more varied"
    : gained < 0.4 ? "clearly more varied" : "much more varied";
  return `On average such a list is ${fits} and ${varies} than one at 0.`;
}

function tell(price) {
  figures.hidden = price.state !== "ready" || !price.rows.length;
  if (price.state === "measuring") said.textContent = "What it costs is being measured…";
  else if (figures.hidden) said.textContent = price.said ?? "";
  else {
    const value = Number(dial.value);
    const nearest = (wanted) => price.rows.reduce((a, b) => (Math.abs(b.diversity - wanted) < Math.abs(a.diversity - wanted) ? b : a));
    const [none, here] = [nearest(0), nearest(value)];
    const lost = none.ndcg ? 1 - here.ndcg / none.ndcg : 0;
    const gained = none.similarity_within_list ? 1 - here.similarity_within_list / none.similarity_within_list : 0;
    said.textContent = value === 0 ? `To the right, ${thing.many} of a list are less like each other.` : wordsOf(lost, gained);
    const both = (from, to, decimals) => (value === 0 ? figure(from, decimals) : `${figure(from, decimals)} → ${figure(to, decimals)}`);
    figures.lastElementChild.textContent = `Measured on what ${counted(none.n_users, "user")} chose last. How well lists find it, by NDCG: `
      + `${both(none.ndcg, here.ndcg, 3)}${value === 0 ? "" : ` (${figure(-100 * lost, 0, true)}\u202f%)`}. `
      + `How alike the ${thing.many} of a list are: ${both(none.similarity_within_list, here.similarity_within_list, 2)}.`;
  }
}

/** Tell the price, and ask for it again while it is being measured. */
export function followPrice(price) {
  let known = price;
  const begun = Date.now();
  dial.addEventListener("input", () => tell(known));
  const look = async () => {
    if (known.state !== "measuring" || Date.now() - begun > LONGEST) return;
    try {
      known = (await ask("/for-you.json")).price;
    } catch {
      // The list says what is wrong with the server; the price can wait.
    }
    tell(known);
    setTimeout(look, EVERY);
  };
  tell(known);
  setTimeout(look, EVERY);
}
