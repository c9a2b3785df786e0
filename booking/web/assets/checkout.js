// The checkout page: it submits once, follows what it submitted, and finds it again after a reload, in another tab, or on the
// way back from the bank. Written on booking-client.js alone, as a shop's own page would be.

import { BookingClient, ConflictError, FeeChangedError, KeyReusedError, NotFoundError, UnauthorizedError, ValidationError, newIdempotencyKey } from "./booking-client.js";
import { CheckoutForm } from "./checkout-form.js";
import { Journal, browserStorage } from "./checkout-journal.js";
import { Outcome } from "./checkout-outcome.js";
import { announcement, stayOf, trouble } from "./checkout-words.js";

const byID = (id) => document.getElementById(id);
const setup = JSON.parse(byID("setup").textContent);
const client = new BookingClient({ key: setup.key });
const journal = new Journal({ storage: browserStorage(), newKey: newIdempotencyKey });
const form = new CheckoutForm(setup, draftStorage());
const payFollowed = 120_000; // how long the payment is followed behind a decided booking
const resendUnasked = 15 * 60_000; // what is older is not sent again before the guest was asked
const campaign = ["utm_source", "utm_medium", "utm_campaign", "gclid", "click_id"];

let current = null; // the entry of the journal that the panel shows
let visit = new AbortController(); // ends when something else is shown
let another = false; // the guest said that they want another booking beside the one under way

const outcome = new Outcome({
  toBank: () => journal.note(current.key, { atBank: true }),
  bankDone: () => act((told) => client.continuePayment(current.handle, told)),
  payAgain: (token) => {
    form.useCard(token);
    return act((told) => client.continuePayment(current.handle, { token, ...told }));
  },
  acceptOffer: (total) => act((told) => client.acceptOffer(current.handle, { total, ...told })),
  giveUp: () => act((told) => client.cancel(current.handle, told)),
  askQuote: () => act(async (told) => outcome.quote(await client.quoteCancellation(current.handle, told))),
  cancel: (expectedFee) => act((told) => client.cancel(current.handle, { expectedFee, ...told })),
  again: (does) => {
    go("/");
    if (does === "fix") form.focus("given-name");
    if (does === "card") form.focus("card");
  },
  sendAgain: () => send(current),
  stop: () => {
    visit.abort();
    outcome.unsent(current);
  },
  letGo: () => {
    journal.note(current.key, { letGo: true });
    go("/");
  },
});

form.onSubmit(submit);
byID("book-another").addEventListener("click", () => {
  another = true;
  byID("underway").hidden = true;
  if (byID("underway").dataset.asked) form.submit();
  else form.focus("given-name");
});
byID("open-booking").addEventListener("click", () => open(journal.byKey(byID("underway").dataset.key)));
addEventListener("popstate", route);
addEventListener("pageshow", ({ persisted }) => persisted && route());
addEventListener("storage", ({ key }) => key === journal.name && !current && showForm());
route();

/** Shows what the address says. */
function route() {
  const query = new URLSearchParams(location.search);
  if (query.has("booking-return")) return backFromBank();
  const id = query.get("booking");
  const unsent = journal.open().find(({ handle }) => !handle);
  if (id) return openByID(id);
  if (unsent && !current) return resume(unsent);
  showForm();
}

function go(address) {
  history.pushState(null, "", address);
  route();
}

/** Ends what went on before, and gives the signal for what goes on now. */
function begin(entry) {
  visit.abort();
  visit = new AbortController();
  current = entry;
  form.hidden = entry !== null;
  byID("underway").hidden = true;
  return visit.signal;
}

function showForm() {
  begin(null);
  outcome.hide();
  document.title = "Book a room";
  form.busy = false;
  const [underway] = journal.open();
  if (underway) showUnderway(underway, false);
}

/** Shows the booking that stands in the way of another one; asked: the guest has just wanted to book. */
function showUnderway(entry, asked) {
  const banner = byID("underway");
  const known = entry.status === "confirmed" ? "You have booked exactly this already" : "You have a booking under way";
  banner.dataset.key = entry.key;
  banner.dataset.asked = asked ? "yes" : "";
  byID("underway-text").textContent = `${known}: ${entry.reference ?? "not answered yet"}, ${stayOf(entry.submission)}.`;
  banner.hidden = false;
}

/** Submits the form; one tab at a time, so that two do not make two keys for one wish. */
async function submit() {
  if (byID("pay").getAttribute("aria-disabled") === "true") return;
  form.busy = true;
  const submission = form.submission({ returnURL: returnURL(), attribution: attribution() });
  const exclusively = globalThis.navigator.locks ? (then) => navigator.locks.request("checkout-submit", then) : (then) => then();
  try {
    const { entry, blockedBy } = await exclusively(() => journal.begin(submission, { another }));
    if (blockedBy) {
      showUnderway(blockedBy, true);
      byID("open-booking").focus();
    } else {
      another = false;
      open(entry);
    }
  } finally {
    form.busy = false;
  }
}

