import { type Answer, type Ask, jsonAnswer } from "../endpoint.ts";
import { SessionError } from "../index.ts";
import type { DeviceRules, ResolvedPages } from "./options.ts";

/** Why a request is refused, as the `error` of a JSON answer. */
export type DeviceRefusal =
  | "login_required"
  | "locked"
  | "not_fresh"
  | "forged"
  | "not_found"
  | "method_not_allowed";

const STATUS: Readonly<Record<DeviceRefusal, number>> = {
  login_required: 401,
  locked: 401,
  not_fresh: 401,
  forged: 403,
  not_found: 404,
  method_not_allowed: 405,
};

/** For people whose browser sent a form, where no page is named to lead them to. */
const TEXTS: Readonly<Record<DeviceRefusal, string>> = {
  login_required: "Log in first.",
  locked: "Unlock your session first.",
  not_fresh: "Authenticate again first.",
  forged: "This form is out of date. Go back, load the page anew, and try again.",
  not_found: "There is nothing here.",
  method_not_allowed: "This is not to be done so.",
};

/** Gives the answers to one request in the form that its client can use. */
export class Answers {
  /** Where to lead a browser that sent a form; `null` for whatever wants JSON. */
  readonly #pages: ResolvedPages | null;

  constructor(ask: Ask, { pages }: DeviceRules) {
    this.#pages = isForm(ask) ? pages : null;
  }

  /** What was asked is done. */
  done(value: Readonly<Record<string, unknown>>, leaves: boolean): Answer {
    if (this.#pages === null) return jsonAnswer(200, value);
    return redirect(leaves ? this.#pages.login : this.#pages.devices);
  }

  /** It is not to be done, or there is nothing to do it to. */
  refused(reason: DeviceRefusal, headers: Answer["headers"] = []): Answer {
    const page = this.#pages === null ? null : pageFor(reason, this.#pages);
    if (page !== null) return redirect(page);
    const answer = this.#pages === null ? refusedJson(reason) : textAnswer(STATUS[reason], TEXTS[reason]);
    return { ...answer, headers: [...answer.headers, ...headers] };
  }

  /** @throws the error again, unless it says that a demand on the session is not met. */
  unmet(error: unknown): Answer {
    if (SessionError.is(error) && error.code === "ERR_SESSION_NOT_FRESH") return this.refused("not_fresh");
    if (SessionError.is(error) && error.code === "ERR_SESSION_FORGED") return this.refused("forged");
    throw error;
  }
}

function pageFor(reason: DeviceRefusal, { devices, login, reauthenticate }: ResolvedPages): string | null {
  if (reason === "login_required" || reason === "locked") return login;
  if (reason === "not_fresh") return reauthenticate;
  // That a device is gone is what the form was for; the list shows that it is.
  return reason === "not_found" ? devices : null;
}

/** Whether a browser sent this by itself, to show what it gets. A script says that it wants JSON. */
function isForm(ask: Ask): boolean {
  const type = (ask.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  const accepts = (ask.header("accept") ?? "").toLowerCase();
  return type === "application/x-www-form-urlencoded" && !accepts.includes("application/json");
}

function refusedJson(reason: DeviceRefusal): Answer {
  return jsonAnswer(STATUS[reason], { error: reason });
}

function redirect(location: string): Answer {
  return {
    status: 303,
    headers: [
      ["Location", location],
      ["Cache-Control", "no-store"],
    ],
    body: "",
  };
}

function textAnswer(status: number, text: string): Answer {
  return {
    status,
    headers: [
      ["Content-Type", "text/plain; charset=utf-8"],
      ["Cache-Control", "no-store"],
    ],
    body: `${text}\n`,
  };
}
