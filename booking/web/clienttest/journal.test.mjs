// What the checkout keeps across reloads, so that one wish of a guest has one key.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const source = await readFile(new URL("../assets/checkout-journal.js", import.meta.url));
const { Journal } = await import("data:text/javascript;base64," + source.toString("base64"));

const handle = { id: "b-1", clientSecret: "bks_secret" };
const wish = (name = "Ana", more = {}) => ({
  offer: { token: "sim_ok" }, stay: { hotel_name: "Hotel Sol", rooms: [{ guests: [{ given_name: name }] }] },
  contact: { given_name: name }, payment: { token: "pm_card_visa", return_url: "https://shop.example/?booking-return=1" }, ...more,
});

/** Several tabs of one browser. */
function browser() {
  const texts = new Map();
  const storage = { getItem: (name) => texts.get(name) ?? null, setItem: (name, text) => texts.set(name, text) };
  const clock = { time: Date.parse("2026-11-20T10:00:00Z") };
  let keys = 0;
  const tab = () => new Journal({ storage, now: () => clock.time, newKey: () => `key-${++keys}` });
  return { tab, storage, clock };
}

test("an entry is written before anything is sent, and is there after a reload", () => {
  const { tab } = browser();
  const { entry } = tab().begin(wish());
  assert.deepEqual(tab().byKey("key-1"), entry);
  assert.deepEqual(entry.submission, wish());
  assert.equal(entry.decided, false);
});

test("the same wish has the same key, in every tab, however often the guest presses", () => {
  const { tab } = browser();
  for (let i = 0; i < 3; i++) assert.equal(tab().begin(wish(), { another: i === 2 }).entry.key, "key-1");
});

test("how the guest came, and where the bank sends them, is no part of the wish", () => {
  const { tab } = browser();
  tab().begin(wish());
  const other = wish("Ana", { attribution: { gclid: "x" }, payment: { token: "pm_card_visa" } });
  assert.equal(tab().begin(other).entry.key, "key-1");
});

test("another wish waits for the guest's word while one is under way", () => {
  const { tab } = browser();
  tab().begin(wish());
  assert.equal(tab().begin(wish("Bea")).blockedBy.key, "key-1");
  assert.equal(tab().begin(wish("Bea"), { another: true }).entry.key, "key-2");
  assert.equal(tab().begin(wish("Ana")).entry.key, "key-1");
});

test("what the guest has let go stands in no way, and keeps its key, for it may have arrived", () => {
  const { tab } = browser();
  tab().begin(wish());
  tab().note("key-1", { letGo: true });
  assert.deepEqual(tab().open(), []);
  assert.equal(tab().begin(wish("Bea")).entry.key, "key-2");
  assert.equal(tab().begin(wish()).entry.key, "key-1");
  assert.equal(tab().open().length, 2);
});

test("after a failure the same wish has a new key", () => {
  const { tab } = browser();
  tab().begin(wish());
  tab().note("key-1", { handle });
  tab().saw("key-1", { reference: "R", status: "failed", terminal: true });
  assert.equal(tab().begin(wish()).entry.key, "key-2");
});

test("what is booked is booked again only on the guest's word", () => {
  const { tab } = browser();
  tab().begin(wish());
  tab().note("key-1", { handle });
  tab().saw("key-1", { reference: "R", status: "confirmed", terminal: true });
  assert.equal(tab().begin(wish("Bea")).entry.key, "key-2"); // another wish is free
  tab().drop("key-2");
  assert.equal(tab().begin(wish()).blockedBy.reference, "R");
  assert.equal(tab().begin(wish(), { another: true }).entry.key, "key-3");
});

test("once a submission is accepted, nothing of the guest is kept", () => {
  const { tab, storage } = browser();
  tab().begin(wish("Ana"));
  assert.match(storage.getItem("checkout"), /Ana/);
  tab().note("key-1", { handle });
  assert.doesNotMatch(storage.getItem("checkout"), /Ana|pm_card/);
  assert.equal(tab().byID("b-1").submission.stay.hotel_name, "Hotel Sol");
  assert.equal(tab().begin(wish("Ana")).entry.key, "key-1"); // and the wish is still known
});

test("old entries go, and strange text under our name is none", () => {
  const { tab, storage, clock } = browser();
  tab().begin(wish());
  clock.time += 8 * 24 * 3600_000;
  assert.deepEqual(tab().entries(), []);
  for (let i = 0; i < 15; i++) tab().begin(wish(`guest ${i}`), { another: true });
  assert.equal(tab().entries().length, 10);
  for (const text of ["{", "null", '{"a":1}', "7"]) {
    storage.setItem("checkout", text);
    assert.deepEqual(tab().entries(), []);
  }
});
