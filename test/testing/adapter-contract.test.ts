import { describe, expect, test } from "vitest";

import { fetchSessions, type FetchSessionsOptions } from "../../src/adapters/fetch.ts";
import type { HttpExchange, RequestHooks, Session } from "../../src/index.ts";
import {
  type AdapterRuleOutcome,
  adapterContract,
  adapterRules,
  type AdapterSubject,
  checkAdapter,
} from "../../src/testing/index.ts";
import { bridgedSubject, directSubject, type MakeSessions } from "../adapters/support/fetch-subject.ts";

type Hooks = RequestHooks<Session>;
type Options = FetchSessionsOptions<[]>;

/** An adapter with a defect that this field knows, and the rule that has to notice it. */
interface Defect {
  readonly make: MakeSessions;
  readonly caughtBy: string;
  /** Only real sockets show it. */
  readonly onSockets?: true;
}

/** The sound adapter upon hooks that differ. */
function withHooks(change: (hooks: Hooks) => Partial<Hooks>): Defect["make"] {
  return (manager, options) => {
    const hooks: Hooks = {
      startRequest: (exchange) => manager.startRequest(exchange),
      commitEarly: (exchange) => manager.commitEarly(exchange),
      commitByHand: (exchange, cookie) => manager.commitByHand(exchange, cookie),
      finishSuccessfulRequest: (exchange) => manager.finishSuccessfulRequest(exchange),
      finishFailedRequest: (exchange) => manager.finishFailedRequest(exchange),
      finishLate: (exchange) => manager.finishLate(exchange),
      abandon: (exchange) => manager.abandon(exchange),
      within: (session, work) => manager.within(session, work),
    };
    return fetchSessions<Session, []>({ ...hooks, ...change(hooks) }, options);
  };
}

/** The sound adapter with options that differ. */
function withOptions(change: Options): Defect["make"] {
  return (manager, options) => fetchSessions<Session, []>(manager, { ...options, ...change });
}

/** The sound adapter, whose responses are changed on their way out. */
function withResponses(
  change: (response: Response, request: Request) => Response | Promise<Response>,
): Defect["make"] {
  return (manager, options) => {
    const sound = fetchSessions<Session, []>(manager, options);
    return {
      ...sound,
      wrap: (handler) => {
        const wrapped = sound.wrap(handler);
        return async (request, ...rest) => await change(await wrapped(request, ...rest), request);
      },
    };
  };
}

/** The sound adapter around handlers that are run differently. */
function withHandlers(
  run: (
    call: (session: Session) => Promise<Response>,
    session: Session,
    request: Request,
  ) => Promise<Response>,
): Defect["make"] {
  return (manager, options) => {
    const sound = fetchSessions<Session, []>(manager, options);
    return {
      ...sound,
      wrap: (handler) =>
        sound.wrap((request, session, ...rest) =>
          run(async (given) => await handler(request, given, ...rest), session, request),
        ),
    };
  };
}

function rebuilt(response: Response, change: (headers: Headers) => void): Response {
  const headers = new Headers(response.headers);
  change(headers);
  return new Response(response.body, { status: response.status, headers });
}

function ignored(work: void | Promise<void>): void {
  if (work !== undefined) work.catch(() => undefined);
}

function sharedByCookie(): Defect["make"] {
  const shared = new Map<string, Session>();
  return withHandlers((call, session, request) => {
    const cookie = request.headers.get("cookie") ?? String(Math.random());
    const known = shared.get(cookie) ?? session;
    shared.set(cookie, known);
    return call(known);
  });
}

function immutableLeftAlone(): Defect["make"] {
  const redirects = new WeakMap<Request, Response>();
  const inner = withHandlers(async (call, session, request) => {
    const response = await call(session);
    if (response.status === 302) redirects.set(request, response);
    return response;
  });
  return (manager, options) => {
    const sound = inner(manager, options);
    return {
      ...sound,
      wrap: (handler) => {
        const wrapped = sound.wrap(handler);
        return async (request, ...rest) => {
          const response = await wrapped(request, ...rest);
          return response.ok ? response : (redirects.get(request) ?? response);
        };
      },
    };
  };
}

