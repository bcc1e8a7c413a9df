import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isExcluded, judge } from "../../src/bound/gate.ts";
import { resolveBound } from "../../src/bound/options.ts";
import { hashOf, isSecret, newBindingId, newSecret } from "../../src/bound/secrets.ts";
import {
  answers,
  type Binding,
  isWorthAnswering,
  keptOf,
  LATENESS_MS,
  newChallenge,
  renewed,
} from "../../src/bound/state.ts";
import { parseSessionId } from "../../src/index.ts";

const LIFETIMES = { cookieMs: 600_000, challengeMs: 1_800_000 };
const KEY = { kty: "EC", crv: "P-256", x: "A".repeat(43), y: "B".repeat(43) } as const;
const NOW = 10_000_000;
const COOKIE = newSecret();

const BINDING: Binding = {
  id: "one",
  algorithm: "ES256",
  key: KEY,
  registeredAt: NOW,
  provenAt: NOW,
  cookie: { hash: COOKIE.hash, until: NOW + LIFETIMES.cookieMs + LATENESS_MS },
  previous: null,
  challenge: { text: "c", until: NOW + LIFETIMES.challengeMs },
};

describe("what is kept with a session", () => {
  test("is nothing, an offer or a binding", () => {
    const offer = { challenge: "h", authorization: null, until: 1 };
    expect(keptOf(undefined)).toEqual({ kind: "nothing" });
    expect(keptOf({ offer })).toEqual({ kind: "offer", offer });
    expect(keptOf({ binding: BINDING })).toEqual({ kind: "binding", binding: BINDING });
    expect(keptOf(JSON.parse(JSON.stringify({ binding: BINDING })))).toMatchObject({ kind: "binding" });
  });

  test("is corrupt when it is anything else: it fails closed", () => {
    const broken: unknown[] = [null, "", 0, [], {}, { offer: {} }, { binding: null }];
    for (const name of Object.keys(BINDING)) broken.push({ binding: { ...BINDING, [name]: undefined } });
    broken.push(
      { binding: BINDING, offer: { challenge: "h", authorization: null, until: 1 } },
      { binding: { ...BINDING, algorithm: "none" } },
      { binding: { ...BINDING, algorithm: "RS256" } },
      { binding: { ...BINDING, cookie: { hash: "", until: 1 } } },
      { binding: { ...BINDING, previous: { hash: "h", until: "1" } } },
      { binding: { ...BINDING, challenge: { text: "c" } } },
      { binding: { ...BINDING, provenAt: Number.NaN } },
    );
    for (const value of broken) expect(keptOf(value)).toEqual({ kind: "corrupt" });
  });

  test("is judged whatever it is", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(["nothing", "corrupt"]).toContain(keptOf(value).kind);
      }),
    );
  });
});

describe("a challenge", () => {
  test("is answered by its own text, until its time; it outlives the cookie", () => {
    const challenge = newChallenge(NOW, LIFETIMES);
    const binding = { ...BINDING, challenge };
    expect(answers(challenge.text, binding, challenge.until - 1)).toBe(true);
    expect(answers(challenge.text, binding, challenge.until)).toBe(false);
    expect(answers("other", binding, NOW)).toBe(false);
    expect(challenge.until).toBeGreaterThan(NOW + LIFETIMES.cookieMs + LATENESS_MS);
    expect(isWorthAnswering(binding, NOW)).toBe(true);
    expect(isWorthAnswering(binding, challenge.until - 1000)).toBe(false);
  });
});

describe("a good proof", () => {
  test("changes cookie and challenge, and leaves the one cookie before good until its own end", () => {
    const first = renewed(BINDING, "second", newChallenge(NOW, LIFETIMES), NOW + 1, LIFETIMES);
    expect(first).toMatchObject({ cookie: { hash: "second" }, previous: BINDING.cookie, provenAt: NOW + 1 });
    const second = renewed(first, "third", newChallenge(NOW, LIFETIMES), NOW + 2, LIFETIMES);
    expect(second.previous).toEqual(first.cookie);
    const late = renewed(first, "third", newChallenge(NOW, LIFETIMES), first.cookie.until, LIFETIMES);
    expect(late.previous).toBe(null);
  });
});

