import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, answer, booking, found, handle, hangs, lost, module, problem, setup, submission, unchanged } from "./fakes.mjs";

const {
  BookingError, ConflictError, FeeChangedError, KeyReusedError, NetworkError, NotFoundError, OfferChangedError, OverloadedError, RateLimitedError,
  UnauthorizedError, UnavailableError, ValidationError, newIdempotencyKey,
} = module;

const submit = (client, options = {}) => client.submit(submission, { idempotencyKey: "key-1", ...options });

test("a submission carries the key and answers with a handle, whose secret the booking does not repeat", async () => {
  const { client, clock, requests } = setup([accepted()]);
  const receipt = await clock.until(submit(client));
  assert.deepEqual(receipt, { booking: booking(1, "pending"), handle, replayed: false });
  const [{ url, method, headers, body, init }] = requests;
  assert.equal(`${method} ${url}`, "POST https://booking.example/v1/bookings");
  assert.equal(headers.Authorization, "Bearer bk_publishable_x");
  assert.equal(headers["Idempotency-Key"], "key-1");
  assert.deepEqual(JSON.parse(body), submission);
  assert.equal(init.redirect, "error"); // nobody else is handed the key
  assert.equal(init.credentials, "omit");
  assert.equal(clock.pending, 0);
});

test("every repetition has the same key and the same body", async () => {
  const html = () => new Response("<h1>Sign in to this hotel's network</h1>", { status: 200 });
  const script = [lost, problem(502, "x"), problem(503, "unavailable"), problem(504, "x"), problem(429, "rate_limited"), problem(408, "request_timeout"), html, accepted()];
  const { client, clock, requests } = setup(script);
  await clock.until(submit(client));
  assert.equal(requests.length, 8);
  assert.equal(new Set(requests.map(({ headers }) => headers["Idempotency-Key"])).size, 1);
  assert.equal(new Set(requests.map(({ body }) => body)).size, 1);
});

test("what is wrong with the submission is not repeated", async () => {
  for (const [status, code] of [[422, "validation_failed"], [401, "unauthorized"], [403, "forbidden"], [413, "body_too_large"], [500, "internal"]]) {
    const { client, clock, requests } = setup([problem(status, code)]);
    await assert.rejects(clock.until(submit(client)), { code, status });
    assert.equal(requests.length, 1);
  }
});

test("pauses are random below a bound that doubles, up to a limit", async () => {
  const { client, clock, requests } = setup([lost, lost, lost, lost, accepted()], { backoffMax: 1500 });
  await clock.until(submit(client));
  assert.deepEqual(requests.slice(1).map(({ at }, i) => at - requests[i].at), [250, 500, 750, 750]);
});

test("Retry-After is obeyed, in seconds and as a date", async () => {
  const told = [];
  const script = [
    problem(503, "overloaded", {}, { "Retry-After": "7" }),
    problem(503, "overloaded", {}, { "Retry-After": "Fri, 20 Nov 2026 10:00:30 GMT" }),
    problem(429, "rate_limited", {}, { "Retry-After": "soon" }),
    accepted(),
  ];
  const { client, clock, requests } = setup(script);
  const begun = clock.time;
  await clock.until(submit(client, { onRetry: ({ attempt, delay, error }) => told.push([attempt, delay, error.constructor]) }));
  assert.ok(requests[1].at - begun >= 7000);
  assert.ok(requests[2].at - begun >= 30_000);
  assert.deepEqual(told.map(([attempt, , kind]) => [attempt, kind]), [[1, OverloadedError], [2, OverloadedError], [3, RateLimitedError]]);
  assert.equal(told[2][1], 1000); // half of 500 * 2^2: what cannot be read is no wish
});

test("a request without an answer in time is given up and repeated", async () => {
  const { client, clock, requests } = setup([hangs, accepted()], { timeout: 4000 });
  await clock.until(submit(client));
  assert.equal(requests[1].at - requests[0].at, 4250);
});

test("an answer that stops in the middle is repeated", async () => {
  const half = () => new Response('{"id":"0194', { status: 202 });
  const { client, clock, requests } = setup([half, accepted()]);
  await clock.until(submit(client));
  assert.equal(requests.length, 2);
});

test("patience ends, with the last error", async () => {
  const { client, clock } = setup(Array(100).fill(lost), { patience: 10_000 });
  const begun = clock.time;
  await assert.rejects(clock.until(submit(client)), (error) => error instanceof NetworkError && error.code === "network" && error.status === 0);
  assert.ok(clock.time - begun <= 10_000);
});

test("a network that comes back ends the pause at once", async () => {
  const { client, clock, requests, online, listeners } = setup([lost, accepted()]);
  const submitted = submit(client);
  await clock.settle();
  assert.equal(requests.length, 1);
  online();
  await clock.settle();
  assert.equal(requests.length, 2);
  assert.equal(requests[1].at, requests[0].at);
  await submitted;
  assert.equal(listeners.size, 0);
});