const NO_FAILED_HOOK: Partial<Hooks> = { finishFailedRequest: () => undefined };

const DEFECTS: Readonly<Record<string, Defect>> = {
  "the body is sent before the save": {
    make: withHooks((hooks) => ({
      finishSuccessfulRequest: (exchange) => ignored(hooks.finishSuccessfulRequest(exchange)),
    })),
    caughtBy: "nothing of an answer in one go leaves before the change is stored",
  },
  "a redirect is sent before the save": {
    make: withHooks((hooks) => ({
      finishSuccessfulRequest(exchange) {
        const work = hooks.finishSuccessfulRequest(exchange);
        return exchange.status === 302 ? ignored(work) : work;
      },
    })),
    caughtBy: "nothing of an answer with a redirect leaves before the change is stored",
  },
  "a save that fails is kept quiet": {
    make: withHooks((hooks) => ({
      finishSuccessfulRequest: async (exchange) => {
        await Promise.resolve(hooks.finishSuccessfulRequest(exchange)).catch(() => undefined);
      },
    })),
    caughtBy:
      "an answer in one go whose save fails becomes a failure, without a cookie or a detail of the store",
  },
  "a save that fails sets a cookie": {
    make: withResponses((response) =>
      response.status === 503
        ? rebuilt(response, (headers) => headers.append("set-cookie", "__Host-Http-sid=; Path=/"))
        : response,
    ),
    caughtBy: "a new session that cannot be stored is a failure, and sets no cookie",
  },
  "a save that fails leaves the Location of the redirect": {
    make: withResponses((response) =>
      response.status === 503 ? rebuilt(response, (headers) => headers.set("location", "/")) : response,
    ),
    caughtBy:
      "an answer with a redirect whose save fails becomes a failure, without a cookie or a detail of the store",
  },
  "the store's error is shown": {
    make: withOptions({
      renderFailure: (error) => new Response(String((error as Error).cause), { status: 503 }),
    }),
    caughtBy: "a store that rejects with an error is answered with 503, and the cookie stays good",
  },
  "a commit is left to itself, and its rejection too": {
    make: withHooks((hooks) => ({
      finishSuccessfulRequest: (exchange) => void hooks.finishSuccessfulRequest(exchange),
    })),
    caughtBy: "a store that fails harms no request without a cookie",
  },
  "5xx answers save": {
    make: withHooks((hooks) => ({
      finishFailedRequest: (exchange) => hooks.finishSuccessfulRequest(exchange),
    })),
    caughtBy: "an answer with status 500 rolls back all that was staged",
  },
  "4xx answers do not save": {
    make: withHooks((hooks) => ({
      finishSuccessfulRequest: (exchange) =>
        (exchange.status ?? 200) >= 400
          ? hooks.finishFailedRequest(exchange)
          : hooks.finishSuccessfulRequest(exchange),
    })),
    caughtBy: "an answer with status 404 saves",
  },
  "what the handler has saved by itself is saved once more": {
    make: withHandlers(async (call, session) => {
      const wasNew = session.isNew;
      const response = await call(session);
      if (wasNew && !session.isNew) session.increment("saves");
      return response;
    }),
    caughtBy: "what commit() stored is not written again with the answer",
  },
  "thrown answers are errors": {
    make: withHandlers(async (call, session) => {
      try {
        return await call(session);
      } catch (thrown) {
        throw thrown instanceof Response
          ? Object.assign(new Error("thrown"), { shownAs: thrown.status })
          : thrown;
      }
    }),
    caughtBy: "a thrown answer saves, and carries the cookie",
  },
  "errors are judged by the status that they are shown with": {
    make: withOptions({
      isFailure: (thrown) => ((thrown as { readonly shownAs?: number }).shownAs ?? 500) >= 500,
    }),
    caughtBy: "an unexpected error rolls back whatever status it is shown with",
  },
  "a logout is dropped with the request that failed": {
    make: withHooks(() => NO_FAILED_HOOK),
    caughtBy: "a logout takes place although an error follows, and the cookie is revoked",
  },
  "an error handler's answer carries nothing of the session": {
    make: (manager, options) => ({
      ...fetchSessions<Session, []>(manager, options),
      carry: (_request, response) => response,
    }),
    caughtBy: "what commit() stored stays stored when the request fails",
  },
  "one session object serves all requests of a client": {
    make: sharedByCookie(),
    caughtBy: "what one stages, another does not see before it is stored",
  },
  "Set-Cookie replaces those of the application": {
    make: withResponses((response) =>
      rebuilt(response, (headers) => {
        const last = headers.getSetCookie().at(-1);
        if (last !== undefined) headers.set("set-cookie", last);
      }),
    ),
    caughtBy: "the application's own Set-Cookie, Vary and other headers stay",
  },
  "Set-Cookie is there twice": {
    make: withResponses((response) =>
      rebuilt(response, (headers) => {
        for (const line of headers.getSetCookie()) headers.append("set-cookie", line);
      }),
    ),
    caughtBy: "the session's cookie is set once, however often the request changed its mind",
  },
  "the cookie is sent with every answer": {
    make: withResponses((response, request) =>
      rebuilt(response, (headers) => {
        const cookie = request.headers.get("cookie");
        if (cookie !== null && !headers.has("set-cookie"))
          headers.set("set-cookie", `${cookie}; Path=/; Secure; HttpOnly`);
      }),
    ),
    caughtBy: "an unchanged request costs one read and no write, and sets no cookie",
  },
  "the cookie of an ended session is revoked by whoever finds it": {
    make: withHooks((hooks) => ({
      finishSuccessfulRequest: async (exchange) => {
        await hooks.finishSuccessfulRequest(exchange);
        const session = await hooks.startRequest(exchange);
        if (exchange.cookieLines.length > 0 && session.isNew) revoke(exchange);
      },
    })),
    caughtBy: "a logout wins over a slow writer, which leaves the cookie alone",
  },
  "the cookie is revoked with other attributes": {
    make: withResponses((response) =>
      rebuilt(response, (headers) => {
        const [line] = headers.getSetCookie();
        if (line?.includes("Max-Age=0"))
          headers.set("set-cookie", line.replace("; SameSite=None", "; SameSite=Lax"));
      }),
    ),
    caughtBy: "a revoked cookie has the attributes that it was set with",
  },
  "responses with immutable headers go out without the session's": {
    make: immutableLeftAlone(),
    caughtBy: "a redirect by the framework's own means carries the cookie and its location",
  },
  "Vary is missing": {
    make: withResponses((response) => rebuilt(response, (headers) => headers.delete("vary"))),
    caughtBy: "an answer after a look by has() varies by the cookie, and no other does",
  },
  "every answer varies by the cookie": {
    make: withResponses((response) => rebuilt(response, (headers) => headers.set("vary", "Cookie"))),
    caughtBy: "a request without a cookie that does not look at the session leaves no trace",
  },
  "an answer after a look is left public": {
    make: withResponses((response) =>
      rebuilt(response, (headers) => {
        if (headers.has("cache-control")) headers.set("cache-control", "public, max-age=600");
      }),
    ),
    caughtBy: "an answer after a look is not left public, and keeps the rest of its caching",
  },
  "an answer that sets the cookie may be cached": {
    make: withResponses((response) => rebuilt(response, (headers) => headers.delete("cache-control"))),
    caughtBy: "an answer that sets the cookie is not stored by any cache",
  },
  "an outage is a new session": {
    make: withHooks((hooks) => ({
      startRequest: async (exchange) => {
        const blind: HttpExchange = Object.create(exchange, { cookieLines: { value: [] } }) as HttpExchange;
        return await Promise.resolve(hooks.startRequest(exchange)).catch(() => hooks.startRequest(blind));
      },
    })),
    caughtBy: "a store that rejects with an error is answered with 503, and the cookie stays good",
  },
  "only the first Cookie line is read": {
    make: withHooks((hooks) => ({
      startRequest: (exchange) =>
        hooks.startRequest(
          bound(exchange, { cookieLines: exchange.cookieLines.map((line) => line.split("; ")[0] ?? "") }),
        ),
    })),
    caughtBy: "a cookie in the second of several Cookie lines is found",
  },
  "a change after the headers is taken and forgotten": {
    make: withHooks((hooks) => ({
      startRequest(exchange) {
        Object.defineProperty(exchange, "commitsLate", { value: true });
        return hooks.startRequest(exchange);
      },
    })),
    caughtBy: "a change after the headers throws ERR_SESSION_SENT, which names commit()",
  },
  "the context is not entered": {
    make: withHooks(() => ({ within: (_session, work) => work() })),
    caughtBy: "currentSession() is the request's own, wherever it is asked",
  },
  "requests that are left out are loaded all the same": {
    make: (manager, { only: _ignored, ...options }) => fetchSessions<Session, []>(manager, options),
    caughtBy: "a request that is left out costs nothing, whatever cookie it has",
  },
  "bodies are read before they are sent": {
    make: withResponses(async (response) => new Response(await response.arrayBuffer(), response)),
    caughtBy: "a body reaches the client while it is made",
    onSockets: true,
  },
};

