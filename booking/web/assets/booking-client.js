/**
 * A client of the booking API for browsers and for node 18 or later. One file, no dependencies, no build step.
 *
 *     import { BookingClient, newIdempotencyKey } from "https://booking.example/booking-client.js";
 *     const client = new BookingClient({ baseURL: "https://booking.example", key: "bk_publishable_…" });
 *     const { handle } = await client.submit(submission, { idempotencyKey: newIdempotencyKey() });
 *     const decided = await client.follow(handle, { onChange: show });
 *
 * A booking is opened by its handle: {id, clientSecret}. Nothing here logs, stores, or puts a secret into an address.
 * The types are in booking-client.d.ts; the guide is docs/client.md.
 */

/** What the API, or the way to it, answered instead of what was asked for. Subclasses say what a page can do about it. */
export class BookingError extends Error {
  /** @param {object} about code, status (0: no answer), title, detail, errors, allowed, retryAfter in seconds, requestId */
  constructor({ code, status = 0, title = code, detail = "", errors = [], allowed = [], retryAfter, requestId, cause }) {
    super(detail ? `${title}. ${detail}` : title, { cause });
    this.name = this.constructor.name;
    this.code = code;
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
    this.allowed = allowed;
    this.retryAfter = retryAfter;
    this.requestId = requestId;
  }
}

/** Something in what was sent is wrong: errors has JSON pointers into it. */
export class ValidationError extends BookingError {}
/** The idempotency key belongs to a submission with other content. */
export class KeyReusedError extends BookingError {}
/** The booking is not in a state that allows it: get it, and show what it is now. */
export class ConflictError extends BookingError {}
/** The fee is another one by now: show quote and ask again. */
export class FeeChangedError extends ConflictError {
  constructor(about) {
    super(about);
    this.quote = about.quote;
  }
}
/** The total is another one by now: show newTotal and ask again. */
export class OfferChangedError extends ConflictError {
  constructor(about) {
    super(about);
    this.newTotal = about.newTotal;
  }
}
/** The key or the client secret is not known, or not for this. */
export class UnauthorizedError extends BookingError {}
/** There is no such booking, or the secret does not open it. */
export class NotFoundError extends BookingError {}
/** The service, or something before it, cannot answer now. It says nothing about the booking. */
export class UnavailableError extends BookingError {}
/** Too much to do: nothing was stored. */
export class OverloadedError extends UnavailableError {}
/** Too many requests from here. */
export class RateLimitedError extends UnavailableError {}
/** No answer came, or half of one (code "network"), or not in time (code "timeout"). It says nothing about the booking. */
export class NetworkError extends BookingError {}

/**
 * A key for one submission: 122 random bits, written as a UUID. Make it once for what the guest meant, keep it, and send it with
 * every repetition.
 */