test("an abort passes through, before, during and between requests", async () => {
  const reason = new DOMException("the guest left", "AbortError");
  for (const script of [[hangs], [lost, accepted()]]) {
    const { client, clock, requests } = setup(script);
    const abort = new AbortController();
    const submitted = submit(client, { signal: abort.signal });
    await clock.settle();
    abort.abort(reason);
    await assert.rejects(submitted, (error) => error === reason);
    assert.equal(requests.length, 1);
    assert.equal(clock.pending, 0);
  }
  const { client, requests } = setup([]);
  await assert.rejects(submit(client, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  assert.equal(requests.length, 0);
});

test("errors have types, and what a page needs of the problem", async () => {
  const quote = { fee: { amount: "1.00", currency: "EUR" }, refund: { amount: "2.00", currency: "EUR" } };
  const total = { amount: "9.00", currency: "EUR" };
  const errors = [{ pointer: "/contact/email", code: "invalid_format", detail: "It is not an e-mail address." }];
  const cases = [
    [problem(422, "validation_failed", { errors }), [ValidationError], (e) => assert.deepEqual(e.errors, errors)],
    [problem(400, "malformed_request"), [ValidationError]],
    [problem(422, "idempotency_key_reused"), [KeyReusedError]],
    [problem(409, "state_conflict", { allowed: ["cancel"] }), [ConflictError], (e) => assert.deepEqual(e.allowed, ["cancel"])],
    [problem(409, "fee_changed", { quote }), [ConflictError, FeeChangedError], (e) => assert.deepEqual(e.quote, quote)],
    [problem(409, "offer_changed", { new_total: total }), [ConflictError, OfferChangedError], (e) => assert.deepEqual(e.newTotal, total)],
    [problem(401, "unauthorized"), [UnauthorizedError]],
    [problem(403, "forbidden"), [UnauthorizedError]],
    [problem(404, "not_found"), [NotFoundError]],
    [problem(500, "internal"), [UnavailableError]],
    [problem(503, "overloaded", {}, { "Retry-After": "5" }), [UnavailableError, OverloadedError], (e) => assert.equal(e.retryAfter, 5)],
    [problem(429, "rate_limited"), [UnavailableError, RateLimitedError]],
    [() => new Response("<h1>Bad gateway</h1>", { status: 502 }), [UnavailableError], (e) => assert.equal(e.code, "http_502")],
    [() => new Response("I'm a teapot", { status: 418 }), [BookingError], (e) => assert.equal(e.code, "http_418")],
  ];
  for (const [answered, kinds, check] of cases) {
    const { client, clock } = setup([answered], { patience: 0 });
    await assert.rejects(clock.until(client.cancel(handle, { expectedFee: total })), (error) => {
      for (const kind of [BookingError, Error, ...kinds]) assert.ok(error instanceof kind, `${error} is no ${kind.name}`);
      assert.equal(error.name, kinds.at(-1).name);
      if (!error.code.startsWith("http_")) assert.equal(error.requestId, "r-1");
      check?.(error);
      return true;
    });
  }
});

test("what a guest does is said with the booking's own secret, and repeated until it is heard", async () => {
  const total = { amount: "9.00", currency: "EUR" };
  const cases = [
    [(client) => client.cancel(handle, { expectedFee: total }), "/cancellation", { expected_fee: total }],
    [(client) => client.cancel(handle), "/cancellation", {}],
    [(client) => client.continuePayment(handle), "/actions/payment", {}],
    [(client) => client.continuePayment(handle, { token: "pm_2" }), "/actions/payment", { payment: { token: "pm_2" } }],
    [(client) => client.acceptOffer(handle, { total }), "/actions/accept-offer", { accepted_total: total }],
  ];
  for (const [act, path, sent] of cases) {
    const { client, clock, requests } = setup([lost, answer(202, booking(5))]);
    assert.equal((await clock.until(act(client))).version, 5);
    assert.equal(requests[1].url, `https://booking.example/v1/bookings/${handle.id}${path}`);
    assert.equal(requests[1].headers.Authorization, "Bearer bks_secret");
    assert.deepEqual(JSON.parse(requests[1].body), sent);
  }
});

test("no address ever holds a secret", async () => {
  const { client, clock, requests } = setup([accepted(), found(booking(1)), answer(200, {}), answer(202, booking(2))]);
  await clock.until(submit(client));
  await clock.until(client.get(handle));
  await clock.until(client.quoteCancellation(handle));
  await clock.until(client.cancel(handle));
  for (const { url } of requests) assert.doesNotMatch(url, /bks_|bk_|key-1/);
});

test("what is unchanged comes from memory, and nothing older than what was told", async () => {
  const { client, clock, requests } = setup([found(booking(4)), unchanged(), found(booking(3)), found(booking(5))]);
  const versions = [];
  for (let i = 0; i < 4; i++) versions.push((await clock.until(client.get(handle))).version);
  assert.deepEqual(versions, [4, 4, 4, 5]);
  assert.deepEqual(requests.map(({ headers }) => headers["If-None-Match"]), [undefined, '"4"', '"4"', '"4"']);
});

test("a misuse is told at once", async () => {
  const { client } = setup([]);
  await assert.rejects(client.submit(submission), /idempotencyKey/);
  await assert.rejects(client.get({ id: handle.id }), /clientSecret/);
  await assert.rejects(new module.BookingClient().submit(submission, { idempotencyKey: "k" }), /with a key/);
  assert.throws(() => new module.BookingClient({ timeuot: 1 }), /timeuot/);
});

test("keys are random UUIDs, also where crypto.randomUUID is missing", () => {
  const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  const insecure = { getRandomValues: (bytes) => crypto.getRandomValues(bytes) };
  const keys = new Set();
  for (let i = 0; i < 200; i++) keys.add(newIdempotencyKey()).add(newIdempotencyKey(insecure));
  assert.equal(keys.size, 400);
  for (const key of keys) assert.match(key, shape);
});
