// What diversity costs, told below its dial; the server measures it once, and is asked until it knows.
import { ask, counted, figure, thing } from "./dom.js";

const EVERY = 2000; // milliseconds
const LONGEST = 300_000;
const dial = document.getElementById("diversity");
const said = document.getElementById("price-said");
const figures = document.getElementById("price-figures");

/** What a more diverse list loses and gains, in words; both are shares of what a plain list has. */
function wordsOf(lost, gained, isClear) {
  const varies = gained < 0.05 ? "hardly more varied" : gained < 0.15 ? "a little more varied"
    : gained < 0.4 ? "clearly more varied" : "much more varied";
  if (!isClear) return `On average such a list is ${varies} than one at 0; in how well they fit no difference can be told from chance.`;
  const fits = lost < -0.02 ? "even more fitting" : lost < 0.02 ? "about as fitting" : lost < 0.12 ? "a little less fitting"
    : lost < 0.3 ? "less fitting" : "much less fitting";
  return `On average such a list is ${fits} and ${varies} than one at 0.`;
}

function tell(price) {
  figures.hidden = price.state !== "ready" || !price.rows.length;
  if (price.state === "measuring") said.textContent = "What it costs is being measured…";
  else if (figures.hidden) said.textContent = price.said ?? "";
  else {
    const value = Number(dial.value);
    // A dial that was moved is never told what the plain list is like: that would be no difference at all.
    const nearest = (wanted, rows) => rows.reduce((a, b) => (Math.abs(b.diversity - wanted) < Math.abs(a.diversity - wanted) ? b : a));
    const none = nearest(0, price.rows);
    const here = value === 0 ? none : nearest(value, price.rows.filter((row) => row.diversity > 0));
    const lost = none.ndcg ? 1 - here.ndcg / none.ndcg : 0;
    const gained = none.similarity_within_list ? 1 - here.similarity_within_list / none.similarity_within_list : 0;
    const isClear = here.low !== null && (here.low > 0 || here.high < 0);
    said.textContent = value === 0 ? `To the right, ${thing.many} of a list are less like each other.` : wordsOf(lost, gained, isClear);
    const both = (from, to, decimals) => (value === 0 ? figure(from, decimals) : `${figure(from, decimals)} → ${figure(to, decimals)}`);
    const range = here.low === null ? "" : `, 95\u00a0% interval ${figure(here.low, 4, true)} to ${figure(here.high, 4, true)}`;
    figures.lastElementChild.textContent = `Measured ${value === 0 ? "" : `at 0 and ${here.diversity} `}on what ${counted(none.n_users, "user")} chose last. How well lists find it, by NDCG: `
      + `${both(none.ndcg, here.ndcg, 4)}${value === 0 ? "" : ` (${figure(here.ndcg_change, 4, true)}${range})`}. `
      + `How alike the ${thing.many} of a list are: ${both(none.similarity_within_list, here.similarity_within_list, 2)}. `
      + `An evaluation's NDCG, as on the start page, is another: it looks for all ${thing.many} that somebody liked among test rows, this one for a single ${thing.one}.`;
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