/** Goes on with an entry wherever it is: to be sent, or to be followed. */
function open(entry) {
  if (!entry.handle) return send(entry);
  go(addressOf(entry));
}

function addressOf(entry) {
  return `/?booking=${encodeURIComponent(entry.handle.id)}`;
}

function resume(entry) {
  if (Date.now() - entry.at < resendUnasked) return send(entry);
  begin(entry);
  outcome.unsent(entry);
}

async function send(entry) {
  const signal = begin(entry);
  outcome.sending(entry);
  say("Sending your booking.");
  try {
    const options = { idempotencyKey: entry.key, signal, onRetry: (retry) => outcome.sending(entry, retry) };
    const { booking, handle } = await client.submit(entry.submission, options);
    journal.note(entry.key, { handle });
    journal.saw(entry.key, booking);
    history.pushState(null, "", addressOf({ handle }));
    follow(journal.byKey(entry.key) ?? { ...entry, handle });
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof ValidationError || error instanceof KeyReusedError) {
      journal.drop(entry.key); // nothing of this was stored under it
      showForm();
      form.show(error.errors, error instanceof ValidationError ? "Please correct this:" : trouble(error));
      return;
    }
    outcome.unsent(entry, error);
    say("We got no answer.");
  }
}

function openByID(id) {
  const entry = journal.byID(id);
  if (entry) return follow(entry);
  begin({ key: "" });
  outcome.message("unknown", "This browser does not know that booking", "Open it in the browser in which you booked, or write to us with your booking reference.");
}

/** Follows a booking, to its end and then until its payment has come to rest. */
async function follow(entry) {
  const signal = begin(entry);
  outcome.loading(entry);
  let bound;
  const until = (booking) => booking.terminal && !["authorized", "authorizing", "capturing", "voiding", "refund_pending", "unknown"].includes(booking.payment_status);
  const show = (booking) => {
    const before = current.status;
    journal.saw(entry.key, booking);
    current = journal.byKey(entry.key) ?? entry;
    outcome.show(booking, current);
    if (before !== booking.status || booking.status === "processing") say(announcement(booking));
    document.title = `${booking.reference} · Book a room`;
    clearTimeout(bound);
    if (booking.terminal) bound = setTimeout(() => signal === visit.signal && visit.abort(), payFollowed);
  };
  try {
    await client.follow(entry.handle, {
      signal, until, onChange: show,
      onConnection: (connection) => outcome.connection(connection.state === "lost" ? connection : null),
    });
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof NotFoundError || error instanceof UnauthorizedError) journal.note(entry.key, { decided: true });
    outcome.message("unknown", "We cannot show this booking", trouble(error));
  } finally {
    clearTimeout(bound);
  }
}

/** Does what a button says, once at a time, and follows the booking on. */
async function act(deed) {
  const entry = current;
  const pressed = document.activeElement;
  if (pressed?.getAttribute("aria-busy") === "true") return;
  pressed?.setAttribute("aria-busy", "true");
  outcome.refused(null);
  try {
    const answered = await deed({ onRetry: ({ error }) => outcome.repeating(error) });
    outcome.repeating(null);
    if (answered?.version && entry.key === current?.key) follow(journal.byKey(entry.key));
  } catch (error) {
    if (entry.key !== current?.key) return;
    if (error instanceof FeeChangedError) return outcome.quote(error.quote, true);
    outcome.refused(error);
    if (error instanceof ConflictError) follow(journal.byKey(entry.key)); // which shows how it stands
  } finally {
    pressed?.removeAttribute("aria-busy");
  }
}

/** The bank's page says nothing about the payment: the service asks the bank itself. */
function backFromBank() {
  const entry = journal.entries().find(({ atBank }) => atBank) ?? journal.open().find(({ handle }) => handle);
  history.replaceState(null, "", entry ? addressOf(entry) : "/");
  if (!entry) return route();
  journal.note(entry.key, { atBank: false });
  goOn(entry.handle).catch(() => {}); // following tells how it stands, and the guest can press the button
  follow(journal.byKey(entry.key));
}

/** The bank may have told the service already: then there is nothing to go on with. */
async function goOn(handle) {
  const booking = await client.get(handle);
  if (booking.action?.type === "three_ds") await client.continuePayment(handle);
}

/** Where the bank sends the guest: this page, without anything secret. Banks take https only, but from this machine. */
function returnURL() {
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  return location.protocol === "https:" || local ? `${location.origin}/?booking-return=1` : "";
}

function attribution() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(campaign.filter((name) => query.get(name)).map((name) => [name, query.get(name).slice(0, 512)]));
}

function say(words) {
  byID("announce").textContent = words;
}

function draftStorage() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return { getItem: () => null, setItem: () => {} };
  }
}
