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
  assert.deepEqual(tab().byKey(entry.key), entry);
  assert.deepEqual(entry.submission, wish());
  assert.equal(entry.decided, false);
});

test("the same wish has the same key, in every tab, however often the guest presses", () => {
  const { tab } = browser();
  const { key } = tab().begin(wish()).entry;
  for (let i = 0; i < 3; i++) assert.equal(tab().begin(wish(), { another: i === 2 }).entry.key, key);
});

test("two tabs that do not see each other's entries yet make one key of one wish, and two of two", () => {
  const { storage, clock } = browser();
  const texts = new Map();
  const apart = () => { // what was there when the tabs were opened, and then only what it writes itself
    const own = new Map(texts);
    return { getItem: (name) => own.get(name) ?? storage.getItem(name), setItem: (name, text) => own.set(name, text) };
  };
  let keys = 0;
  const journal = (storage) => new Journal({ storage, now: () => clock.time, newKey: () => `key-${++keys}` });
  journal(storage);
  const [one, other] = [journal(apart()), journal(apart())];
  const { key } = one.begin(wish()).entry;
  assert.equal(other.begin(wish()).entry.key, key);
  assert.notEqual(journal(apart()).begin(wish("Bea")).entry.key, key);
  assert.match(key, /^key-1\.[0-9a-z]+$/); // the secret is in it, so nobody else can make it
});

test("how the guest came, and where the bank sends them, is no part of the wish", () => {
  const { tab } = browser();
  const { key } = tab().begin(wish()).entry;
  const other = wish("Ana", { attribution: { gclid: "x" }, payment: { token: "pm_card_visa" } });
  assert.equal(tab().begin(other).entry.key, key);
});

test("another wish waits for the guest's word while one is under way", () => {
  const { tab } = browser();
  const { key } = tab().begin(wish()).entry;
  assert.equal(tab().begin(wish("Bea")).blockedBy.key, key);
  assert.notEqual(tab().begin(wish("Bea"), { another: true }).entry.key, key);
  assert.equal(tab().begin(wish("Ana")).entry.key, key);
});

test("what the guest has let go stands in no way, and keeps its key, for it may have arrived", () => {
  const { tab } = browser();
  const { key } = tab().begin(wish()).entry;
  tab().note(key, { letGo: true });
  assert.deepEqual(tab().open(), []);
  assert.notEqual(tab().begin(wish("Bea")).entry.key, key);
  assert.equal(tab().begin(wish()).entry.key, key);
  assert.equal(tab().open().length, 2);
});

test("after a failure the same wish has a new key", () => {
  const { tab } = browser();
  const { key } = tab().begin(wish()).entry;
  tab().note(key, { handle });
  tab().saw(key, { reference: "R", status: "failed", terminal: true });
  assert.notEqual(tab().begin(wish()).entry.key, key);
});

test("what is booked is booked again only on the guest's word", () => {
  const { tab } = browser();
  const { key } = tab().begin(wish()).entry;
  tab().note(key, { handle });
  tab().saw(key, { reference: "R", status: "confirmed", terminal: true });
  const { key: free } = tab().begin(wish("Bea")).entry; // another wish is free
  assert.notEqual(free, key);
  tab().drop(free);
  assert.equal(tab().begin(wish()).blockedBy.reference, "R");
  assert.notEqual(tab().begin(wish(), { another: true }).entry.key, key);
});

test("what was refused and is sent again unchanged, and what is wished for after a week, has a new key", () => {
  const { tab, clock } = browser();
  const { key } = tab().begin(wish()).entry;
  tab().drop(key);
  const { key: second } = tab().begin(wish()).entry;
  assert.notEqual(second, key);
  clock.time += 8 * 24 * 3600_000; // the entry is forgotten by now
  assert.notEqual(tab().begin(wish()).entry.key, second);
});

test("once a submission is accepted, nothing of the guest is kept", () => {
  const { tab, storage } = browser();
  const { key } = tab().begin(wish("Ana")).entry;
  assert.match(storage.getItem("checkout"), /Ana/);
  tab().note(key, { handle });
  assert.doesNotMatch(storage.getItem("checkout"), /Ana|pm_card/);
  assert.equal(tab().byID("b-1").submission.stay.hotel_name, "Hotel Sol");
  assert.equal(tab().begin(wish("Ana")).entry.key, key); // and the wish is still known
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
