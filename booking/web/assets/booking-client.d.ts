/** Types of booking-client.js. A test compares the names here with what the module exports. */

/** An amount of one currency: a decimal with exactly the currency's number of decimals. */
export interface Money {
  amount: string;
  /** ISO 4217. */
  currency: string;
}

export interface Guest {
  given_name: string;
  family_name: string;
  /** Exactly one guest leads each room. */
  lead?: boolean;
}

export interface Room {
  adults: number;
  child_ages?: number[];
  guests: Guest[];
  special_requests?: string;
}

export interface Submission {
  /** Your own name for it; no personal data. */
  client_reference?: string;
  offer: {
    supplier: string;
    token: string;
    total: Money;
    price_tolerance_percent?: number;
    /** RFC 3339. */
    expires_at?: string;
  };
  stay: {
    hotel_id: string;
    hotel_name: string;
    /** IANA name. */
    hotel_timezone: string;
    /** YYYY-MM-DD, in the hotel's own calendar. */
    check_in: string;
    check_out: string;
    rooms: Room[];
  };
  contact: {
    given_name: string;
    family_name: string;
    email: string;
    /** E.164. */
    phone: string;
    /** ISO 3166-1 alpha-2. */
    country?: string;
    /** BCP 47. */
    language?: string;
  };
  payment: {
    /** The payment provider's token; never a card number. */
    token: string;
    /** Where the bank sends the browser back to after 3-D Secure. */
    return_url?: string;
  };
  attribution?: Record<string, string>;
}

/** A word of a list that may grow. */
type Growing<Known extends string> = Known | (string & {});

export type Status = "pending" | "processing" | "requires_action" | "in_review" | "confirmed" | "failed" | "cancelling" | "cancelled";

export type Stage = Growing<
  | "checking_price"
  | "checking_payment"
  | "confirming_with_hotel"
  | "completing"
  | "giving_back"
  | "waiting_for_customer"
  | "in_review"
  | "done"
>;

export type PaymentStatus =
  | "none"
  | "authorizing"
  | "requires_action"
  | "authorized"
  | "capturing"
  | "captured"
  | "voiding"
  | "voided"
  | "refund_pending"
  | "partially_refunded"
  | "refunded"
  | "failed"
  | "unknown";

export type UserAction =
  | "none"
  | "choose_other"
  | "search_again"
  | "fix_input"
  | "accept_or_choose"
  | "new_payment_method"
  | "retry_payment"
  | "retry_later"
  | "contact_support";

export interface Step {
  name: Growing<"hold" | "screen" | "authorize" | "confirm" | "capture" | "track">;
  state: "pending" | "running" | "unknown" | "succeeded" | "refused" | "compensated" | "skipped";
  attempts: number;
}

export interface Failure {
  code: string;
  decline_code?: string;
  retryable: boolean;
  user_action: UserAction;
  /** A sentence in English that can be shown as it is; translate by code. */
  message: string;
}

export interface Action {
  type: "three_ds" | "new_payment_method" | "accept_offer";
  code: string;
  message: string;
  url?: string;
  /** The payment provider's, for its own browser library. Not the booking's. */
  client_secret?: string;
  new_total?: Money;
  /** Then the booking unwinds and fails with the same code. */
  expires_at?: string;
}

export interface Confirmation {
  supplier_reference?: string;
  hotel_confirmation?: string;
}

export interface Cancellation {
  requested_at: string;
  code: string;
  fee: Money;
  refund?: Money;
  /** Why the hotel insists on the stay. The booking stands. */
  refused?: string;
}

export interface CancellationQuote {
  fee: Money;
  refund: Money;
  /** When the fee changes next; absent when it does not. */
  valid_until?: string;
}

/** A booking as the customer sees it. What does not apply is absent. Its client secret is in the handle only. */
export interface Booking {
  id: string;
  /** Short, for the telephone. */
  reference: string;
  /** Grows with every change. */
  version: number;
  status: Status;
  /** This request is decided. */
  terminal: boolean;
  stage: Stage;
  steps: Step[];
  payment_status: PaymentStatus;
  price: Money;
  client_reference?: string;
  failure?: Failure;
  action?: Action;
  confirmation?: Confirmation;
  cancellation?: Cancellation;
  created_at: string;
  updated_at: string;
}

export interface FieldProblem {
  /** A JSON pointer (RFC 6901) into what was sent. */
  pointer: string;
  code: string;
  detail: string;
}

