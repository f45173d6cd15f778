// Signs in with a new key.
import { provenFetch, renewKey } from "./proof.js";

const outcome = document.getElementById("outcome");
document.getElementById("profile-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new URLSearchParams({ profile: await document.getElementById("profile").files[0].text() });
  await renewKey();
  const answer = await provenFetch("/login/profile", { method: "POST", body });
  if (!answer.headers.get("HX-Redirect")) outcome.innerHTML = await answer.text();
});
