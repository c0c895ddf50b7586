// The way from an item's page to For you: a link that says whether the item is among the visitor's ratings.
import { load } from "./store.js";

const link = document.getElementById("add");
if (load().some((one) => one.id === link.dataset.id)) {
  document.getElementById("added").textContent = "It is among your ratings.";
  link.textContent = "Change your rating";
}
