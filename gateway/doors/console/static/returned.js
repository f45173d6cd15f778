// Takes the key with which the city's sign-in began for the session that it has opened, and leads on.
import { adoptOffered } from "./proof.js";

const { next, key, mismatch } = document.getElementById("main").dataset;
location.replace((await adoptOffered(key).catch(() => false)) ? next : mismatch);
