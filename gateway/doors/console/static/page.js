// Fetches the content of the page that the address names, and starts the modules that its parts name (`data-module`).
import { proveHtmx } from "./proof.js";

async function start(part) {
  const module = await import(`./${part.dataset.module}.js`);
  module.start(part);
  part.dataset.started = "";
}

proveHtmx();
addEventListener("pageshow", (event) => event.persisted && location.reload()); // what was left shows nothing that is over
const page = document.getElementById("page");
page.addEventListener(
  "htmx:afterSettle",
  () => {
    page.removeAttribute("aria-busy");
    for (const part of page.querySelectorAll("[data-module]")) start(part);
    if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
  },
  { once: true },
);
if (location.pathname.startsWith("/results/")) import("./grid.js"); // it comes while the content does
htmx.ajax("GET", `/-${location.pathname}${location.search}`, { target: page, source: page, swap: "innerHTML" });
