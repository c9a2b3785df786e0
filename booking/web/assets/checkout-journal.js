// What this browser knows about its bookings, kept across reloads and shared by its tabs. An entry is written before its
// submission is sent, so that whatever happens afterwards the same key is sent again, and not another one.

const kept = 10;
const lifetime = 7 * 24 * 3600_000;

/** Whatever can hold text by name: localStorage, or a memory where that is forbidden. */
export function browserStorage() {
  try {
    globalThis.localStorage.setItem("checkout-probe", "1");
    globalThis.localStorage.removeItem("checkout-probe");
    return globalThis.localStorage;
  } catch {
    const memory = new Map();
    return { getItem: (name) => memory.get(name) ?? null, setItem: (name, text) => memory.set(name, text) };
  }
}

export class Journal {
  #storage;
  #name;
  #now;
  #newKey;

  constructor({ storage, name = "checkout", now = Date.now, newKey }) {
    this.#storage = storage;
    this.#name = name;
    this.#now = now;
    this.#newKey = newKey;
    if (!this.#wish()) this.#wishAnew();
  }

  /** The secret that the keys of the wish under way are made with, unless entries of its time are forgotten by now. */
  #wish() {
    const [at, secret] = (this.#storage.getItem(`${this.#name}-wish`) ?? "").split(" ");
    return Number(at) > this.#now() - lifetime ? secret : undefined;
  }

  #wishAnew() {
    const secret = this.#newKey();
    this.#storage.setItem(`${this.#name}-wish`, `${this.#now()} ${secret}`);
    return secret;
  }

  /**
   * The key of a submission. Two tabs may press the button before the one can read what the other has written, for browsers
   * carry that over in their own time. So the key is made of what both know for long: a secret, and the submission itself.
   */
  #keyOf(submission) {
    return `${this.#wish() ?? this.#wishAnew()}.${digest(JSON.stringify(submission))}`;
  }

  get name() {
    return this.#name;
  }

  /** All entries, newest first. */
  entries() {
    let all = [];
    try {
      all = JSON.parse(this.#storage.getItem(this.#name) ?? "[]");
    } catch {
      // somebody else's text under our name
    }
    return Array.isArray(all) ? all.filter(({ at }) => at > this.#now() - lifetime) : [];
  }

  byKey(key) {
    return this.entries().find((entry) => entry.key === key);
  }

  byID(id) {
    return this.entries().find((entry) => entry.handle?.id === id);
  }

  /** Those that are not decided: sent without an answer, or under way. Not those that the guest has let go. */
  open() {
    return this.entries().filter(({ decided, letGo }) => !decided && !letGo);
  }

  /**
   * The entry to submit with. The same content as what is not decided has its key again, for it may have arrived. Where something else is open, or the same
   * is booked already, it answers {blockedBy} unless the guest said that they want another one.
   */
  begin(submission, { another = false } = {}) {
    const meant = content(submission);
    const same = this.entries().find((entry) => !entry.decided && entry.content === meant);
    if (same) {
      this.note(same.key, { letGo: false });
      return { entry: { ...same, letGo: false } };
    }
    const twin = this.entries().find((entry) => entry.content === meant && entry.status === "confirmed");
    const blockedBy = this.open()[0] ?? twin;
    if (blockedBy && !another) return { blockedBy };
    if (another) this.#wishAnew();
    const entry = { key: this.#keyOf(submission), submission, content: meant, at: this.#now(), decided: false };
    this.#write([entry, ...this.entries()]);
    return { entry };
  }

  /** Notes what is known about an entry by now. Once it is decided for good, whose it was is forgotten. */
  note(key, news) {
    this.#write(this.entries().map((entry) => (entry.key === key ? trim({ ...entry, ...news }) : entry)));
  }

  /** Notes what the booking is now. */
  saw(key, { reference, status, terminal }) {
    if (terminal && !this.byKey(key)?.decided) this.#wishAnew(); // whoever books the same again means another booking
    this.note(key, { reference, status, decided: terminal });
  }

  /** Nothing was stored under it. */
  drop(key) {
    this.#wishAnew();
    this.#write(this.entries().filter((entry) => entry.key !== key));
  }

  #write(entries) {
    this.#storage.setItem(this.#name, JSON.stringify(entries.slice(0, kept)));
  }
}

/** What a guest means by a submission: without how they came here, and where they come back to. */
function content({ attribution, payment: { return_url, ...payment }, ...rest }) {
  return digest(JSON.stringify([rest, payment]));
}

/** Tells a guest's own submissions apart, and holds no personal data. */
function digest(text) {
  let [a, b] = [0xdeadbeef, 0x41c6ce57]; // cyrb53
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 2654435761);
    b = Math.imul(b ^ text.charCodeAt(i), 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

/** Without the guest's data, once nobody has to send it again. */
function trim(entry) {
  if (!entry.handle) return entry;
  const { offer, stay } = entry.submission;
  return { ...entry, submission: { offer, stay: { ...stay, rooms: [] } } };
}
