// Fetches the content of the page that the address names.
import { proveHtmx } from "./proof.js";

proveHtmx();
const page = document.getElementById("page");
htmx.ajax("GET", `/-${location.pathname}${location.search}`, { target: page, source: page, swap: "innerHTML" }).then(() => {
  page.removeAttribute("aria-busy");
  if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
});
