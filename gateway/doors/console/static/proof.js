// Signs requests with a key that this browser keeps and cannot give away (DPoP, RFC 9449).
const DATABASE = "console";
const STORE = "keys";
const AGAIN_MS = 10_000; // so soon after it was opened anew, to open a page once more does not help
const LATER_MS = 300; // until what was in use is asked for again
const openedAt = Date.now();
let leaving = false; // for the sign-in: nothing is asked any more, and nothing else leads away
const consoleTime = Number(document.querySelector('meta[name="console-time"]').content);

function database() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function inStore(mode, use) {
  const opened = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = opened.transaction(STORE, mode);
      const asked = use(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result); // before, a page that is left takes what it wrote with it
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    opened.close();
  }
}

// A new key, for signing in.
export function offerKey() {
  return crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
}

// The key of the session from now on; the former one is gone.
export function adoptKey(pair) {
  return inStore("readwrite", (store) => store.put(pair, "session"));
}

// Keeps a new key beside the session's until the city's sign-in has led back.
export function keepOffered(pair) {
  return inStore("readwrite", (store) => store.put(pair, "offered"));
}

// Takes the key that was kept for the session from now on; says whether it is the one of that thumbprint (RFC 7638).
export async function adoptOffered(thumbprint) {
  const pair = await inStore("readonly", (store) => store.get("offered"));
  if (!pair || (await thumbprintOf(pair)) !== thumbprint) return false;
  await inStore("readwrite", (store) => {
    store.delete("offered");
    return store.put(pair, "session");
  });
  return true;
}

async function thumbprintOf(pair) {
  const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }))));
}

function forgetKey() {
  return inStore("readwrite", (store) => store.delete("session"));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function part(value) {
  return base64url(new TextEncoder().encode(JSON.stringify(value)));
}

// Returns the proof of one request, or nothing when nobody signed in here.
export async function proof(method, path, offered = null) {
  const pair = offered ?? (await inStore("readonly", (store) => store.get("session")));
  if (!pair) return "";
  const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const iat = Math.floor(consoleTime + (Date.now() - openedAt) / 1000);
  const url = new URL(path, location.origin);
  const signed = [
    part({ typ: "dpop+jwt", alg: "ES256", jwk: { crv, kty, x, y } }),
    part({ jti: crypto.randomUUID(), htm: method.toUpperCase(), htu: url.origin + url.pathname, iat }),
  ].join(".");
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  const signature = await crypto.subtle.sign(algorithm, pair.privateKey, new TextEncoder().encode(signed));
  return `${signed}.${base64url(signature)}`;
}

// `fetch` with the proof; leads on, and to the sign-in when the session has ended.
export async function provenFetch(path, options = {}, offered = null) {
  const headers = new Headers(options.headers);
  headers.set("DPoP", await proof(options.method ?? "GET", path, offered));
  const answer = await fetch(path, { ...options, headers, cache: "no-store" });
  const lead = answer.headers.get("HX-Redirect");
  if (!offered && !(await leave(lead)) && lead) location.assign(lead);
  if (answer.headers.get("HX-Refresh")) openAnew();
  return answer;
}

// Leads to the sign-in, which leads back to this page; says whether the page is being left for it.
async function leave(lead) {
  if (leaving) return true;
  if (!lead?.startsWith("/login?")) return false;
  leaving = true;
  const to = new URL(lead, location.origin);
  if (to.searchParams.get("why") === "out") await forgetKey();
  else to.searchParams.set("next", location.pathname);
  location.assign(to);
  return true;
}

// Opens the page anew, with the key of now; where that has just been done and did not help, leads to the sign-in.
function openAnew() {
  const [opened] = performance.getEntriesByType("navigation");
  if (opened.type === "reload" && performance.now() < AGAIN_MS) leave("/login?why=none");
  else location.reload();
}

// What a form holds, so that sending it twice is told from sending something else.
function held(elt) {
  return elt instanceof HTMLFormElement ? new URLSearchParams(new FormData(elt)).toString() : "";
}

// Whether somebody holds something down in a part of the page, or waits for an answer there: renewed now, it would lose the click.
function inUse(part, own) {
  return [...part.querySelectorAll(":active, .proving, .htmx-request")].some((one) => one !== own);
}

// Every request of htmx carries its proof. A second click, while the first is proved or answered, asks nothing.
export function proveHtmx() {
  sessionStorage.removeItem("htmx-current-path-for-history"); // which htmx notes although it keeps no history here
  const proofs = new WeakMap();
  const asked = new WeakMap();
  const renewals = new WeakMap(); // how to ask again for what is asked for by itself
  document.addEventListener("htmx:confirm", (event) => {
    event.preventDefault();
    const { elt, verb, path, question, issueRequest, triggeringEvent } = event.detail;
    const acts = ["click", "submit"].includes(triggeringEvent?.type);
    const pending = elt.matches(".proving, .htmx-request") && asked.get(elt) === held(elt);
    if (leaving || (acts && pending) || (question && !confirm(question))) return;
    const ask = async () => {
      elt.classList.add("proving");
      try {
        proofs.set(elt, await proof(verb, path));
        if (!leaving) issueRequest(true);
      } finally {
        elt.classList.remove("proving");
      }
    };
    asked.set(elt, held(elt));
    if (triggeringEvent) renewals.delete(elt);
    else renewals.set(elt, ask);
    ask();
  });
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["DPoP"] = proofs.get(event.detail.elt) ?? "";
    proofs.delete(event.detail.elt);
  });
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, target, elt } = event.detail;
    const lead = xhr.getResponseHeader("HX-Redirect");
    const renew = renewals.get(elt);
    if (leaving || lead?.startsWith("/login?")) leave(lead);
    else if (lead?.startsWith("/download/")) location.assign(lead); // the page stays, and its button works again
    else if (xhr.getResponseHeader("HX-Refresh")) openAnew();
    else if (renew && inUse(target, elt)) setTimeout(renew, LATER_MS);
    else return;
    event.preventDefault();
  });
}
