// The module against the API itself. client_test.go starts it, says where it is, and moves its bookings on request.
import assert from "node:assert/strict";
import { test } from "node:test";
import { module } from "./fakes.mjs";

const { BookingClient, ConflictError, FeeChangedError, KeyReusedError, NotFoundError, OfferChangedError, UnauthorizedError, UnavailableError, ValidationError } = module;
const { API_URL: baseURL, API_KEY: key, API_CONTROL: control, API_SUBMISSION } = process.env;
const submission = JSON.parse(API_SUBMISSION);

/** Scripts the world of a booking, and runs it until it rests or waits for somebody. */
const world = async (id, fates) => assert.ok((await fetch(`${control}/script/${id}`, { method: "POST", body: JSON.stringify(fates) })).ok);
const run = async (id) => assert.ok((await fetch(`${control}/run/${id}`, { method: "POST" })).ok);
const down = async (is) => assert.ok((await fetch(`${control}/down/${is}`, { method: "POST" })).ok);

/** A client, and the status of every answer it got. */
function setup(options = {}) {
  const statuses = [];
  const noted = async (...request) => {
    const response = await fetch(...request);
    statuses.push(response.status);
    return response;
  };
  return { statuses, client: new BookingClient({ baseURL, key, fetch: noted, ...options }) };
}

async function submitted(client, name) {
  return (await client.submit(submission, { idempotencyKey: name })).handle;
}

test("a booking is accepted, streamed to its end, and read without being sent again", async () => {
  const { client, statuses } = setup();
  const { booking, handle, replayed } = await client.submit(submission, { idempotencyKey: "api-1" });
  assert.equal(booking.status, "pending");
  assert.equal(booking.client_secret, undefined);
  assert.equal(replayed, false);
  const seen = [];
  const decided = await client.follow(handle, {
    onChange: (b) => {
      seen.push(b.version);
      if (seen.length === 1) run(handle.id); // once the stream is open
    },
  });
  assert.equal(decided.status, "confirmed");
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
  statuses.length = 0;
  const first = await client.get(handle);
  assert.equal(await client.get(handle), first);
  assert.equal(statuses.at(-1), 304);
  const paid = await client.follow(handle, { until: (b) => b.payment_status === "captured" });
  assert.equal(paid.payment_status, "captured");
});

test("where there are no streams it is followed by polling", async () => {
  const withoutStreams = (url, init) => (url.endsWith("/stream") ? new Response("") : fetch(url, init));
  const { client } = setup({ fetch: withoutStreams });
  const handle = await submitted(client, "api-2");
  const decided = await client.follow(handle, { onChange: ({ status }) => status === "pending" && run(handle.id) });
  assert.equal(decided.status, "confirmed");
});

test("a repeated submission is the same booking, with the same secret", async () => {
  const { client } = setup();
  const handle = await submitted(client, "api-3");
  const again = await setup().client.submit(submission, { idempotencyKey: "api-3" });
  assert.deepEqual([again.handle, again.replayed], [handle, true]);
  const other = { ...submission, offer: { ...submission.offer, token: "sim_other" } };
  await assert.rejects(client.submit(other, { idempotencyKey: "api-3" }), KeyReusedError);
});

test("a service that is out of order is asked again, with the same key, until it is back", async () => {
  const shrunk = { setTimeout: (then, ms) => setTimeout(then, ms < 5000 ? 1 : ms), clearTimeout };
  const { client, statuses } = setup({ timers: shrunk });
  await down(true);
  const retries = [];
  const { replayed } = await client.submit(submission, {
    idempotencyKey: "api-4",
    onRetry: ({ error, delay }) => {
      retries.push(error instanceof UnavailableError && error.retryAfter >= 1 && delay >= 1000);
      if (retries.length === 2) down(false);
    },
  });
  assert.equal(replayed, false);
  assert.ok(retries.length >= 2 && retries.every(Boolean));
  assert.deepEqual(statuses, [...retries.map(() => 503), 202]);
});

test("what is wrong with a submission points into it", async () => {
  const { client } = setup();
  const wrong = { ...submission, contact: { ...submission.contact, email: "nobody" } };
  await assert.rejects(client.submit(wrong, { idempotencyKey: "api-5" }), (error) => {
    assert.ok(error instanceof ValidationError);
    assert.deepEqual(error.errors.map(({ pointer }) => pointer), ["/contact/email"]);
    assert.equal(error.requestId.length, 36);
    return true;
  });
});

test("3-D Secure is continued, and saying it twice changes nothing", async () => {
  const { client } = setup();
  const handle = await submitted(client, "api-6");
  await world(handle.id, { authorize: ["asks customer"], authenticate: ["ok"] });
  await run(handle.id);
  const waiting = await client.get(handle);
  assert.equal(waiting.action.type, "three_ds");
  await client.continuePayment(handle);
  await client.continuePayment(handle);
  assert.notEqual((await client.get(handle)).version, waiting.version);
});

test("a declined card is replaced", async () => {
  const { client } = setup();
  const handle = await submitted(client, "api-7");
  await world(handle.id, { authorize: ["refuses", ""] });
  await run(handle.id);
  assert.equal((await client.get(handle)).action.type, "new_payment_method");
  await client.continuePayment(handle, { token: "pm_card_mastercard" });
  await run(handle.id);
  assert.equal((await client.follow(handle)).status, "confirmed");
});

test("a dearer offer is accepted at the total on offer, and at no other", async () => {
  const { client } = setup();
  const handle = await submitted(client, "api-8");
  await world(handle.id, { hold: ["asks customer", ""] });
  await run(handle.id);
  const { action, price } = await client.get(handle);
  assert.equal(action.type, "accept_offer");
  await assert.rejects(client.acceptOffer(handle, { total: price }), (error) => {
    assert.ok(error instanceof OfferChangedError);
    assert.deepEqual(error.newTotal, action.new_total);
    return true;
  });
  await client.acceptOffer(handle, { total: action.new_total });
  await run(handle.id);
  assert.equal((await client.follow(handle)).status, "confirmed");
});

test("a cancellation costs what was quoted, and is refused at any other fee", async () => {
  const { client } = setup();
  const handle = await submitted(client, "api-9");
  await run(handle.id);
  const quote = await client.quoteCancellation(handle);
  await assert.rejects(client.cancel(handle, { expectedFee: { amount: "999.00", currency: "EUR" } }), (error) => {
    assert.ok(error instanceof FeeChangedError && error instanceof ConflictError);
    assert.deepEqual(error.quote, quote);
    return true;
  });
  assert.equal((await client.cancel(handle, { expectedFee: quote.fee })).status, "cancelling");
  await run(handle.id);
  assert.equal((await client.follow(handle)).status, "cancelled");
  await assert.rejects(client.quoteCancellation(handle), (error) => error instanceof ConflictError && error.code === "cancel_not_allowed");
});

test("whoever has no key or another booking's secret is told so", async () => {
  const { client } = setup();
  const [one, other] = [await submitted(client, "api-10"), await submitted(client, "api-11")];
  await assert.rejects(client.get({ id: one.id, clientSecret: other.clientSecret }), NotFoundError);
  await assert.rejects(client.follow({ id: one.id, clientSecret: "bk_nobody" }), UnauthorizedError);
  await assert.rejects(setup({ key: "bk_publishable_nobody" }).client.submit(submission, { idempotencyKey: "api-12" }), UnauthorizedError);
});
