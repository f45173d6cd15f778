// Signs in with a new key, which replaces the former one once somebody is signed in.
import { adoptKey, keepOffered, offerKey, provenFetch } from "./proof.js";

const outcome = document.getElementById("outcome");
const next = document.getElementById("main").dataset.next;

async function filled(form) {
  const body = new URLSearchParams({ next });
  for (const input of form.querySelectorAll("[data-name]")) {
    body.set(input.dataset.name, input.type === "file" ? await input.files[0].text() : input.value);
  }
  return body;
}

async function signIn(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const pair = await offerKey();
    const answer = await provenFetch(form.dataset.way, { method: "POST", body: await filled(form) }, pair);
    const lead = answer.headers.get("HX-Redirect");
    if (!lead) {
      outcome.innerHTML = await answer.text();
      outcome.scrollIntoView({ block: "nearest" });
      return;
    }
    if (lead.startsWith("/")) await adoptKey(pair);
    else await keepOffered(pair); // nobody is signed in before the return from the city's sign-in
    location.assign(lead);
  } finally {
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-way]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    signIn(form);
  });
}
