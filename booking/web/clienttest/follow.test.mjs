import assert from "node:assert/strict";
import { test } from "node:test";
import { booking, event, found, handle, hangs, lost, module, opening, problem, setup, stream, unchanged } from "./fakes.mjs";

const { NotFoundError } = module;

/** Follows, and notes what is told. */
function follow(client, options = {}) {
  const versions = [];
  const connections = [];
  const promise = client.follow(handle, {
    onChange: (b) => versions.push(b.version),
    onConnection: ({ state, way }) => connections.push(`${state} ${way}`),
    ...options,
  });
  return { promise, versions, connections };
}
const waysOf = (requests) => requests.map(({ url, headers }) => (url.endsWith("/stream") ? "stream" : headers.Prefer ? "long-poll" : "poll"));
const none = () => new Response("", { status: 200 }); // of what lets no streams through

test("a stream tells every change and ends with the terminal booking", async () => {
  const { client, clock, requests } = setup([stream([opening, event(booking(1)), ": ping\n\n", event(booking(3)) + event(booking(7, "confirmed"))])]);
  const { promise, versions, connections } = follow(client);
  assert.equal((await clock.until(promise)).status, "confirmed");
  assert.deepEqual(versions, [1, 3, 7]);
  assert.deepEqual(connections, []);
  assert.equal(requests[0].headers.Authorization, "Bearer bks_secret");
  assert.equal(requests[0].headers["Last-Event-ID"], undefined);
  assert.equal(clock.pending, 0);
});

test("events are read however they are cut and whatever ends their lines", async () => {
  const text = new TextEncoder().encode(opening + event(booking(2, "confirmed", { reference: "Núñez €" })));
  const bytes = Array.from(text, (byte) => new Uint8Array([byte]));
  const b = booking(2, "confirmed", { reference: "Núñez €" });
  const lines = [`retry: 1\r\n\r\nevent:status\r`, `\ndata: ${JSON.stringify(b)}\r\n\r`, "\n"];
  const manyDataLines = [`event: status\n${JSON.stringify(b, null, 1).split("\n").map((line) => `data: ${line}\n`).join("")}\n`];
  for (const pieces of [bytes, lines, manyDataLines]) {
    const { client, clock } = setup([stream(pieces)]);
    assert.equal((await clock.until(follow(client).promise)).reference, "Núñez €");
  }
});

test("a broken stream is taken up where it broke, and the guest hears of it", async () => {
  const { client, clock, requests } = setup([stream([opening, event(booking(4))], "breaks"), lost, stream([opening, event(booking(6, "failed"))])]);
  const { promise, versions, connections } = follow(client);
  await clock.until(promise);
  assert.deepEqual(versions, [4, 6]);
  assert.deepEqual(requests.map(({ headers }) => headers["Last-Event-ID"]), [undefined, "4", "4"]);
  assert.deepEqual(connections, ["lost stream", "lost stream", "live stream"]);
});

test("a stream that lives each time it is opened is never left, however often it breaks", async () => {
  const breaking = Array.from({ length: 6 }, (_, i) => stream([opening, event(booking(i + 1))], "breaks"));
  const { client, clock, requests } = setup([...breaking, stream([opening, event(booking(9, "failed"))])]);
  await clock.until(follow(client).promise);
  assert.deepEqual(new Set(waysOf(requests)), new Set(["stream"]));
  assert.deepEqual(requests.slice(1).map(({ at }, i) => at - requests[i].at), Array(6).fill(250));
});

test("a stream that was ended on purpose is no loss", async () => {
  const { client, clock, requests } = setup([stream([opening, event(booking(4))]), stream([opening]), stream([opening, event(booking(5, "failed"))])]);
  const { promise, connections } = follow(client);
  await clock.until(promise);
  assert.deepEqual(connections, []);
  assert.equal(requests[1].at - requests[0].at, 1000); // half of what the stream asked for
});

test("pings keep a stream, and silence ends it", async () => {
  const { client, clock, requests } = setup([stream([opening, event(booking(4)), ": ping\n\n"], "hangs"), stream([opening, event(booking(5, "failed"))])]);
  const { promise, connections } = follow(client);
  await clock.until(promise);
  assert.equal(requests[1].at - requests[0].at, 40_250);
  assert.deepEqual(connections, ["lost stream", "live stream"]);
});

test("where streams are refused it polls long, and where that is not held it asks as often as it is told", async () => {
  const html = () => new Response("<h1>?</h1>", { status: 200, headers: { "Content-Type": "text/html" } });
  const script = [
    html, found(booking(1)), // the answer is news
    unchanged({ "Retry-After": "3" }), // at once, and without Preference-Applied: nobody held it
    unchanged({ "Retry-After": "5" }), found(booking(2), { "Retry-After": "9" }), found(booking(3, "confirmed")),
  ];
  const { client, clock, requests } = setup(script);
  const { promise, versions } = follow(client);
  await clock.until(promise);
  assert.deepEqual(versions, [1, 2, 3]);
  assert.deepEqual(waysOf(requests), ["stream", "poll", "long-poll", "poll", "poll", "poll"]); // the first look is not to be held
  assert.deepEqual(requests.slice(1).map(({ at }, i) => at - requests[i].at), [0, 0, 3000, 5000, 9000]);
  assert.deepEqual(requests.map(({ headers }) => headers["If-None-Match"]), [undefined, undefined, '"1"', '"1"', '"1"', '"2"']);
  assert.equal(requests[2].headers.Prefer, "wait=20");
});

