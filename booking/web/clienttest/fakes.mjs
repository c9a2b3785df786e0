// What the module's tests run on: the module itself, a network that follows a script, and a clock that tests own.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const source = await readFile(new URL("../assets/booking-client.js", import.meta.url));
export const module = await import("data:text/javascript;base64," + source.toString("base64")); // of any node, whatever it takes .js for

export const handle = { id: "01945e2a-7c00-7000-8000-000000000001", clientSecret: "bks_secret" };
export const submission = { offer: { token: "sim_ok" }, contact: { family_name: "Núñez" } };

/** A booking of some version. */
export function booking(version, status = "processing", more = {}) {
  const terminal = ["confirmed", "failed", "cancelled"].includes(status);
  return { id: handle.id, reference: "7H2KMQ4XR9", version, status, terminal, stage: "checking_price", steps: [], ...more };
}

/** An answer with JSON. */
export function answer(status, json, headers = {}) {
  return () => new Response(json === undefined ? null : JSON.stringify(json), { status, headers });
}
export const found = (b, headers = {}) => answer(200, b, { ETag: `"${b.version}"`, ...headers });
export const unchanged = (headers = {}) => answer(304, undefined, headers);
export const accepted = (version = 1) => answer(202, { ...booking(version, "pending"), client_secret: handle.clientSecret }, { ETag: `"${version}"` });
export const problem = (status, code, more = {}, headers = {}) =>
  answer(status, { title: "A title", status, code, request_id: "r-1", ...more }, { "Content-Type": "application/problem+json", ...headers });

/** What fetch does when no answer comes. */
export const lost = () => {
  throw new TypeError("fetch failed");
};
/** Nothing, until it is aborted. */
export const hangs = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** A stream of these pieces, which then "ends", "breaks" or "hangs". */
export function stream(pieces, then = "ends") {
  return ({ signal }) => {
    const left = pieces.map((piece) => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece));
    const body = new ReadableStream({
      start: (controller) => signal.addEventListener("abort", () => controller.error(signal.reason)),
      pull(controller) {
        if (left.length > 0) return controller.enqueue(left.shift());
        if (then === "ends") return controller.close();
        if (then === "breaks") return controller.error(new TypeError("terminated"));
        return new Promise(() => {});
      },
    }, { highWaterMark: 0 });
    return new Response(body, { status: 200, headers: { "Content-Type": "text/event-stream" } });
  };
}
export const event = (b) => `id: ${b.version}\nevent: status\ndata: ${JSON.stringify(b)}\n\n`;
export const opening = "retry: 2000\n\n";

/** A client whose network answers by script and whose clock is the test's. Math.random is one half. */
export function setup(script, options = {}) {
  const clock = new Clock();
  const requests = [];
  const listeners = new Set();
  const fetch = async (url, init) => {
    const at = clock.time;
    requests.push({ url, method: init.method, headers: init.headers, body: init.body, at, init });
    if (script.length === 0) clock.broken = new Error(`nobody expected ${init.method} ${url}`); // what fetch throws is a lost connection
    if (init.signal.aborted) throw init.signal.reason;
    return script.shift()(init);
  };
  const connectivity = {
    onOnline: (wake) => {
      listeners.add(wake);
      return () => listeners.delete(wake);
    },
  };
  const client = new module.BookingClient({
    baseURL: "https://booking.example/", key: "bk_publishable_x", fetch, timers: clock, now: () => clock.time, random: () => 0.5, connectivity, ...options,
  });
  return { client, clock, requests, script, listeners, online: () => [...listeners].forEach((wake) => wake()) };
}

/** Time passes only when nothing else is left to do. */
class Clock {
  time = Date.parse("2026-11-20T10:00:00Z");
  broken;
  #timers = new Map();
  #count = 0;

  setTimeout(then, ms) {
    this.#timers.set(++this.#count, { then, at: this.time + ms });
    return this.#count;
  }

  clearTimeout(timer) {
    this.#timers.delete(timer);
  }

  get pending() {
    return this.#timers.size;
  }

  /** Lets everything happen that needs no time. */
  async settle() {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets time pass until promise is settled, and answers with what became of it. */
  async until(promise) {
    let settled = false;
    const mark = () => (settled = true);
    promise.then(mark, mark);
    for (let i = 0; i < 1000; i++) {
      await this.settle();
      if (this.broken) throw this.broken;
      if (settled) return promise;
      this.#next();
    }
    throw new Error("it never settles");
  }

  #next() {
    const [id, timer] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? assert.fail("it waits for nothing");
    this.#timers.delete(id);
    this.time = Math.max(this.time, timer.at);
    timer.then();
  }
}
