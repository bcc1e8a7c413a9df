import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { type Act, type Conversation, held, type Visit } from "./support/conversation.ts";
import { original, ours } from "./support/subjects.ts";
import { stoppedTime } from "./support/time.ts";
import { type Step, type Writing, written } from "./support/writing.ts";

const boolean = fc.boolean();
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const ages = fc.constantFrom(500, 1000, 60_000, 3_000_000_000);

const values = fc.constantFrom<unknown>(
  0,
  1,
  "text",
  "",
  null,
  undefined,
  true,
  [1, 2],
  { deep: { er: 1 } },
  {},
  Number.NaN,
);

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("set" as const),
      field: fc.constantFrom("a", "b"),
      value: values,
    }),
  },
  fc.record({ do: fc.constant("delete" as const), field: fc.constantFrom("a", "b", "items") }),
  fc.record({ do: fc.constant("age" as const), ms: fc.oneof(ages, fc.constant(null)) }),
  fc.record({
    do: fc.constant("cookie" as const),
    option: fc.constantFrom("httpOnly", "domain", "sameSite", "secure", "priority"),
    value: fc.constantFrom(undefined, false),
  }),
  // Less than any session has left: that one which expired meanwhile is found to be gone stays so with ours alone.
  fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(1, 20) }),
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "push" as const,
        "save" as const,
        "reload" as const,
        "outside" as const,
        "regenerate" as const,
        "destroy" as const,
        "unset" as const,
        "touch" as const,
        "generate" as const,
        "header" as const,
      ),
    }),
  },
);

const visit: fc.Arbitrary<Visit> = fc.record({
  acts: fc.array(act, { maxLength: 5 }),
  end: fc.constantFrom("text", "empty", "write", "length", "redirect", "head"),
  brings: fc.constantFrom("last", "last", "last", "before", "none"),
  after: fc.constantFrom(0, 0, 300, 1000, 30_000),
});

const conversation: fc.Arbitrary<Conversation> = fc.record({
  kind: fc.constantFrom("memory", "synchronous"),
  options: fc.record({
    resave: boolean,
    saveUninitialized: boolean,
    rolling: boolean,
    unset: fc.constantFrom("keep", "destroy"),
    cookie: fc
      .record({
        maxAge: maybe(ages),
        httpOnly: maybe(boolean),
        sameSite: maybe(fc.constantFrom("lax", true)),
      })
      .map((given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))),
  }),
  visits: fc.array(visit, { minLength: 1, maxLength: 5 }),
});

test("any conversation, request by request, is the same with either", async () => {
  const time = stoppedTime();
  const start = time.now();
  const runs = { numRuns: 100, interruptAfterTimeLimit: 8000 };
  await fc.assert(
    fc.asyncProperty(conversation, async (said) => {
      const told = [];
      for (const session of [original, ours]) {
        vi.setSystemTime(start);
        told.push(await held(session, said, time.pass));
      }
      expect(told[1]).toEqual(told[0]);
    }),
    runs,
  );
});

const headerName = fc.constantFrom("X-One", "x-one", "X-Two", "Set-Cookie", "Content-Type");
const headerValue = fc.constantFrom<string | string[]>("a=1", ["b=2", "c=3"], "text/plain");
const status = fc.constantFrom(200, 201, 204, 302, 304, 404, 500);
const chunk = maybe(fc.constantFrom("", "a", "hello", "grün 🍎", "x".repeat(20_000)));
const as = fc.constantFrom("text" as const, "bytes" as const);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom("setHeader" as const, "appendHeader" as const),
    name: headerName,
    value: headerValue,
  }),
  fc.record({ do: fc.constant("removeHeader" as const), name: headerName }),
  fc.record({ do: fc.constant("status" as const), status }),
  fc.record({
    do: fc.constant("writeHead" as const),
    status,
    reason: maybe(fc.constant("Fine")),
    headers: maybe(
      fc.constantFrom<Record<string, string | string[]> | string[]>(
        {},
        { "X-One": "of the head" },
        { "set-cookie": ["d=4", "e=5"] },
        ["X-Two", "of the list", "Set-Cookie", "f=6"],
      ),
    ),
  }),
  fc.record({ do: fc.constant("write" as const), chunk, as }),
  fc.record({ do: fc.constant("end" as const), chunk, as }),
  fc.record({ do: fc.constantFrom("flushHeaders" as const, "change" as const, "look" as const) }),
);

const writing: fc.Arbitrary<Writing> = fc.record({
  method: fc.constantFrom("GET", "POST", "HEAD"),
  isKnown: boolean,
  saveUninitialized: boolean,
  steps: fc.array(step, { maxLength: 6 }),
});

test("any answer, call by call, is the same with either", async () => {
  await fc.assert(
    fc.asyncProperty(writing, async (calls) => {
      expect(await written(ours, calls)).toEqual(await written(original, calls));
    }),
    { numRuns: 100, interruptAfterTimeLimit: 8000 },
  );
});