test("a way that fails three times is left for the next one", async () => {
  const held = { "Preference-Applied": "wait=20" };
  const { client, clock, requests } = setup([lost, problem(503, "unavailable"), lost, found(booking(1), held), lost, lost, lost, found(booking(2, "failed"))]);
  await clock.until(follow(client).promise);
  assert.deepEqual(waysOf(requests), [...Array(3).fill("stream"), "poll", ...Array(3).fill("long-poll"), "poll"]);
});

test("a stream that is held back is taken for none", async () => {
  const { client, clock, requests } = setup([stream([], "hangs"), found(booking(1, "failed"))]);
  await clock.until(follow(client).promise);
  assert.deepEqual(waysOf(requests), ["stream", "poll"]);
  assert.equal(requests[1].at - requests[0].at, 5000);
});

test("a better way is tried again after a while, and less and less often", async () => {
  const ask = { "Retry-After": "10", "Preference-Applied": "wait=20" }; // of a service that holds nothing more right now
  const script = [none, found(booking(1), ask), ...Array(3).fill(unchanged(ask)), none, ...Array(6).fill(unchanged(ask)), stream([opening, event(booking(2, "failed"))])];
  const { client, clock, requests } = setup(script);
  await clock.until(follow(client).promise);
  const [first, second, third] = requests.filter(({ url }) => url.endsWith("/stream")).map(({ at }) => at);
  assert.equal(second - first, 30_000);
  assert.equal(third - second, 60_000);
});

test("no version is ever followed by an older one", async () => {
  const script = [stream([opening, event(booking(5)), event(booking(4)), event(booking(5))]), none, found(booking(3)), found(booking(6)), found(booking(2)), found(booking(7, "failed"))];
  const { client, clock } = setup(script);
  const { promise, versions } = follow(client);
  await clock.until(promise);
  assert.deepEqual(versions, [5, 6, 7]);
});

test("two who follow the same booking are told the same, although answers overtake each other", async () => {
  const { client, clock } = setup([found(booking(8)), stream([opening, event(booking(7))]), stream([opening, event(booking(9, "failed"))])]);
  await clock.until(client.get(handle));
  const { promise, versions } = follow(client);
  await clock.until(promise);
  assert.deepEqual(versions, [8, 9]);
});

test("following goes on behind the terminal booking where it is asked to", async () => {
  const paid = booking(9, "confirmed", { payment_status: "captured" });
  const held = { "Preference-Applied": "wait=20" };
  const { client, clock, requests } = setup([stream([opening, event(booking(7, "confirmed"))]), unchanged(held), found(paid, held)]);
  const { promise, versions } = follow(client, { until: (b) => b.payment_status === "captured" });
  assert.equal((await clock.until(promise)).version, 9);
  assert.deepEqual(versions, [7, 9]);
  assert.deepEqual(waysOf(requests), ["stream", "long-poll", "long-poll"]);
});

test("a decided booking of which everything was seen ends the following", async () => {
  const { client, clock } = setup([stream([opening, event(booking(6))], "breaks"), () => new Response(null, { status: 204 }), found(booking(7, "failed"))]);
  const { promise, versions } = follow(client);
  await clock.until(promise);
  assert.deepEqual(versions, [6, 7]);
});

test("what nobody can mend by waiting ends the following", async () => {
  for (const [status, code, kind] of [[404, "not_found", NotFoundError], [401, "unauthorized", module.UnauthorizedError]]) {
    const { client, clock, requests } = setup([problem(status, code)]);
    await assert.rejects(clock.until(follow(client).promise), kind);
    assert.equal(requests.length, 1);
  }
});

test("a lost network is waited for, however long, and noticed when it is back", async () => {
  const script = [...Array(40).fill(lost), found(booking(2, "failed"))];
  const { client, clock, requests, online, listeners } = setup(script);
  const { promise, connections } = follow(client);
  while (script.length > 1) {
    await clock.settle();
    assert.equal(listeners.size, 1);
    online();
  }
  await clock.until(promise);
  assert.equal(requests.length, 41);
  assert.equal(connections.at(-1), "live poll");
  assert.ok(requests.at(-1).at - requests[0].at <= 20_000, "it slept through the network's return");
});

test("an abort ends it wherever it is, and passes through", async () => {
  const reason = new DOMException("the page is gone", "AbortError");
  for (const script of [[hangs], [stream([opening], "hangs")], [none, hangs], [lost]]) {
    const { client, clock, listeners } = setup(script);
    const abort = new AbortController();
    const { promise } = follow(client, { signal: abort.signal });
    await clock.settle();
    abort.abort(reason);
    await assert.rejects(promise, (error) => error === reason);
    assert.equal(clock.pending, 0);
    assert.equal(listeners.size, 0);
  }
});

test("an error of the page's own is the page's", async () => {
  const { client, clock, requests } = setup([stream([opening, event(booking(1))])]);
  const promise = client.follow(handle, { onChange: () => assert.fail("the page is broken") });
  await assert.rejects(clock.until(promise), /the page is broken/);
  assert.equal(requests.length, 1);
});