function revoke(exchange: HttpExchange): void {
  exchange.setCookie({
    name: "__Host-Http-sid",
    value: "",
    path: "/",
    secure: true,
    httpOnly: true,
    sameSite: "Lax",
    partitioned: false,
    maxAge: 0,
  });
}

/** The exchange with other properties; what is private of it stays its own. */
function bound(exchange: HttpExchange, other: Partial<HttpExchange>): HttpExchange {
  for (const [name, value] of Object.entries(other)) Object.defineProperty(exchange, name, { value });
  return exchange;
}

function ruleNamed(name: string): (typeof adapterRules)[number] {
  const found = adapterRules.find((rule) => rule.name === name);
  if (found === undefined) throw new Error(`there is no rule "${name}"`);
  return found;
}

async function outcomeOf(subject: AdapterSubject, rule: string): Promise<AdapterRuleOutcome | undefined> {
  const [outcome] = await checkAdapter(subject, [ruleNamed(rule)]);
  return outcome;
}

describe("the adapter contract notices an adapter in which", () => {
  for (const [name, { make, caughtBy, onSockets }] of Object.entries(DEFECTS)) {
    test(`${name}, by the rule "${caughtBy}"`, async () => {
      const subjectOf = onSockets === true ? bridgedSubject : directSubject;
      const outcome = await outcomeOf(subjectOf(make), caughtBy);
      expect(outcome?.kind).toBe("broken");
      const { error } = outcome as { readonly error: Error };
      const how = error.message.includes(" leaves a rejection ")
        ? "leaves a rejection unhandled in"
        : "breaks";
      expect(error.message).toContain(`${how} the rule "${caughtBy}"`);
      expect((await outcomeOf(subjectOf(), caughtBy))?.kind).toBe("kept");
    });
  }
});