describe("the gate", () => {
  const late = NOW + 10_000;
  const verdict = (values: readonly string[], now = late, binding: Binding = BINDING) =>
    judge({ kind: "binding", binding }, values, now, 5000);

  test("lets unbound sessions be", () => {
    expect(judge({ kind: "nothing" }, [], late, 5000)).toBe("unbound");
    expect(
      judge({ kind: "offer", offer: { challenge: "h", authorization: null, until: 1 } }, [], late, 5000),
    ).toBe("unbound");
  });

  test("knows the cookie, the one before, and several of which one is right", () => {
    const previous = newSecret();
    const both = { ...BINDING, previous: { hash: previous.hash, until: late + 1 } };
    expect(verdict([COOKIE.text])).toBe("good");
    expect(verdict([previous.text], late, both)).toBe("good");
    expect(verdict([previous.text], late + 1, both)).toBe("wrong");
    expect(verdict(["planted", COOKIE.text])).toBe("good");
    expect(verdict([...Array<string>(8).fill("planted"), COOKIE.text])).toBe("wrong");
  });

  test("takes the cookie a minute longer than the browser keeps it: it may be on its way", () => {
    expect(verdict([COOKIE.text], NOW + LIFETIMES.cookieMs + LATENESS_MS - 1)).toBe("good");
    expect(verdict([COOKIE.text], NOW + LIFETIMES.cookieMs + LATENESS_MS)).toBe("wrong");
  });

  test("waits a moment after the registration, and not a millisecond longer", () => {
    expect(verdict([], NOW + 4999)).toBe("early");
    expect(verdict([], NOW + 5000)).toBe("missing");
  });

  test("trusts nothing corrupt, with whatever cookie and whenever", () => {
    expect(judge({ kind: "corrupt" }, [COOKIE.text], NOW, 5000)).toBe("corrupt");
  });
});

describe("what is excluded", () => {
  const options = resolveBound({
    exclude: ["/assets", { domain: "img.shop.example" }, { domain: "*", path: "/a.b" }],
  });
  const excluded = (url: string, method = "GET") => isExcluded({ method, url }, options);

  test.each(["/assets", "/assets/", "/assets/a/b.css?v=1", "/a.b", "/assets/a%20b.png"])(
    "is below: %s",
    (url) => {
      expect([excluded(url), excluded(url, "HEAD"), excluded(url, "POST")]).toEqual([true, true, false]);
    },
  );

  test.each([
    "/",
    "/assetsx",
    "/x/assets",
    "/assets/../account",
    "/assets/./x",
    "/assets/%2e%2e/account",
    "/assets/..%2faccount",
    "/assets/..%5caccount",
    "/assets/%252e%252e/account",
    "/assets/..\\account",
    "/assets//account",
    "//assets/x",
    "/assets/.../x",
    "/assets/a%00b",
    "http://host/assets/x",
    "/aXb",
    "?/assets",
  ])("is nothing that a server could take for another path: %s", (url) => {
    expect(excluded(url)).toBe(false);
  });
});

describe("a secret", () => {
  test("is 192 random bits, and known by its hash alone", () => {
    const secret = newSecret();
    expect(secret.text).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(secret.hash).not.toContain(secret.text);
    expect(hashOf(secret.text)).toBe(secret.hash);
    expect(isSecret(secret.text, secret.hash)).toBe(true);
    expect(isSecret(newSecret().text, secret.hash)).toBe(false);
    expect(isSecret(secret.hash, secret.hash)).toBe(false);
    for (const text of ["", "x", `${secret.text}x`, `${secret.text}\n`, "ü".repeat(32)]) {
      expect(hashOf(text)).toBe(null);
      expect(isSecret(text, secret.hash)).toBe(false);
    }
  });

  test("names each binding by another name, which leads to the session", () => {
    const id = "g8J5jJx0uaA1TbfQhvesOA9U" as never;
    const name = newBindingId(id);
    expect(parseSessionId(name.split(".")[0] ?? "")).toBe(id);
    expect(newBindingId(id)).not.toBe(name);
  });
});
