// Offers what may stand where the cursor is, in the textareas inside `.completing`.
import { provenFetch } from "./proof.js";

const WAIT_MS = 150;
let asked = 0; // Only the answer to the newest question counts.
let waiting = 0;

function parts(area) {
  const box = area.closest(".completing");
  return { box, list: box.querySelector("[role=listbox]"), said: box.querySelector("[role=status]") };
}

function prepare(area) {
  if (parts(area).list) return;
  const { box } = parts(area);
  const list = document.createElement("ul");
  list.id = `${area.id}-completions`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", box.dataset.label);
  list.hidden = true;
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  said.className = "visually-hidden";
  box.append(list, said);
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-controls", list.id);
}

function close(area) {
  asked += 1;
  clearTimeout(waiting);
  const { list } = parts(area);
  if (list) list.hidden = true;
  area.removeAttribute("aria-activedescendant");
}

function choose(area, option) {
  const { list } = parts(area);
  for (const other of list.children) other.setAttribute("aria-selected", String(other === option));
  option.scrollIntoView({ block: "nearest" });
  area.setAttribute("aria-activedescendant", option.id);
}

function take(area, option) {
  const end = area.selectionStart;
  area.setRangeText(option.dataset.text, end - Number(option.dataset.replaces), end, "end");
  close(area);
  area.focus();
  area.dispatchEvent(new Event("input", { bubbles: true }));
  close(area);
}

function show(area, candidates) {
  const { box, list, said } = parts(area);
  list.replaceChildren(
    ...candidates.map((candidate, number) => {
      const option = document.createElement("li");
      const name = document.createElement("code");
      name.textContent = candidate.text;
      const title = document.createElement("span");
      title.textContent = candidate.title;
      option.append(name, " ", title);
      option.id = `${list.id}-${number}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.text = candidate.text;
      option.dataset.replaces = candidate.replaces;
      return option;
    }),
  );
  list.hidden = candidates.length === 0;
  area.removeAttribute("aria-activedescendant");
  said.textContent = candidates.length ? `${candidates.length} ${box.dataset.found}` : "";
}

// Whether a word has begun, or a dataset is to follow; Ctrl+Space asks in any case.
const begun = (before) => /[\p{L}\w.]$|\b(from|join)\s+$/iu.test(before);

async function ask(area) {
  const question = ++asked;
  const before = area.value.slice(0, area.selectionStart);
  const purpose = document.querySelector("[name=purpose]")?.value ?? "";
  const answer = await provenFetch("/-/query/complete", {
    method: "POST",
    body: new URLSearchParams({ before, text: area.value, purpose }),
  });
  if (answer.ok && question === asked && document.activeElement === area) show(area, await answer.json());
}

function key(event, area) {
  const { list } = parts(area);
  if (event.ctrlKey && event.key === " ") {
    event.preventDefault();
    prepare(area);
    ask(area);
    return;
  }
  if (!list || list.hidden) return;
  const options = [...list.children];
  const chosen = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in steps) {
    const next = chosen < 0 && steps[event.key] < 0 ? options.length - 1 : chosen + steps[event.key];
    choose(area, options[(next + options.length) % options.length]);
  } else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) {
    take(area, options[chosen]);
  } else if (event.key === "Escape") {
    close(area);
  } else {
    return;
  }
  event.preventDefault();
}

const area = (target) => (target instanceof Element && target.matches(".completing textarea") ? target : null);

export function start(part) {
  part.addEventListener("input", (event) => {
    const typed = area(event.target);
    if (!typed) return;
    prepare(typed);
    close(typed);
    if (begun(typed.value.slice(0, typed.selectionStart))) waiting = setTimeout(() => ask(typed), WAIT_MS);
  });
  part.addEventListener("keydown", (event) => area(event.target) && key(event, event.target));
  part.addEventListener("focusout", (event) => area(event.target) && close(event.target));
  part.addEventListener("mousedown", (event) => {
    const option = event.target.closest(".completing [role=option]");
    if (!option) return;
    event.preventDefault();
    take(option.closest(".completing").querySelector("textarea"), option);
  });
}