describe("the adapter contract", () => {
  test("has rules with unique names", () => {
    const names = adapterRules.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test("tells why a rule does not apply, and runs what nothing excuses", async () => {
    const rule = "a thrown answer saves, and carries the cookie";
    const sound = directSubject();
    const excused = { ...sound, abilities: { ...sound.abilities, "thrown answers": "handlers return" } };
    expect(await outcomeOf(excused, rule)).toMatchObject({
      kind: "not applicable",
      reason: "no thrown answers: handlers return",
    });
    const silent = { ...sound, abilities: { ...sound.abilities, "thrown answers": "" } };
    expect((await outcomeOf(silent, rule))?.kind).toBe("kept");
  });

  test("names a rule that does not apply with its reason, also for runners without skip", () => {
    const names: string[] = [];
    adapterContract({ test: (name) => names.push(name) }, directSubject());
    expect(names).toContain(
      "on the wire: an answer to HEAD leaves the connection good for the next request [does not apply: no sockets: it is called as a function]",
    );
    expect(names).toHaveLength(adapterRules.length);
  });
});

test("what an adapter does without is printed, with the reason", () => {
  const printed: string[] = [];
  adapterContract({ test: () => undefined, print: (line) => printed.push(line) }, directSubject());
  expect(printed).toContain("adapter contract: fetch: no sockets: it is called as a function");
});