export function newIdempotencyKey(random = globalThis.crypto) {
  if (random.randomUUID) return random.randomUUID(); // which browsers have on secure origins only
  const bytes = random.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Everything that waits, in milliseconds. */
const defaults = {
  timeout: 15_000, // of one request
  patience: 120_000, // of one call with all its repetitions
  backoff: 500, // the first pause is random below this, the next below twice as much, and so on
  backoffMax: 20_000,
  silence: 40_000, // of a stream, whose pings come every 15 s: then it is taken for dead
  firstByte: 5_000, // of a stream, which begins at once: what holds it back longer does not let streams through
  climb: 30_000, // before a better way of following is tried again; then twice as long
};
const holdSeconds = 20; // of a long poll
const transient = new Set([408, 425, 429, 502, 503, 504]);
const ways = ["stream", "long-poll", "poll"];

/** Submits bookings and follows them. It keeps no state but the newest version of the bookings that it has seen. */
export class BookingClient {
  #baseURL;
  #key;
  #fetch;
  #timers;
  #now;
  #random;
  #connectivity;
  #waits;
  #known = new Map(); // id -> {booking, etag}: the newest that anybody was told

  /** See BookingClientOptions. baseURL "" is the page's own origin; key is needed to submit only. */
  constructor({ baseURL = "", key = "", fetch, timers = globalThis, now = Date.now, random = Math.random, connectivity, ...waits } = {}) {
    this.#baseURL = String(baseURL).replace(/\/+$/, "");
    this.#key = key;
    this.#fetch = fetch ?? ((...request) => globalThis.fetch(...request));
    this.#timers = timers;
    this.#now = now;
    this.#random = random;
    this.#connectivity = connectivity ?? browserConnectivity();
    for (const name of Object.keys(waits)) if (!(name in defaults)) throw new TypeError(`BookingClient has no option ${name}`);
    this.#waits = { ...defaults, ...waits };
  }

  /**
   * Submits a booking and answers once it is stored for good: {booking, handle, replayed}. No answer, 408, 429, 502, 503 and 504
   * are followed by the same request with the same key, for as long as patience and signal allow; onRetry is told of each.
   * Whatever it throws, submitting again with the same key and body cannot book twice.
   */
  async submit(submission, { idempotencyKey, signal, onRetry } = {}) {
    if (!idempotencyKey) throw new TypeError("submit needs an idempotencyKey: make one with newIdempotencyKey and keep it");
    if (!this.#key) throw new TypeError("submit needs a BookingClient with a key");
    const body = JSON.stringify(submission);
    const answer = await this.#repeat(
      () => this.#call("POST", "/v1/bookings", { bearer: this.#key, body, headers: { "Idempotency-Key": idempotencyKey }, signal }),
      { signal, onRetry },
    );
    const { client_secret: clientSecret, ...booking } = answer.json;
    const handle = { id: booking.id, clientSecret };
    return { booking: this.#learn(booking, answer.etag), handle, replayed: answer.headers.get("Idempotent-Replayed") === "true" };
  }

  /** The booking as it stands. What has not changed is not sent again. Repeats like submit. */
  async get(handle, { signal, onRetry } = {}) {
    return (await this.#repeat(() => this.#look(handle, { signal }), { signal, onRetry })).booking;
  }

  /** What cancelling would cost now. Show it, and give its fee to cancel. */
  async quoteCancellation(handle, { signal, onRetry } = {}) {
    const path = pathOf(handle, "/cancellation");
    return (await this.#repeat(() => this.#call("GET", path, { bearer: handle.clientSecret, signal }), { signal, onRetry })).json;
  }

  /** Asks to cancel. FeeChangedError when the fee is no longer expectedFee. Saying it twice changes nothing. */
  cancel(handle, { expectedFee, signal, onRetry } = {}) {
    return this.#act(handle, "/cancellation", { expected_fee: expectedFee }, { signal, onRetry });
  }

  /** Goes on after the bank's page, or with the token of another payment method. */
  continuePayment(handle, { token, signal, onRetry } = {}) {
    return this.#act(handle, "/actions/payment", { payment: token ? { token } : undefined }, { signal, onRetry });
  }

  /** Consents to a changed price or terms. OfferChangedError when total is no longer the one on offer. */
  acceptOffer(handle, { total, signal, onRetry } = {}) {
    return this.#act(handle, "/actions/accept-offer", { accepted_total: total }, { signal, onRetry });
  }

  /**
   * Tells onChange of every change, at first of the booking as it stands, and answers with the booking that until accepts: by
   * default the one that is terminal. A version is never followed by an older one. It streams where it can, else it polls, and
   * outlives lost connections: onConnection is told of those. It ends early with signal, or when nobody could go on: the
   * booking is not found, or the secret not known.
   */
  async follow(handle, { onChange = () => {}, onConnection = () => {}, until = (booking) => booking.terminal, signal } = {}) {
    const course = { newest: null, way: 0, failures: 0, strikes: 0, climbAt: Infinity, climb: this.#waits.climb, pause: 0, lost: false };
    const tell = (booking) => {
      if (course.newest && booking.version <= course.newest.version) return;
      course.newest = booking;
      try {
        onChange(booking);
      } catch (error) {
        course.thrown = { error }; // no failure of the way here
        throw error;
      }
    };
    const live = () => {
      course.failures = course.strikes = 0;
      if (course.lost) onConnection({ state: "live", way: ways[course.way] });
      course.lost = false;
    };
    for (;;) {
      signal?.throwIfAborted();
      if (course.newest?.terminal && course.way === 0) course.way = 1; // streams end there; there may be more to wait for
      else if (course.way > 0 && this.#now() >= course.climbAt && !course.newest?.terminal) course.way = 0;
      try {
        await [this.#stream, this.#longPoll, this.#poll][course.way].call(this, handle, { course, tell, live, signal });
        if (course.newest && until(course.newest)) return course.newest;
      } catch (error) {
        if (course.thrown) throw course.thrown.error;
        if (signal?.aborted || !passing(error)) throw error;
        course.pause = this.#delay(error, ++course.failures);
        if (++course.strikes >= 3 || error.code === "unsupported") this.#descend(course);
        if (error.code === "unsupported") continue;
        course.lost = true;
        onConnection({ state: "lost", way: ways[course.way], retryIn: course.pause, error });
      }
      await this.#pause(course.pause, signal, course.lost);
    }
  }

  /** Takes the next best way, and a better one again later. */
  #descend(course) {
    if (course.way === ways.length - 1) return;
    course.way++;
    course.strikes = 0;
    course.climbAt = this.#now() + course.climb;
    course.climb *= 2;
  }

  /** Follows by one stream until it ends. */
  async #stream(handle, { course, tell, live, signal }) {
    const linked = this.#linked(signal);
    const late = () => linked.end(new NetworkError({ code: "timeout", title: "The stream went silent" }));
    linked.within(this.#waits.timeout, late);
    try {
      const headers = course.newest ? { "Last-Event-ID": String(course.newest.version) } : {};
      const response = await this.#request("GET", pathOf(handle, "/stream"), {
        bearer: handle.clientSecret, headers: { Accept: "text/event-stream", ...headers }, signal: linked.signal,
      });
      if (response.status === 204) {
        course.pause = 0;
        return tell(await this.get(handle, { signal })); // decided, and nothing new
      }
      const kind = response.headers.get("Content-Type") ?? "";
      if (!kind.startsWith("text/event-stream") || !response.body?.getReader) throw new NetworkError({ code: "unsupported" });
      linked.within(this.#waits.firstByte, () => linked.end(new NetworkError({ code: "unsupported" })));
      const reader = response.body.getReader();
      const parser = new EventParser();
      const text = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        linked.within(this.#waits.silence, late);
        live();
        for (const event of parser.push(text.decode(value, { stream: true }))) {
          if (event.name === "status") tell(this.#learn(JSON.parse(event.data)));
        }
      }
      if (!parser.begun) throw new NetworkError({ code: "unsupported" });
      course.pause = course.newest?.terminal ? 0 : parser.retry * this.#random();
    } catch (error) {
      throw linked.explain(error);
    } finally {
      linked.end();
    }
  }

  /** Asks once, and is answered when something changes. */
  async #longPoll(handle, { course, tell, live, signal }) {
    const begun = this.#now();
    const headers = course.newest ? { Prefer: `wait=${holdSeconds}` } : {}; // the first look is not to be held
    const answer = await this.#look(handle, { signal, headers, timeout: holdSeconds * 1000 + this.#waits.timeout });
    const changed = answer.booking.version > (course.newest?.version ?? 0);
    live();
    tell(answer.booking);
    course.pause = 0;
    if (changed || this.#now() - begun > holdSeconds * 500) return;
    course.pause = (answer.retryAfter ?? 2) * 1000; // it was not held
    if (!answer.headers.get("Preference-Applied")) this.#descend(course);
  }

  /** Asks once, and says when to ask again. */
  async #poll(handle, { course, tell, live, signal }) {
    const answer = await this.#look(handle, { signal });
    live();
    tell(answer.booking);
    course.pause = (answer.retryAfter ?? 5) * 1000;
  }

  /** One GET of the booking, conditional on what is known. */
  async #look(handle, { headers = {}, ...options }) {
    const known = this.#known.get(handle.id);
    const condition = known?.etag ? { "If-None-Match": known.etag } : {};
    const answer = await this.#call("GET", pathOf(handle, ""), { bearer: handle.clientSecret, headers: { ...condition, ...headers }, ...options });
    const booking = answer.status === 304 ? this.#learn(known.booking, known.etag) : this.#learn(answer.json, answer.etag);
    return { ...answer, booking };
  }

  async #act(handle, path, content, { signal, onRetry }) {
    const to = pathOf(handle, path);
    const body = JSON.stringify(content);
    const answer = await this.#repeat(() => this.#call("POST", to, { bearer: handle.clientSecret, body, signal }), { signal, onRetry });
    return this.#learn(answer.json, answer.etag);
  }

  /** The newest of the booking: answers can overtake each other, and replicas lag. */
  #learn(booking, etag) {
    const known = this.#known.get(booking.id);
    if (known && known.booking.version > booking.version) return known.booking;
    this.#known.delete(booking.id);
    this.#known.set(booking.id, { booking, etag: etag ?? `"${booking.version}"` });
    if (this.#known.size > 50) this.#known.delete(this.#known.keys().next().value);
    return booking;
  }

  /** Does attempt until it works, fails for good, or patience ends. */
  async #repeat(attempt, { signal, onRetry = () => {} }) {
    const until = this.#now() + this.#waits.patience;
    for (let failures = 1; ; failures++) {
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        if (signal?.aborted || !passing(error)) throw error;
        const delay = this.#delay(error, failures);
        if (this.#now() + delay > until) throw error;
        onRetry({ attempt: failures, delay, error });
        await this.#pause(delay, signal, true);
      }
    }
  }

  /** Random below a bound that doubles, so that many clients do not come back together; on top of what the service asks for. */
  #delay(error, failures) {
    const span = Math.min(this.#waits.backoffMax, this.#waits.backoff * 2 ** Math.min(failures - 1, 10));
    return Math.round((error.retryAfter ?? 0) * 1000 + this.#random() * span);
  }

  /** Waits; wakeable also ends when the browser comes back online. */
  #pause(ms, signal, wakeable) {
    if (!(ms > 0)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (then) => () => {
        this.#timers.clearTimeout(timer);
        signal?.removeEventListener("abort", stop);
        silence();
        then();
      };
      const stop = settle(() => reject(signal.reason));
      const wake = settle(resolve);
      const timer = this.#timers.setTimeout(wake, ms);
      const silence = wakeable ? this.#connectivity.onOnline(wake) : () => {};
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /** One request with its whole answer: {status, headers, etag, retryAfter, json}. */
  async #call(method, path, { timeout = this.#waits.timeout, signal, ...request }) {
    const linked = this.#linked(signal);
    linked.within(timeout, () => linked.end(new NetworkError({ code: "timeout", title: "There was no answer in time" })));
    try {
      const response = await this.#request(method, path, { ...request, signal: linked.signal });
      const { status, headers } = response;
      const json = status === 304 ? undefined : JSON.parse(await response.text());
      return { status, headers, json, etag: headers.get("ETag") ?? undefined, retryAfter: this.#seconds(headers.get("Retry-After")) };
    } catch (error) {
      throw linked.explain(error);
    } finally {
      linked.end();
    }
  }

  /** Sends, and turns what is no success into an error. */
  async #request(method, path, { bearer, body, headers, signal }) {
    const response = await this.#fetch(this.#baseURL + path, {
      method, body, signal,
      headers: { Authorization: `Bearer ${bearer}`, ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
      credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer",
    });
    if (response.ok || response.status === 304) return response;
    const text = await response.text();
    let problem = {};
    try {
      problem = JSON.parse(text);
    } catch {
      // what stands before the service answers as it likes
    }
    throw errorOf(response.status, problem, this.#seconds(response.headers.get("Retry-After")));
  }

  /** Seconds of a Retry-After, which may be a date. */
  #seconds(header) {
    if (!header) return undefined;
    if (/^\s*\d+\s*$/.test(header)) return Number(header);
    const at = Date.parse(header);
    return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - this.#now()) / 1000));
  }

  /** A signal that ends with the caller's, or for a reason of ours. */
  #linked(outer) {
    const controller = new AbortController();
    const follow = () => controller.abort(outer.reason);
    let timer;
    outer?.addEventListener("abort", follow, { once: true });
    if (outer?.aborted) follow();
    return {
      signal: controller.signal,
      within: (ms, then) => {
        this.#timers.clearTimeout(timer);
        timer = this.#timers.setTimeout(then, ms);
      },
      end: (reason) => {
        this.#timers.clearTimeout(timer);
        outer?.removeEventListener("abort", follow);
        controller.abort(reason);
      },
      /** What an error of fetch was: the caller's abort, our time-out, an answer, or no answer. */
      explain: (error) => {
        if (outer?.aborted) return outer.reason;
        if (controller.signal.reason instanceof BookingError) return controller.signal.reason;
        if (error instanceof BookingError) return error;
        return new NetworkError({ code: "network", title: "The booking service could not be reached", cause: error });
      },
    };
  }
}

/** Whether the same request can succeed later. */
function passing(error) {
  return error instanceof NetworkError || (error instanceof BookingError && transient.has(error.status));
}

function pathOf(handle, rest) {
  if (!handle?.id || !handle.clientSecret) throw new TypeError("a handle is {id, clientSecret}");
  return `/v1/bookings/${encodeURIComponent(handle.id)}${rest}`;
}

function errorOf(status, problem, retryAfter) {
  const { code = `http_${status}`, title, detail, errors, allowed, request_id: requestId, quote, new_total: newTotal } = problem;
  const about = { code, status, title, detail, errors, allowed, retryAfter, requestId, quote, newTotal };
  const byCode = { fee_changed: FeeChangedError, offer_changed: OfferChangedError, idempotency_key_reused: KeyReusedError, overloaded: OverloadedError };
  const byStatus = {
    400: ValidationError, 413: ValidationError, 422: ValidationError, 401: UnauthorizedError, 403: UnauthorizedError, 404: NotFoundError,
    408: UnavailableError, 409: ConflictError, 429: RateLimitedError,
  };
  return new (byCode[code] ?? byStatus[status] ?? (status >= 500 ? UnavailableError : BookingError))(about);
}

function browserConnectivity() {
  if (typeof globalThis.addEventListener !== "function") return { onOnline: () => () => {} };
  return {
    onOnline: (wake) => {
      globalThis.addEventListener("online", wake);
      return () => globalThis.removeEventListener("online", wake);
    },
  };
}

/** Takes pieces of text/event-stream and gives whole events. */
class EventParser {
  begun = false; // anything came at all
  retry = 2000;
  #rest = "";
  #name = "";
  #data = [];

  push(text) {
    this.begun = true;
    this.#rest += text;
    const events = [];
    for (let end; (end = /\r\n|\n|\r(?!$)/.exec(this.#rest)); ) {
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      if (line === "" && this.#data.length > 0) events.push({ name: this.#name || "message", data: this.#data.join("\n") });
      if (line === "") [this.#name, this.#data] = ["", []];
      const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (field === "event") this.#name = value;
      if (field === "data") this.#data.push(value);
      if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    }
    return events;
  }
}
