// The panel that shows a booking: what it is now, and what its guest can do. It draws; checkout.js acts.

import { ConflictError } from "./booking-client.js";
import { feeOf, heading, left, moment, money, nextStep, passed, price, stages, stayOf, trouble, uncertain } from "./checkout-words.js";

const byID = (id) => document.getElementById(id);
const slowAfter = 12_000;

/** An element with attributes, listeners (on…: function) and content, which is text or elements. */
function h(tag, attributes, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...content.flat().filter((piece) => piece !== "" && piece != null && piece !== false));
  return element;
}

const button = (id, words, onclick, look = "") => h("button", { type: "button", id, class: look, onclick }, words);
const buttons = (...all) => h("div", { class: "buttons" }, ...all);
const facts = (rows) => h("dl", {}, rows.filter(([, what]) => what).flatMap(([name, what, id]) => [h("dt", {}, name), h("dd", { id }, what)]));

export class Outcome {
  #panel = byID("outcome");
  #content = byID("outcome-content");
  #acts;
  #shown = { status: "" };

  /** acts is what the buttons do: payAgain, acceptOffer, giveUp, askQuote, cancel, toBank, bankDone, again, sendAgain, stop, letGo. */
  constructor(acts) {
    this.#acts = acts;
    setInterval(() => this.#tick(), 1000);
  }

  hide() {
    this.#panel.hidden = true;
    this.#content.replaceChildren();
    this.#panel.dataset.status = this.#panel.dataset.stage = this.#panel.dataset.payment = "";
    this.#shown = { status: "" };
    this.connection(null);
    this.refused(null);
  }

  /** A booking of which nothing is known here yet but that it exists. */
  loading(entry) {
    if (!this.#panel.hidden) return;
    this.#draw("loading", "", [h("h1", {}, "Your booking"), h("p", {}, `${stayOf(entry.submission)}.`), h("progress", { "aria-label": "Loading" })]);
  }

  /** A submission on its way; retry tells of a failed attempt. */
  sending(entry, retry) {
    const until = retry && new Date(Date.now() + retry.delay).toISOString();
    this.#draw("sending", "", [
      h("h1", {}, "Sending your booking"),
      h("p", {}, `${stayOf(entry.submission)}.`),
      retry
        ? h("p", { id: "retry-note", class: "note warn" }, `${trouble(retry.error)} Nothing is lost: we try again in `, h("span", { "data-until": until }, left(until)),
          ". You cannot book twice this way.")
        : h("progress", { "aria-label": "Sending" }),
      buttons(button("stop", "Stop trying", this.#acts.stop, "secondary outline")),
    ]);
  }

  /** A submission that got no answer. */
  unsent(entry, error) {
    this.#draw("unsent", "", [
      h("h1", {}, "We do not know yet whether your booking arrived"),
      h("p", {}, `${stayOf(entry.submission)}.`),
      error && h("p", { class: "note warn", id: "unsent-reason" }, `${trouble(error)} ${error.requestId ? `(${error.requestId})` : ""}`),
      h("p", {}, "Send it again: if it did arrive, you get that very booking, and nothing is booked or paid twice."),
      h("p", {}, "If you let it go and it did arrive, it goes on, and you hear of it by e-mail."),
      buttons(button("send-again", "Send it again", this.#acts.sendAgain), button("let-go", "Let it go", this.#acts.letGo, "secondary outline")),
    ]);
  }

  /** Something that ends here, in words. */
  message(status, title, text) {
    this.#draw(status, "", [h("h1", {}, title), h("p", {}, text), buttons(button("again", "Back to the rooms", () => this.#acts.again()))]);
  }

  /** The booking. entry is what this browser knows of it. */
  show(booking, entry) {
    const draw = {
      requires_action: this.#action, in_review: this.#review, confirmed: this.#confirmed, failed: this.#failed, cancelling: this.#cancelling,
      cancelled: this.#cancelled,
    };
    const parts = (draw[booking.status] ?? this.#underway).call(this, booking);
    const reference = h("p", { class: "reference" }, "Booking reference ", h("strong", { id: "reference" }, booking.reference));
    this.#draw(booking.status, booking.stage, [h("h1", { id: "outcome-title" }, heading(booking)), reference, ...parts(entry)], booking);
  }

  /** What cancelling costs, and the question whether to. */
  quote(quote, changed) {
    const free = Number(quote.fee.amount) === 0;
    byID("cancel-panel").replaceChildren(...[
      changed && h("p", { class: "note warn", id: "fee-changed", role: "alert" }, "The fee has just changed. Please look again."),
      h("h2", {}, "Cancel this booking?"),
      facts([
        ["Cancellation fee", feeOf(quote.fee), "cancel-fee"],
        ["You get back", price(quote.refund), "cancel-refund"],
        ["Valid until", quote.valid_until && moment(quote.valid_until), "cancel-valid"],
      ]),
      buttons(button("confirm-cancel", free ? "Cancel the booking" : `Cancel for ${price(quote.fee)}`, () => this.#acts.cancel(quote.fee), "danger"),
        button("keep-booking", "Keep it", () => this.#closeQuote(), "secondary outline")),
    ].filter(Boolean));
    byID("confirm-cancel").focus();
  }

  /** An error of something the guest did, or (null) none any more. */
  refused(error) {
    const line = byID("act-error");
    line.hidden = !error;
    line.textContent = error ? (error instanceof ConflictError ? "That is not possible any more. This is how it stands now." : trouble(error)) : "";
  }

  /** Tells that what the guest did has not got through and is sent again, or (null) that it has. */
  repeating(error) {
    const line = byID("act-error");
    line.hidden = !error;
    line.textContent = error ? `${trouble(error)} We are trying again; nothing is done twice.` : "";
  }

  /** Tells that the connection is lost, or (null) that it is back. */
  connection(lost) {
    const line = byID("connection");
    line.hidden = !lost;
    line.textContent = lost ? `${trouble(lost.error)} Your booking goes on without this page. We are trying to reach it again.` : "";
  }

  #underway(booking) {
    const at = passed(booking);
    return () => [
      h("p", { id: "accepted-note" }, "It is safely stored. You can close this page and come back to it."),
      h("ol", { class: "stages", id: "stages" }, stages.map(({ name, words }, i) => {
        const state = i < at ? "done" : i === at ? "current" : "todo";
        return h("li", { id: `stage-${name}`, "data-state": state, "aria-current": state === "current" && "step" }, words,
          h("span", { class: "quiet" }, { done: ": done", current: ": under way", todo: ": not yet" }[state]));
      })),
      h("p", { id: "slow-note", class: "note", hidden: true }, uncertain(booking)
        ? "We have not got a clear answer yet, so we are asking again. You will not be charged twice, and not for nothing. You can close this page."
        : "This takes longer than usual. You will not be charged twice. You can close this page; your booking goes on."),
      h("p", { id: "money" }, money(booking)),
      this.#cancelPanel(),
    ];
  }

  #action(booking) {
    const { type, code, message, url, new_total: total, expires_at: until } = booking.action;
    const clock = until && h("p", { id: "countdown" }, "Time left: ", h("strong", { "data-until": until }, left(until)));
    const giveUp = button("give-up", "Let it go", this.#acts.giveUp, "secondary outline");
    if (type === "three_ds") {
      const safe = /^https?:\/\//.test(url ?? "");
      return () => [
        h("p", {}, "Your bank wants to be sure that it is you. You come back here afterwards."),
        buttons(safe && h("a", { role: "button", id: "to-bank", href: url, onclick: this.#acts.toBank }, "Go to your bank"),
          button("bank-done", "I have confirmed it", this.#acts.bankDone, "secondary outline"), giveUp),
        clock, h("p", { id: "money" }, money(booking)),
      ];
    }
    if (type === "new_payment_method") {
      const cards = byID("cards").content.firstElementChild.cloneNode(true);
      return () => [
        h("p", { class: "note warn", id: "action-message" }, message, code === "insufficient_funds" ? " The bank says that there is not enough money on it." : ""),
        h("label", { for: "new-card" }, "Card", cards),
        buttons(button("pay-again", `Pay ${price(booking.price)} with this card`, () => this.#acts.payAgain(byID("new-card").value)), giveUp),
        clock, h("p", {}, "We keep the room for you until then."),
      ];
    }
    const dearer = total && Number(total.amount) !== Number(booking.price.amount);
    const offer = total ?? booking.price;
    return () => [
      h("p", { id: "action-message" }, code === "offer_terms_changed"
        ? "The hotel has changed the conditions of this room, such as what cancelling costs. Nothing is charged unless you agree."
        : "The hotel now asks for another price. Nothing is charged unless you agree."),
      h("div", { class: "compare" },
        h("p", {}, h("span", {}, dearer ? "You agreed to" : "Price"), h("strong", { id: "old-total" }, price(booking.price))),
        dearer && h("p", {}, h("span", {}, "New price"), h("strong", { id: "new-total" }, price(offer)))),
      buttons(button("accept-offer", `Agree and pay ${price(offer)}`, () => this.#acts.acceptOffer(offer)),
        button("give-up", "No, let it go", this.#acts.giveUp, "secondary outline")),
      clock,
    ];
  }

  #review() {
    return () => [
      h("p", { id: "review-note" }, "A colleague looks at some bookings before they go to the hotel. This is routine, and there is nothing you have to do."),
      h("p", {}, "It can take a few hours. You can close this page and come back to it."),
      h("p", { id: "money" }, "Nothing is charged meanwhile."),
      this.#cancelPanel(),
    ];
  }

  #confirmed(booking) {
    const { supplier_reference: supplier, hotel_confirmation: hotel } = booking.confirmation ?? {};
    return (entry) => [
      booking.cancellation?.refused && h("p", { id: "cancel-refused", class: "note warn" }, "The hotel did not accept the cancellation. The booking stands; please call us with your reference."),
      facts([
        ["Stay", entry && stayOf(entry.submission), "stay"],
        ["Hotel's confirmation", hotel || "It follows by e-mail", "hotel-confirmation"],
        ["Hotel system's reference", supplier, "supplier-reference"],
        ["Total", price(booking.price), "total"],
        ["Payment", money(booking), "money"],
      ]),
      this.#cancelPanel(),
      buttons(button("again", "Book another room", () => this.#acts.again(), "secondary outline")),
    ];
  }

  #failed(booking) {
    const failure = booking.failure;
    const next = nextStep(failure);
    const support = failure.user_action === "contact_support";
    return (entry) => [
      h("p", { id: "failure-message", "data-code": failure.code, class: "note bad" }, failure.message),
      entry && h("p", {}, `${stayOf(entry.submission)}.`),
      !failure.message.includes("Nothing was charged") && h("p", { id: "money" }, money(booking)),
      support && h("p", { id: "support-note" }, `If you have a question, call or write to us and give the reference ${booking.reference}.`),
      buttons(button("again", next.words, () => this.#acts.again(next.does))),
    ];
  }

  #cancelling(booking) {
    return (entry) => [
      entry && h("p", {}, `${stayOf(entry.submission)}.`),
      h("progress", { "aria-label": "Cancelling" }),
      booking.cancellation && facts([["Cancellation fee", feeOf(booking.cancellation.fee), "fee"]]),
      h("p", { id: "slow-note", class: "note", hidden: true }, "This takes longer than usual. You can close this page; we go on until it is done."),
    ];
  }

  #cancelled(booking) {
    const { fee, refund } = booking.cancellation ?? {};
    return (entry) => [
      facts([
        ["Stay", entry && stayOf(entry.submission), "stay"],
        ["Cancellation fee", fee && feeOf(fee), "fee"],
        ["You get back", refund && Number(refund.amount) > 0 && price(refund), "refund"],
        ["Payment", money(booking), "money"],
      ]),
      buttons(button("again", "Book another room", () => this.#acts.again())),
    ];
  }

  #cancelPanel() {
    return h("div", { id: "cancel-panel" }, button("cancel", "Cancel this booking", this.#acts.askQuote, "secondary outline small"));
  }

  #closeQuote() {
    byID("cancel-panel").replaceWith(this.#cancelPanel());
    byID("cancel").focus();
  }

  /** Draws anew. Whoever was on a button that is still there stays on it. */
  #draw(status, stage, content, booking) {
    const focused = document.activeElement?.id;
    const first = this.#panel.hidden;
    // Status alone does not tell: a hotel can refuse a cancellation before anybody has seen that it was asked.
    const asked = booking?.cancellation?.requested_at === this.#shown.booking?.cancellation?.requested_at;
    const quote = this.#shown.status === status && asked && byID("confirm-cancel") && byID("cancel-panel");
    this.#shown = { status, since: this.#shown.status === status ? this.#shown.since : Date.now(), booking };
    this.#content.replaceChildren(...content.filter(Boolean));
    if (quote) byID("cancel-panel")?.replaceWith(quote); // a question that was asked stays asked
    this.#panel.dataset.status = status;
    this.#panel.dataset.stage = stage;
    this.#panel.dataset.payment = booking?.payment_status ?? "";
    this.#panel.hidden = false;
    if (first) this.#panel.focus();
    else if (focused && document.activeElement?.id !== focused) (byID(focused) ?? this.#panel).focus();
    this.#tick();
  }

  /** What changes with time alone. */
  #tick() {
    for (const clock of this.#content.querySelectorAll("[data-until]")) clock.textContent = left(clock.dataset.until);
    const note = byID("slow-note");
    const { booking, since } = this.#shown;
    if (note && booking) note.hidden = !uncertain(booking) && Date.now() - since < slowAfter;
  }
}