/** What the API answers instead of what was asked for: RFC 9457, application/problem+json. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail?: string;
  errors?: FieldProblem[];
  allowed?: string[];
  quote?: CancellationQuote;
  new_total?: Money;
  request_id: string;
}

/** Opens one booking. Keep it as you keep a password: whoever has it can read, pay and cancel that booking. */
export interface Handle {
  id: string;
  clientSecret: string;
}

interface About {
  code: string;
  status?: number;
  title?: string;
  detail?: string;
  errors?: FieldProblem[];
  allowed?: string[];
  retryAfter?: number;
  requestId?: string;
  cause?: unknown;
}

export class BookingError extends Error {
  constructor(about: About);
  /** Stable; the problem's, or network, timeout, http_<status>. */
  readonly code: string;
  /** Of HTTP; 0 where there was no answer. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly errors: FieldProblem[];
  readonly allowed: string[];
  /** Seconds. */
  readonly retryAfter?: number;
  readonly requestId?: string;
}
export class ValidationError extends BookingError {}
export class KeyReusedError extends BookingError {}
export class ConflictError extends BookingError {}
export class FeeChangedError extends ConflictError {
  constructor(about: About & { quote: CancellationQuote });
  readonly quote: CancellationQuote;
}
export class OfferChangedError extends ConflictError {
  constructor(about: About & { newTotal: Money });
  readonly newTotal: Money;
}
export class UnauthorizedError extends BookingError {}
export class NotFoundError extends BookingError {}
export class UnavailableError extends BookingError {}
export class OverloadedError extends UnavailableError {}
export class RateLimitedError extends UnavailableError {}
export class NetworkError extends BookingError {}

export function newIdempotencyKey(random?: {
  randomUUID?: () => string;
  getRandomValues(array: Uint8Array): Uint8Array;
}): string;

export interface BookingClientOptions {
  /** Default: the page's own origin. */
  baseURL?: string;
  /** An API key; on a page only ever a publishable one. Needed to submit, and for nothing else. */
  key?: string;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds; of one request; default 15000. */
  timeout?: number;
  /** Milliseconds; of one call with all its repetitions; default 120000. */
  patience?: number;
  /** Milliseconds; bound of the first pause; default 500. */
  backoff?: number;
  /** Milliseconds; bound of every pause; default 20000. */
  backoffMax?: number;
  /** Milliseconds; then a silent stream is taken for dead; default 40000. */
  silence?: number;
  /** Milliseconds; then what holds a stream's beginning back lets none through; default 5000. */
  firstByte?: number;
  /** Milliseconds; before a better way of following is tried again; default 30000. */
  climb?: number;
  /** For tests. */
  timers?: { setTimeout(then: () => void, ms: number): unknown; clearTimeout(timer: any): void };
  /** For tests; milliseconds since 1970. */
  now?: () => number;
  /** For tests; from 0 to 1. */
  random?: () => number;
  /** Tells when the network is back, and answers with a function that ends the telling; default: the window's online event. */
  connectivity?: { onOnline(wake: () => void): () => void };
}

export interface Retry {
  /** How many attempts have failed. */
  attempt: number;
  /** Milliseconds until the next one. */
  delay: number;
  error: BookingError;
}

export interface CallOptions {
  signal?: AbortSignal;
  onRetry?: (retry: Retry) => void;
}

export type Connection =
  | { state: "live"; way: "stream" | "long-poll" | "poll" }
  | { state: "lost"; way: "stream" | "long-poll" | "poll"; retryIn: number; error: BookingError };

export interface FollowOptions {
  onChange?: (booking: Booking) => void;
  /** Told when the connection is lost, and when it is back. */
  onConnection?: (connection: Connection) => void;
  /** Which booking ends it; default: a terminal one. */
  until?: (booking: Booking) => boolean;
  signal?: AbortSignal;
}

export class BookingClient {
  constructor(options?: BookingClientOptions);
  submit(
    submission: Submission,
    options: CallOptions & { idempotencyKey: string },
  ): Promise<{ booking: Booking; handle: Handle; replayed: boolean }>;
  get(handle: Handle, options?: CallOptions): Promise<Booking>;
  follow(handle: Handle, options?: FollowOptions): Promise<Booking>;
  quoteCancellation(handle: Handle, options?: CallOptions): Promise<CancellationQuote>;
  cancel(handle: Handle, options?: CallOptions & { expectedFee?: Money }): Promise<Booking>;
  continuePayment(handle: Handle, options?: CallOptions & { token?: string }): Promise<Booking>;
  acceptOffer(handle: Handle, options: CallOptions & { total: Money }): Promise<Booking>;
}
