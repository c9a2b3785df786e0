// The form: what is chosen, what is typed, and what is wrong with it.

import { price, day } from "./checkout-words.js";

const byID = (id) => document.getElementById(id);
const texts = ["given-name", "family-name", "email", "phone", "requests"];

/** Somebody who books in the sandbox. */
const sampleGuest = { "given-name": "Ana", "family-name": "Núñez", email: "ana@example.com", phone: "+34 600 000 000" };

/** Which field a JSON pointer of the API means. */
const fieldOf = {
  "/contact/given_name": "given-name",
  "/contact/family_name": "family-name",
  "/contact/email": "email",
  "/contact/phone": "phone",
  "/stay/rooms/0/guests/0/given_name": "given-name",
  "/stay/rooms/0/guests/0/family_name": "family-name",
  "/stay/rooms/0/special_requests": "requests",
  "/payment/token": "card",
};

export class CheckoutForm {
  #form = byID("checkout");
  #setup;
  #draft;

  /** setup is what the server put into the page; draft is where what was typed outlives a reload of this tab. */
  constructor(setup, draft) {
    this.#setup = setup;
    this.#draft = draft;
    this.#restore();
    this.#form.addEventListener("input", () => {
      this.#save();
      this.#summarise();
    });
    this.#form.addEventListener("change", () => this.#summarise());
    byID("sample-guest")?.addEventListener("click", () => this.#fillIn(sampleGuest));
    for (const id of texts) byID(id).addEventListener("blur", () => byID(id).getAttribute("aria-invalid") && this.#check(id));
    this.#summarise();
  }

  set hidden(hidden) {
    this.#form.hidden = hidden;
  }

  /** Tells then when the guest wants to book. */
  onSubmit(then) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.clearErrors();
      const wrong = texts.filter((id) => !this.#check(id));
      if (wrong.length > 0) byID(wrong[0]).focus();
      else then();
    });
  }

  /** As if the guest had pressed the button. */
  submit() {
    this.#form.requestSubmit();
  }

  /** Shows that it is being sent. The button keeps the focus, and does nothing. */
  set busy(busy) {
    byID("pay").setAttribute("aria-busy", String(busy));
    byID("pay").setAttribute("aria-disabled", String(busy));
  }

  /** The submission, as the API wants it. */
  submission({ returnURL, attribution }) {
    const offer = this.#offer();
    const name = { given_name: byID("given-name").value.trim(), family_name: byID("family-name").value.trim() };
    const room = { adults: offer.adults, child_ages: [], guests: [{ ...name, lead: true }] };
    if (byID("requests").value.trim()) room.special_requests = byID("requests").value.trim();
    const contact = { ...name, email: this.#email(), phone: phoneOf(byID("phone").value) };
    if (/^[a-z]{2}(-[A-Z]{2})?$/.test(navigator.language)) contact.language = navigator.language;
    const submission = {
      offer: {
        supplier: this.#setup.supplier, token: byID("scenario-room")?.value || offer.token, total: offer.total,
        price_tolerance_percent: Number(this.#form.elements.tolerance.value),
      },
      stay: {
        hotel_id: offer.hotel_id, hotel_name: offer.hotel, hotel_timezone: offer.zone, check_in: offer.check_in, check_out: offer.check_out,
        rooms: [room],
      },
      contact,
      payment: { token: byID("card").value, ...(returnURL ? { return_url: returnURL } : {}) },
    };
    if (Object.keys(attribution).length > 0) submission.attribution = attribution;
    return submission;
  }

  /** Shows what the API found: beside its field where there is one, and above the form otherwise. */
  show(errors, title) {
    this.clearErrors();
    const list = document.createElement("ul");
    const told = new Set(); // one field can be several of the submission's
    for (const { pointer, detail } of errors) {
      const field = fieldOf[pointer];
      if (told.has(`${field ?? pointer} ${detail}`)) continue;
      told.add(`${field ?? pointer} ${detail}`);
      const item = document.createElement("li");
      if (field) {
        this.#mark(field, detail);
        const link = document.createElement("a");
        link.href = `#${field}`;
        link.textContent = document.querySelector(`label[for=${field}]`).firstChild.textContent.trim();
        item.append(link, `: ${detail}`);
      } else {
        item.textContent = detail;
      }
      list.append(item);
    }
    const line = document.createElement("p");
    line.textContent = title;
    const box = byID("form-errors");
    box.replaceChildren(line, ...(errors.length > 0 ? [list] : []));
    box.hidden = false;
    box.focus();
  }

  clearErrors() {
    byID("form-errors").hidden = true;
    for (const id of [...texts, "card"]) this.#mark(id, "");
  }

  /** Puts the guest where the mistake was. */
  focus(id) {
    byID(id)?.focus();
  }

  useCard(token) {
    byID("card").value = token;
    this.#save();
  }

  #fillIn(values) {
    for (const [id, value] of Object.entries(values)) {
      byID(id).value = value;
      this.#mark(id, "");
    }
    this.#save();
    this.#summarise();
    byID("pay").focus();
  }

  #offer() {
    return this.#setup.offers.find(({ id }) => id === this.#form.elements.offer.value) ?? this.#setup.offers[0];
  }

  /** The address with the fraud scenario's word in it, as the sandbox reads it. */
  #email() {
    const email = byID("email").value.trim();
    const word = byID("scenario-fraud")?.value;
    return word ? email.replace(/(\+[^@]*)?@/, `+${word}@`) : email;
  }

  #summarise() {
    const offer = this.#offer();
    byID("summary-hotel").textContent = `${offer.hotel}, ${offer.city}`;
    byID("summary-room").textContent = offer.room;
    byID("summary-dates").textContent = `${day(offer.check_in)} to ${day(offer.check_out)}`;
    byID("summary-people").textContent = `${offer.nights} nights, ${offer.adults} adults`;
    byID("summary-terms").textContent = offer.terms;
    byID("summary-total").textContent = price(offer.total);
    byID("pay").textContent = `Book and pay ${price(offer.total)}`;
    const sent = byID("email-sent");
    if (sent) sent.textContent = byID("scenario-fraud").value ? `The e-mail address becomes ${this.#email() || "…"}` : "";
  }

  /** Checks one field here, where the browser can tell. */
  #check(id) {
    const field = byID(id);
    let wrong = field.validationMessage;
    if (!wrong && field.required && !field.value.trim()) wrong = "Please fill in this field.";
    if (!wrong && id === "phone" && !/^\+[1-9][0-9]{6,14}$/.test(phoneOf(field.value))) wrong = "Please start with + and the country code, such as +34 600 000 000.";
    this.#mark(id, wrong);
    return !wrong;
  }

  #mark(id, wrong) {
    byID(`${id}-error`).textContent = wrong;
    if (wrong) byID(id).setAttribute("aria-invalid", "true");
    else byID(id).removeAttribute("aria-invalid");
  }

  #save() {
    const values = [...this.#form.elements].filter(({ id, type }) => id && type !== "submit" && type !== "fieldset");
    const state = values.map((field) => [field.id, field.type === "radio" ? field.checked : field.value]);
    try {
      this.#draft.setItem("checkout-draft", JSON.stringify(state));
    } catch {
      // a draft is a comfort
    }
  }

  #restore() {
    try {
      for (const [id, value] of JSON.parse(this.#draft.getItem("checkout-draft") ?? "[]")) {
        const field = byID(id);
        if (field?.type === "radio") field.checked = value;
        else if (field) field.value = value;
      }
    } catch {
      // as above
    }
  }
}

/** E.164 of how people write it. */
function phoneOf(text) {
  return text.replace(/[\s().\-/]/g, "").replace(/^00/, "+");
}
