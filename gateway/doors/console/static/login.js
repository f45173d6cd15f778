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

function setWorking(form, working) {
  form.querySelector("button").disabled = !working;
}

async function signIn(form) {
  setWorking(form, false);
  try {
    const pair = await offerKey();
    const answer = await provenFetch(form.dataset.way, { method: "POST", body: await filled(form) }, pair);
    const lead = answer.headers.get("HX-Redirect");
    if (lead) {
      if (lead.startsWith("/")) await adoptKey(pair);
      else await keepOffered(pair); // nobody is signed in before the return from the city's sign-in
      location.assign(lead);
      return; // a second sign-in while the page is left would end the first one's session
    }
    outcome.innerHTML = await answer.text();
  } catch (error) {
    console.error(error);
    outcome.replaceChildren(document.getElementById("unfinished").content.cloneNode(true));
  }
  outcome.scrollIntoView({ block: "nearest" });
  setWorking(form, true);
}

for (const form of document.querySelectorAll("form[data-way]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    signIn(form);
  });
  addEventListener("pageshow", (event) => event.persisted && setWorking(form, true)); // one comes back to it
  setWorking(form, true);
}
