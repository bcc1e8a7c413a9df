import { type Answer, type Endpoint, jsonAnswer } from "../endpoint.ts";
import { checkNames, refuse } from "./options.ts";
import { isOrigin } from "./origins.ts";

/** Where browsers look for what {@link wellKnown} answers. */
export const WELL_KNOWN_PATH = "/.well-known/device-bound-sessions";

export interface WellKnownOptions {
  /** The origins below this site's topmost host that may register sessions for all of the site (`includeSite`). */
  readonly registeringOrigins?: readonly string[];
  /** Of a provider: the origins whose sessions may take the keys of its own. Chromium 156 heeds those of the first five names alone. */
  readonly relyingOrigins?: readonly string[];
  /** Of a site that relies on a provider: the provider's origin. */
  readonly providerOrigin?: string;
}

const NAMES = ["registeringOrigins", "relyingOrigins", "providerOrigin"];
/** Browsers ask at registrations alone. An origin that is added should not have to wait for long. */
const MAX_AGE_S = 300;

/**
 * Makes the endpoint of the file by which a site says who may bind sessions for it (the draft's `/.well-known/device-bound-sessions`). Mount it at
 * {@link WELL_KNOWN_PATH}, for everybody: browsers fetch it without cookies. Answers GET and HEAD with JSON that any cache may keep for
 * five minutes, and other methods with 405. It looks at no session, and takes nothing from a request.
 *
 * @throws `ERR_SESSION_CONFIG` for options that are unknown, empty, or no origins; and for `relyingOrigins` beside `providerOrigin`, for
 * browsers take no site for both.
 */
export function wellKnown(options: WellKnownOptions): Endpoint {
  const body = JSON.stringify(fileOf(options));
  return ({ method }) => Promise.resolve(answerOf(method, body));
}

function fileOf(options: WellKnownOptions): object {
  checkNames(options, NAMES, "bound: wellKnown");
  const { registeringOrigins, relyingOrigins, providerOrigin } = options;
  const file = {
    ...(registeringOrigins !== undefined && {
      registering_origins: checkedOrigins(registeringOrigins, "registeringOrigins"),
    }),
    ...(relyingOrigins !== undefined && {
      relying_origins: checkedOrigins(relyingOrigins, "relyingOrigins"),
    }),
    ...(providerOrigin !== undefined && { provider_origin: checkedProviderOrigin(providerOrigin) }),
  };
  if (Object.keys(file).length === 0) refuse(`wellKnown needs at least one of ${NAMES.join(", ")}.`);
  if (relyingOrigins !== undefined && providerOrigin !== undefined)
    refuse(
      "wellKnown takes relyingOrigins of a provider, or providerOrigin of a site that relies on one, and not both.",
    );
  return file;
}

function checkedOrigins(origins: readonly string[], name: string): readonly string[] {
  const sound = Array.isArray(origins) && origins.length > 0 && origins.every(isOrigin);
  return sound
    ? [...new Set(origins)]
    : refuse(`wellKnown: ${name} must be a list of https origins, such as ["https://login.shop.example"].`);
}

function checkedProviderOrigin(origin: string): string {
  return isOrigin(origin)
    ? origin
    : refuse('wellKnown: providerOrigin must be an https origin, such as "https://id.example".');
}

function answerOf(method: string, body: string): Answer {
  if (method !== "GET" && method !== "HEAD") {
    const answer = jsonAnswer(405, { error: "get_only" });
    return { ...answer, headers: [...answer.headers, ["Allow", "GET, HEAD"]] };
  }
  return {
    status: 200,
    headers: [
      ["Content-Type", "application/json"],
      ["Cache-Control", `public, max-age=${MAX_AGE_S}`],
    ],
    body: method === "HEAD" ? "" : body,
  };
}
