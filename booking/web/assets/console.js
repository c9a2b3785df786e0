// The console's own script. htmx does most of the work; this is what it cannot do.

// All HTML that scripts write passes here: it comes from this server's templates, which escape, and must hold nothing that runs.
// Only tags are judged, without what their attributes say: a guest's text may well hold "onclick=".
if (window.trustedTypes) {
  const tags = /<\/?[a-z](?:"[^"]*"|'[^']*'|[^"'>])*>?/gi, values = /"[^"]*"|'[^']*'/g;
  const runs = /^<(?:script|iframe|object|embed)\b|\son[a-z]+\s*=/i, leads = /\s(?:href|src|action|formaction)\s*=\s*["']?\s*javascript:/i;
  window.trustedTypes.createPolicy("default", {
    createHTML(text) {
      for (const [tag] of text.matchAll(tags)) {
        if (runs.test(tag.replace(values, '""')) || leads.test(tag)) throw new TypeError("a fragment holds something that runs");
      }
      return text;
    },
  });
}

// Times arrive in UTC and are shown in the reader's own zone, with UTC in the title. data-age adds how long ago that was.
const shown = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });

function age(then, now) {
  const seconds = Math.round((now - then) / 1000), away = Math.abs(seconds);
  const [unit, size] = away < 60 ? ["s", 1] : away < 3600 ? ["min", 60] : away < 172800 ? ["h", 3600] : ["days", 86400];
  const text = `${Math.floor(away / size)} ${unit}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

function localTimes(root) {
  const found = [...root.querySelectorAll("time[datetime]")];
  if (root.matches?.("time[datetime]")) found.push(root);
  for (const time of found) {
    const then = new Date(time.dateTime);
    if (Number.isNaN(then.getTime())) continue;
    const utc = then.toISOString().replace("T", " ").replace(/(\.000)?Z$/, " UTC");
    if ("age" in time.dataset) {
      time.textContent = age(then, Date.now());
      time.title = `${shown.format(then)} (${utc})`;
    } else {
      time.textContent = shown.format(then);
      time.title = utc;
    }
  }
}

// announce tells screen readers, and nobody else.
function announce(text) {
  const live = document.getElementById("announce");
  if (live) live.textContent = text;
}

// A dialogue that arrives in #dialog is opened as a modal one; once it is closed nothing of it remains.
function openDialogs(root) {
  for (const dialog of root.querySelectorAll("#dialog dialog:not([open])")) {
    dialog.addEventListener("close", () => document.getElementById("dialog").replaceChildren());
    dialog.showModal();
  }
}

function arrived(root) {
  localTimes(root);
  openDialogs(document);
}

document.addEventListener("DOMContentLoaded", () => {
  arrived(document);
  setInterval(() => document.querySelectorAll("time[data-age]").forEach(localTimes), 15000);
});
document.addEventListener("htmx:load", (event) => arrived(event.detail.elt));

// Addresses of filters hold only what was filled in.
document.addEventListener("formdata", (event) => {
  if (event.target.method !== "get") return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});

// What has data-close closes the dialogue it is in; "/" goes to the search box.
document.addEventListener("click", (event) => event.target.closest?.("[data-close]")?.closest("dialog")?.close());
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea, dialog, [contenteditable]")) return;
  const box = document.querySelector("[data-find]");
  if (!box) return;
  event.preventDefault();
  box.focus();
  box.select();
});

document.addEventListener("htmx:sendError", () => announce("The service cannot be reached. Nothing was sent; try again."));

// A run over many bookings: its form comes back after each step and sends itself again. Stop lets the step under way end and
// sends no more; so does a step that got no good answer, and "Go on" sends the same form.
document.addEventListener("click", (event) => {
  const run = event.target.closest?.("[data-run]");
  if (event.target.closest?.("[data-stop]")) run.dataset.stopped = "";
  if (event.target.closest?.("[data-go-on]")) delete run.dataset.stopped;
}, true);
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.closest("[data-run]")?.dataset.stopped !== undefined) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const run = event.detail.target.closest?.("[data-run]");
  if (!run || event.detail.xhr.status < 500) return;
  event.detail.shouldSwap = false;
  run.dataset.stopped = "";
  announce("The service did not answer as it should. Nothing is lost: go on in a moment.");
});
document.addEventListener("htmx:sendError", (event) => {
  const run = event.detail.elt.closest?.("[data-run]");
  if (run) run.dataset.stopped = "";
});
window.addEventListener("beforeunload", (event) => {
  if (document.querySelector("[data-run] form.next") && !document.querySelector("[data-stopped], [data-halted]")) event.preventDefault();
});

// One booking. What a live update brings anew stays as the reader had it: what was folded, and where the focus was.
const folded = new Map();
document.addEventListener("click", (event) => {
  const details = event.target.closest?.("summary")?.parentElement;
  if (details?.id) folded.set(details.id, details.open); // it is about to be the other way round
});
function refold() {
  for (const [id, fold] of folded) {
    const details = document.getElementById(id);
    if (details && details.open === fold) details.open = !fold;
  }
}
document.addEventListener("htmx:oobAfterSwap", refold);

// An answer that was made before a change can arrive after what the change brought: then the page asks once more, and again
// until it is up to date.
let newest = 0, asking = 0;
document.addEventListener("sse:changed", (event) => { newest = Math.max(newest, Number(event.detail?.data) || 0); });
document.addEventListener("htmx:afterSettle", () => {
  const shown = Number(document.getElementById("version")?.textContent);
  if (!shown || shown >= newest || asking) return;
  asking = setTimeout(() => {
    asking = 0;
    window.htmx.trigger("#live-fetch", "sse:changed");
  }, 250);
});

// What is as it was is left alone: a button that is brought anew while it is being pressed was not pressed.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  if (target.innerHTML === fragment?.innerHTML) event.detail.shouldSwap = false;
});

// Whoever leaves a dialogue is back at what opened it, even where that was brought anew meanwhile; else at what was done.
let opener = "";
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id !== "dialog" || event.detail.target.querySelector("dialog")) return;
  opener = event.detail.requestConfig.triggeringEvent?.submitter?.id ?? "";
});
document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("dialog");
  let was = false;
  if (matchMedia("(max-width: 48rem)").matches) { // what is long waits, folded, until somebody wants it
    for (const id of ["calls", "timeline"]) folded.set(id, true);
    refold();
  }
  new MutationObserver(() => {
    const is = place.querySelector("dialog") !== null;
    if (was && !is) (document.getElementById(opener) ?? document.getElementById("done"))?.focus();
    if (!was && is) place.querySelector("input[autofocus]")?.select(); // what is proposed there gives way to what is typed
    was = is;
  }).observe(place, { childList: true });
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("dialog [data-close]")) event.preventDefault(); // it leads back for who has no script
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.elt.matches?.("[data-empties]")) event.detail.elt.reset();
});

// A problem that comes instead of a dialogue is shown as one.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id === "dialog" && event.detail.xhr.status >= 400 && !event.detail.serverResponse.includes("<dialog")) {
    event.detail.serverResponse = `<dialog><div>${event.detail.serverResponse}<button type="button" data-close>Close</button></div></dialog>`;
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    announce("Copied.");
    button.dataset.copied = "";
    setTimeout(() => delete button.dataset.copied, 2000);
  } catch {
    announce("The browser does not allow copying; select the text instead.");
  }
});

for (const [name, text] of [["htmx:sseOpen", "live"], ["htmx:sseError", "not live: trying to reach the service again"]]) {
  document.addEventListener(name, () => {
    const state = document.getElementById("live-state");
    if (state) state.textContent = text;
  });
}

// Browsers open six connections to one server, and a live page holds one of them: for as long as somebody sees it, not in a tab
// behind others, nor in what the button "back" goes back to.
let stream;
function watch() {
  const live = document.querySelector("[sse-connect]");
  if (!live || stream?.readyState !== EventSource.CLOSED) return;
  const anew = live.cloneNode(true);
  live.replaceWith(anew);
  window.htmx.process(anew); // connects, and hears at once of what it has missed
}
document.addEventListener("DOMContentLoaded", () => {
  if (!window.htmx) return;
  window.htmx.createEventSource = (address) => {
    stream = new EventSource(address);
    if (document.hidden) stream.close();
    return stream;
  };
});
document.addEventListener("visibilitychange", () => document.hidden ? stream?.close() : watch());
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => event.persisted && watch());

// The session's cookie is for https, or for the machine itself: elsewhere signing in would lead back to signing in.
document.addEventListener("DOMContentLoaded", () => {
  const insecure = document.getElementById("insecure");
  if (insecure) insecure.hidden = window.isSecureContext;
});
