import { Answers } from "./devices/answers.ts";
import { type Device, type DeviceManager, listDevices } from "./devices/list.ts";
import { type DeviceRules, type DevicesOptions, resolveDevices } from "./devices/options.ts";
import { type Answer, type Ask, type Endpoint, jsonAnswer } from "./endpoint.ts";
import { type AnySession, parseSessionId } from "./index.ts";

export type { DeviceRefusal } from "./devices/answers.ts";
export { type Device, type DeviceManager, listDevices, type ListOptions } from "./devices/list.ts";
export type { DevicePages, DevicesOptions } from "./devices/options.ts";
export {
  type BowserLike,
  bowserParser,
  type DeviceAgent,
  type ParsedUserAgent,
  type UserAgentParser,
} from "./devices/user-agent.ts";

/** "Your devices": the endpoint, and what it does as functions for handlers of one's own. */
export interface Devices {
  /**
   * Answers `GET …` with the list, `POST …/end` by ending one device, and `POST …/end-others` by ending all others, whatever path it is
   * mounted on. Give it to `fetchEndpoint` or `nodeEndpoint`. It throws only what the store does.
   */
  readonly endpoint: Endpoint;
  /** Lists the user's sessions, as {@link listDevices} does. */
  list(session: AnySession): Promise<Device[]>;
  /**
   * Ends one session of the user who is logged in; the current one as `session.logout()` does, when the response starts. The caller has
   * to guard against forged requests.
   *
   * @param handle anything a client sent.
   * @returns whether there was one to end; `false` for what is not theirs as for what is not there.
   * @throws `ERR_SESSION_NOT_FRESH` when the last authentication is not what `freshness` demands, also when nobody is logged in; nothing is
   * ended then. `ERR_SESSION_STORE_UNAVAILABLE` when the store fails.
   */
  end(session: AnySession, handle: unknown): Promise<boolean>;
  /**
   * Ends all sessions of the user but this one, and voids every login of theirs that is under way (ASVS 7.4.3). The caller has to guard
   * against forged requests.
   *
   * @returns how many the store's last call ended: all, unless it took several.
   * @throws as {@link Devices.end}.
   */
  endOthers(session: AnySession): Promise<number>;
}

/**
 * Request handlers for a page where users see where they are logged in, and end sessions (ASVS 7.5.2; OWASP S16).
 *
 * Who is not logged in gets 401 with `login_required`, or `locked`. Ending demands the session's CSRF token (else 403, `forged`), in the field
 * `csrf` or the header `x-csrf-token`, and then freshness (else 401, `not_fresh`): authenticate the user, call `session.reauthenticate()`,
 * list again for the new token, and repeat. A handle of another user's session is answered as one that is not there (404, `not_found`). Of two
 * requests that end the same device one gets 200 and the other 404. No answer is stored by a cache.
 *
 * ```ts
 * const { endpoint } = devices(manager, { pages: { devices: "/account/devices" } });
 * app.use("/account/devices.json", nodeEndpoint(endpoint, (request) => request.session));
 * ```
 *
 * @throws `ERR_SESSION_CONFIG` for options that cannot work, and for a manager whose store cannot find the sessions of a user.
 */
export function devices(manager: DeviceManager, options: DevicesOptions = {}): Devices {
  const desk = new Desk(manager, resolveDevices(manager, options));
  return {
    endpoint: (ask, session) => desk.answer(ask, session),
    list: (session) => desk.list(session),
    end: (session, handle) => desk.end(session, handle),
    endOthers: (session) => desk.endOthers(session),
  };
}

type Deed = (ask: Ask, session: AnySession, answers: Answers) => Promise<Answer>;

class Desk {
  readonly #manager: DeviceManager;
  readonly #rules: DeviceRules;

  constructor(manager: DeviceManager, rules: DeviceRules) {
    this.#manager = manager;
    this.#rules = rules;
  }

  async answer(ask: Ask, session: AnySession | null): Promise<Answer> {
    const answers = new Answers(ask, this.#rules);
    const deed = this.#deedOf(ask);
    if (typeof deed === "string") return answers.refused("method_not_allowed", [["Allow", deed]]);
    if (deed === null) return answers.refused("not_found");
    if (session === null || session.user === null)
      return answers.refused(session === null || session.lockedUser === null ? "login_required" : "locked");
    return await deed(ask, session, answers);
  }

  async list(session: AnySession): Promise<Device[]> {
    return await listDevices(this.#manager, session, this.#rules);
  }

  async end(session: AnySession, handle: unknown): Promise<boolean> {
    session.requireFresh(this.#rules.freshness);
    const id = typeof handle === "string" ? parseSessionId(handle) : null;
    const { user } = session;
    if (id === null || user === null) return false;
    if (id !== session.id) return await this.#manager.revoke(id, { user });
    session.logout();
    return true;
  }

  async endOthers(session: AnySession): Promise<number> {
    session.requireFresh(this.#rules.freshness);
    const { user, id } = session;
    return user === null ? 0 : await this.#manager.revokeUser(user, { except: id });
  }

  /** What is asked for; the methods that there are for it, where this is none; `null` where there is nothing. */
  #deedOf({ method, url }: Ask): Deed | string | null {
    const name = lastSegmentOf(url);
    const isEnd = name === "end" || name === "end-others";
    if (method === "GET" || method === "HEAD") return isEnd ? "POST" : this.#listed;
    if (method !== "POST") return isEnd ? "POST" : "GET, HEAD";
    if (name === "end") return this.#ended;
    return name === "end-others" ? this.#endedOthers : "GET, HEAD";
  }

  readonly #listed: Deed = async (_ask, session) => {
    const found = await this.list(session);
    return jsonAnswer(200, {
      csrf: session.csrfToken(),
      fresh: isFresh(session, this.#rules.freshness),
      devices: found,
    });
  };

  readonly #ended: Deed = async (ask, session, answers) => {
    const fields = await ask.fields();
    const handle = fields.get("device");
    const isCurrent = handle === session.id;
    try {
      session.requireCsrfToken(tokenOf(ask, fields));
      const isDone = await this.end(session, handle);
      return isDone
        ? answers.done({ ended: 1, current: isCurrent }, isCurrent)
        : answers.refused("not_found");
    } catch (error) {
      return answers.unmet(error);
    }
  };

  readonly #endedOthers: Deed = async (ask, session, answers) => {
    try {
      session.requireCsrfToken(tokenOf(ask, await ask.fields()));
      return answers.done({ ended: await this.endOthers(session), current: false }, false);
    } catch (error) {
      return answers.unmet(error);
    }
  };
}

function tokenOf(ask: Ask, fields: ReadonlyMap<string, string>): string | undefined {
  return ask.header("x-csrf-token") ?? fields.get("csrf");
}

function lastSegmentOf(url: string): string {
  const [path = ""] = url.split("?");
  return path.split("/").findLast((segment) => segment !== "") ?? "";
}

function isFresh(session: AnySession, freshness: DeviceRules["freshness"]): boolean {
  try {
    session.requireFresh(freshness);
    return true;
  } catch {
    return false;
  }
}
