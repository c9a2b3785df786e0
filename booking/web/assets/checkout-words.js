// What guests read: money, dates, and what each state of a booking means for them.

const language = "en-GB";

/** 346.00 EUR as people write it. */
export function price({ amount, currency }) {
  try {
    return new Intl.NumberFormat(language, { style: "currency", currency }).format(Number(amount));
  } catch {
    return `${amount} ${currency}`;
  }
}

/** What a cancellation costs. */
export const feeOf = (fee) => (Number(fee.amount) === 0 ? "None" : price(fee));

/** A day of the hotel's calendar. */
export function day(date) {
  const shape = { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  return new Date(`${date}T00:00:00Z`).toLocaleDateString(language, shape);
}

/** A moment on the guest's own clock. */
export function moment(instant) {
  return new Date(instant).toLocaleString(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

/** How long until then: "4 min 05 s". */
export function left(instant, now = Date.now()) {
  const seconds = Math.max(0, Math.ceil((Date.parse(instant) - now) / 1000));
  if (seconds === 0) return "no time";
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

export function stayOf({ stay }) {
  return `${stay.hotel_name}, ${day(stay.check_in)} to ${day(stay.check_out)}`;
}

/** The way of a booking, in the order in which it passes. */
export const stages = [
  { name: "checking_price", words: "Checking the price" },
  { name: "checking_payment", words: "Checking the payment" },
  { name: "confirming_with_hotel", words: "Confirming with the hotel" },
];

/** How many stages are behind the booking. What stops it (a question, a review) does not move it back. */
export function passed(booking) {
  const at = stages.findIndex(({ name }) => name === booking.stage);
  if (at >= 0) return at;
  if (booking.stage === "completing" || booking.status === "confirmed") return stages.length;
  const done = (step) => ["succeeded", "skipped"].includes(booking.steps.find(({ name }) => name === step)?.state);
  return done("confirm") ? 3 : done("authorize") ? 2 : done("hold") ? 1 : 0;
}

/** Whether somebody did not answer, and is being asked what became of it. */
export const uncertain = (booking) => !booking.terminal && booking.steps.some(({ state }) => state === "unknown");

const headings = {
  pending: "We have your booking",
  processing: "We are booking your room",
  in_review: "We are taking a closer look",
  confirmed: "Your room is booked",
  failed: "We could not book this room",
  cancelling: "We are cancelling your booking",
  cancelled: "Your booking is cancelled",
};
const asks = {
  three_ds: "Please confirm the payment with your bank",
  new_payment_method: "Please choose another card",
  accept_offer: "The price has changed",
};

/** The heading for what the booking is now. */
export function heading(booking) {
  if (booking.status !== "requires_action") return headings[booking.status] ?? "Your booking";
  if (booking.action?.code === "offer_terms_changed") return "The conditions have changed";
  return asks[booking.action?.type] ?? "We need something from you";
}

/** The sentence for those who listen rather than look. */
export function announcement(booking) {
  const stage = stages.find(({ name }) => name === booking.stage);
  return booking.status === "processing" && stage ? `${stage.words}.` : `${heading(booking)}.`;
}

/** What became of the guest's money. */
export function money(booking) {
  const total = price(booking.price);
  const words = {
    none: booking.terminal ? "Nothing was charged." : "Nothing has been charged so far.",
    authorizing: `We are asking your bank to reserve ${total}.`,
    requires_action: "Nothing is charged until you confirm.",
    authorized: booking.status === "confirmed" ? `${total} is reserved on your card and is charged now.` : `${total} is reserved on your card. It is charged once the hotel has confirmed.`,
    capturing: `${total} is being charged.`,
    captured: `${total} is paid.`,
    voiding: `Nothing is charged. We are releasing the ${total} that was reserved on your card.`,
    voided: "Nothing was charged. What was reserved on your card is released.",
    refund_pending: "The refund is on its way to your card. Banks can take some days.",
    partially_refunded: "Your refund is paid; the fee was kept.",
    refunded: "Everything you paid is refunded.",
    failed: booking.status === "confirmed" ? "We could not charge your card yet. Your room is safe; we will be in touch." : "Nothing was charged.",
    unknown: "We are asking the bank about the payment. You will not be charged twice.",
  };
  return words[booking.payment_status] ?? "";
}

/** What a guest can do after a failure: a button's words and what it does. */
export function nextStep({ user_action: action }) {
  const steps = {
    choose_other: ["Choose another room", "again"],
    search_again: ["Search again", "again"],
    accept_or_choose: ["See what is on offer now", "again"],
    fix_input: ["Check the guest's details", "fix"],
    new_payment_method: ["Try another card", "card"],
    retry_payment: ["Try again", "again"],
    retry_later: ["Try again", "again"],
    contact_support: ["Back to the rooms", "again"],
    none: ["Book another room", "again"],
  };
  const [words, does] = steps[action] ?? steps.none;
  return { words, does };
}

/** An error of the way to the service, or of the service, for a guest. */
export function trouble(error) {
  switch (error.name) {
    case "OverloadedError":
      return "Very many people are booking right now.";
    case "RateLimitedError":
      return "Too many requests came from your network.";
    case "NetworkError":
      return "We cannot reach the booking service. Are you offline?";
    case "UnavailableError":
      return "The booking service is out of order for a moment.";
    case "UnauthorizedError":
      return "This page is no longer allowed to book. Please reload it.";
    case "NotFoundError":
      return "We do not find this booking.";
    default:
      return error.title ?? "Something went wrong on this page.";
  }
}
